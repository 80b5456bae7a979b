"""What every tiling promises, found by its file in brainfill.diffusion.tilings or an outside package."""

import pytest
import torch
from plugins import check_plugin, outside_package, plugins_of

from brainfill.core.registry import load, names
from brainfill.diffusion.denoiser import Condition, Estimate
from brainfill.diffusion.levels import Tabulated

TILINGS = "brainfill.diffusion.tilings"
NAMES = plugins_of(TILINGS)
LEVEL = Tabulated("linear").level(0.4)
X = torch.randn(2, 2, 37, 5, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
HOLE = torch.ones(2, 1, 37, 5, 6)
HALVES = '''"""Halves of the crop, written by someone else."""

from dataclasses import dataclass

import torch

from brainfill.diffusion.denoiser import Estimate
from brainfill.diffusion.tilings._base import AtOnce


@dataclass(frozen=True, kw_only=True)
class Config:
    """No options."""


class Halves(AtOnce):
    def wrap(self, denoiser):
        def run(x, level, cond, *, turn=0):
            middle = x.shape[2] // 2
            parts = (slice(0, middle), slice(middle, None))
            said = [denoiser(x[:, :, p], level, cond.cut(p), turn=turn).clean for p in parts]
            return Estimate(torch.cat(said, dim=2))

        return run


def build(config):
    return Halves()
'''


def made(name):
    module = load(TILINGS, name)
    return module.build(module.Config())


def pointwise(x, level, cond, *, turn=0):
    """What it says of a voxel depends on that voxel, the item's class and the move only."""
    label = cond.label.reshape(-1, *(1,) * (x.ndim - 1))
    return Estimate(level.alpha * x + 3 * cond.channels[:, :2] + label + turn, x.square())


def check_tiling(tiling):
    cond = Condition(X.flip(2), torch.tensor([10, 20]))
    for turn in range(4):
        whole = pointwise(X, LEVEL, cond, turn=turn)
        said = tiling.wrap(pointwise)(X, LEVEL, cond, turn=turn)
        # Weights sum to one and every voxel is covered.
        torch.testing.assert_close(said.clean, whole.clean, rtol=1e-12, atol=1e-12)
        if said.share is not None:
            torch.testing.assert_close(said.share, whole.share, rtol=1e-12, atol=1e-12)
    drawn, calls = torch.full_like(X, torch.nan), []

    def sample(part, before):
        calls.append(part)
        return X[:, :, part] + 1

    drawn = tiling.draw(torch.full_like(X, torch.nan), HOLE, sample)
    assert torch.equal(drawn, X + 1)
    covered = sorted(k for part in calls for k in range(*part.indices(37)))
    assert covered == list(range(37)), "every slice is drawn, and once"


@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_plug_in(name):
    check_plugin(TILINGS, name)


@pytest.mark.parametrize("name", NAMES)
def test_every_voxel_is_covered_and_drawn_once(name):
    check_tiling(made(name))


@pytest.mark.parametrize("name", NAMES)
def test_the_share_of_the_variance_is_carried(name):
    cond = Condition(X, torch.tensor([0, 0]))
    said = made(name).wrap(pointwise)(X, LEVEL, cond)
    torch.testing.assert_close(said.share, X.square(), rtol=1e-12, atol=1e-12)


def test_a_tiling_of_an_outside_package_is_listed_and_used(tmp_path):
    with outside_package(tmp_path, "tilings", "halves", HALVES):
        assert "halves" in names(TILINGS)
        check_plugin(TILINGS, "halves")
        check_tiling(load(TILINGS, "halves").build(None))
