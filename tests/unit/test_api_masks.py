"""Masks drawn from Python, on paths and on images in memory."""

import nibabel as nib
import numpy as np
import pytest
import torch

import brainfill
from brainfill.core.errors import ConfigError, DataError, GeometryError
from brainfill.core.registry import names
from brainfill.core.threads import torch_threads
from brainfill.tasks.masks import _base as masks
from brainfill.tasks.masks._base import KINDS


@pytest.fixture
def t1(brain, brain_grids):
    grid = brain_grids["oblique"]
    return nib.Nifti1Image(brain(grid).data.astype(np.int16), grid.affine)


@pytest.fixture
def tumour(t1):
    """Labels 1, 2 and 4 in 4 x 4 x 6 voxels of the left brain."""
    data = np.zeros(t1.shape, np.uint8)
    data[12:16, 20:24, 18:20], data[12:16, 20:24, 20:22], data[12:16, 20:24, 22:24] = 1, 2, 4
    return nib.Nifti1Image(data, t1.affine)


def values(image):
    return np.asarray(image.dataobj)


def test_a_mask_lies_on_the_scan(t1):
    drawn = brainfill.draw_mask("ellipsoids", t1, n=3, radius_mm=[10.0, 20.0], seed=5)
    assert drawn.mask.get_data_dtype() == np.uint8
    assert drawn.mask.shape == t1.shape
    np.testing.assert_array_equal(drawn.mask.affine, t1.affine)
    assert set(np.unique(values(drawn.mask))) == {0, 1}
    assert len(drawn.table) == drawn.facts["LesionCount"] == 3
    assert drawn.facts["Seed"] == drawn.facts["BrainfillArguments"]["seed"] == 5
    assert drawn.facts["Sources"] == ["image in memory"]
    assert drawn.facts["BrainfillArguments"]["radius_mm"] == [10.0, 20.0]
    assert drawn.others == {}


def test_paths_give_the_same_as_images(t1, tumour, tmp_path):
    paths = [tmp_path / "t1.nii.gz", tmp_path / "tumour.nii.gz"]
    for path, image in zip(paths, (t1, tumour), strict=True):
        nib.save(image, path)
    loaded = [nib.load(path) for path in paths]  # a file holds the affine in float32
    one, two = (
        brainfill.draw_mask("healthy", image, mask=mask, pool=[mask])
        for image, mask in (paths, loaded)
    )
    np.testing.assert_array_equal(values(one.mask), values(two.mask))
    assert list(one.facts["SourcesSHA256"]) == [str(p) for p in paths]
    assert one.facts["Pool"]["Masks"] == two.facts["Pool"]["Masks"] == 1
    assert one.facts["Drawn"][0]["source"] == "tumour.nii.gz"
    assert two.facts["Drawn"][0]["source"] == "image 1"


def test_kinds_without_a_choice_of_threads_take_one(t1, monkeypatch):
    taken = []

    def draw(kind, scan, given, config, ctx):
        with torch_threads(ctx):
            taken.append(torch.get_num_threads())
        raise DataError("all is seen")

    monkeypatch.setattr(masks, "draw", draw)
    with pytest.raises(DataError, match="all is seen"):
        brainfill.draw_mask("ellipsoids", t1)
    assert taken == [1]


def test_all_labels_of_a_tumour_count_unless_one_is_chosen(t1, tumour):
    drawn = brainfill.draw_mask("healthy", t1, mask=tumour, pool=[tumour])
    unhealthy = values(drawn.others["unhealthy"]) > 0
    assert unhealthy[values(tumour) > 0].all()
    assert drawn.facts["TumourVolumeML"] == pytest.approx(96 * 0.12)  # voxels of 4.8 x 5 x 5 mm
    one = brainfill.draw_mask("healthy", t1, mask=tumour, pool=[tumour], label=2)
    assert one.facts["TumourVolumeML"] == pytest.approx(32 * 0.12)
    voided = values(one.others["voided"])
    union = values(one.others["union"]) > 0
    assert not voided[union].any()
    np.testing.assert_array_equal(voided[~union], values(t1)[~union])


def test_boxes_want_one_label(tumour):
    with pytest.raises(DataError, match=r"3 labels \(1, 2, 4\)"):
        brainfill.draw_mask("box", tumour, mask=tumour)
    drawn = brainfill.draw_mask("box", tumour, mask=tumour, label=4, grow_vox=0)
    np.testing.assert_array_equal(values(drawn.mask), values(tumour) == 4)
    assert drawn.facts["Sources"] == ["image in memory"]  # named once


