"""What holds for every filler that needs no model."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from brainfill.core.context import Context
from brainfill.core.errors import GeometryError
from brainfill.core.grid import BoolArray, FloatArray, Grid
from brainfill.core.registry import load
from brainfill.core.volume import Mask, Volume

METHODS = ("harmonic", "histogram", "localmean", "patch")
Fill = Callable[..., FloatArray]


@pytest.fixture(params=METHODS)
def fill(request: pytest.FixtureRequest) -> Fill:
    """Fills an array with one method after the other."""
    module = load("brainfill.fillers", request.param)
    filler = module.build(module.Config())

    def run(
        data: FloatArray,
        hole: BoolArray,
        affine: FloatArray | None = None,
        ctx: Context | None = None,
    ) -> FloatArray:
        grid = Grid(data.shape, np.eye(4) if affine is None else affine)
        return filler(Volume(data, grid), Mask(hole, grid), ctx or Context()).values

    return run


def textured(shape: tuple[int, int, int], seed: int = 0) -> FloatArray:
    i, j, k = np.indices(shape)
    smooth = 1000 + 5 * i + 60 * np.sin(j / 3) + 40 * np.cos(k / 2)
    return (smooth + np.random.default_rng(seed).normal(0, 10, shape)).astype(np.float32)


def ball(shape: tuple[int, int, int], centre: tuple[int, int, int], radius: float) -> BoolArray:
    away = np.indices(shape) - np.reshape(centre, (3, 1, 1, 1))
    return np.linalg.norm(away, axis=0) <= radius


def test_never_looks_into_the_hole(fill: Fill) -> None:
    data, hole = textured((17, 18, 15)), ball((17, 18, 15), (8, 9, 7), 3)
    answers = []
    for inside in (0, 5000, np.nan):
        dirty = data.copy()
        dirty[hole] = inside
        answers.append(fill(dirty, hole)[hole])
    np.testing.assert_array_equal(answers[0], answers[1])
    np.testing.assert_array_equal(answers[0], answers[2])


def test_nor_into_the_hole_of_another_lesion(fill: Fill) -> None:
    shape = (24, 15, 15)
    data, first, second = textured(shape), ball(shape, (8, 7, 7), 2), ball(shape, (14, 7, 7), 2)
    dirty = data.copy()
    dirty[second] = 9000
    np.testing.assert_array_equal(
        fill(dirty, first | second)[first], fill(data, first | second)[first]
    )


def test_a_far_lesion_changes_nothing(fill: Fill) -> None:
    shape = (50, 11, 11)
    data, first, second = textured(shape), ball(shape, (6, 5, 5), 2), ball(shape, (42, 5, 5), 3)
    np.testing.assert_array_equal(fill(data, first | second)[first], fill(data, first)[first])


def test_outside_stays_and_values_are_plausible(fill: Fill) -> None:
    data, hole = textured((17, 18, 15)), ball((17, 18, 15), (8, 9, 7), 3)
    out = fill(data, hole)
    np.testing.assert_array_equal(out[~hole], data[~hole])
    assert out.dtype == np.float32
    assert data[~hole].min() <= out[hole].min()
    assert out[hole].max() <= data[~hole].max()


def test_flat_tissue_is_filled_flat(fill: Fill) -> None:
    data, hole = np.full((15, 15, 15), 700, np.float32), ball((15, 15, 15), (7, 7, 7), 4)
    np.testing.assert_allclose(fill(data, hole)[hole], 700, rtol=1e-5)


def test_constant_image_with_margin_of_zeros_takes_the_tissue(fill: Fill) -> None:
    data = np.zeros((20, 20, 20), np.float32)
    data[4:16, 4:16, 4:16] = 700
    data[ball(data.shape, (10, 10, 10), 5.5)] = 700
    hole = ball(data.shape, (4, 10, 10), 2) & (data > 0)
    np.testing.assert_allclose(fill(data, hole)[hole], 700, rtol=1e-5)


@pytest.mark.parametrize(
    ("axes", "order"),
    [((0,), (0, 1, 2)), ((0, 1), (0, 1, 2)), ((2,), (2, 0, 1))],
    ids=["LAS", "LPS", "turned"],
)
def test_storage_order_does_not_matter(
    fill: Fill, axes: tuple[int, ...], order: tuple[int, int, int]
) -> None:
    data = textured((16, 17, 15))
    hole = ball(data.shape, (7, 8, 7), 3) | ball(data.shape, (1, 14, 3), 2)
    turn = np.eye(4)
    affine = np.diag([1.0, 1.2, 1.1, 1.0])
    for axis in axes:
        turn[axis, axis], turn[axis, 3] = -1, data.shape[axis] - 1
    permute = np.eye(4)[[*order, 3]].T
    stored, stored_hole = (np.flip(a, axes).transpose(order).copy() for a in (data, hole))
    out = fill(stored, stored_hole, affine @ turn @ permute)
    back = np.flip(out.transpose(np.argsort(order)), axes)
    np.testing.assert_array_equal(
        fill(np.asfortranarray(stored), stored_hole, affine @ turn @ permute), out
    )
    np.testing.assert_allclose(back[hole], fill(data, hole, affine)[hole], rtol=2e-4)


def test_oblique_grid_gives_what_the_straight_one_gives(fill: Fill) -> None:
    data, hole = textured((15, 15, 15)), ball((15, 15, 15), (7, 7, 7), 2)
    a = np.deg2rad(20)
    turned = np.eye(4)
    turned[:2, :2] = [[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]
    straight, oblique = fill(data, hole), fill(data, hole, turned)
    assert np.isfinite(oblique[hole]).all()
    assert oblique[hole].mean() == pytest.approx(straight[hole].mean(), rel=0.01)


@pytest.mark.parametrize("spacing", [(1, 1, 3), (0.5, 0.5, 5), (5, 0.9, 0.9), (2, 2, 2)])
def test_anisotropic_voxels(fill: Fill, spacing: tuple[float, float, float]) -> None:
    data, hole = textured((19, 17, 9)), ball((19, 17, 9), (9, 8, 4), 2)
    out = fill(data, hole, np.diag([*spacing, 1.0]))
    assert np.abs(out[hole] - data[hole]).mean() < 40


@pytest.mark.parametrize("corner", [(0, 0, 0), (14, 0, 12), (14, 16, 12)])
def test_lesion_at_the_end_of_the_image(fill: Fill, corner: tuple[int, int, int]) -> None:
    data = textured((15, 17, 13))
    hole = ball(data.shape, corner, 3)
    out = fill(data, hole)
    assert np.abs(out[hole] - data[hole]).mean() < 60


def test_lesion_at_the_edge_of_a_stripped_brain(fill: Fill) -> None:
    brain = ball((24, 24, 24), (12, 12, 12), 9)
    data = np.where(brain, textured((24, 24, 24)), 0).astype(np.float32)
    hole = ball((24, 24, 24), (12, 12, 20), 3) & brain
    out = fill(data, hole)
    assert out[hole].min() > 700  # tissue, never a mixture with background
    np.testing.assert_allclose(fill(data - 1500, hole)[hole], out[hole] - 1500, atol=2)


def test_a_thousand_lesions(fill: Fill) -> None:
    data = textured((31, 31, 31))
    hole = np.zeros(data.shape, bool)
    hole[1::3, 1::3, 1::3] = True
    assert hole.sum() == 1000
    done: list[int] = []
    ctx = Context(progress=lambda stage, n, total: done.append(n))
    out = fill(data, hole, None, ctx)
    assert done == list(range(1001))
    assert np.abs(out[hole] - data[hole]).mean() < 40


def test_far_tissue_is_found_and_said(fill: Fill) -> None:
    data = np.zeros((45, 9, 9), np.float32)
    data[:5] = textured((5, 9, 9))
    hole = ball(data.shape, (38, 4, 4), 2)
    said: list[str] = []
    out = fill(data, hole, None, Context(warn=said.append))
    assert out[hole].min() > 900
    assert "mm away for tissue: lesion 1 (33 voxels at 38.0, 4.0, 4.0 mm)" in said[0]


def test_nothing_but_background_is_said(fill: Fill) -> None:
    data, hole = np.full((9, 9, 9), 3, np.float32), ball((9, 9, 9), (4, 4, 4), 2)
    data[hole] = 80
    said: list[str] = []
    out = fill(data, hole, None, Context(warn=said.append))
    np.testing.assert_allclose(out[hole], 3, rtol=1e-6)
    assert len(said) == 1
    assert said[0].startswith("no tissue in the image, filled with background: lesion 1 (33 voxels")


def test_hole_that_covers_everything(fill: Fill) -> None:
    said: list[str] = []
    data = textured((5, 6, 7))
    out = fill(data, np.ones((5, 6, 7), bool), None, Context(warn=said.append))
    assert (out == 0).all()
    assert "filled with 0" in said[0]


def test_many_lesions_share_one_warning(fill: Fill) -> None:
    data = np.zeros((60, 30, 9), np.float32)
    data[:6] = textured((6, 30, 9))
    hole = np.zeros(data.shape, bool)
    hole[55, 1::4, 4] = True
    said: list[str] = []
    fill(data, hole, None, Context(warn=said.append))
    assert "mm away for tissue" in said[0]
    assert said[0].count("voxels at") == 5
    assert said[0].endswith("and 3 more")
    assert len(said) <= 2


def test_infinite_voxels_outside_are_not_used(fill: Fill) -> None:
    data, hole = textured((13, 13, 13)), ball((13, 13, 13), (6, 6, 6), 2)
    data[6, 6, 9] = np.inf
    data[2, 6, 6] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(fill(data, hole)[hole]).all()


def test_single_slice_and_single_voxel(fill: Fill) -> None:
    data, hole = textured((21, 21, 1)), np.zeros((21, 21, 1), bool)
    hole[10, 10, 0] = hole[3:5, 15:17, 0] = True
    out = fill(data, hole)
    assert np.abs(out[hole] - data[hole]).max() < 80


def test_no_lesion_no_change(fill: Fill) -> None:
    data = textured((6, 6, 6))
    np.testing.assert_array_equal(fill(data, np.zeros((6, 6, 6), bool)), data)


def test_same_seed_same_values(fill: Fill) -> None:
    data, hole = textured((15, 15, 15)), ball((15, 15, 15), (7, 7, 7), 3)
    first, second = (fill(data, hole, None, Context(seed=5)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", METHODS)
def test_grids_must_agree(name: str) -> None:
    module = load("brainfill.fillers", name)
    data = textured((5, 5, 5))
    shifted = np.eye(4)
    shifted[0, 3] = 2
    image, hole = Volume(data, Grid((5, 5, 5), np.eye(4))), Grid((5, 5, 5), shifted)
    with pytest.raises(GeometryError, match="different grids"):
        module.build(module.Config())(image, Mask(data > 0, hole), Context())


def test_cost_does_not_grow_with_the_image(fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    from brainfill.interpolation import sites

    sizes: list[int] = []
    original = sites.Site

    def spy(name: str, image: FloatArray, *rest: Any) -> sites.Site:
        sizes.append(image.size)
        return original(name, image, *rest)

    monkeypatch.setattr(sites, "Site", spy)
    for side in (40, 80):
        shape = (side, 31, 31)
        fill(textured(shape), ball(shape, (15, 15, 15), 1))
    assert len(sizes) == 2
    assert sizes[0] == sizes[1]
