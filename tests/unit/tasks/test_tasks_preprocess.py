"""Presets against METHODS, chains and their products, and filling in a template's space."""

import dataclasses

import numpy as np
import pytest

from brainfill.core.config import to_dict
from brainfill.core.context import Context
from brainfill.core.errors import ConfigError, DataError
from brainfill.core.grid import Grid
from brainfill.core.volume import Mask, Scan, Volume
from brainfill.preprocess.steps import register
from brainfill.preprocess.template import MNI, Template
from brainfill.tasks import fill, preprocess
from brainfill.tasks.preprocess import PreprocessConfig, plan, product_names

MOVE = np.array([[1.02, 0.05, 0, 6], [-0.05, 1.02, 0, -4], [0, 0, 0.98, 5], [0, 0, 0, 1]])


def chain(config):
    return [(name, to_dict(settings)) for name, settings in plan(config)]


@pytest.fixture
def template(brain, brain_grids):
    return brain(brain_grids["RAS"])


@pytest.fixture
def near(template):
    return Context(read=lambda path: template)


@pytest.fixture(params=["LAS", "oblique"])
def scan(request, brain, brain_grids):
    brain_grid = brain_grids[request.param]
    image = brain(brain_grid, MOVE)
    ijk = np.argwhere(np.ones(brain_grid.shape, bool)).astype(float)
    lesion = np.linalg.norm(brain_grid.to_world(ijk) - (-25, 30, 0), axis=1) < 13
    return Scan("sub-01", {"T1w": image}, Mask(lesion.reshape(brain_grid.shape), brain_grid))


# Presets.


def test_l2i_has_the_order_and_the_numbers_of_its_paper():
    steps = chain(PreprocessConfig(preset="l2i"))
    assert [name for name, _ in steps] == [
        "skullstrip",
        "n4",
        "resample",
        "clip",
        "register",
        "crop",
    ]
    settings = dict(steps)
    assert (settings["clip"]["low"], settings["clip"]["high"]) == (2, 98)
    assert (settings["clip"]["over"], settings["clip"]["scale"]) == ("brain", "01")
    assert (settings["resample"]["spacing_mm"], settings["resample"]["order"]) == (1, 3)
    assert (settings["register"]["kind"], settings["register"]["template"]) == ("affine", MNI)
    assert settings["crop"]["size"] == [160, 192, 160]


def test_brats_and_uhr_have_the_numbers_of_their_papers():
    brats = dict(chain(PreprocessConfig(preset="brats")))
    assert list(brats) == ["skullstrip", "clip", "crop"]
    assert (brats["clip"]["low"], brats["clip"]["high"]) == (0.1, 99.9)
    assert (brats["clip"]["over"], brats["clip"]["scale"]) == ("image", "01")
    assert brats["crop"]["size"] == [224, 224, 224]
    uhr = dict(chain(PreprocessConfig(preset="uhr")))
    assert "n4" not in uhr
    assert uhr["reorient"]["axcodes"] == "LIA"
    assert (uhr["clip"]["low"], uhr["clip"]["high"], uhr["clip"]["from_zero"]) == (0, 100, True)
    assert uhr["clip"]["scale"] == "pm1"


def test_the_box_of_l2i_holds_the_brain_of_the_template(near):
    from brainfill.preprocess.steps import crop
    from brainfill.preprocess.template import load_template

    found = load_template(MNI, near.read)
    settings = dict(plan(PreprocessConfig(preset="l2i")))["crop"]
    whole = Scan("a", {"T1w": found.image}, brain=found.brain)
    changed, undo = crop.build(settings)(whole, near)
    assert changed.grid.shape == (160, 192, 160)
    assert changed.brain.data.sum() == found.brain.data.sum()
    np.testing.assert_array_equal(undo.mask(changed.brain).data, found.brain.data)


@pytest.mark.parametrize("preset", ["uhr", "brats"])
def test_ranges_of_the_presets(scan, near, preset):
    """The figures of METHODS 2.1 and 2.2 on an image, worked out here."""
    config = PreprocessConfig(
        preset=preset, settings=() if preset == "uhr" else ("crop.size=[50,50,50]",)
    )
    if preset == "uhr":
        config = dataclasses.replace(config, settings=("resample.spacing_mm=5",))
    result = preprocess.run(scan, config, near)
    data = result.volumes["desc-preproc_T1w.nii.gz"].data
    low, high = (-1, 1) if preset == "uhr" else (0, 1)
    assert (data.min(), data.max()) == (low, pytest.approx(high, abs=1e-6))
    before = scan.images["T1w"].data
    if preset == "brats":
        top = np.percentile(before, 99.9)
        assert data.shape == (50, 50, 50)
        assert data.sum() == pytest.approx(np.clip(before, 0, top).sum() / top, rel=1e-4)
    else:
        assert result.volumes["desc-preproc_T1w.nii.gz"].grid.axcodes() == "LIA"


# Chains.


