"""Inputs that cannot be used: each one sentence, the right exit code, what was found."""

import gzip
import struct

import nibabel as nib
import numpy as np
import pytest

from brainfill.core.errors import BrainfillError
from brainfill.io.nifti import read_mask, read_volume

AFFINE = np.diag([1.0, 1, 1, 1])


def image(data, cls=nib.Nifti1Image):
    return cls(data, AFFINE)


def saved(path, data, **kwargs):
    nib.save(nib.Nifti1Image(data, AFFINE, **kwargs), path)
    return path


def ones(*shape, dtype="i2"):
    return np.ones(shape, dtype)


def refused(source, code, *words, read=read_volume, **kwargs):
    with pytest.raises(BrainfillError) as error:
        read(source, **kwargs)
    message = str(error.value)
    assert error.value.exit_code == code, message
    assert error.value.hint
    assert "\n" not in message
    for word in words:
        assert word in message, message
    return error.value


def test_missing_folder_and_broken_link(tmp_path):
    refused(tmp_path / "no.nii.gz", 66, "no.nii.gz", "does not exist")
    refused(str(tmp_path / "no" / "no.nii"), 66, "does not exist")
    refused(tmp_path, 66, "is a folder")
    (tmp_path / "link.nii").symlink_to(tmp_path / "gone.nii")
    assert "datalad get" in refused(tmp_path / "link.nii", 66, "link to a file").hint


def test_unreadable(tmp_path, monkeypatch):
    path = saved(tmp_path / "t1.nii", ones(2, 2, 2))

    def refuse(self, mode):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    refused(path, 66, "t1.nii", "Permission denied")


@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_truncated_gzip(tmp_path, share):
    data = np.random.default_rng(0).integers(0, 999, (20, 20, 20)).astype("i2")
    path = saved(tmp_path / "t1.nii.gz", data)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    refused(path, 65, "t1.nii.gz", "stop too early")


def test_damaged_gzip_is_noticed_even_in_the_checksum(tmp_path):
    path = saved(tmp_path / "t1.nii.gz", ones(4, 4, 4))
    data = bytearray(path.read_bytes())
    data[-6] ^= 1  # checksum
    path.write_bytes(data)
    refused(path, 65, "t1.nii.gz", "damaged")


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"subject,age\nsub-01,33\n", "found text, expected"),
        (b"", "an empty file"),
        (b"<!DOCTYPE html><html>404", "a web page"),
        (b"PK\x03\x04" + b"\0" * 400, "a zip archive"),
        (b"\0" * 128 + b"DICM" + b"\0" * 400, "DICOM"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer"),
        (b"\x01\x02\x03" * 300, "data without the mark"),
        (struct.pack("<i", 348) + b"\0" * 340 + b"ni1\0", "pair"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_not_an_image(tmp_path, data, found, packed):
    path = tmp_path / "t1.nii.gz"
    path.write_bytes(gzip.compress(data) if packed else data)
    refused(path, 65, "t1.nii.gz", "not an image", found)


@pytest.mark.parametrize("name", ["t1.nii", "t1.mgh"])
def test_cut_short_without_packing(tmp_path, name):
    cls = nib.MGHImage if name.endswith("mgh") else nib.Nifti1Image
    nib.save(cls(ones(5, 5, 5), AFFINE), tmp_path / name)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[:400])
    refused(tmp_path / name, 65, "cut short", "found 400 bytes")


@pytest.mark.parametrize("name", ["t1.nii", "t1.nii.gz", "t1.mgz", "T1.NII.GZ", "t1"])
def test_content_decides_not_the_name(tmp_path, name):
    (tmp_path / name).write_bytes(image(ones(2, 3, 4)).to_bytes())
    assert read_volume(tmp_path / name).grid.shape == (2, 3, 4)


def test_many_frames_and_few_dimensions(tmp_path):
    refused(saved(tmp_path / "bold.nii", ones(2, 2, 2, 5)), 65, "bold.nii", "5 frames")
    refused(saved(tmp_path / "flat.nii", ones(4, 4)), 65, "flat.nii", "three dimensions")
    refused(image(ones(2, 2, 2, 3)), 65, "image in memory", "3 frames")


def test_complex_and_colour(tmp_path):
    refused(saved(tmp_path / "c.nii", ones(2, 2, 2, dtype="c8")), 65, "c.nii", "complex")
    rgb = np.zeros((2, 2, 2), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    refused(saved(tmp_path / "rgb.nii", rgb), 65, "rgb.nii", "RGB")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("read", [read_volume, read_mask])
def test_not_finite(tmp_path, bad, read):
    data = ones(3, 3, 3, dtype="f4")
    data[0, 0, :2] = bad
    path = saved(tmp_path / "t1.nii.gz", data)
    assert "--nan-to-zero" in refused(path, 65, "t1.nii.gz", "2 voxels", read=read).hint
    said = []
    assert read(path, nan_to_zero=True, warn=said.append).data.sum() == 25
    assert len(said) == 1


def test_too_large_for_float32_counts_as_not_finite(tmp_path):
    data = ones(2, 2, 2, dtype="f8")
    data[0, 0, 0] = 1e300
    refused(saved(tmp_path / "t1.nii", data), 65, "1 voxels")


@pytest.mark.parametrize(
    ("at", "what", "words"),
    [
        (280, struct.pack("<4f", 0, 0, 0, 0), "singular"),
        (280, struct.pack("<f", np.nan), "finite"),
    ],
)
def test_senseless_affine_names_the_file(tmp_path, at, what, words):
    data = bytearray(image(ones(2, 2, 2)).to_bytes())
    data[at : at + len(what)] = what
    (tmp_path / "t1.nii").write_bytes(data)
    refused(tmp_path / "t1.nii", 65, "t1.nii", words)


def test_affine_beyond_all_numbers_is_refused_without_a_word_of_numpy(tmp_path):
    affine = np.eye(4)
    affine[:3, :3] = [
        [1.4e31, -4.3e142, -1.2e-24],
        [2.1e-317, 0, 2.1e-317],
        [6.2e-317, 6.2e-317, 0],
    ]
    source = nib.Nifti2Image(ones(2, 2, 2), affine)
    refused(source, 65, "singular", "no volume")


@pytest.mark.parametrize("name", ["t1.nii", "t1.mgh"])
def test_any_damaged_header_ends_in_a_sentence(tmp_path, name):
    """Random damage must be refused as bad data or read; nothing else may come out."""
    cls = nib.MGHImage if name.endswith("mgh") else nib.Nifti1Image
    nib.save(cls(ones(3, 4, 5), AFFINE), tmp_path / name)
    good = (tmp_path / name).read_bytes()
    rng, codes = np.random.default_rng(1), []
    for _ in range(300):
        data = bytearray(good)
        for at in rng.integers(4, 344, rng.integers(1, 6)):
            data[at] = rng.integers(0, 256)
        (tmp_path / name).write_bytes(data)
        try:
            read_volume(tmp_path / name)
        except BrainfillError as error:
            codes.append(error.exit_code)
    assert len(codes) > 15
    assert set(codes) == {65}


def test_unknown_image_class():
    refused(nib.Spm99AnalyzeImage(ones(2, 2, 2), AFFINE), 65, "Spm99AnalyzeImage")


def test_image_whose_file_is_gone(tmp_path):
    path = saved(tmp_path / "t1.nii.gz", ones(2, 2, 2))
    loaded = nib.load(path)
    path.unlink()
    refused(loaded, 65, "cannot be read")
