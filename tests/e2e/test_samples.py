"""The committed sample scans are what `data-samples/make_samples.py` makes, and look as promised."""

import csv
import hashlib
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

FOLDER = Path(__file__).parents[2] / "data-samples"
BIDS_MASK = "bids/derivatives/lesions/sub-{0}/anat/sub-{0}_space-T1w_label-lesion_mask.nii.gz"
PAIRS = [
    ("sub-01_T1w.nii.gz", "sub-01_lesion_mask.nii.gz"),
    ("oblique_T1w.nii.gz", "oblique_lesion_mask.nii.gz"),
    ("bids/sub-01/anat/sub-01_T1w.nii.gz", BIDS_MASK.format("01")),
    ("bids/sub-02/anat/sub-02_T1w.nii.gz", BIDS_MASK.format("02")),
]


def manifest():
    with (FOLDER / "MANIFEST.tsv").open(encoding="utf-8", newline="") as lines:
        return {row["path"]: row for row in csv.DictReader(lines, delimiter="\t")}


def load(path):
    image = nib.load(FOLDER / path)
    return np.asanyarray(image.dataobj), image


@pytest.fixture(scope="module")
def maker():
    """The generator's script as a module, without leaving its folder on the import path."""
    sys.path.insert(0, str(FOLDER))
    try:
        import make_samples

        yield make_samples
    finally:
        sys.path.remove(str(FOLDER))


def test_every_file_is_listed_with_its_hash():
    rows = manifest()
    for path, row in rows.items():
        content = (FOLDER / path).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (
            int(row["bytes"]),
            row["sha256"],
        ), path
    samples = {p.relative_to(FOLDER).as_posix() for p in FOLDER.rglob("*") if _is_sample(p)}
    assert samples == set(rows)
    assert sum(int(row["bytes"]) for row in rows.values()) < 12 * 2**20


def _is_sample(path):
    parts = path.relative_to(FOLDER).parts
    return path.is_file() and (parts[0] == "bids" or path.name.endswith(".nii.gz"))


@pytest.mark.parametrize(("image", "mask"), PAIRS)
def test_mask_and_image_share_a_grid(image, mask):
    _, t1 = load(image)
    values, lesions = load(mask)
    assert lesions.shape == t1.shape
    np.testing.assert_array_equal(lesions.affine, t1.affine)
    assert (t1.header["qform_code"], t1.header["sform_code"]) == (1, 1)
    assert (t1.get_data_dtype(), lesions.get_data_dtype()) == (np.int16, np.uint8)
    assert set(np.unique(values)) == {0, 1}


@pytest.mark.parametrize(("image", "mask"), PAIRS)
def test_lesion_load_is_that_of_a_patient(image, mask):
    values, lesions = load(mask)
    _, count = ndimage.label(values, np.ones((3, 3, 3)))
    volume = values.sum() * abs(np.linalg.det(lesions.affine[:3, :3])) / 1000
    assert 12 <= count <= 25
    assert 3 <= volume <= 12


def test_scans_cover_the_geometries_users_have():
    codes = {image: "".join(nib.aff2axcodes(load(image)[1].affine)) for image, _ in PAIRS}
    assert list(codes.values()) == ["RAS", "LPS", "RAS", "LIA"]
    assert all(side % 2 for image, _ in PAIRS for side in load(image)[1].shape)
    oblique = load("oblique_T1w.nii.gz")[1]
    np.testing.assert_allclose(oblique.header.get_zooms(), (1.1, 0.9, 3.3), rtol=1e-5)
    assert np.degrees(nib.affines.obliquity(oblique.affine)).min() > 12


def test_truth_differs_in_the_lesions_only_and_is_brighter_there():
    ill, _ = load("sub-01_T1w.nii.gz")
    healthy, image = load("sub-01_truth_T1w.nii.gz")
    inside = load("sub-01_lesion_mask.nii.gz")[0] > 0
    np.testing.assert_array_equal(load("sub-01_T1w.nii.gz")[1].affine, image.affine)
    np.testing.assert_array_equal(ill[~inside], healthy[~inside])
    core = ndimage.binary_erosion(inside)
    assert 0.55 < ill[core].mean() / healthy[core].mean() < 0.85


def test_no_lesion_touches_the_border_and_the_air_is_noisy():
    for image, mask in PAIRS:
        lesions, t1 = load(mask)[0], load(image)[0]
        assert not lesions[[0, -1]].any()
        assert not lesions[:, [0, -1]].any()
        assert not lesions[:, :, [0, -1]].any()
        corner = t1[:8, :8, :8]
        assert corner.min() == 0
        assert 0 < corner.mean() < 5


@pytest.mark.slow
def test_remade_scan_equals_the_committed_one(maker):
    name = "bids-01"
    sample, row = maker.SAMPLES[name], manifest()
    made = maker.make(name)
    image, file = load(sample.image)
    np.testing.assert_allclose(made.affine, file.affine, atol=1e-4)
    assert maker.voxels_hash(made.mask) == row[sample.mask]["voxels_sha256"]
    # Other processors round a few sums differently; a voxel may land on the next grey level.
    difference = np.abs(made.image.astype(int) - image)
    assert difference.max() <= 1
    assert np.count_nonzero(difference) <= 1e-4 * difference.size


def test_packed_file_depends_on_its_voxels_alone(maker):
    voxels = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    affine = np.diag([-1.0, 2.0, 3.0, 1.0])
    packed = maker.encode(voxels, affine)
    assert packed == maker.encode(voxels.copy(order="F"), affine)
    assert packed[4:8] == bytes(4)  # the gzip time stamp
    assert maker.voxels_hash(voxels) == maker.voxels_hash(voxels.astype(">i2"))
