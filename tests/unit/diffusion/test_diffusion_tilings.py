"""Slices, views and sequences: who sees what, and in which order."""

from itertools import pairwise

import pytest
import torch

from brainfill.core.errors import ConfigError
from brainfill.diffusion.denoiser import Condition, Estimate
from brainfill.diffusion.levels import Tabulated
from brainfill.diffusion.tilings import sequential, slabs, slices, views
from brainfill.diffusion.tilings.slabs import slab_starts

LEVEL = Tabulated("linear").level(0.5)
X = torch.randn(2, 1, 5, 3, 4, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("batch", [0, 1, 2, 5, 9])
def test_every_slice_is_an_item_with_its_own_condition(batch):
    sizes = []

    def denoiser(x, level, cond, *, turn=0):
        sizes.append(len(x))
        told = (
            cond.channels
            + cond.label[:, None, None, None]
            + 10 * cond.position[:, None, None, None]
        )
        return Estimate(x + told, 2 * told)

    channels = X.flip(2)
    position = torch.arange(10.0).reshape(2, 5)
    cond = Condition(channels, torch.tensor([100, 200]), position)
    said = slices.build(slices.Config(batch=batch)).wrap(denoiser)(X, LEVEL, cond)
    told = (
        channels
        + torch.tensor([100, 200])[:, None, None, None, None]
        + 10 * position[:, None, :, None, None]
    )
    assert torch.equal(said.clean, X + told)
    assert torch.equal(said.share, 2 * told)
    most = 2 * (min(batch, 5) or 5)
    assert max(sizes) == most
    assert sum(sizes) == 10


def test_a_network_of_single_slices_never_sees_a_slab():
    def denoiser(x, level, cond, *, turn=0):
        assert x.ndim == 4
        return Estimate(x)

    said = slices.build(slices.Config()).wrap(denoiser)(X, LEVEL, Condition())
    assert torch.equal(said.clean, X)
    assert said.share is None


def test_views_take_turns():
    seen = []

    def denoiser(x, level, cond, *, turn=0):
        seen.append((turn, x, cond.channels))
        return Estimate(x.cumsum(2), x)

    wrapped = views.build(views.Config()).wrap(denoiser)
    for turn in range(5):
        said = wrapped(X, LEVEL, Condition(X + 1), turn=turn)
        axis = 2 + turn % 3
        assert seen[turn][0] == turn
        assert torch.equal(seen[turn][1], X.movedim(axis, 2))
        assert torch.equal(seen[turn][2], X.movedim(axis, 2) + 1)
        assert torch.equal(said.clean, X.cumsum(axis))
        assert torch.equal(said.share, X)
    with pytest.raises(ConfigError, match="knows no slice numbers"):
        wrapped(X, LEVEL, Condition(position=torch.zeros(2, 5)))


def hole_of(*unknown):
    hole = torch.zeros(1, 1, len(unknown), 2, 2)
    hole[0, 0, :, 0, 1] = torch.tensor(unknown, dtype=torch.float32)
    return hole


def test_a_slice_waits_for_the_one_before_it():
    known = torch.arange(6.0).reshape(1, 1, 6, 1, 1).expand(1, 1, 6, 2, 2)
    calls = []

    def sample(part, before):
        calls.append((part.start, None if before is None else float(before[0, 0, 0, 0, 0])))
        return torch.full((1, 1, 1, 2, 2), 100.0 * (part.start + 1))

    tiling = sequential.build(sequential.Config())
    drawn = tiling.draw(known, hole_of(1, 1, 0, 0, 1, 1), sample)
    # None before the first; a known one before slice 4; drawn ones before 1 and 5.
    assert calls == [(0, None), (1, 100), (4, 3), (5, 500)]
    assert drawn[0, 0, :, 0, 0].tolist() == [100, 200, 2, 3, 500, 600]
    assert known[0, 0, 0, 0, 0] == 0, "what was given is left alone"


def test_from_both_ends_two_passes_fade_into_each_other():
    known = torch.zeros(1, 1, 5, 2, 2)
    known[:, :, 4] = 7

    def sample(part, before):
        # Counts on from what it is shown, so that drift shows.
        return (torch.zeros(1, 1, 1, 2, 2) if before is None else before) + 1

    tiling = sequential.build(sequential.Config(both_ends=True))
    drawn = tiling.draw(known, hole_of(0, 1, 1, 1, 0), sample)[0, 0, :, 0, 0]
    up, down, share = [1, 2, 3], [10, 9, 8], [0.25, 0.5, 0.75]
    expected = [u * (1 - s) + d * s for u, d, s in zip(up, down, share, strict=True)]
    assert drawn.tolist() == pytest.approx([0, *expected, 7])


def test_a_crop_without_a_hole_is_not_drawn():
    def sample(part, before):
        raise AssertionError

    known = torch.ones(1, 1, 3, 2, 2)
    for both_ends in (False, True):
        tiling = sequential.build(sequential.Config(both_ends=both_ends))
        assert torch.equal(tiling.draw(known, hole_of(0, 0, 0), sample), known)


@pytest.mark.parametrize("depth", range(1, 40))
def test_packages_cut_hard_are_whole_except_the_last(depth):
    config = slabs.Config(window_vox=16, overlap_vox=0, short_end=True)
    sizes = []

    def denoiser(x, level, cond, *, turn=0):
        sizes.append(x.shape[2])
        return Estimate(x)

    x = torch.randn(1, 1, depth, 1, 1)
    assert torch.equal(slabs.build(config).wrap(denoiser)(x, LEVEL, Condition()).clean, x)
    assert sizes == [16] * (depth // 16) + ([depth % 16] if depth % 16 else [])
    starts = slab_starts(depth, 16, 5, short_end=True)
    assert all(b - a == 11 for a, b in pairwise(starts))
    assert starts[-1] < depth <= starts[-1] + 16


def test_an_overlap_that_fills_the_window_is_refused():
    with pytest.raises(ConfigError, match="overlap_vox must be below window_vox 4, got 4"):
        slabs.Config(window_vox=4, overlap_vox=4)
