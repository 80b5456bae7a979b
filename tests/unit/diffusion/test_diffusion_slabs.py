import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from brainfill.core.errors import ConfigError
from brainfill.diffusion.denoiser import Condition, Estimate
from brainfill.diffusion.levels import Tabulated
from brainfill.diffusion.tilings.slabs import slab_starts, slab_weight, slabs

LEVEL = Tabulated("linear").level(0.5)


@st.composite
def cuts(draw):
    window = draw(st.integers(1, 20))
    return draw(st.integers(1, 90)), window, draw(st.integers(0, window - 1))


@given(cuts())
def test_slabs_cover_every_slice_within_the_crop(cut):
    depth, window, overlap = cut
    starts = slab_starts(depth, window, overlap)
    covered = set()
    for start in starts:
        assert start >= 0
        covered |= set(range(start, min(start + window, depth)))
        assert depth < window or start + window <= depth
    assert covered == set(range(depth))
    assert starts == sorted(set(starts))
    # Neighbours share at least the overlap that was asked for.
    assert all(a + window - b >= overlap for a, b in itertools.pairwise(starts))


@given(cuts())
def test_no_slice_is_without_weight(cut):
    depth, window, overlap = cut
    total = torch.zeros(depth)
    for start in slab_starts(depth, window, overlap):
        total[start : start + window] += slab_weight(min(window, depth), overlap)
    assert float(total.min()) > 0


@pytest.mark.parametrize(
    ("depth", "overlap", "expected"),
    [
        (4, 0, [1, 1, 1, 1]),
        (6, 2, [1 / 3, 2 / 3, 1, 1, 2 / 3, 1 / 3]),
        (3, 2, [1 / 3, 2 / 3, 1 / 3]),
        (2, 5, [1 / 6, 1 / 6]),
        (1, 0, [1]),
    ],
)
def test_weights_by_hand(depth, overlap, expected):
    assert slab_weight(depth, overlap).tolist() == pytest.approx(expected)


def by_position(x, level, cond, *, turn=0):
    """A denoiser that says which slab it is in: the condition's value in its first slice."""
    return Estimate(torch.full_like(x, float(cond.channels[0, 0, 0, 0, 0])))


def test_blend_by_hand():
    # Five slices, windows of three sharing one: slices 0-2 say 0, slices 2-4 say 2; the shared
    # slice has weight 1/2 in both.
    channels = torch.arange(5.0).reshape(1, 1, 5, 1, 1)
    x = torch.zeros(1, 1, 5, 2, 2)
    blended = slabs(by_position, 3, 1)(x, LEVEL, Condition(channels)).clean
    assert blended[0, 0, :, 0, 0].tolist() == [0, 0, 1, 2, 2]
    # Windows of three sharing two: starts 0, 1, 2 with weights 1/3, 2/3, 1/3.
    blended = slabs(by_position, 3, 2)(x, LEVEL, Condition(channels)).clean
    assert blended[0, 0, :, 1, 1].tolist() == pytest.approx([0, 1 / 3, 1, 5 / 3, 2])


@given(cuts())
def test_a_pointwise_denoiser_does_not_notice_the_cut(cut):
    depth, window, overlap = cut
    x = torch.arange(2 * depth * 2, dtype=torch.float64).reshape(2, 1, depth, 1, 2)
    cond = Condition(x.flip(2))

    def pointwise(x, level, cond, *, turn=0):
        return Estimate(level.alpha * x + 3 * cond.channels + turn)

    whole = pointwise(x, LEVEL, cond, turn=2).clean
    cut_up = slabs(pointwise, window, overlap)(x, LEVEL, cond, turn=2).clean
    # Weighted means of equal numbers; float64 rounding of values up to 1000.
    torch.testing.assert_close(cut_up, whole, rtol=1e-12, atol=1e-12)


def test_the_share_of_the_variance_is_blended_like_the_estimate():
    def told(x, level, cond, *, turn=0):
        value = float(cond.channels[0, 0, 0, 0, 0])
        return Estimate(x, torch.full_like(x, value))

    channels = torch.arange(5.0).reshape(1, 1, 5, 1, 1)
    said = slabs(told, 3, 1)(torch.zeros(1, 1, 5, 2, 2), LEVEL, Condition(channels))
    assert said.share[0, 0, :, 0, 0].tolist() == [0, 0, 1, 2, 2]


def test_no_call_sees_more_than_the_window():
    sizes = []

    def watched(x, level, cond, *, turn=0):
        sizes.append(x.shape[2])
        return Estimate(x)

    slabs(watched, 4, 1)(torch.zeros(1, 1, 11, 2, 2), LEVEL, Condition())
    assert sizes == [4, 4, 4, 4]
    sizes.clear()
    slabs(watched, 4, 1)(torch.zeros(1, 1, 3, 2, 2), LEVEL, Condition())
    assert sizes == [3]


@pytest.mark.parametrize(("window", "overlap"), [(4, 4), (4, 9), (4, -1), (0, 0)])
def test_a_window_that_cannot_advance_is_refused(window, overlap):
    with pytest.raises(ConfigError, match=f"below the window of {window} slices, got {overlap}"):
        slabs(by_position, window, overlap)