def test_every_product_is_announced_and_lies_where_it_says(scan, near, template):
    config = PreprocessConfig(template="my_template.nii.gz")
    result = preprocess.run(scan, config, near)
    planned = product_names(config, ["T1w"], lesion=True)
    assert set(result.volumes) | set(result.files) <= set(planned)
    assert {
        "from-T1w_to-mytemplate_mode-image_xfm.txt",
        "from-mytemplate_to-T1w_mode-image_xfm.txt",
    } == set(result.files)
    there = result.volumes["space-mytemplate_desc-preproc_T1w.nii.gz"]
    assert there.grid.same_place(template.grid)
    for mask in ("desc-brain_mask", "label-lesion_mask"):
        assert result.volumes[f"{mask}.nii.gz"].grid.axcodes()[0] == "R"
        assert result.volumes[f"space-mytemplate_{mask}.nii.gz"].grid.same_place(template.grid)
        own_grid = result.volumes[f"{mask}.nii.gz"].grid
        orig = result.volumes.get(f"space-orig_{mask}.nii.gz")
        assert (orig is None) == own_grid.same_place(scan.grid)
        assert orig is None or orig.grid.same_place(scan.grid)
    names = [r["Step"] for r in result.facts["Steps"]]
    assert names == ["reorient", "skullstrip", "n4", "register"]
    found = result.facts["Steps"][3]
    assert found["Correlation"] > 0.35
    assert found["BrainOverlapDice"] > 0.95
    assert result.facts["Steps"][1]["SkullStripBackend"] == "none"


def test_other_contrasts_are_brought_to_the_t1(scan, brain, brain_grids, near):
    dark = brain(brain_grids["oblique"], MOVE)
    shift = np.eye(4)
    shift[:3, 3] = (4, -3, 2)
    flair = Volume(
        np.where(dark.data > 0, 900 - dark.data, 0), Grid(dark.grid.shape, shift @ dark.grid.affine)
    )
    config = PreprocessConfig(steps=("skullstrip",))
    others = {"FLAIR": flair, "T2w": Volume(1000 - scan.images["T1w"].data, scan.grid)}
    result = preprocess.run(scan, config, near, others)
    assert result.facts["RegisteredToT1w"] == ["FLAIR"]
    assert set(result.files) == {
        "from-FLAIR_to-T1w_mode-image_xfm.txt",
        "from-T1w_to-FLAIR_mode-image_xfm.txt",
    }
    t1, moved = (result.volumes[f"desc-preproc_{n}.nii.gz"] for n in ("T1w", "FLAIR"))
    inside = result.volumes["desc-brain_mask.nii.gz"].data
    assert np.corrcoef(t1.data[inside], moved.data[inside])[0, 1] < -0.5


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"steps": ("n4", "n4")}, "'n4' stands in the chain twice"),
        ({"steps": ("n5",)}, "unknown step 'n5'"),
        ({"settings": ("n5.shrink=2",)}, "names no step of the chain"),
        ({"settings": ("shrink=2",)}, "names no step of the chain"),
        ({"settings": ("n4.shrinks=2",)}, "unknown setting 'shrinks'"),
        ({"steps": ("n4",), "skullstrip": "bet"}, "--skullstrip means nothing"),
        ({"preset": "brats", "transform": "syn"}, "--transform means nothing"),
    ],
)
def test_chains_that_make_no_sense(config, sentence):
    with pytest.raises(ConfigError, match=sentence):
        plan(PreprocessConfig(**config))


def test_match_takes_another_grid_and_refuses_one_elsewhere(scan, template, near):
    config = PreprocessConfig(steps=("match",), settings=("match.like=other.nii.gz",))
    result = preprocess.run(scan, config, near)
    found = result.volumes["desc-preproc_T1w.nii.gz"]
    assert found.grid.same_place(template.grid)
    far = template.grid.affine.copy()
    far[:3, 3] += 500
    away = dataclasses.replace(
        near, read=lambda path: Volume(template.data, Grid(template.grid.shape, far))
    )
    with pytest.raises(DataError, match="do not overlap in space"):
        preprocess.run(scan, config, away)
    with pytest.raises(ConfigError, match="needs the image"):
        preprocess.run(scan, PreprocessConfig(steps=("match",)), near)


# Filling in the space of the template.


@pytest.fixture
def small_mni(monkeypatch, template):
    """The phantom in the place of the MNI template."""
    inside = Mask(template.data > 0, template.grid)
    monkeypatch.setattr(
        register, "load_template", lambda wanted, read: Template(MNI, template, inside)
    )


def test_the_fill_comes_back_from_mni_and_nothing_else_changes(scan, near, small_mni):
    before = scan.images["T1w"].data
    spoilt = Scan(
        scan.subject,
        {"T1w": Volume(np.where(scan.lesion.data, 50, before), scan.grid)},
        scan.lesion,
    )
    config = fill.FillConfig(method="harmonic", space="mni", dilate=0)
    result = fill.run(spoilt, config, near)
    filled = result.volumes["filled"].data
    outside = ~scan.lesion.data
    np.testing.assert_array_equal(filled[outside], spoilt.images["T1w"].data[outside])
    error = np.abs(filled - before)[scan.lesion.data].mean()
    assert error < 0.25 * np.abs(before - 50)[scan.lesion.data].mean()
    assert result.facts["FilledIn"] == MNI
    assert result.facts["Template"] == MNI
