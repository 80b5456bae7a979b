from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brainfill.diffusion.levels import CLEAN, Karras, Tabulated
from brainfill.diffusion.plans import Move, denoise, encode_decode, repaint

LINEAR = Tabulated("linear")


def kinds(plan):
    return [move.kind for move in plan]


@pytest.mark.parametrize(
    ("n", "jump", "repeats", "calls", "climbs"),
    [(250, 10, 10, 2410, 2160), (50, 8, 10, 482, 432), (50, 3, 3, 146, 96)],
)
def test_repaint_has_the_counts_of_the_specification(n, jump, repeats, calls, climbs):
    plan = kinds(repaint(LINEAR.levels(n), jump, repeats))
    assert plan.count("denoise") == calls
    assert plan.count("renoise") == climbs


def test_repaint_by_hand():
    levels = LINEAR.levels(4)
    k = {level: 4 - i for i, level in enumerate(levels)}  # steps to go
    walk = [4, *(k[move.then] for move in repaint(levels, jump=2, repeats=2))]
    # Jumps are allowed from table index 0 only (range(0, 4 - 2, 2)), which is one step to go.
    assert walk == [4, 3, 2, 1, 2, 3, 2, 1, 0]


@given(n=st.integers(1, 40), jump=st.integers(1, 12), repeats=st.integers(1, 4))
def test_every_plan_is_connected_and_ends_clean_or_where_it_began(n, jump, repeats):
    levels = LINEAR.levels(n)
    plans = (denoise(levels), repaint(levels, jump, repeats), encode_decode(levels))
    for plan, end in zip(plans, (CLEAN, CLEAN, levels[-2]), strict=True):
        assert all(before.then == after.now for before, after in pairwise(plan))
        assert not plan or plan[-1].then == end
        for now, then, kind in plan:
            assert (then.ratio < now.ratio) == (kind == "denoise")
    assert repaint(levels, jump, repeats)[0].now == levels[0]


@given(n=st.integers(1, 40), jump=st.integers(1, 12))
def test_repaint_without_repeats_is_plain_sampling(n, jump):
    levels = LINEAR.levels(n)
    assert repaint(levels, jump, repeats=1) == denoise(levels)


def test_denoise_pairs_neighbouring_levels():
    high, mid = Karras().levels(2)[:2]
    assert denoise([high, mid, CLEAN]) == [
        Move(high, mid, "denoise"),
        Move(mid, CLEAN, "denoise"),
    ]


def test_encode_decode_goes_up_and_comes_back_the_same_way():
    a, b, c, clean = LINEAR.levels(3, start=0.5)
    assert encode_decode([a, b, c, clean]) == [
        Move(c, b, "encode"),
        Move(b, a, "encode"),
        Move(a, b, "denoise"),
        Move(b, c, "denoise"),
    ]
