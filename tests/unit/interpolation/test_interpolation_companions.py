"""Other images of a person help to fill where they are known, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from brainfill.core.companion import Companion
from brainfill.core.context import Context
from brainfill.core.errors import GeometryError
from brainfill.core.grid import BoolArray, FloatArray, Grid
from brainfill.core.volume import Mask, Volume
from brainfill.interpolation.nonlocal_patches import PatchConfig, patch_fill

SHAPE = (26, 26, 26)
GRID = Grid(SHAPE, np.eye(4))
HOLE = np.linalg.norm(np.indices(SHAPE) - 13, axis=0) <= 4


@pytest.fixture(scope="module")
def truth() -> FloatArray:
    """Tissue that nobody could guess, with structure of some voxels."""
    rough = ndimage.gaussian_filter(np.random.default_rng(0).standard_normal(SHAPE), 1.2)
    return (1000 + 100 * rough / rough.std()).astype(np.float32)


def fill(truth: FloatArray, *companions: Companion, **settings: float) -> FloatArray:
    damaged = np.where(HOLE, 0, truth).astype(np.float32)
    config = PatchConfig(**settings)  # type: ignore[arg-type]
    return patch_fill(Volume(damaged, GRID), Mask(HOLE, GRID), config, Context(), companions)


def other(data: FloatArray, known: BoolArray | None = None, **more: bool) -> Companion:
    known = np.ones(SHAPE, bool) if known is None else known
    return Companion("other", Volume(data, GRID), Mask(known, GRID), **more)


def error(filled: FloatArray, truth: FloatArray) -> float:
    return float(np.sqrt(np.mean((filled - truth)[HOLE] ** 2)))


def test_a_companion_that_shows_the_truth_gives_it(truth: FloatArray) -> None:
    assert error(fill(truth), truth) > 30
    assert error(fill(truth, other(truth)), truth) < 5


@pytest.mark.parametrize(("slope", "offset"), [(1.4, 300), (-0.5, 900), (0.01, 0)])
def test_its_brightness_may_differ(truth: FloatArray, slope: float, offset: float) -> None:
    seen = (slope * truth + offset).astype(np.float32)
    filled = fill(truth, other(seen))
    assert error(filled, truth) < 5
    assert abs((filled - truth)[HOLE].mean()) < 2


def test_a_noisy_companion_does_not_bring_its_noise(truth: FloatArray) -> None:
    noise = np.random.default_rng(1).normal(0, 100, SHAPE).astype(np.float32)
    with_noise = error(fill(truth, other(truth + noise)), truth)
    assert with_noise < error(fill(truth), truth)
    assert with_noise < 90  # the companion alone is off by 100


def test_what_is_not_known_does_not_matter(truth: FloatArray) -> None:
    known = ~HOLE
    one = fill(truth, other(truth, known))
    changed = np.where(known, truth, 1e6).astype(np.float32)
    np.testing.assert_array_equal(fill(truth, other(changed, known)), one)


def test_half_of_a_hole_known(truth: FloatArray) -> None:
    known = ~(HOLE & (np.indices(SHAPE)[0] > 13))
    filled = fill(truth, other(truth, known))
    seen = HOLE & (np.indices(SHAPE)[0] < 13)
    assert np.abs(filled - truth)[seen].mean() < 5


def test_a_companion_that_knows_too_little_is_left_out(truth: FloatArray) -> None:
    nothing = np.zeros(SHAPE, bool)
    filled = fill(truth, other(truth, nothing))
    np.testing.assert_array_equal(filled, fill(truth))


def test_what_is_left_out_is_said(truth: FloatArray) -> None:
    said: list[str] = []
    damaged = np.where(HOLE, 0, truth).astype(np.float32)
    nothing = other(truth, np.zeros(SHAPE, bool))
    ctx = Context(warn=said.append)
    patch_fill(Volume(damaged, GRID), Mask(HOLE, GRID), PatchConfig(), ctx, [nothing])
    (line,) = said
    assert line.startswith("other shows too little around, and is not used: lesion 1 ")


def test_a_flat_companion_is_no_harm(truth: FloatArray) -> None:
    flat = np.full(SHAPE, 7.0, np.float32)
    assert error(fill(truth, other(flat)), truth) < 1.1 * error(fill(truth), truth)


def test_voxels_outside_the_hole_stay(truth: FloatArray) -> None:
    np.testing.assert_array_equal(fill(truth, other(truth))[~HOLE], truth[~HOLE])


def test_a_contrast_of_the_visit_is_not_known_in_the_hole(truth: FloatArray) -> None:
    hole = Mask(HOLE, GRID)
    assert not other(truth, shares_hole=True).beside(hole).known.data[HOLE].any()
    assert other(truth).beside(hole).known.data.all()


def test_a_mask_on_another_grid_is_refused(truth: FloatArray) -> None:
    moved = Grid(SHAPE, np.diag([-1.0, 1, 1, 1]))
    with pytest.raises(GeometryError, match="different grids"):
        Companion("other", Volume(truth, GRID), Mask(HOLE, moved))
