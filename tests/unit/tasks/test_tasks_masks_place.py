"""Lesions laid by the map, in a phantom that is in MNI space already: registration is stubbed, all else is not."""

import dataclasses
import json

import numpy as np
import pytest
from scipy import ndimage
from stored_axes import stored

from brainfill.core.errors import ConfigError, DataError
from brainfill.core.grid import Grid
from brainfill.core.volume import LabelMap, Mask, Scan, Volume
from brainfill.lesions import atlas
from brainfill.preprocess import ventricles
from brainfill.preprocess.registration import Registration
from brainfill.preprocess.transforms import linear_transform
from brainfill.tasks.masks import _anatomy, place
from brainfill.tasks.masks._base import PoolMask, draw

TOUCHING = np.ones((3, 3, 3))
CONFIG = place.Config(seed=3, n=6, largest_ml=0.3)


@pytest.fixture(autouse=True)
def in_mni_space(monkeypatch, tissue_phantom, tissue_grids):
    """The phantom is where the template is, and has the template's ventricles."""
    same = linear_transform(np.eye(4))
    monkeypatch.setattr(place, "to_template", lambda found, ctx: Registration(same, same))
    monkeypatch.setattr(
        ventricles, "mni_ventricles", lambda: tissue_phantom(tissue_grids["RAS"])[1]
    )


@pytest.fixture
def scan(tissue_phantom, tissue_grids):
    def make(name="RAS"):
        tissues, _ = tissue_phantom(tissue_grids[name])
        image = Volume(np.array([0, 30, 70, 100])[tissues.data], tissues.grid)
        brain = Mask(tissues.data > 0, tissues.grid)
        return Scan("sub-01", {"T1w": image}, brain=brain, labels=tissues)

    return make


@pytest.mark.parametrize("name", ["RAS", "oblique", "anisotropic"])
def test_rules_of_tissue_hold(scan, ctx, name):
    subject = scan(name)
    result = draw("place", subject, [], CONFIG, ctx)
    mask, table = result.volumes["mask"], result.tables["components"]
    assert mask.grid.same_place(subject.grid)
    assert ndimage.label(mask.data, TOUCHING)[1] == len(table) == result.facts["LesionCount"] == 6
    tissues = subject.labels.data
    white_and_margin = (
        ndimage.distance_transform_edt(tissues != 3, sampling=subject.grid.spacing()) <= 2.0
    )
    assert white_and_margin[mask.data].all()
    assert not (tissues[mask.data] == 1).any()
    for row in table:
        assert row["share_in_tissue"] >= 0.95
        assert row["volume_ratio"] == pytest.approx(1, abs=0.5 * subject.grid.voxel_ml() / 0.008)
        assert row["source"] == "ms"
    assert "Lesjak" in result.facts["LesionMap"]
    json.dumps(result.facts)


def test_the_same_seed_draws_the_same_and_another_something_else(scan, ctx):
    one, two, other = (
        draw("place", scan(), [], dataclasses.replace(CONFIG, seed=s), ctx) for s in (3, 3, 4)
    )
    np.testing.assert_array_equal(one.volumes["mask"].data, two.volumes["mask"].data)
    assert one.facts == two.facts
    assert (one.volumes["mask"].data != other.volumes["mask"].data).any()


@pytest.mark.slow
def test_tissues_that_are_found_are_the_same_every_time(scan, ctx):
    known = scan()
    noise = np.random.default_rng(0).normal(0, 18, known.grid.shape) * known.brain.data
    noisy = known.images["T1w"].like(known.images["T1w"].data + noise)
    unknown = dataclasses.replace(known, images={"T1w": noisy}, labels=None)
    first, *others = (draw("place", unknown, [], CONFIG, ctx) for _ in range(3))
    assert first.facts["TissuesFrom"] == "three classes by brightness"
    for other in others:
        np.testing.assert_array_equal(other.volumes["mask"].data, first.volumes["mask"].data)
        assert other.tables == first.tables
        assert other.facts == first.facts


@pytest.mark.parametrize("codes", ["LAS", "LPS", "SRP"])
def test_the_mask_lies_where_it_lies_however_the_scan_is_stored(scan, ctx, codes):
    for name in ("RAS", "oblique"):
        plain = scan(name)
        parts = (plain.images["T1w"], plain.brain, plain.labels)
        image, brain, labels = (stored(part, tuple(codes)) for part in parts)
        turned = Scan("sub-01", {"T1w": image}, brain=brain, labels=labels)
        one, two = (draw("place", s, [], CONFIG, ctx).volumes["mask"] for s in (plain, turned))
        np.testing.assert_array_equal(stored(one, tuple(codes)).data, two.data)


