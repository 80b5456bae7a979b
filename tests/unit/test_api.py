"""The Python interface, on paths and on images in memory."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import brainfill
from brainfill.core.errors import ConfigError, DataError, InputMissingError


@pytest.fixture
def pair(phantom, phantom_lesion, grids):
    grid = grids["oblique"]
    t1 = nib.Nifti1Image(phantom(grid).data.astype(np.int16), grid.affine)
    return t1, nib.Nifti1Image(phantom_lesion(grid).data.astype(np.uint8), grid.affine)


def test_images_in_images_out(pair):
    t1, mask = pair
    filled = brainfill.fill(t1, mask, method="localmean", dilate=0)
    assert isinstance(filled.image, nib.Nifti1Image)
    assert filled.image.get_data_dtype() == np.int16
    np.testing.assert_array_equal(filled.image.affine, t1.affine)
    before, after = np.asarray(t1.dataobj), np.asarray(filled.image.dataobj)
    where = np.asarray(mask.dataobj) > 0
    np.testing.assert_array_equal(after[~where], before[~where])
    assert (after != before)[where].mean() > 0.9
    np.testing.assert_array_equal(np.asarray(filled.hole.dataobj) > 0, where)
    np.testing.assert_array_equal(np.asarray(filled.labels.dataobj) > 0, where)
    assert filled.sd is None
    assert len(filled.tables["lesions"]) == filled.facts["LesionCount"] == 1
    assert filled.facts["Sources"] == ["image in memory"] * 2
    assert filled.facts["MaxAbsDifferenceOutsideMask"] == 0


def test_paths_give_the_same_as_images(pair, tmp_path):
    paths = []
    for name, image in zip(("t1.nii.gz", "mask.nii"), pair, strict=True):
        nib.save(image, tmp_path / name)
        paths.append(tmp_path / name)
    from_paths = brainfill.fill(str(paths[0]), paths[1], method="localmean")
    loaded = [nib.load(path) for path in paths]  # a file holds the affine in float32
    from_images = brainfill.fill(*loaded, method="localmean")
    np.testing.assert_array_equal(from_paths.image.dataobj, from_images.image.dataobj)
    assert list(from_paths.facts["SourcesSHA256"]) == [str(p) for p in paths]


def test_the_input_image_stays_as_it_was(pair):
    before = np.array(pair[0].dataobj)
    brainfill.fill(*pair, method="localmean")
    np.testing.assert_array_equal(pair[0].dataobj, before)


@pytest.mark.parametrize(
    ("options", "sentence", "hint"),
    [
        ({"dilat": 2}, "no option 'dilat'", "did you mean 'dilate'?"),
        ({"dilate": "2"}, "'dilate' must be a number", ""),
        ({"dilate": -1}, "dilate must be between 0 and 20", ""),
        ({"method": "localmean", "steps": 3}, "--steps means nothing", "leave --steps out"),
        ({"method": "localmean", "device": "cuda"}, "--device cuda means nothing", ""),
        ({"method": "localmean", "settings": ["x=1"]}, "unknown setting 'x'", ""),
    ],
)
def test_options_are_strict(pair, options, sentence, hint):
    with pytest.raises(ConfigError, match=sentence) as refusal:
        brainfill.fill(*pair, **options)
    assert hint in refusal.value.hint


def test_options_may_be_paths(pair):
    with pytest.raises(brainfill.core.errors.UnavailableError, match="no/such"):
        brainfill.fill(*pair, model=Path("no/such"), device="cpu")


def test_warnings_are_python_warnings_unless_taken(pair):
    t1, mask = pair
    grey = nib.Nifti1Image(np.asarray(mask.dataobj) * np.float32(0.7), mask.affine)
    with pytest.warns(UserWarning, match="voxels above 0.5") as issued:
        filled = brainfill.fill(t1, grey, method="localmean")
    assert [str(w.message) for w in issued] == filled.facts["Warnings"]
    heard = []
    brainfill.fill(t1, grey, method="localmean", warn=heard.append)
    assert heard == filled.facts["Warnings"]


def test_progress_is_told(pair):
    stages = []
    brainfill.fill(
        *pair, method="localmean", progress=lambda stage, done, total: stages.append(stage)
    )
    assert stages[0] == "reading"


def test_bad_input_raises(pair, tmp_path):
    t1, mask = pair
    empty = nib.Nifti1Image(np.zeros(mask.shape, np.uint8), mask.affine)
    with pytest.raises(DataError, match="mask of 'image in memory' is empty"):
        brainfill.fill(t1, empty, method="localmean")
    with pytest.raises(InputMissingError, match="none"):
        brainfill.fill(tmp_path / "none.nii", mask, method="localmean")


def test_mask_of_another_place_names_both(pair, tmp_path):
    t1, mask = pair
    nib.save(t1, tmp_path / "a.nii")
    affine = mask.affine.copy()
    affine[0, 3] += 9
    nib.save(nib.Nifti1Image(np.asarray(mask.dataobj), affine), tmp_path / "b.nii")
    with pytest.raises(brainfill.core.errors.GeometryError, match=r"b\.nii.*a\.nii.*9 mm"):
        brainfill.fill(tmp_path / "a.nii", tmp_path / "b.nii", method="localmean")


def test_module_attributes():
    assert brainfill.fill is brainfill.api.fill
    with pytest.raises(AttributeError, match="fil"):
        brainfill.fil  # noqa: B018 - reading it is the test