def test_brain_and_tissue_come_from_other_grids(t1, brain_grids):
    grid = brain_grids["LAS"]
    half = np.zeros(grid.shape, np.uint8)
    half[:18] = 1  # LAS: the right half
    given = nib.Nifti1Image(half, grid.affine)
    with pytest.warns(UserWarning, match="were resampled"):
        drawn = brainfill.draw_mask("ellipsoids", t1, brain=given, inside=1.0)
    assert drawn.facts["BrainFrom"] == "given"
    assert all(fact["centre_mm"][0] > 0 for fact in drawn.facts["Drawn"])
    labels = nib.Nifti1Image(half * 3 + 4, grid.affine)
    with pytest.warns(UserWarning, match="were resampled"):
        drawn = brainfill.draw_mask("circles", t1, tissue=labels, tissue_labels=[7])
    assert {"share_in_brain", "share_in_tissue"} <= set(drawn.table[0])


def test_a_probability_is_tissue_where_it_is_above_one_half(t1):
    share = nib.Nifti1Image((values(t1) > 0) * np.float32(0.7), t1.affine)
    drawn = brainfill.draw_mask("components", t1, pool=[blob(t1)], tissue=share, n=1)
    assert drawn.table[0]["share_in_tissue"] >= 0.95
    for wrong in (values(share) * 2, values(share) - 0.2):
        with pytest.raises(DataError, match="with fractions, expected labels or a mask"):
            brainfill.draw_mask(
                "components", t1, pool=[blob(t1)], tissue=nib.Nifti1Image(wrong, t1.affine), n=1
            )


def blob(t1):
    data = np.zeros(t1.shape, np.uint8)
    data[20:22, 20:22, 20:22] = 1
    return nib.Nifti1Image(data, t1.affine)


@pytest.mark.parametrize("part", ["mask", "brain", "tissue"])
def test_what_lies_elsewhere_names_both_images(part, t1, tmp_path):
    affine = t1.affine.copy()
    affine[0, 3] += 9
    nib.save(t1, tmp_path / "a.nii")
    nib.save(nib.Nifti1Image((values(t1) > 0).astype(np.uint8), affine), tmp_path / "b.nii")
    with pytest.raises(GeometryError, match=r"b\.nii' and image '.*a\.nii' do not fit.*9 mm"):
        brainfill.draw_mask(
            "components", tmp_path / "a.nii", pool=[blob(t1)], **{part: tmp_path / "b.nii"}
        )


@pytest.mark.parametrize(
    ("kind", "options", "sentence"),
    [
        ("elipsoids", {}, "unknown mask 'elipsoids'; known: box, circles"),
        ("ellipsoids", {"nn": 2}, r"draw_mask\(\) has no option 'nn'"),
        ("ellipsoids", {"n": "2"}, "'n' must be a whole number"),
        ("ellipsoids", {"radius_mm": [1.0]}, "'radius_mm' must be"),
        ("circles", {"plane": "up"}, "'plane' must be one of axial"),
    ],
)
def test_options_are_strict(kind, options, sentence, t1):
    with pytest.raises(ConfigError, match=sentence):
        brainfill.draw_mask(kind, t1, **options)


def test_every_kind_describes_itself():
    from brainfill.core.registry import describe

    assert list(describe(KINDS)) == names(KINDS)
    assert all(describe(KINDS).values())


def test_warnings_are_python_warnings_unless_taken(t1):
    grey = nib.Nifti1Image((values(t1) > 0) * np.float32(0.9), t1.affine)
    with pytest.warns(UserWarning, match="voxels above 0.5") as issued:
        drawn = brainfill.draw_mask("ellipsoids", t1, brain=grey)
    assert [str(w.message) for w in issued] == drawn.facts["Warnings"]
    heard = []
    brainfill.draw_mask("ellipsoids", t1, brain=grey, warn=heard.append)
    assert heard == drawn.facts["Warnings"]


def test_a_patient_is_needed_for_transfer_and_for_nothing_else(t1, tumour):
    with pytest.raises(ConfigError, match="masks of the kind 'transfer' needs a patient"):
        brainfill.draw_mask("transfer", t1)
    patient = brainfill.PatientImages(t1, tumour)
    with pytest.raises(ConfigError, match="'ellipsoids' takes no patient"):
        brainfill.draw_mask("ellipsoids", t1, patient=patient)