def test_lesions_gather_where_the_map_is_high(scan, ctx, monkeypatch):
    """A map that knows one corner only: all lesions lie there."""
    grid = Grid(
        (40, 40, 40), np.array([[2.0, 0, 0, -40], [0, 2, 0, -40], [0, 0, 2, -40], [0, 0, 0, 1]])
    )
    data = np.zeros(grid.shape, np.float32)
    data[20:, 20:, 20:] = 0.2
    monkeypatch.setattr(atlas, "lesion_map", lambda: (data, grid))
    mask = draw("place", scan(), [], CONFIG, ctx).volumes["mask"]
    xyz = mask.grid.to_world(np.argwhere(mask.data).astype(float))
    assert xyz.min() > -6  # half a lesion beyond


def test_a_load_is_reached_to_the_smallest_lesion(scan, ctx):
    config = place.Config(load_ml=1.5, largest_ml=0.3)
    result = draw("place", scan(), [], config, ctx)
    assert 1.5 - 0.0081 <= result.facts["LesionVolumeML"] <= 1.5


def test_ellipsoids_have_the_sizes_of_lesions(scan, ctx):
    result = draw("place", scan(), [], place.Config(n=5, ellipsoids=True, largest_ml=0.2), ctx)
    volumes = [row["volume_ml"] for row in result.tables["components"]]
    assert max(volumes) <= 0.2 + scan().grid.voxel_ml()
    assert {row["source"] for row in result.tables["components"]} == {"ellipsoid"}
    assert result.facts["Shapes"].startswith("ellipsoids")


def test_given_masks_lend_their_shapes(scan, ctx):
    data = np.zeros((12, 12, 12), bool)
    data[2:5, 2:4, 2:4] = data[7:9, 7:9, 7:10] = True
    pool = [PoolMask("mine", lambda: Mask(data, Grid(data.shape, np.diag([2.0, 2, 2, 1]))))]
    result = draw("place", scan(), pool, place.Config(n=2), ctx)
    assert {row["source"] for row in result.tables["components"]} == {"mine"}
    assert result.facts["Shapes"] == "masks given"
    with pytest.raises(
        DataError, match="1 masks have 2 lesions of 0 to 20 ml, expected at least 3"
    ):
        draw("place", scan(), pool, place.Config(n=3), ctx)


def test_what_does_not_fit_is_an_error_with_exit_code_65(scan, ctx):
    with pytest.raises(
        DataError, match=r"found room for .* ml of lesions, expected 60 ml"
    ) as error:
        draw("place", scan(), [], place.Config(load_ml=60.0, smallest_ml=0.3, tries=2), ctx)
    assert error.value.exit_code == 65
    with pytest.raises(DataError, match="the library that is shipped has 0 lesions of 5 to 20 ml"):
        draw("place", scan(), [], place.Config(n=1, smallest_ml=5.0), ctx)


def test_labels_other_than_tissues_are_refused(scan, ctx):
    subject = scan()
    wrong = LabelMap(subject.labels.data * 10, subject.grid)
    with pytest.raises(DataError, match=r"has the labels 10, 20, 30, expected 1 \(fluid\)"):
        draw("place", dataclasses.replace(subject, labels=wrong), [], CONFIG, ctx)


def test_a_map_that_misses_the_image_is_refused(scan, ctx, monkeypatch):
    away = np.eye(4)
    away[:3, 3] = 500
    there, back = (linear_transform(m) for m in (away, np.linalg.inv(away)))
    monkeypatch.setattr(place, "to_template", lambda found, ctx: Registration(there, back))
    monkeypatch.setattr(place, "anatomy_in_mni", lambda found, r, c: _anatomy_of(scan()))
    with pytest.raises(DataError, match="the map of lesions falls outside the image"):
        draw("place", scan(), [], CONFIG, ctx)


def _anatomy_of(subject):
    from brainfill.lesions.anatomy import anatomy

    wet = Mask(np.zeros(subject.grid.shape, bool), subject.grid)
    return anatomy(subject.labels, wet)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"n": 3, "load_ml": 2.0}, "found both a number of lesions, 3, and a volume, 2 ml"),
        ({"smallest_ml": 3.0, "largest_ml": 2.0}, "--smallest-ml 3 is above --largest-ml 2"),
        ({"n": 0}, "n must be between 1 and 1000"),
        ({"inside": 0.0}, "inside must be between"),
    ],
)
def test_options_that_cannot_be_meant(options, sentence):
    with pytest.raises(ConfigError, match=sentence):
        place.Config(**options)


def test_tissues_are_found_where_none_are_given(scan, ctx, monkeypatch):
    """N4 and the classes by brightness; the brain as all that is shown."""
    subject = scan()
    noise = np.random.default_rng(0).normal(0, 4, subject.grid.shape) * subject.brain.data
    image = subject.images["T1w"]
    image = image.like(image.data + noise)
    subject = dataclasses.replace(subject, images={"T1w": image}, labels=None)
    found = _anatomy.stripped(subject, ctx)
    assert found.facts["TissuesFrom"] == "three classes by brightness"
    agree = found.tissues.data == scan().labels.data
    assert agree[subject.brain.data].mean() > 0.97
