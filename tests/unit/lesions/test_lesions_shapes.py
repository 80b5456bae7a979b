import numpy as np
import pytest
from scipy import ndimage

from brainfill.core.errors import ConfigError, DataError
from brainfill.lesions import shapes
from brainfill.lesions.shapes import HoleMix, draw_hole, ellipsoid, lesions, slice_circles, turned

L_SHAPE = np.zeros((2, 3, 4), bool)
L_SHAPE[0, :, 0] = L_SHAPE[1, 0, :2] = True
ALL_TISSUE = np.ones((6, 20, 24), bool)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_circles_have_the_published_centres_and_radii():
    # METHODS 3.1 on planes of 256: centres Gaussian around the middle with SD 30, radii 3 to 50.
    generator, centres, areas = rng(), [], []
    for _ in range(400):
        hole = slice_circles((1, 256, 256), generator)[0]
        if not (hole[[0, -1]].any() or hole[:, [0, -1]].any()):  # whole discs only
            centres.append(np.argwhere(hole).mean(0))
            areas.append(hole.sum())
    radii = np.sqrt(np.array(areas) / np.pi)
    assert len(radii) > 380
    # About 400 draws: standard error 1.5 of the mean and 1.06 of the SD of centres; four of each.
    # Leaving out cut discs takes one or two per cent off the SD.
    np.testing.assert_allclose(np.mean(centres, axis=0), 128, atol=6)
    np.testing.assert_allclose(np.std(centres, axis=0), 30, atol=4.5)
    # A disc of radius r holds pi r^2 voxels within the length of its edge: half a voxel of radius.
    assert radii.min() > 2.5
    assert radii.max() < 50.5
    # Uniform: mean 26.5, SD 13.6; standard errors 0.68 and 0.31 (kurtosis 1.8); four of each.
    assert radii.mean() == pytest.approx(26.5, abs=2.8)
    assert radii.std() == pytest.approx(13.6, abs=1.3)


def test_circles_of_one_tube_share_their_centre_but_not_their_radius():
    tubes = []
    generator = rng(1)
    while len(tubes) < 20:
        tube = slice_circles((12, 128, 128), generator)
        border = tube[:, [0, -1]].any() or tube[:, :, [0, -1]].any()
        if tube.any(axis=(1, 2)).sum() > 3 and not border:
            tubes.append(tube)
    for tube in tubes:
        used = np.flatnonzero(tube.any(axis=(1, 2)))
        assert np.array_equal(used, np.arange(used[0], used[-1] + 1))  # a run of slices
        centres = np.array([np.argwhere(tube[k]).mean(0) for k in used])
        # The centroid of a digital disc lies within half a voxel of its centre.
        assert np.ptp(centres, axis=0).max() < 1
        assert len({int(tube[k].sum()) for k in used}) > 1


def test_circles_with_centres_of_their_own():
    tube = slice_circles((8, 128, 128), rng(3), same_centre=False)
    used = np.flatnonzero(tube.any(axis=(1, 2)))
    centres = np.array([np.argwhere(tube[k]).mean(0) for k in used])
    assert len(used) > 2
    assert np.ptp(centres, axis=0).max() > 5  # SD 15 on planes of 128


def test_circles_shrink_with_the_plane_but_stay_visible():
    generator = rng(2)
    widest = [slice_circles((1, 32, 32), generator).sum() for _ in range(200)]
    # Radius at most 50 * 0.2 = 10 voxels; at least one draw in 200 comes near.
    assert 200 < max(widest) <= np.pi * 10.5**2


@pytest.mark.parametrize("shape", [(24, 24, 24), (15, 40, 31)])
def test_ellipsoids_have_sizes_from_two_voxels_to_a_third_of_the_crop(shape):
    generator = rng()
    holes = [ellipsoid(shape, generator) for _ in range(150)]
    sizes = np.array([hole.sum() for hole in holes])
    radii = np.cbrt(sizes[sizes > 0] * 3 / (4 * np.pi))
    largest = min(shape) / 3
    # Axes vary by 0.6 to 1.4 and bumps by about 0.2 of the radius.
    assert radii.max() < largest * 1.4 * 1.4
    assert radii.max() > largest * 0.8
    # Log-uniform from 2 to a third of the side: the median is near the geometric mean.
    assert np.median(radii) == pytest.approx(np.sqrt(2 * largest), rel=0.25)
    middle = np.mean([np.argwhere(hole).mean(0) for hole in holes if hole.any()], axis=0)
    # Centres have an SD of a twelfth of the side: standard error 0.7 % of it with 150 draws.
    np.testing.assert_allclose(middle / shape, 0.5, atol=0.05)


def test_ellipsoids_are_bumpy_but_mostly_one_piece():
    generator = rng(4)
    for _ in range(20):
        hole = ellipsoid((30, 30, 30), generator)
        labels, n = ndimage.label(hole)
        if n:
            assert np.bincount(labels.ravel())[1:].max() > 0.9 * hole.sum()


def test_turned_shapes_keep_their_voxels_and_reach_every_direction():
    generator = rng()
    seen = {turned(L_SHAPE, generator).tobytes() for _ in range(600)}
    sizes = {turned(L_SHAPE, generator).shape for _ in range(200)}
    assert all(sum(np.frombuffer(s, bool)) == L_SHAPE.sum() for s in seen)
    # 6 orders of axes times 8 mirrorings; this shape has no symmetry.
    assert len(sizes) == 6
    assert len(seen) == 48


