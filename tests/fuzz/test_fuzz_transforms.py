"""Transforms with damaged bytes: carried, or refused with a sentence; nothing is left behind."""

import gzip
import struct

import nibabel as nib
import numpy as np
import pytest
from fuzz_calls import check_refused_or_done
from mutate import mutated

AFFINE = np.diag([2.0, 2, 2, 1])
TEXT = (
    b"#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\n"
    b"Parameters: 1 0 0 0 1 0 0 0 1 -6 0 0\nFixedParameters: 0 0 0\n"
)


def field(name):
    """The bytes of a field of displacements."""
    data = np.random.default_rng(0).normal(size=(6, 7, 8, 1, 3)).astype(np.float32)
    image = nib.Nifti1Image(data, AFFINE)
    image.header["intent_code"] = 1007
    image.header.set_xyzt_units("mm")
    image.set_qform(AFFINE, 1)
    image.set_sform(AFFINE, 1)
    return image.to_bytes() if name.endswith("nii") else gzip.compress(image.to_bytes(), mtime=0)


def mat():
    """A matrix as MATLAB 4 has it."""
    columns = (
        (b"AffineTransform_double_3_3\0", (1, 0, 0, 0, 1, 0, 0, 0, 1, -6, 0, 0)),
        (b"fixed\0", (0, 0, 0)),
    )
    return b"".join(
        struct.pack("<5i", 0, len(values), 1, 0, len(name))
        + name
        + struct.pack(f"<{len(values)}d", *values)
        for name, values in columns
    )


GOOD = {"a.txt": TEXT, "a.mat": mat(), "w.nii": field("w.nii"), "w.nii.gz": field("w.nii.gz")}


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    path = tmp_path_factory.mktemp("image") / "t1.nii.gz"
    nib.save(
        nib.Nifti1Image(np.random.default_rng(0).random((6, 7, 8)).astype(np.float32), AFFINE), path
    )
    return path


@pytest.mark.parametrize("name", GOOD)
def test_damaged_transforms(name, image, tmp_path, cases):
    transform = tmp_path / name
    for seed in cases(30):
        transform.write_bytes(mutated(GOOD[name], np.random.default_rng([7, seed])))
        words = (
            "transform",
            image,
            "--like",
            image,
            "-t",
            transform,
            "-o",
            tmp_path / "out" / "o.nii.gz",
        )
        check_refused_or_done(words, tmp_path, (seed, name))
