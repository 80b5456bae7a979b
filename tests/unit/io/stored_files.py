"""Image files made by hand, and what their bytes must be after a fill."""

import gzip

import nibabel as nib
import numpy as np
from nibabel.nifti1 import Nifti1Extension

SHAPE = (7, 6, 5)
AFFINE = np.array([[-1.1, 0.1, 0, 20], [0.1, 1.2, 0, -30], [0, 0, 2.5, 7], [0, 0, 0, 1]])
RNG = np.random.default_rng(3)


def voxels(dtype, shape=SHAPE):
    """Values over the whole range of the type, as far as they are read."""
    dtype = np.dtype(dtype)
    raw = RNG.integers(0, 256, int(np.prod(shape)) * dtype.itemsize, np.uint8)
    data = raw.view(dtype).reshape(shape, order="F")
    if dtype.kind in "iu" and dtype.itemsize == 8:  # such large values are refused
        data = data >> 20
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
