"""Reading, and writing that leaves every stored voxel outside the fill as it was, bit by bit."""

import gzip
import struct

import nibabel as nib
import numpy as np
import pytest
from stored_files import AFFINE, SHAPE, a_hole, contents, expected_bytes, save, voxels

from brainfill.core.volume import Volume
from brainfill.io.nifti import read_volume, write_filled

NIFTI_TYPES = ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("scale", [(1.0, 0.0), (0.25, -3.5), (-2.0, 1e3)])
@pytest.mark.parametrize("dtype", NIFTI_TYPES)
def test_only_the_filled_bytes_change(tmp_path, dtype, scale, order):
    source = save(tmp_path / "t1.nii.gz", voxels(dtype), *scale, order=order, extend=True)
    where, fill = a_hole(), np.full(SHAPE, 10.0, np.float32)
    raw = (10.0 - scale[1]) / scale[0]
    info = np.finfo(dtype) if dtype[0] == "f" else np.iinfo(dtype)
    stored = raw if dtype[0] == "f" else np.clip(np.rint(raw), info.min, info.max)
    facts = write_filled(read_volume(source), fill, where, tmp_path / "out.nii.gz")
    raws = [np.array(stored).astype(dtype)] * where.sum()
    assert contents(tmp_path / "out.nii.gz") == expected_bytes(source, where, raws)
    assert facts.max_difference_outside == 0
    assert facts.clipped == (where.sum() if not info.min <= raw <= info.max else 0)
    assert facts.voxels_changed <= where.sum()


@pytest.mark.parametrize(("name_in", "name_out"), [("a.nii", "b.nii.gz"), ("a.nii.gz", "b.nii")])
@pytest.mark.parametrize("cls", [nib.Nifti1Image, nib.Nifti2Image])
def test_packing_does_not_matter(tmp_path, name_in, name_out, cls):
    source = save(tmp_path / name_in, voxels("i2"), 0.5, 2, cls=cls, extend=True)
    where = a_hole()
    write_filled(read_volume(source), np.full(SHAPE, 3.0, np.float32), where, tmp_path / name_out)
    assert contents(tmp_path / name_out) == expected_bytes(source, where, [2] * where.sum())


@pytest.mark.parametrize("dtype", [">u1", ">i2", ">i4", ">f4"])
def test_mgz_bytes_stay_with_their_footer(tmp_path, dtype):
    data = voxels(dtype).astype(np.dtype(dtype).newbyteorder("="))
    image = nib.MGHImage(data, AFFINE)
    image.header["tr"] = 2300
    nib.save(image, tmp_path / "a.mgz")
    tail = gzip.decompress((tmp_path / "a.mgz").read_bytes()) + b"\0\0\0\x03tags nibabel ignores"
    source = tmp_path / "t1.mgz"
    source.write_bytes(gzip.compress(tail))
    where = a_hole()
    write_filled(read_volume(source), np.full(SHAPE, 9.0, np.float32), where, tmp_path / "out.mgz")
    assert contents(tmp_path / "out.mgz") == expected_bytes(source, where, [9] * where.sum())
    assert nib.load(tmp_path / "out.mgz").header["tr"] == 2300


def test_four_dimensions_with_one_frame_stay_four(tmp_path):
    source = save(tmp_path / "t1.nii", voxels("i2", (*SHAPE, 1)))
    volume = read_volume(source)
    assert volume.data.shape == SHAPE
    where = a_hole()
    write_filled(volume, np.full(SHAPE, 3.0, np.float32), where, tmp_path / "out.nii")
    assert nib.load(tmp_path / "out.nii").shape == (*SHAPE, 1)
    assert contents(tmp_path / "out.nii") == expected_bytes(source, where, [3] * where.sum())


def test_nan_payloads_outside_the_fill_stay(tmp_path):
    data = voxels("f4")
    bits = data.view("u4")
    bits[0, 0, 0], bits[1, 0, 0], bits[2, 0, 0] = 0x7FC12345, 0xFFC00001, 0x7F800000
    data[0, 1, 0] = -0.0
    source = save(tmp_path / "t1.nii.gz", data)
    said = []
    volume = read_volume(source, nan_to_zero=True, warn=said.append)
    assert said == [f"3 voxels of '{source}' are NaN or infinite and were read as 0"]
    assert np.array_equal(volume.data[:3, 0, 0], [0, 0, 0])
    where = a_hole()
    write_filled(volume, np.full(SHAPE, 3.0, np.float32), where, tmp_path / "out.nii.gz")
    assert contents(tmp_path / "out.nii.gz") == expected_bytes(source, where, [3] * where.sum())


def test_fill_is_rounded_and_clipped_to_the_type(tmp_path):
    source = save(tmp_path / "t1.nii", np.zeros((1, 1, 6), "i2"), 0.5, 10)
    fill = np.array([[[10.2, 10.3, 9.7, 1e9, -1e9, 10 + 32767 / 2]]], np.float32)
    facts = write_filled(read_volume(source), fill, np.ones((1, 1, 6), bool), tmp_path / "o.nii")
    stored = nib.load(tmp_path / "o.nii").dataobj.get_unscaled()
    assert stored.ravel().tolist() == [0, 1, -1, 32767, -32768, 32767]
    assert (facts.clipped, facts.voxels_changed) == (2, 5)


