"""Reading, and writing that leaves every stored voxel outside the fill as it was, bit by bit."""

import gzip
import struct

import nibabel as nib
import numpy as np
import pytest
from nibabel.nifti1 import Nifti1Extension

from brainfill.core.errors import ConfigError
from brainfill.core.volume import Volume
from brainfill.io.nifti import filled_image, read_volume, write_filled, write_map

SHAPE = (7, 6, 5)
AFFINE = np.array([[-1.1, 0.1, 0, 20], [0.1, 1.2, 0, -30], [0, 0, 2.5, 7], [0, 0, 0, 1]])
NIFTI_TYPES = ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]
RNG = np.random.default_rng(3)


def voxels(dtype, shape=SHAPE):
    """Values over the whole range of the type, and every kind of NaN for floats."""
    dtype = np.dtype(dtype)
    raw = RNG.integers(0, 256, int(np.prod(shape)) * dtype.itemsize, np.uint8)
    data = raw.view(dtype).reshape(shape, order="F")
    if dtype.kind == "f":  # finite, within the range of float32
        data = RNG.normal(0, 1e3, shape).astype(dtype)
    return data.copy(order="F")


def save(path, data, slope=1.0, inter=0.0, *, cls=nib.Nifti1Image, order="<", extend=False):
    """Write stored values with a scale, in a byte order, with odd header fields."""
    image = cls(data, AFFINE, cls.header_class(endianness=order))
    header = image.header
    header.set_data_dtype(data.dtype.newbyteorder(order))
    header.set_slope_inter(slope, inter)
    header["descrip"], header["cal_max"], header["toffset"] = b"made by hand", 77, 1.5
    image.set_sform(AFFINE, 4)
    image.set_qform(AFFINE, 2)
    if extend:
        header.extensions.append(Nifti1Extension("comment", b"keep this note"))
    nib.save(image, path)
    return path


def contents(path):
    data = path.read_bytes()
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def a_hole(shape=SHAPE):
    where = np.zeros(shape, bool)
    where[2:4, 1:3, 2] = where[6, 5, 4] = True
    return where


def expected_bytes(path, where, raw):
    """The input's bytes with those of the filled voxels exchanged, one voxel at a time."""
    image = nib.load(path)
    dtype, offset = image.dataobj.dtype, image.dataobj.offset
    data = bytearray(contents(path))
    for (i, j, k), value in zip(np.argwhere(where), raw, strict=True):
        at = offset + dtype.itemsize * (i + where.shape[0] * (j + where.shape[1] * k))
        data[at : at + dtype.itemsize] = np.array(value, dtype).tobytes()
    return bytes(data)


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


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "u2", "i4", "f4"])
def test_nifti_to_mgz_keeps_every_value(tmp_path, dtype):
    data = voxels(dtype)
    source = save(tmp_path / "t1.nii", data)
    where = a_hole()
    write_filled(read_volume(source), np.full(SHAPE, 5.0, np.float32), where, tmp_path / "o.mgz")
    out = nib.load(tmp_path / "o.mgz")
    np.testing.assert_array_equal(np.asanyarray(out.dataobj), np.where(where, 5, data))
    np.testing.assert_allclose(out.affine, AFFINE, atol=1e-4)


@pytest.mark.parametrize(("dtype", "slope"), [("f8", 1), ("i8", 1), ("u4", 1), ("i2", 0.5)])
def test_what_mgz_cannot_hold_exactly_is_refused(tmp_path, dtype, slope):
    source = save(tmp_path / "t1.nii", voxels(dtype), slope)
    with pytest.raises(ConfigError, match=r"o\.mgz.*exactly") as error:
        write_filled(read_volume(source), np.ones(SHAPE, np.float32), a_hole(), tmp_path / "o.mgz")
    assert error.value.hint == "name the output .nii.gz"
    assert not (tmp_path / "o.mgz").exists()


def test_float64_that_fits_float32_may_become_mgz(tmp_path):
    data = RNG.integers(-5, 900, SHAPE) / 8
    source = save(tmp_path / "t1.nii", data)
    write_filled(read_volume(source), np.ones(SHAPE, np.float32), a_hole(), tmp_path / "o.mgz")
    out = np.asanyarray(nib.load(tmp_path / "o.mgz").dataobj)
    np.testing.assert_array_equal(out, np.where(a_hole(), 1, data))


@pytest.mark.parametrize("dtype", ["u1", "i2", "i4", "f4"])
def test_mgz_to_nifti_keeps_every_value(tmp_path, dtype):
    data = voxels(dtype)
    nib.save(nib.MGHImage(data, AFFINE), tmp_path / "t1.mgz")
    write_filled(
        read_volume(tmp_path / "t1.mgz"),
        np.full(SHAPE, 5.0, np.float32),
        a_hole(),
        tmp_path / "o.nii.gz",
    )
    out = nib.load(tmp_path / "o.nii.gz")
    np.testing.assert_array_equal(np.asanyarray(out.dataobj), np.where(a_hole(), 5, data))
    np.testing.assert_allclose(out.affine, AFFINE, atol=1e-4)
    assert out.get_data_dtype().newbyteorder("=") == np.dtype(dtype)


