"""The sample head at every second voxel."""

from pathlib import Path
from typing import NamedTuple

import nibabel as nib
import numpy as np
import pytest

SAMPLES = Path(__file__).parents[2] / "data-samples"


class Head(NamedTuple):
    """The sample head at 2 mm: int16, white matter at 100; its lesion mask, uint8; where both lie."""

    t1: np.ndarray
    mask: np.ndarray
    affine: np.ndarray


@pytest.fixture(scope="session")
def _head():
    t1 = nib.load(SAMPLES / "sub-01_T1w.nii.gz")
    mask = nib.load(SAMPLES / "sub-01_lesion_mask.nii.gz")
    affine = t1.affine @ np.diag([2.0, 2, 2, 1])
    values = [np.asarray(image.dataobj)[::2, ::2, ::2] for image in (t1, mask)]
    return Head(values[0].astype(np.int16), values[1].astype(np.uint8), affine)


@pytest.fixture
def head(_head):
    """The sample head; arrays of its own for every test."""
    return Head(*(part.copy() for part in _head))


@pytest.fixture
def save(tmp_path):
    """Write an image into the folder of the test: `save("t1.nii.gz", data, affine)`; its path."""

    def write(name, data, affine, image_class=nib.Nifti1Image):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = image_class(data, affine)
        if image_class is not nib.MGHImage:
            image.header.set_xyzt_units("mm", "sec")
        nib.save(image, path)
        return path

    return write


@pytest.fixture
def values():
    """The voxels of an image in a file."""
    return lambda path: np.asarray(nib.load(path).dataobj)