def test_int64_limits_do_not_overflow(tmp_path):
    source = save(tmp_path / "t1.nii", np.zeros((1, 1, 2), "i8"))
    fill = np.array([[[1e30, -1e30]]], np.float32)
    facts = write_filled(read_volume(source), fill, np.ones((1, 1, 2), bool), tmp_path / "o.nii")
    stored = nib.load(tmp_path / "o.nii").dataobj.get_unscaled()
    assert stored[0, 0, 0] > 2**62
    assert stored[0, 0, 1] == -(2**63)
    assert facts.clipped == 2


def test_same_inputs_give_the_same_bytes(tmp_path):
    source = save(tmp_path / "t1.nii.gz", voxels("i2"))
    for name in ("first.nii.gz", "second.nii.gz"):
        write_filled(read_volume(source), np.ones(SHAPE, np.float32), a_hole(), tmp_path / name)
    first = (tmp_path / "first.nii.gz").read_bytes()
    assert first == (tmp_path / "second.nii.gz").read_bytes()
    assert first[4:8] == b"\0\0\0\0"  # no time
    assert first[3] == 0  # no file name


def test_output_may_replace_the_input(tmp_path):
    source = save(tmp_path / "t1.nii.gz", voxels("i2"))
    expected = expected_bytes(source, a_hole(), [1] * a_hole().sum())
    write_filled(read_volume(source), np.ones(SHAPE, np.float32), a_hole(), source)
    assert contents(source) == expected


@pytest.mark.parametrize(
    ("dtype", "slope", "inter"), [("i2", 0.1, 3), ("i4", 1e-3, 0), ("f8", 1, 0)]
)
def test_values_are_rounded_once_to_float32(tmp_path, dtype, slope, inter):
    path = save(tmp_path / "t1.nii", voxels(dtype), slope, inter)
    expected = nib.load(path).get_fdata().astype(np.float32)
    np.testing.assert_array_equal(read_volume(path).data, expected)


def test_grid_is_that_of_the_header(tmp_path):
    volume = read_volume(save(tmp_path / "t1.nii", voxels("u1")))
    np.testing.assert_allclose(volume.grid.affine, AFFINE, atol=1e-6)
    assert volume.grid.shape == SHAPE


def test_a_volume_that_was_moved_is_not_written(tmp_path, grids):
    volume = read_volume(save(tmp_path / "t1.nii", voxels("u1")))
    fill, where = np.ones(SHAPE, np.float32), a_hole()
    elsewhere = Volume(volume.data, type(volume.grid)(SHAPE, np.eye(4)), volume.source)
    with pytest.raises(ValueError, match="does not lie where"):
        write_filled(elsewhere, fill, where, tmp_path / "o.nii")
    with pytest.raises(ValueError, match="not read by read_volume"):
        write_filled(Volume(volume.data, volume.grid), fill, where, tmp_path / "o.nii")
    with pytest.raises(ValueError, match="do not fit"):
        write_filled(volume, fill[1:], where, tmp_path / "o.nii")
    fill[2, 1, 2] = np.nan
    with pytest.raises(RuntimeError, match="1 fill values are not finite"):
        write_filled(volume, fill, where, tmp_path / "o.nii")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t1.nii"]


@pytest.mark.parametrize(
    ("damage", "in_memory"),
    [("voxel", 0), ("header", 0), ("scale", 0), ("voxel", 1), ("scale", 1), ("place", 1)],
)
def test_a_wrong_file_never_gets_its_name(tmp_path, monkeypatch, damage, in_memory):
    source = save(tmp_path / "t1.nii", voxels("i2"), 0.5, 1)
    volume = read_volume(nib.load(source) if in_memory else source)
    at, what = {
        "voxel": (352 + 2, b"\x7f"),
        "header": (148, b"X"),
        "scale": (112, struct.pack("<f", 0.75)),
        "place": (292, struct.pack("<f", 1e3)),
    }[damage]

    def damaged(path, data, *, packed):
        path.write_bytes(bytes(data[:at]) + what + bytes(data[at + len(what) :]))

    monkeypatch.setattr("brainfill.io.nifti.write_bytes", damaged)
    with pytest.raises(RuntimeError, match=r"o\.nii"):
        write_filled(volume, np.ones(SHAPE, np.float32), a_hole(), tmp_path / "o.nii")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t1.nii"]


def test_empty_fill_copies_the_file(tmp_path):
    source = save(tmp_path / "t1.nii.gz", voxels("i2"), extend=True)
    nothing = np.zeros(SHAPE, bool)
    facts = write_filled(
        read_volume(source), np.full(SHAPE, np.nan, np.float32), nothing, tmp_path / "o.nii.gz"
    )
    assert contents(tmp_path / "o.nii.gz") == contents(source)
    assert facts.voxels_changed == 0
