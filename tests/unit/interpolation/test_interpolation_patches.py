"""Patch filling continues what its neighbourhood shows; its parts against plain loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from brainfill.core.context import Context
from brainfill.core.grid import BoolArray, FloatArray, Grid
from brainfill.core.volume import Mask, Volume
from brainfill.interpolation.nonlocal_patches import (
    PatchConfig,
    patch_fill,
    patch_fill_with_doubts,
)
from brainfill.interpolation.patches import Library, stencil
from brainfill.interpolation.prediction import predict

SHAPE = (22, 22, 22)


def fill(data: FloatArray, hole: BoolArray, seed: int = 0, **settings: float) -> FloatArray:
    grid = Grid(data.shape, np.eye(4))
    config = PatchConfig(**settings)  # type: ignore[arg-type]
    return patch_fill(Volume(data, grid), Mask(hole, grid), config, Context(seed=seed))


def ball(radius: float) -> BoolArray:
    return np.linalg.norm(np.indices(SHAPE) - 11, axis=0) <= radius


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_stripes_go_on_through_the_hole(axis: int) -> None:
    shape = [1, 1, 1]
    shape[axis] = 22
    wave = np.where(np.arange(22) // 2 % 2, 1200, 800).reshape(shape)
    data = (wave + np.random.default_rng(0).normal(0, 1, SHAPE)).astype(np.float32)
    hole = ball(3)
    np.testing.assert_allclose(fill(data, hole)[hole], data[hole], atol=8)


def test_an_edge_goes_on_through_the_hole() -> None:
    i, j, _ = np.indices(SHAPE)
    data = np.where(i + 0.5 * j > 16, 1400, 900) + np.random.default_rng(0).normal(0, 15, SHAPE)
    hole = ball(4)
    error = np.abs(fill(data.astype(np.float32), hole) - data)[hole]
    assert error.mean() < 60  # a mean of both sides is off by 250


def test_noise_is_averaged_away() -> None:
    data = np.random.default_rng(0).normal(1000, 40, SHAPE).astype(np.float32)
    hole = ball(4)
    assert np.sqrt(np.mean((fill(data, hole)[hole] - 1000) ** 2)) < 15


def test_draws_have_the_grain_of_the_tissue_and_scatter_around_the_mean() -> None:
    smooth = 0.5 * np.indices(SHAPE)[0] * 20
    data = (1000 + smooth + np.random.default_rng(0).normal(0, 40, SHAPE)).astype(np.float32)
    hole = ball(4)
    grid = Grid(SHAPE, np.eye(4))
    image, mask = Volume(data, grid), Mask(hole, grid)

    def draw(seed: int) -> FloatArray:
        ctx = Context(seed=seed)
        return patch_fill_with_doubts(image, mask, PatchConfig(), ctx, drawn=True)[0][hole]

    draws = np.stack([draw(seed) for seed in range(12)])
    assert abs((draws - smooth[hole]).std() - 40) < 8
    np.testing.assert_array_equal(draws[0], draw(0))
    # The mean of 12 has 1/12 of the variance, and lies around the fill that is not drawn.
    apart = draws.mean(axis=0) - fill(data, hole)[hole]
    assert abs(apart.mean()) < 8
    assert apart.std() < 20


def test_few_candidates_depend_on_the_seed_only() -> None:
    data = np.random.default_rng(0).normal(1000, 40, SHAPE).astype(np.float32)
    hole = ball(2)
    one, same, other = (fill(data, hole, seed, candidates=200) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert (one[hole] != other[hole]).any()


def test_deep_inside_few_candidates_do_whatever_the_order_of_the_array(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shape = (34, 34, 34)
    ijk = np.indices(shape)
    hole = np.linalg.norm(ijk - 17, axis=0) <= 6
    noise = np.random.default_rng(0).normal(0, 15, shape)
    data = (np.where(ijk[0] + 0.5 * ijk[1] > 25, 1400, 900) + noise).astype(np.float32)
    candidates: list[tuple[int, int]] = []

    def counted(
        patches: torch.Tensor, support: torch.Tensor, books: Library, config: PatchConfig
    ) -> Any:
        candidates.append((len(books.patches), config.neighbours))
        return predict(patches, support, books, config)

    module = "brainfill.interpolation.nonlocal_patches"
    monkeypatch.setattr(f"{module}.predict", counted)
    filled = fill(data, hole)
    (first, near), (last, deep) = candidates[0], candidates[-1]
    assert last == first // 8
    assert (near, deep) == (320, 160)
    assert len(set(candidates)) == 2

    error = np.abs(filled - data)[hole]
    assert error.mean() < 20  # noise has 12, a mean of both sides is off by 250
    # turned[a, b, c] is data[b, 33 - c, 33 - a]
    affine = np.array([[0.0, 1, 0, 0], [0, 0, -1, 33], [-1, 0, 0, 33], [0, 0, 0, 1]])
    grid = Grid(shape, affine)

    def turned(array: Any) -> Any:
        return np.ascontiguousarray(array.transpose(2, 0, 1)[::-1, :, ::-1])

    again = patch_fill(
        Volume(turned(data), grid), Mask(turned(hole), grid), PatchConfig(), Context()
    )
    np.testing.assert_allclose(again, turned(filled), atol=3)  # rounding is passed on inwards


def test_no_room_for_patches_is_said() -> None:
    data = np.random.default_rng(0).normal(1000, 40, (8, 8, 8)).astype(np.float32)
    hole = np.ones((8, 8, 8), bool)
    hole[0] = False
    hole[0, ::2, ::2] = True
    said: list[str] = []
    grid = Grid(data.shape, np.eye(4))
    ctx = Context(warn=said.append)
    out = patch_fill(Volume(data, grid), Mask(hole, grid), PatchConfig(), ctx)
    assert "no whole patches of tissue nearby" in said[-1]
    assert np.abs(out[hole] - 1000).max() < 100


def test_stencil_is_a_ball_with_at_least_its_faces() -> None:
    cube = stencil(1.5, (1, 1, 1))
    assert len(cube.offsets) == 19  # centre, 6 faces, 12 edges
    flat = stencil(1.5, (1, 1, 5))
    assert sorted(map(tuple, flat.offsets[flat.offsets[:, 2] != 0].tolist())) == [
        (0, 0, -1),
        (0, 0, 1),
    ]
    assert flat.weights[flat.offsets[:, 2] != 0].max() < 1e-6
    assert cube.weights.max() == cube.weights[(cube.offsets == 0).all(axis=1)] == 1


def library(count: int, size: int, noise: float) -> Library:
    rng = np.random.default_rng(1)
    patches = rng.normal(size=(count, size)).astype(np.float32)
    centres = (patches @ np.array([0.5, -0.3, 0.2, 0.1]) + 0.05 * patches[:, 0] ** 2).astype(
        np.float32
    )
    squares = patches**2
    return Library(
        *(torch.from_numpy(a) for a in (patches, squares, centres)), 0.0, 1.0, noise, size
    )


def test_prediction_is_the_weighted_ridge_of_the_nearest() -> None:
    books = library(50, 4, 0.01)
    config = PatchConfig(neighbours=12, ridge=3.0, level_free=0.4)
    rng = np.random.default_rng(2)
    patches = rng.normal(size=(3, 4)).astype(np.float32) * 0.3
    support = np.array([[1, 1, 0, 0.5], [1, 0.2, 1, 1], [0, 1, 1, 1]], np.float32)
    found, doubts = predict(torch.from_numpy(patches), torch.from_numpy(support), books, config)
    candidates, centres = books.patches.numpy(), books.centres.numpy()
    cases = zip(patches, support, found.tolist(), doubts.T.tolist(), strict=True)
    for patch, weights, value, doubt in cases:
        w = weights / weights.sum()
        shift = 0.4 * (w @ (patch - candidates).T)
        unlike = np.array(
            [(w * (patch - c) ** 2).sum() - 0.4 * (w @ (patch - c)) ** 2 for c in candidates]
        )
        best = np.argsort(unlike)[:12]
        trust = np.exp(-(unlike[best] - unlike[best].min()) / np.ptp(unlike[best]))
        trust /= trust.sum()
        y = centres[best] + shift[best]
        x = (candidates[best] + shift[best, None]) * np.sqrt(w)
        middle, around = trust @ y, trust @ x
        design = (x - around) * np.sqrt(trust)[:, None]
        aims = (y - middle) * np.sqrt(trust)

        def ridge(penalty, design=design, aims=aims):
            gram = design.T @ design + penalty * np.eye(4)
            return np.linalg.solve(gram, design.T @ aims)

        apart = patch * np.sqrt(w) - around
        truth = middle + ridge(3.0 * 0.01) @ apart
        sd = np.linalg.norm(aims - design @ ridge(3.0 * 0.01))
        stiffer = middle + ridge(30 * 3.0 * 0.01) @ apart
        assert doubt == pytest.approx([stiffer - value, middle - value, sd], abs=1e-3)
        truth = np.clip(truth, y.min(), y.max())
        assert value == pytest.approx(np.clip(truth, centres.min(), centres.max()), abs=1e-3)


def test_prediction_stays_among_its_candidates() -> None:
    books = library(50, 4, 0.0)
    far = torch.full((1, 4), 40.0)
    value, _ = predict(far, torch.ones(1, 4), books, PatchConfig(neighbours=10, level_free=0.0))
    assert books.centres.min() <= value[0] <= books.centres.max()


def test_doubts_are_zero_outside_the_hole_and_in_the_unit_of_the_image() -> None:
    data = np.random.default_rng(0).normal(1000, 40, SHAPE).astype(np.float32)
    hole, grid = ball(4), Grid(SHAPE, np.eye(4))
    mask, found = Mask(hole, grid), {}
    for scale in (1, 2):
        image = Volume(scale * data, grid)
        filled, doubts = patch_fill_with_doubts(image, mask, PatchConfig(), Context())
        np.testing.assert_array_equal(filled, patch_fill(image, mask, PatchConfig(), Context()))
        assert doubts.shape == (3, *SHAPE)
        assert not doubts[:, ~hole].any()
        found[scale] = doubts[:, hole]
    assert 20 < np.median(found[1][2]) < 60  # the noise is 40
    np.testing.assert_allclose(found[2], 2 * found[1], atol=0.5)