def test_lesions_are_copies_of_the_library():
    cube = np.ones((3, 3, 3), bool)
    generator = rng(5)
    for _ in range(50):
        hole = lesions((40, 40, 40), [cube], generator)
        # Every voxel belongs to a whole cube, unless the border cut it.
        opened = ndimage.binary_opening(hole, np.ones((3, 3, 3)))
        border = np.ones_like(hole)
        border[3:-3, 3:-3, 3:-3] = False
        assert np.array_equal(opened[~border], hole[~border])
        assert hole.any()


def test_the_first_lesion_is_near_the_middle_and_others_spread():
    point = np.ones((1, 1, 1), bool)
    places = [np.argwhere(lesions((48, 48, 48), [point], rng(i))) for i in range(300)]
    nearest = [np.abs(p - 24).max(axis=1).min() for p in places]
    # SD 4 in each of three axes: 16 is four of them.
    assert max(nearest) <= 16
    everything = np.concatenate(places)
    assert everything.std() > 6  # SD 12 for all but the first of each draw
    counts = [len(p) for p in places]
    assert min(counts) == 1
    assert max(counts) > 6


def test_stamping_beyond_the_border_is_cut_not_wrapped():
    hole = np.zeros((4, 4, 4), bool)
    shapes._stamp(hole, np.ones((3, 3, 3), bool), np.array([-2, 3, 1]))
    expected = np.zeros_like(hole)
    expected[0, 3, 1:4] = True
    assert np.array_equal(hole, expected)
    shapes._stamp(hole, np.ones((3, 3, 3), bool), np.array([4, 0, 0]))
    shapes._stamp(hole, np.ones((3, 3, 3), bool), np.array([-3, 0, 0]))
    assert np.array_equal(hole, expected)


@pytest.mark.parametrize(
    "mix",
    [
        HoleMix(circles=1, lesions=0),
        HoleMix(circles=0, lesions=1),
        HoleMix(circles=0, lesions=0, ellipsoids=1),
        HoleMix(circles=0.3, lesions=0.3, ellipsoids=0.3),
    ],
)
@pytest.mark.parametrize("corner", [False, True])
def test_every_hole_holds_tissue_and_can_be_drawn_again(mix, corner):
    tissue = ALL_TISSUE.copy()
    if corner:  # hardly ever hit by chance
        tissue[:] = False
        tissue[0, 0, 0] = True
    for seed in range(30):
        hole = draw_hole(tissue, mix, [L_SHAPE], rng(seed))
        assert hole.dtype == bool
        assert hole.shape == tissue.shape
        assert (hole & tissue).any()
        assert np.array_equal(hole, draw_hole(tissue, mix, [L_SHAPE], rng(seed)))
    different = {draw_hole(ALL_TISSUE, mix, [L_SHAPE], rng(s)).tobytes() for s in range(30)}
    assert len(different) > 20


def marked(monkeypatch):
    """Replaces the three generators by boxes of 1, 2 and 3 voxels."""
    for voxels, name in enumerate(("slice_circles", "lesions", "ellipsoid"), start=1):
        box = np.zeros(ALL_TISSUE.shape, bool)
        box[0, 0, :voxels] = True
        monkeypatch.setattr(shapes, name, lambda *_, box=box: box)


@pytest.mark.parametrize("weights", [(0.5, 0.5, 0.0), (1.0, 2.0, 5.0), (0.0, 0.0, 3.0)])
def test_kinds_come_in_their_proportions(monkeypatch, weights):
    marked(monkeypatch)
    circles, lesion, ellipsoids = weights
    mix = HoleMix(circles=circles, lesions=lesion, ellipsoids=ellipsoids, dilate_half=0)
    generator, n = rng(), 2000
    drawn = [draw_hole(ALL_TISSUE, mix, [L_SHAPE], generator).sum() for _ in range(n)]
    counts = np.bincount(drawn, minlength=4)[1:4]
    p = np.array(weights) / sum(weights)
    # Four standard deviations of a binomial count: one false alarm in 16,000.
    assert np.all(np.abs(counts - n * p) <= 4 * np.sqrt(n * p * (1 - p)))


def test_half_of_the_holes_are_dilated_by_one_voxel(monkeypatch):
    marked(monkeypatch)
    mix = HoleMix(circles=1, lesions=0, dilate_half=0.3)
    generator, n = rng(), 2000
    sizes = [int(draw_hole(ALL_TISSUE, mix, [], generator).sum()) for _ in range(n)]
    assert set(sizes) == {1, 4}  # a corner voxel and its three neighbours
    assert abs(sizes.count(4) - 0.3 * n) <= 4 * np.sqrt(n * 0.3 * 0.7)


def test_lesions_without_a_library_are_refused():
    with pytest.raises(DataError, match="the library is empty") as info:
        draw_hole(ALL_TISSUE, HoleMix(circles=0, lesions=1), [], rng())
    assert "--lesions" in info.value.hint
    with pytest.raises(DataError, match="the library is empty"):
        draw_hole(ALL_TISSUE, HoleMix(), [], rng())


def test_no_tissue_is_refused():
    with pytest.raises(DataError, match="holds no tissue"):
        draw_hole(np.zeros((4, 5, 6), bool), HoleMix(circles=1, lesions=0), [], rng())


def test_a_mix_of_nothing_is_refused():
    with pytest.raises(ConfigError, match="at least one of circles"):
        HoleMix(circles=0, lesions=0)
    with pytest.raises(ConfigError, match="lesions must be between"):
        HoleMix(lesions=-0.5)
