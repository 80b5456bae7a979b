"""The lesion masks of a scan joined on its grid, wherever and however they are stored."""

import nibabel as nib
import numpy as np
import pytest

from brainfill.api._common import ReadConfig
from brainfill.bids.lesion import join
from brainfill.core.errors import GeometryError

SHIFT_MM = 4.0


def save(path, data, affine):
    nib.save(nib.Nifti1Image(data, affine), path)
    return path


@pytest.fixture
def t1(tmp_path, phantom, grids):
    scan = phantom(grids["LAS"])
    return save(tmp_path / "sub-01_T1w.nii.gz", scan.data, scan.grid.affine)


@pytest.fixture
def joined(tmp_path, t1):
    """Joins masks; the facts, what was warned of, and the union."""

    def call(*masks, carried=()):
        said = []
        out = tmp_path / "union.nii.gz"
        facts = join(t1, masks, carried, out, tmp_path / "picture.png", ReadConfig(), said.append)
        return facts, said, np.asarray(nib.load(out).dataobj) > 0

    return call


def test_masks_of_other_orientations_are_joined(tmp_path, joined, phantom_lesion, grids):
    here, there = phantom_lesion(grids["LAS"]), phantom_lesion(grids["LPS"])
    single = np.zeros(here.data.shape, np.uint8)
    single[9, 9, 9] = 1
    masks = [
        save(tmp_path / "a_mask.nii.gz", there.data.astype(np.uint8), there.grid.affine),
        save(tmp_path / "b_mask.nii.gz", single, here.grid.affine),
    ]
    facts, said, union = joined(*masks)
    assert np.array_equal(union, here.data | (single > 0))
    assert (facts["LesionVoxels"], facts["LesionCount"]) == (union.sum(), 2)
    assert facts["LesionVolumeML"] == pytest.approx(union.sum() / 1000)
    assert any("resampled" in sentence for sentence in said)
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_an_empty_mask_is_an_empty_union(tmp_path, joined, grids):
    grid = grids["LAS"]
    mask = save(tmp_path / "a_mask.nii.gz", np.zeros(grid.shape, np.uint8), grid.affine)
    facts, _, union = joined(mask)
    assert (facts["LesionVoxels"], facts["LesionCount"], union.any()) == (0, 0, False)


def test_a_mask_of_a_template_is_brought_back(tmp_path, joined, phantom_lesion, grids):
    lesion = phantom_lesion(grids["RAS"])
    away = lesion.grid.affine.copy()
    away[0, 3] += SHIFT_MM
    mask = save(tmp_path / "a_space-X_mask.nii.gz", lesion.data.astype(np.uint8), away)
    xfm = tmp_path / "a_from-X_to-T1w_mode-image_xfm.txt"
    # ITK: from points of the output to points of the input, x and y mirrored.
    xfm.write_text(
        "#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\n"
        f"Parameters: 1 0 0 0 1 0 0 0 1 {-SHIFT_MM} 0 0\nFixedParameters: 0 0 0\n"
    )
    _, _, union = joined(carried=[(mask, xfm)])
    assert np.array_equal(union, phantom_lesion(grids["LAS"]).data)


def test_a_mask_that_lies_elsewhere_is_refused(tmp_path, joined, phantom_lesion, grids):
    lesion = phantom_lesion(grids["LAS"])
    away = lesion.grid.affine.copy()
    away[0, 3] += 7
    mask = save(tmp_path / "a_mask.nii.gz", lesion.data.astype(np.uint8), away)
    with pytest.raises(GeometryError, match=r"mask '.*a_mask.nii.gz' and T1 '.*' do not fit"):
        joined(mask)
