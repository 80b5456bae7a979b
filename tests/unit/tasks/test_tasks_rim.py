"""Rims judged in images: blurred lesions in tissue with grain, on grids of all kinds."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from brainfill.core.grid import Grid
from brainfill.core.volume import Mask, Volume
from brainfill.lesions.components import label_lesions
from brainfill.tasks._rim import judged_rim

SHAPE = (48, 46, 44)
CENTRES = [(16, 16, 16), (32, 16, 30), (16, 31, 28), (32, 30, 14)]


def tissue(shape=SHAPE, seed=0):
    """White matter with smooth changes and grain, on a scale of 100; a border of another tissue."""
    rng = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(rng.standard_normal(shape), 6)
    image = 100 + 4 * smooth / smooth.std() + 2 * rng.standard_normal(shape)
    image[:, :, : shape[2] // 8] -= 35
    return image.astype(np.float32)


def lesioned(softness, contrast=-30.0, factor=1, grown=0):
    """Balls of 3 mm, blurred, under masks at half height: image and mask of SHAPE mm, at 1 / factor mm."""
    shape = tuple(n * factor for n in SHAPE)
    where = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), -1)
    solid = np.zeros(shape)
    for centre in CENTRES:
        middle = (np.array(centre) + 0.5) * factor - 0.5
        solid[np.linalg.norm(where - middle, axis=-1) <= 3.2 * factor] = 1
    share = ndimage.gaussian_filter(solid, softness * factor) if softness else solid
    mask = share > 0.5
    if grown:
        mask = ndimage.binary_dilation(mask, iterations=grown)
    affine = np.diag([1 / factor] * 3 + [1.0])
    affine[:3, 3] = (1 / factor - 1) / 2 - 20
    grid = Grid(shape, affine)
    return Volume(tissue(shape) + (contrast * share).astype(np.float32), grid), Mask(mask, grid)


def judged(image, mask, ctx, **others):
    head = np.ones(image.grid.shape, bool)
    return judged_rim({"T1w": image} | others, label_lesions(mask), head, ctx)


@pytest.mark.parametrize("contrast", [-30.0, 30.0])
def test_soft_borders_have_rims_and_hard_ones_none(contrast, ctx):
    soft = judged(*lesioned(0.8, contrast), ctx)
    hard = judged(*lesioned(0, contrast), ctx)
    assert hard.facts["VoxelsFilled"] == 0
    assert (soft.reach_mm > 0.8).all()
    assert soft.facts["VoxelsFilled"] > 100


def test_rims_reach_three_millimetres_at_most_and_hold_their_lesions(ctx):
    image, mask = lesioned(1.2)
    hole = judged(image, mask, ctx).hole
    away_mm = ndimage.distance_transform_edt(~mask.data)
    assert hole[mask.data].all()
    assert away_mm[hole].max() <= 3


def test_a_generous_mask_needs_no_rim(ctx):
    tight, generous = (judged(*lesioned(0.6, grown=g), ctx) for g in (0, 2))
    assert generous.facts["OffsetMM"] < tight.facts["OffsetMM"] - 0.3
    assert generous.facts["VoxelsFilled"] == 0


def test_rims_stay_in_the_head(ctx):
    image, mask = lesioned(0.8)
    head = np.zeros(SHAPE, bool)
    head[:17] = True
    head |= mask.data
    rim = judged_rim({"T1w": image}, label_lesions(mask), head, ctx)
    assert not (rim.hole & ~head).any()


def test_a_lesion_of_one_voxel_of_half_a_millimetre(ctx):
    image, _ = lesioned(0.7, factor=2)
    where = np.zeros(image.grid.shape, bool)
    where[41, 41, 41] = True
    rim = judged(image, Mask(where, image.grid), ctx)
    assert rim.hole[where].all()
    assert rim.facts["VoxelsJudged"] > 100


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_order_of_the_array_does_not_matter(axis, ctx):
    image, mask = lesioned(0.7)
    flip = np.eye(4)
    flip[axis, axis], flip[axis, 3] = -1, SHAPE[axis] - 1
    grid = Grid(SHAPE, image.grid.affine @ flip)
    back = judged(
        Volume(np.flip(image.data, axis), grid), Mask(np.flip(mask.data, axis), grid), ctx
    )
    np.testing.assert_array_equal(np.flip(back.hole, axis), judged(image, mask, ctx).hole)


def test_finer_voxels_are_judged_in_millimetres(ctx):
    coarse = judged(*lesioned(0.7), ctx)
    fine = judged(*lesioned(0.7, factor=2), ctx)
    assert fine.hole.shape == tuple(2 * n for n in SHAPE)
    np.testing.assert_allclose(np.sort(fine.reach_mm), np.sort(coarse.reach_mm), atol=0.4)


def test_thick_slices(ctx):
    """Every fourth millimetre joined: the rim goes on into the next slice as it does into the next voxel."""
    image, mask = lesioned(0.7)
    thick = image.data.reshape(*SHAPE[:2], -1, 4).mean(axis=-1)
    marks = mask.data.reshape(*SHAPE[:2], -1, 4).mean(axis=-1) > 0.5
    affine = image.grid.affine @ np.diag([1, 1, 4, 1.0])
    grid = Grid(thick.shape, affine)
    rim = judged(Volume(thick, grid), Mask(marks, grid), ctx)
    assert rim.hole[marks].all()
    added = rim.hole & ~marks
    assert added.any()
    assert (added & (np.roll(marks, 1, 2) | np.roll(marks, -1, 2))).any()


def test_the_contrast_that_shows_lesions_best_decides(ctx):
    blind, mask = lesioned(0.8, contrast=0.0)
    sharp, _ = lesioned(0.8, contrast=80.0)
    assert judged(blind, mask, ctx).facts["VoxelsFilled"] == 0
    both = judged(blind, mask, ctx, FLAIR=sharp)
    assert both.facts["Contrast"] == "FLAIR"
    assert both.facts["VoxelsFilled"] > 100


def test_what_is_in_deep_lesions_does_not_matter(ctx):
    image, mask = lesioned(0.7)
    deep = ndimage.distance_transform_edt(mask.data) > 2.6
    assert deep.any()
    data = image.data.copy()
    data[deep] = 1e4
    other = judged(image.like(data), mask, ctx)
    np.testing.assert_array_equal(other.hole, judged(image, mask, ctx).hole)


def test_a_lesion_in_a_head_of_its_size(ctx):
    """Nothing lies around it: there is no rim, and nothing fails."""
    image, mask = lesioned(0.7)
    rim = judged_rim({"T1w": image}, label_lesions(mask), mask.data.copy(), ctx)
    assert rim.facts["VoxelsJudged"] == 0
    np.testing.assert_array_equal(rim.hole, mask.data)


def test_the_same_over_threads(ctx):
    image, mask = lesioned(0.7)
    first, second = (judged(image, mask, replace(ctx, threads=n)) for n in (1, 2))
    np.testing.assert_allclose(first.reach_mm, second.reach_mm, atol=0.02)
