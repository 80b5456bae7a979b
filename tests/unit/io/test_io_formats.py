"""From one format to another, images in memory, and maps."""

import nibabel as nib
import numpy as np
import pytest
from stored_files import AFFINE, RNG, SHAPE, a_hole, save, voxels

from brainfill.core.errors import ConfigError
from brainfill.io.nifti import filled_image, read_volume, write_filled, write_map


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
