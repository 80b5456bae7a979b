"""Images on disk for the tests of the commands."""

import nibabel as nib
import numpy as np

AFFINE = np.array([[-1.0, 0, 0, 10], [0, 1.2, 0, -12], [0, 0, 1.5, -9], [0, 0, 0, 1]])


def save(path, data, affine=AFFINE, cls=nib.Nifti1Image):
    """Write an image; its path."""
    nib.save(cls(data, affine), path)
    return path
