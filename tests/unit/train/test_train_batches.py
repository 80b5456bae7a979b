"""Batches: which examples a step sees, whoever prepares them and wherever a run begins."""

from collections import Counter
from itertools import islice

import numpy as np
import pytest
import torch

from brainfill.core.config import override
from brainfill.lesions.shapes import HoleMix
from brainfill.models import memory3d
from brainfill.train.batches import draw_batches
from brainfill.train.config import TrainConfig
from brainfill.train.learners import inpaint
from brainfill.train.pack import Pack

VOLUME = np.random.default_rng(0).integers(120, 220, (12, 11, 13)).astype(np.uint8)
PACK = Pack(["sub-01"], [VOLUME], [np.ones((2, 3, 2), bool)])
MODEL = override(memory3d.PRESETS["tiny"], ["crop_vox=[6,7,8]", "first_fill=harmonic"])


def config(**options):
    return TrainConfig(masks=HoleMix(), **options)


def learner(settings):
    with torch.device("meta"):
        return inpaint.build(memory3d.build(MODEL), settings, PACK)


def drawn_from(settings, size, rank=0, first_step=0):
    return draw_batches(learner(settings).examples(), settings, size, rank, first_step)


def first_batches(count, settings, size=2, rank=0, first_step=0):
    """Each of `count` batches as one tensor (3, size, 1, D, H, W)."""
    drawn = drawn_from(settings, size, rank, first_step)
    return [torch.stack(list(batch.values())) for batch in islice(drawn, count)]


@pytest.fixture
def counted(monkeypatch):
    """Examples that are their own number, counted from 0 in the order they are made."""
    made = []

    def number(*_):
        made.append(len(made))
        return torch.full((3, 1, 1, 1), made[-1])

    monkeypatch.setattr(inpaint, "draw_example", number)
    return made


def numbers(batch):
    image, hole, first = batch["image"], batch["hole"], batch["first"]
    assert image.flatten().tolist() == first.flatten().tolist() == hole.flatten().tolist()
    return image.flatten().tolist()


def test_image_first_fill_and_hole_stay_together():
    batch = next(drawn_from(config(), 3))
    image, hole, first = batch["image"], batch["hole"], batch["first"]
    assert image.shape == first.shape == hole.shape == (3, 1, 6, 7, 8)
    assert set(hole.unique().tolist()) == {0, 1}
    assert torch.equal(image[hole == 0], first[hole == 0])
    assert not torch.equal(image, first)


def test_without_reuse_every_example_is_used_exactly_once(counted):
    drawn = drawn_from(config(reuse=1, pool=0), 3)
    for step in range(20):
        assert sorted(numbers(next(drawn))) == [3 * step, 3 * step + 1, 3 * step + 2]
    assert len(counted) == 60


@pytest.mark.parametrize(
    ("size", "reuse", "pool"), [(4, 2, 0), (4, 2, 16), (3, 4, 5), (2, 8, 30), (1, 3, 2)]
)
def test_with_reuse_examples_are_made_more_slowly_and_drawn_from_the_latest(
    counted, size, reuse, pool
):
    drawn = drawn_from(config(reuse=reuse, pool=pool), size)
    keep = max(pool, size)
    used = Counter()
    for step in range(200):
        chosen = numbers(next(drawn))
        assert len(counted) == keep + step * size // reuse
        assert len(set(chosen)) == size
        assert len(counted) - keep <= min(chosen) <= max(chosen) < len(counted)
        used.update(chosen)
    # Those that came and went: 200 draws of `reuse` and some, spread as independent draws are.
    gone = range(keep, len(counted) - keep)
    assert np.mean([used[n] for n in gone]) == pytest.approx(reuse, rel=0.2)


def test_every_example_of_the_pool_has_its_turn(counted):
    drawn = drawn_from(config(reuse=10_000, pool=12), 3)
    used = Counter(n for batch in islice(drawn, 200) for n in numbers(batch))
    assert len(counted) == 12
    # Binomial with 600 draws of 12: 50 each, SD below 7; four of them.
    assert set(used) == set(range(12))
    assert max(abs(n - 50) for n in used.values()) < 28


@pytest.mark.parametrize("first_step", [1, 3, 4])
@pytest.mark.parametrize(("reuse", "pool"), [(1, 0), (2, 0), (3, 5), (4, 1)])
def test_a_run_that_begins_later_sees_what_one_from_the_start_sees(first_step, reuse, pool):
    settings = config(reuse=reuse, pool=pool)
    whole = first_batches(6, settings, size=3)
    later = first_batches(6 - first_step, settings, size=3, first_step=first_step)
    for expected, found in zip(whole[first_step:], later, strict=True):
        assert torch.equal(expected, found)


def test_other_processes_prepare_the_same_batches():
    alone = first_batches(5, config(reuse=2, pool=4, workers=0), first_step=1)
    helped = first_batches(5, config(reuse=2, pool=4, workers=1), first_step=1)
    for expected, found in zip(alone, helped, strict=True):
        assert torch.equal(expected, found)


@pytest.mark.parametrize(("seed", "rank"), [(1, 0), (0, 1), (1, 1)])
def test_seeds_and_ranks_have_examples_of_their_own(seed, rank):
    (here,), (there,) = first_batches(1, config()), first_batches(1, config(seed=seed), rank=rank)
    for item in here[0]:
        assert not any(torch.equal(item, other) for other in there[0])
