"""Pictures of lesions: where things are, how large, how grey, and nothing but pixels."""

import io
import re

import numpy as np
import pytest
from PIL import Image
from study_cases import balls

from brainfill.core.errors import ConfigError, DataError
from brainfill.core.grid import Grid
from brainfill.core.volume import Mask, Volume
from brainfill.pictures import PLANES, edges, grey_range, outline, picture, plane_grid
from brainfill.study.config import StudyConfig

CONFIG = StudyConfig(crop_mm=20, pixel_mm=0.5)
# A marker to the right, in front of and above the centre.
CENTRE, MARKER = (0.5, -1.0, 0.0), (4.5, 3.5, 4.0)


def square(plane, centre, config):
    return plane_grid(
        plane, centre, (config.pixels, config.pixels), config.pixel_mm, config.convention
    )


def pixels(image, plane, config=CONFIG, shown=(0, 100)):
    content = picture(image, square(plane, CENTRE, config), shown)
    return np.asarray(Image.open(io.BytesIO(content)))


def marked(grid, centre):
    """A smooth ball of 100 at a place [mm]."""
    xyz = grid.to_world(np.argwhere(np.ones(grid.shape, bool)).astype(float))
    value = 100 * np.exp(-0.5 * np.sum((xyz - centre) ** 2, axis=1) / 2.0**2)
    return Volume(value.reshape(grid.shape), grid)


# In the plane of each picture, where its marker lies: [mm] to the right and down from the centre.
OFFSETS = {
    "radiological": {"axial": (-4, -4.5), "coronal": (-4, -4), "sagittal": (-4.5, -4)},
    "neurological": {"axial": (4, -4.5), "coronal": (4, -4), "sagittal": (-4.5, -4)},
}


