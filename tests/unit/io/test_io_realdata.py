"""Real scans, there and back; the phantoms of the neighbouring files are their twins."""

from pathlib import Path

import numpy as np
import pytest
from stored_files import contents

from brainfill.io.nifti import read_mask, read_volume, write_filled
from brainfill.preprocess.foreground import foreground
from brainfill.preprocess.match import match_mask

DATA = Path(__file__).parents[3].parent / "shared" / "data"
SCANS = {  # share of the image that is head or brain, seen and looked at once
    "oasis/sub-1002/ses-01/anat/sub-1002_ses-01_T1w.nii.gz": 0.240,
    "heads/sub-niimath/anat/sub-niimath_T1w.nii.gz": 0.357,
    "ixi2mm/sub-IXI012/anat/sub-IXI012_T1w.nii.gz": 0.454,
    "ms/sub-07/anat/sub-07_space-MNI152_T1w.nii.gz": 0.157,
}
pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not DATA.is_dir(), reason="the real scans are not here"),
]


@pytest.mark.parametrize("name", list(SCANS))
def test_only_the_hole_changes_in_the_file(tmp_path, name):
    volume = read_volume(DATA / name)
    where = np.zeros(volume.grid.shape, bool)
    where[tuple(slice(n // 2, n // 2 + 5) for n in where.shape)] = True
    write_filled(volume, np.full(where.shape, 77.0, np.float32), where, tmp_path / "out.nii.gz")
    before, after = contents(DATA / name), contents(tmp_path / "out.nii.gz")
    proxy = volume.source.image.dataobj
    voxel = proxy.dtype.itemsize
    differs = np.flatnonzero(np.frombuffer(before, np.uint8) != np.frombuffer(after, np.uint8))
    inside = np.flatnonzero(where.ravel(order="F"))
    assert len(before) == len(after)
    assert set((differs - proxy.offset) // voxel) <= set(inside)
    again = read_volume(tmp_path / "out.nii.gz").data
    np.testing.assert_allclose(again[where], 77, atol=abs(proxy.slope) / 2 + 1e-3)


@pytest.mark.parametrize(("name", "share"), SCANS.items())
def test_foreground_is_the_head(name, share):
    assert foreground(read_volume(DATA / name)).mean() == pytest.approx(share, abs=0.005)


def test_a_real_mask_fits_its_scan():
    folder = DATA / "ms/sub-07/anat"
    mask = read_mask(folder / "sub-07_space-MNI152_label-lesion_mask.nii.gz")
    image = read_volume(folder / "sub-07_space-MNI152_FLAIR.nii.gz")
    assert match_mask(mask, image).volume_ml() == pytest.approx(1.3)