@pytest.mark.parametrize("cls", [nib.Nifti1Image, nib.Nifti2Image, nib.MGHImage])
def test_image_in_memory_from_an_array(tmp_path, cls):
    data = voxels("i2")
    image = cls(data.copy(), AFFINE)
    volume = read_volume(image)
    assert volume.source.path is None
    filled, facts = filled_image(volume, np.full(SHAPE, 4.4, np.float32), a_hole())
    assert type(filled) is cls
    assert np.asanyarray(filled.dataobj).dtype == np.int16
    np.testing.assert_array_equal(np.asanyarray(filled.dataobj), np.where(a_hole(), 4, data))
    np.testing.assert_array_equal(np.asanyarray(image.dataobj), data)  # the input is untouched
    assert facts.voxels_changed == np.count_nonzero(data[a_hole()] != 4)
    name = "o.mgz" if cls is nib.MGHImage else "o.nii.gz"
    write_filled(volume, np.full(SHAPE, 4.4, np.float32), a_hole(), tmp_path / name)
    out = nib.load(tmp_path / name)
    assert type(out) is cls
    np.testing.assert_array_equal(out.dataobj.get_unscaled(), np.where(a_hole(), 4, data))


def test_loaded_image_keeps_type_and_scaling_in_memory(tmp_path):
    path = save(tmp_path / "t1.nii.gz", voxels("u2"), 0.5, -7, order=">", extend=True)
    image = nib.load(path)
    filled, _ = filled_image(read_volume(image), np.full(SHAPE, 3.0, np.float32), a_hole())
    assert (filled.dataobj.slope, filled.dataobj.inter) == (0.5, -7)
    assert filled.get_data_dtype() == image.get_data_dtype()
    assert filled.header.extensions[0].get_content() == b"keep this note"
    assert filled.header.keys() == image.header.keys()
    assert filled.header["descrip"] == image.header["descrip"]
    stored = np.where(a_hole(), 20, image.dataobj.get_unscaled())
    np.testing.assert_array_equal(filled.dataobj.get_unscaled(), stored)
    np.testing.assert_array_equal(filled.get_fdata()[a_hole()], 3)
    # The same image, never rescaled, can be written too.
    write_filled(read_volume(image), np.full(SHAPE, 3.0, np.float32), a_hole(), tmp_path / "o.nii")
    out = nib.load(tmp_path / "o.nii")
    np.testing.assert_array_equal(out.dataobj.get_unscaled(), stored)
    assert (out.dataobj.slope, out.dataobj.inter) == (0.5, -7)
    assert (out.header["qform_code"], out.header["sform_code"]) == (2, 4)


def test_image_read_from_a_file_can_be_filled_in_memory(tmp_path):
    path = save(tmp_path / "t1.nii.gz", voxels("i2"), 2, 1)
    filled, _ = filled_image(read_volume(path), np.full(SHAPE, 5.0, np.float32), a_hole())
    stored = nib.load(path).dataobj.get_unscaled()
    np.testing.assert_array_equal(filled.dataobj.get_unscaled(), np.where(a_hole(), 2, stored))


def test_array_of_another_type_than_the_header_is_stored_as_the_array(tmp_path):
    header = nib.Nifti1Header()
    header.set_data_dtype(np.int16)
    data = RNG.normal(size=SHAPE)
    volume = read_volume(nib.Nifti1Image(data, AFFINE, header))
    write_filled(volume, np.ones(SHAPE, np.float32), a_hole(), tmp_path / "o.nii")
    out = nib.load(tmp_path / "o.nii")
    assert out.get_data_dtype() == np.float64
    np.testing.assert_array_equal(np.asanyarray(out.dataobj), np.where(a_hole(), 1, data))


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


@pytest.mark.parametrize("name", ["t1.nii.gz", "t1.nii", "t1.mgz", "T1.NII.GZ"])
@pytest.mark.parametrize(
    ("dtype", "stored"),
    [("f4", "f4"), ("f8", "f4"), ("i4", "i4"), ("i8", "i4"), ("?", "u1"), ("i2", "i2")],
)
def test_maps_lie_on_the_grid_of_the_image(tmp_path, name, dtype, stored):
    source = save(tmp_path / "src.nii.gz", voxels("i2"), 0.5, 3, extend=True)
    data = RNG.integers(0, 2, SHAPE).astype(dtype)
    write_map(read_volume(source), data, tmp_path / name)
    out = nib.load(tmp_path / name)
    assert out.get_data_dtype().newbyteorder("=") == np.dtype(stored)
    np.testing.assert_array_equal(np.asanyarray(out.dataobj), data)
    np.testing.assert_allclose(out.affine, AFFINE, atol=1e-4)
    if isinstance(out, nib.Nifti1Image):
        assert (out.header["qform_code"], out.header["sform_code"]) == (2, 4)
        assert out.header["cal_max"] == 0
        assert not out.header.extensions


def test_map_of_a_volume_without_a_file(tmp_path, any_grid, phantom):
    volume = phantom(any_grid)
    write_map(volume, volume.data, tmp_path / "map.nii.gz")
    back = read_volume(tmp_path / "map.nii.gz")
    np.testing.assert_array_equal(back.data, volume.data)
    assert back.grid.same_place(any_grid)


def test_maps_that_do_not_fit_are_refused(tmp_path, grids, phantom):
    volume = phantom(grids["RAS"])
    with pytest.raises(ValueError, match="does not fit"):
        write_map(volume, np.zeros((1, 2, 3)), tmp_path / "map.nii.gz")
    with pytest.raises(ValueError, match="32 bits"):
        write_map(volume, np.full(volume.grid.shape, 2**40), tmp_path / "map.nii.gz")
    with pytest.raises(ConfigError, match="must end in"):
        write_map(volume, volume.data, tmp_path / "map.png")