def in_plane(plane):
    """The marker's place, moved into a plane through the centre."""
    depth = {"axial": 2, "coronal": 1, "sagittal": 0}[plane]
    return tuple(CENTRE[i] if i == depth else MARKER[i] for i in range(3))


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("convention", ["radiological", "neurological"])
def test_things_are_where_the_convention_puts_them(any_grid, plane, convention):
    place = in_plane(plane)
    config = StudyConfig(crop_mm=20, pixel_mm=0.5, convention=convention)
    seen = pixels(marked(any_grid, place), plane, config).astype(float)
    down, right = (np.indices(seen.shape) * seen).sum(axis=(1, 2)) / seen.sum()
    offset = (np.array([right, down]) - config.pixels // 2) * config.pixel_mm
    # The voxels of the phantoms' grids are up to 3 mm long; a wrong side is off by 8 mm.
    assert offset == pytest.approx(OFFSETS[convention][plane], abs=0.5)


def test_letters_at_the_edges():
    assert [edges(p, "radiological") for p in PLANES] == ["RLAP", "RLSI", "APSI"]
    assert [edges(p, "neurological") for p in PLANES] == ["LRAP", "LRSI", "APSI"]


@pytest.mark.parametrize("axcodes", ["LAS", "LPS", "PSR"])
def test_storage_order_does_not_matter(grids, phantom, axcodes):
    there = pixels(phantom(grids[axcodes]), "coronal", shown=(0, 1000))
    if axcodes == "PSR":  # other voxels of the same head
        return np.testing.assert_allclose(
            there, pixels(phantom(grids["RAS"]), "coronal", shown=(0, 1000)), atol=40
        )
    np.testing.assert_array_equal(there, pixels(phantom(grids["RAS"]), "coronal", shown=(0, 1000)))
    return None


def extent_mm(path, config):
    points = np.array(re.findall(r"([\d.]+) ([\d.]+)", path), float)
    return np.ptp(points, axis=0) * config.pixel_mm, points.mean(axis=0)


@pytest.mark.parametrize("plane", PLANES)
def test_the_outline_has_the_size_of_the_lesion(any_grid, plane):
    lesion = Mask(balls(any_grid, {CENTRE: 5}), any_grid)
    size, middle = extent_mm(outline(lesion, square(plane, CENTRE, CONFIG)), CONFIG)
    voxel = max(any_grid.spacing())
    assert size == pytest.approx([10, 10], abs=voxel)
    assert middle == pytest.approx([CONFIG.pixels / 2] * 2, abs=voxel / CONFIG.pixel_mm / 2 + 1)


@pytest.mark.parametrize("plane", PLANES)
def test_the_outline_is_where_the_lesion_is_seen(any_grid, plane):
    lesion = Mask(balls(any_grid, {in_plane(plane): 3}), any_grid)
    _, middle = extent_mm(outline(lesion, square(plane, CENTRE, CONFIG)), CONFIG)
    offset = (middle - CONFIG.pixels / 2) * CONFIG.pixel_mm
    # The axial offsets, -4 and -4.5 mm, differ by too little to tell the axes apart; the next test tells them.
    assert offset == pytest.approx(
        OFFSETS["radiological"][plane], abs=max(any_grid.spacing()) / 2 + 0.5
    )


def test_the_outline_is_long_where_the_lesion_is(any_grid):
    # Three balls in a row from left to right: wide in an axial picture, narrow in a sagittal one.
    row = {(x, CENTRE[1], CENTRE[2]): 3 for x in (-3.5, 0.5, 4.5)}
    lesion = Mask(balls(any_grid, row), any_grid)
    for plane, size in (("axial", (14, 6)), ("coronal", (14, 6)), ("sagittal", (6, 6))):
        found, _ = extent_mm(outline(lesion, square(plane, CENTRE, CONFIG)), CONFIG)
        assert found == pytest.approx(size, abs=max(any_grid.spacing()))


def test_proportions_are_true_on_thick_slices():
    # 1 x 1 x 4 mm: a ball is as high as it is wide.
    grid = Grid(
        (30, 30, 8),
        np.diag([1, 1, 4, 1]) + np.array([[0, 0, 0, -15]] * 2 + [[0, 0, 0, -14]] + [[0] * 4]),
    )
    lesion = Mask(balls(grid, {(0, 0, 0): 10}), grid)
    config = StudyConfig(crop_mm=40)
    across, down = extent_mm(outline(lesion, square("coronal", (0, 0, 0), config)), config)[0]
    assert across == pytest.approx(20, abs=1)
    assert down == pytest.approx(20, abs=4)


def test_a_single_voxel_has_an_outline_whatever_the_pixel():
    grid = Grid((3, 3, 3), np.diag([0.3, 0.3, 0.3, 1]))
    lesion = Mask(np.pad(np.ones((1, 1, 1), bool), 1), grid)
    for pixel_mm in (0.2, 0.5, 2.0):
        config = StudyConfig(pixel_mm=pixel_mm)
        path = outline(lesion, square("axial", (0.3, 0.3, 0.3), config))
        assert path.count("M") == 1


def test_pixels_of_an_oblong_picture_by_hand():
    grid = plane_grid("coronal", (10, 20, 30), (5, 3), 2)
    # The person's right, +x, is on the left; the top is +z.
    assert grid.shape == (5, 3, 1)
    corners = grid.to_world(np.array([[0, 0, 0], [2, 1, 0], [4, 2, 0]], float))
    np.testing.assert_allclose(corners, [[14, 20, 32], [10, 20, 30], [6, 20, 28]])


def test_the_grey_range_by_hand():
    values = np.zeros((10, 10, 11))
    values[..., 1:] = np.arange(1, 1001).reshape(10, 10, 10)
    image = Volume(values, Grid(values.shape, np.eye(4)))
    nothing = Mask(np.zeros(values.shape), image.grid)
    low, high = np.percentile(np.arange(1, 1001), [0.5, 99.5])
    assert grey_range(image, nothing) == pytest.approx((low, high + 0.15 * (high - low)))


def test_a_bright_lesion_is_not_plain_white():
    grid = Grid((40, 40, 40), np.eye(4))
    values = np.random.default_rng(0).normal(500, 20, grid.shape)
    lesion = balls(grid, {(20, 20, 20): 3})  # 0.2 % of the voxels
    values[lesion] = np.linspace(800, 1200, lesion.sum())
    _, white = grey_range(Volume(values, grid), Mask(lesion, grid))
    assert white > 1190


def test_a_blank_image_is_refused():
    grid = Grid((5, 5, 5), np.eye(4))
    for value in (0, 7):
        with pytest.raises(DataError, match="one value"):
            grey_range(Volume(np.full(grid.shape, value), grid), Mask(np.ones(grid.shape), grid))


def test_grey_is_linear_and_cut_off():
    grid = Grid(
        (60, 60, 60), np.diag([0.5, 0.5, 0.5, 1]) - np.array([[0, 0, 0, 15]] * 3 + [[0] * 4])
    )
    ramp = grid.to_world(np.argwhere(np.ones(grid.shape, bool)).astype(float))[:, 0]
    image = Volume((10 * ramp).reshape(grid.shape), grid)
    seen = pixels(image, "axial", StudyConfig(crop_mm=20, convention="neurological"), (-50, 50))
    x = CENTRE[0] + (np.arange(41) - 20) * 0.5
    np.testing.assert_allclose(seen[20], 255 * np.clip((10 * x + 50) / 100, 0, 1), atol=1)


def test_a_picture_holds_pixels_only(phantom, grids):
    content = picture(phantom(grids["RAS"]), square("axial", CENTRE, CONFIG), (0, 1000))
    kinds, at = [], 8
    while at < len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        kinds.append(content[at + 4 : at + 8])
        at += 12 + length
    assert set(kinds) == {b"IHDR", b"IDAT", b"IEND"}
    image = Image.open(io.BytesIO(content))
    assert (image.mode, image.size, image.info) == ("L", (41, 41), {})


@pytest.mark.parametrize(
    "options", [{"crop_mm": 5}, {"pixel_mm": 0}, {"candidates": 11}, {"candidates": 1}]
)
def test_options_out_of_range(options):
    with pytest.raises(ConfigError, match="must be between"):
        StudyConfig(**options)
