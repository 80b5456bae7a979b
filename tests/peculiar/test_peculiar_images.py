"""Scans and masks whose headers, packing, names or values are odd."""

import gzip
import hashlib
import json
import os
import struct
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nibabel.nifti1 import Nifti1Extension
from peculiar import case

MM3 = 8.0  # of a voxel of the sample head


@pytest.fixture
def fill(call, tmp_path):
    """Fill with the quickest method; what came of it, and the path of the output."""

    def run(t1, mask, *more, out="out.nii.gz", code=0):
        out = tmp_path / out
        result = call("fill", t1, mask, "-o", out, "--method", "localmean", "-q", *more)
        assert result.code == code, result.err
        assert "Traceback" not in result.err
        if code:
            assert result.err.count("error: ") == result.err.count("hint: ") == 1
            assert not out.exists()
        return result, out

    return run


@pytest.fixture
def scan(head, save):
    """Paths of the sample head and its mask, packed."""
    return save("t1.nii.gz", head.t1, head.affine), save("mask.nii.gz", head.mask, head.affine)


@pytest.fixture
def reference(fill, scan, values):
    """What the fill of the plain head looks like."""
    return values(fill(*scan, out="reference.nii.gz")[1])


def header_with(head, **fields):
    """The bytes of a single NIfTI file of the head with some fields of its header set."""
    image = nib.Nifti1Image(head.t1, head.affine)
    image.header.set_xyzt_units("mm", "sec")
    data = image.to_bytes()
    header = nib.Nifti1Header(data[:348], check=False)
    for name, value in fields.items():
        header[name] = value
    return header.binaryblock + data[348:]


def written(path, data):
    path.write_bytes(gzip.compress(data, 1) if path.suffix == ".gz" else data)
    return path


def only_the_hole_differs(before, after, hole):
    assert (before != after)[hole > 0].any()
    assert not (before != after)[hole == 0].any()


# Where voxels begin, how many there are


@case(
    "`vox_offset` 0 in a single file",
    "voxels begin at byte 352, with a warning; the output says so",
)
def test_voxel_offset_zero(fill, scan, head, tmp_path, reference, values):
    t1 = written(tmp_path / "zero.nii", header_with(head, vox_offset=0))
    result, out = fill(t1, scan[1], out="o.nii")
    assert "zero.nii" in result.err
    assert "byte 352" in result.err
    np.testing.assert_array_equal(values(out), reference)
    assert struct.unpack("<f", out.read_bytes()[108:112]) == (352,)


@case("`vox_offset` 0 in a NIfTI-2 file", "voxels begin at byte 544, with a warning")
def test_voxel_offset_zero_in_nifti2(fill, scan, head, save, reference, values):
    t1 = save("two.nii", head.t1, head.affine, nib.Nifti2Image)
    data = bytearray(t1.read_bytes())
    data[168:176] = bytes(8)
    t1.write_bytes(data)
    result, out = fill(t1, scan[1])
    assert "byte 544" in result.err
    np.testing.assert_array_equal(values(out), reference)


@case("`vox_offset` 100, 348, 352.5, below 0, NaN or beyond the end", "refused with the number")
@pytest.mark.parametrize("offset", [100, 348, 352.5, -352, np.nan, 1e9])
def test_impossible_voxel_offsets(fill, scan, head, tmp_path, offset):
    t1 = written(tmp_path / "off.nii", header_with(head, vox_offset=offset))
    result, _ = fill(t1, scan[1], code=65)
    assert "off.nii" in result.err
    assert f"byte {offset:.10g}" in result.err
    assert "vox_offset" in result.err


@case("`dim[4]` = 0", "read as one frame, with a warning")
def test_no_frames(fill, scan, head, tmp_path, reference, values):
    t1 = written(tmp_path / "t.nii.gz", header_with(head, dim=[4, *head.t1.shape, 0, 1, 1, 1]))
    result, out = fill(t1, scan[1])
    assert "axis 4 the length 0" in result.err
    np.testing.assert_array_equal(np.squeeze(values(out)), reference)


@case("4-D image of one frame", "filled; the output has the shape of the input")
def test_one_frame(fill, head, save, scan, reference, values):
    _, out = fill(save("4d.nii.gz", head.t1[..., None], head.affine), scan[1])
    np.testing.assert_array_equal(values(out), reference[..., None])


@case("4-D image of one frame, written to .mgz", "filled")
def test_one_frame_to_mgz(fill, head, save, scan, reference, values):
    _, out = fill(save("4d.nii.gz", head.t1[..., None], head.affine), scan[1], out="out.mgz")
    np.testing.assert_array_equal(np.squeeze(values(out)), reference)
    np.testing.assert_allclose(nib.load(out).affine, head.affine, atol=1e-4)


@case("NIfTI-2 file cut within its header", "a sentence, exit code 65")
@pytest.mark.parametrize("length", [200, 283, 284, 300, 347, 348, 353, 539, 540, 600])
def test_nifti2_cut(fill, scan, head, save, length):
    t1 = save("two.nii", head.t1, head.affine, nib.Nifti2Image)
    t1.write_bytes(t1.read_bytes()[:length])
    result, _ = fill(t1, scan[1], code=65)
    assert "two.nii" in result.err


# Units and places


@case("header in micron", "volumes in ml as in mm; header kept; maps beside it at the same place")
def test_micron(fill, head, scan, save, tmp_path, reference, values):
    in_unit(fill, head, scan, tmp_path, reference, values, "micron", 0.001)


@case("header in metres", "volumes in ml as in mm; header kept; maps beside it at the same place")
def test_metre(fill, head, scan, save, tmp_path, reference, values):
    in_unit(fill, head, scan, tmp_path, reference, values, "meter", 1000.0)


def in_unit(fill, head, scan, tmp_path, reference, values, unit, unit_mm):
    affine = np.diag([1 / unit_mm] * 3 + [1]) @ head.affine
    image = nib.Nifti1Image(head.t1, affine)
    image.header.set_xyzt_units(unit, "sec")
    nib.save(image, tmp_path / "unit.nii")
    hole = tmp_path / "hole.nii"
    _, out = fill(tmp_path / "unit.nii", scan[1], "--hole", hole, out="o.nii")
    np.testing.assert_array_equal(values(out), reference)
    assert out.read_bytes()[:352] == (tmp_path / "unit.nii").read_bytes()[:352]
    for path in (out, hole):
        found = nib.load(path)
        assert found.header.get_xyzt_units()[0] == unit
        np.testing.assert_allclose(found.affine, affine, rtol=1e-6)
    record = json.loads((tmp_path / "o.json").read_text())
    assert record["LesionVolumeML"] == pytest.approx(head.mask.sum() * MM3 / 1000, rel=1e-5)
    # MGH knows millimetres alone.
    _, out = fill(tmp_path / "unit.nii", scan[1], out="mm.mgz")
    np.testing.assert_allclose(nib.load(out).affine, head.affine, atol=1e-3)


@case("header without a unit", "millimetres")
def test_no_unit(fill, head, scan, tmp_path, reference, values):
    t1 = written(tmp_path / "t.nii", header_with(head, xyzt_units=0))
    _, out = fill(t1, scan[1])
    np.testing.assert_array_equal(values(out), reference)


@case("voxels of 2000 mm, or of 0.002 mm", "refused with the size found and the size expected")
@pytest.mark.parametrize("side", [2000.0, 0.002])
def test_absurd_voxels(fill, head, save, side):
    affine = np.diag([side, side, side, 1])
    t1, mask = (save(f"{n}.nii.gz", getattr(head, n), affine) for n in ("t1", "mask"))
    result, _ = fill(t1, mask, code=65)
    assert f"t1.nii.gz' has voxels of {side:g} x {side:g} x {side:g} mm" in result.err.replace(
        "2e+03", "2000"
    )
    assert "0.05 to 20 mm" in result.err


@case("qform and sform codes both 0", "filled; left and right are a guess, also in the record")
def test_codes_zero(fill, head, save, tmp_path):
    def without_codes(name, data):
        path = tmp_path / name
        image = nib.Nifti1Image(data, None)
        image.header["pixdim"][1:4] = 2
        nib.save(image, path)
        return path

    result, _ = fill(without_codes("a.nii", head.t1), without_codes("b.nii", head.mask))
    for text in (result.err, (tmp_path / "out.json").read_text()):
        assert "a.nii' does not say which way its axes run: left and right are a guess" in text


@case("MGH file without a place (goodRASFlag 0)", "filled; left and right are a guess")
def test_mgh_without_place(fill, head, save):
    paths = [save(f"{n}.mgh", getattr(head, n), head.affine, nib.MGHImage) for n in ("t1", "mask")]
    for path in paths:
        data = bytearray(path.read_bytes())
        data[28:30] = bytes(2)
        path.write_bytes(data)
    assert "left and right are a guess" in fill(*paths)[0].err


OFF = {
    "origin": np.array([[0, 0, 0, 0.025], [0] * 4, [0] * 4, [0] * 4]),
    "cosine": np.array([[0, 1.2e-4 * 2, 0, 0], [0] * 4, [0] * 4, [0] * 4]),
    "shear": np.array([[0, 0, 3e-4 * 2, 0], [0] * 4, [0] * 4, [0] * 4]),
}


@case("mask off by 0.025 mm, a cosine by 1.2e-4, a shear by 3e-4", "taken, with a warning")
@pytest.mark.parametrize("name", list(OFF))
def test_nearly_the_same_grid(fill, head, save, scan, reference, values, name):
    mask = save("off.nii.gz", head.mask, head.affine + OFF[name])
    result, out = fill(scan[0], mask)
    np.testing.assert_array_equal(values(out), reference)
    assert "less than a tenth of a voxel" in result.err


@case("mask off by a quarter of a voxel", "refused with the distance")
def test_off_by_a_quarter(fill, head, save, scan):
    mask = save("off.nii.gz", head.mask, head.affine + 20 * OFF["origin"])
    assert "up to 0.5 mm (allowed 0.2 mm)" in fill(scan[0], mask, code=65)[0].err


@case("images off by 0.025 mm in `evaluate fill`", "compared, with a warning")
def test_nearly_the_same_grid_in_evaluate(call, head, save, scan):
    other = save("off.nii.gz", head.t1, head.affine + OFF["origin"])
    result = call("evaluate", "fill", other, *scan)
    assert result.code == 0
    assert "off.nii.gz' lies up to 0.025 mm" in result.err


# Masks


@case("interpolated masks of 0..255, 0..100, 0..32767", "cut at half of the largest value, named")
@pytest.mark.parametrize("top", [255, 100, 32767])
def test_interpolated_masks(fill, head, save, scan, reference, values, top):
    soft = (head.mask * 0.6137 + np.roll(head.mask, 1, 0) * 0.3863).astype(np.float32)
    mask = save("soft.nii.gz", soft * np.float32(top), head.affine)
    result, out = fill(scan[0], mask)
    assert "soft.nii.gz" in result.err
    assert f"above {top / 2:g} are taken" in result.err
    np.testing.assert_array_equal(values(out), reference)


@case("mask that splines left at -0.1 to 1.1", "cut at 0.5")
def test_overshooting_mask(fill, head, save, scan, reference, values):
    soft = np.where(head.mask > 0, np.float32(0.9), np.float32(-0.1))
    soft[tuple(np.argwhere(head.mask)[0])] = 1.1
    result, out = fill(scan[0], save("soft.nii.gz", soft, head.affine))
    assert "above 0.5 are taken" in result.err
    np.testing.assert_array_equal(values(out), reference)


@case("mask of 0 and 255", "taken, with a warning")
def test_mask_of_255(fill, head, save, scan, reference, values):
    result, out = fill(scan[0], save("m.nii.gz", head.mask * np.uint8(255), head.affine))
    assert "holds 255 where 1 was expected" in result.err
    np.testing.assert_array_equal(values(out), reference)


# Packing and files that are no images


@case("gzip data with other bytes after them", "read, as gzip does, with a warning")
def test_bytes_after_gzip(fill, scan, reference, values):
    scan[0].write_bytes(scan[0].read_bytes() + b"\1rubbish" * 40)
    result, out = fill(*scan)
    assert "t1.nii.gz' has other bytes after its gzip data" in result.err
    np.testing.assert_array_equal(values(out), reference)


@case("gzip data in several members, padded with zeros", "read")
def test_gzip_members(fill, scan, reference, values):
    data = gzip.decompress(scan[0].read_bytes())
    parts = [gzip.compress(data[at : at + 100_000]) for at in range(0, len(data), 100_000)]
    scan[0].write_bytes(b"".join(parts) + bytes(512))
    result, out = fill(*scan)
    assert result.err == ""
    np.testing.assert_array_equal(values(out), reference)


@case("gzip bomb behind a good image", "unpacked a little further than the header announces")
def test_gzip_bomb(fill, scan, monkeypatch, reference, values):
    scan[0].write_bytes(scan[0].read_bytes() + gzip.compress(bytes(64 * 2**20)) * 100)
    largest = []
    monkeypatch.setattr(
        "brainfill.io._image.repaired", lambda data, *more: largest.append(len(data)) or data
    )
    result, out = fill(*scan)
    assert max(largest) < 4 * 2**20
    assert "goes on long after its last voxel" in result.err
    np.testing.assert_array_equal(values(out), reference)


@case("gzip bomb that is no image", "its start says that, and no more is unpacked")
def test_gzip_bomb_without_image(fill, scan, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr("brainfill.io._image.looks_like", lambda data: seen.append(data) or "data")
    (tmp_path / "bomb.nii.gz").write_bytes(gzip.compress(bytes(64 * 2**20)) * 10)
    fill(tmp_path / "bomb.nii.gz", scan[1], code=65)
    assert len(seen[0]) <= 2**20


NOT_IMAGES = {
    "a git-annex pointer": b"/annex/objects/SHA256E-s1234--abc.nii.gz\n",
    "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
    "found text,": b"patient,Miller,1950-01-01\n" * 4,
    "a web page": b"<!DOCTYPE html><title>Sign in, Miller</title>",
}


@case("git-annex and LFS pointers, text, web pages", "said what it is; nothing of it is quoted")
@pytest.mark.parametrize("words", list(NOT_IMAGES))
def test_not_images(fill, scan, tmp_path, words):
    (tmp_path / "x.nii.gz").write_bytes(NOT_IMAGES[words])
    result, _ = fill(tmp_path / "x.nii.gz", scan[1], code=65)
    assert words in result.err
    assert "Miller" not in result.err


@case("`.img` or `.hdr` of a pair", "said what it is, and to convert it")
@pytest.mark.parametrize(
    ("name", "words"), [("p.img", "the voxels of a .hdr/.img pair"), ("p.hdr", "the header of a")]
)
def test_pairs(fill, scan, head, tmp_path, name, words):
    nib.save(nib.Nifti1Pair(head.t1, head.affine), tmp_path / "p.img")
    assert words in fill(tmp_path / name, scan[1], code=65)[0].err


@case("ANALYZE 7.5 header", "said what it is")
def test_analyze(fill, scan, head, tmp_path):
    nib.save(nib.AnalyzeImage(head.t1, np.diag([2.0, 2, 2, 1])), tmp_path / "p.img")
    assert "the header of a .hdr/.img pair" in fill(tmp_path / "p.hdr", scan[1], code=65)[0].err


# Paths


@case("FIFO as scan or mask, as process substitution gives", "a sentence, no waiting")
@pytest.mark.parametrize("place", [0, 1])
def test_pipe(fill, scan, tmp_path, place):
    os.mkfifo(tmp_path / "pipe")
    paths = list(scan)
    paths[place] = tmp_path / "pipe"
    assert "pipe' is a pipe or a device" in fill(*paths, code=66)[0].err


@case("`/dev/stdin`, `/dev/zero`", "a sentence, no waiting")
@pytest.mark.parametrize("path", ["/dev/stdin", "/dev/zero", "/dev/null"])
def test_devices(fill, scan, path):
    assert f"'{path}' is a pipe or a device" in fill(path, scan[1], code=66)[0].err


@case('unset shell variable: `fill "" MASK`, `-o ""`', "a sentence that says so")
def test_empty_paths(fill, call, scan):
    for paths in (("", scan[1]), (scan[0], "")):
        assert "shell variable" in fill(*paths, code=2)[0].err
    result = call("fill", *scan, "-o", "", "--method", "localmean")
    assert result.code == 2
    assert "shell variable" in result.err


@case("`-o folder/`", "a sentence that says how to name a file in it")
def test_output_is_a_folder(call, scan, tmp_path):
    (tmp_path / "results").mkdir()
    result = call("fill", *scan, "-o", f"{tmp_path}/results/")
    assert result.code == 2
    assert "results' is a folder, expected the name of a file" in result.err


@case("`--out=~/x.nii.gz`, which no shell expands", "a sentence, and no advice to make a folder ~")
def test_tilde(call, scan, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    result = call("fill", *scan, "--out=~/x.nii.gz")
    assert result.code == 2
    assert "$HOME" in result.err
    assert "mkdir" not in result.err
    result = call("fill", scan[0], "-l", "~/mask.nii.gz")
    assert result.code == 66
    assert "$HOME" in result.err


@case("symbolic link that leads back to itself, as input or output", "a sentence")
def test_link_loop(fill, call, scan, tmp_path):
    loop = tmp_path / "loop.nii.gz"
    loop.symlink_to(loop)
    assert "leads back to itself" in fill(loop, scan[1], code=66)[0].err
    result = call("fill", *scan, "-o", loop)
    assert result.code == 2
    assert "leads back to itself" in result.err


CLOSED = [
    (66, ["fill", "{closed}/t1.nii.gz", "{mask}"]),
    (66, ["fill", "{t1}", "{closed}/mask.nii.gz"]),
    (2, ["fill", "{t1}", "{mask}", "-o", "{closed}/out.nii.gz"]),
    (66, ["smooth", "{closed}/t1.nii.gz", "-o", "{t1}.nii.gz"]),
    (66, ["masks", "circles", "{closed}/t1.nii.gz", "-o", "{t1}.nii.gz"]),
    (2, ["preprocess", "{t1}", "-o", "{closed}/out"]),
    (66, ["compare", "{closed}/before", "{closed}/after", "-o", "{t1}-out"]),
    (66, ["study", "score", "{closed}/study", "{closed}/answers.json"]),
]


@case("folder that may not be entered, as input or output", "a sentence in every command")
@pytest.mark.parametrize(("code", "words"), CLOSED, ids=[" ".join(w) for _, w in CLOSED])
def test_closed_folder(call, scan, monkeypatch, tmp_path, code, words):
    # The tests may run as root, who may enter everywhere.
    closed, real_stat, real_mkdir = str(tmp_path / "closed"), os.stat, os.mkdir

    def guarded(real):
        def ask(path, *arguments, **more):
            if isinstance(path, str | Path) and str(path).startswith(f"{closed}/"):
                raise PermissionError(13, "Permission denied", str(path))
            return real(path, *arguments, **more)

        return ask

    monkeypatch.setattr(os, "stat", guarded(real_stat))
    monkeypatch.setattr(os, "mkdir", guarded(real_mkdir))
    (tmp_path / "closed").mkdir()
    places = {"closed": closed, "t1": scan[0], "mask": scan[1]}
    result = call(*(word.format(**places) for word in words))
    assert result.code == code, result.err
    assert result.err.count("error: ") == 1
    assert "closed" in result.err


@case("scan that is changed or removed while it is filled", "checksum of the bytes that were read")
@pytest.mark.parametrize("happens", ["changed", "removed"])
def test_input_changes(fill, scan, monkeypatch, tmp_path, happens, reference, values):
    from brainfill.tasks import fill as task

    before, real = hashlib.sha256(scan[0].read_bytes()).hexdigest(), task.run

    def meanwhile(*arguments):
        scan[0].unlink()
        if happens == "changed":
            scan[0].write_bytes(b"another file")
        return real(*arguments)

    monkeypatch.setattr(task, "run", meanwhile)
    _, out = fill(*scan)
    np.testing.assert_array_equal(values(out), reference)
    record = json.loads((tmp_path / "out.json").read_text())
    assert record["SourcesSHA256"][str(scan[0])] == before


@case(
    "names with blanks, umlauts, dots; .NII.GZ; NIfTI data named .mgz or without suffix", "filled"
)
@pytest.mark.parametrize(
    "name", ["my scan.nii.gz", "Müller größe.nii", "a.b.c.nii.gz", "T1.NII.GZ", "t.mgz", "t"]
)
def test_names(fill, head, save, scan, tmp_path, reference, values, name):
    data = gzip.decompress(scan[0].read_bytes())
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / name
    path.write_bytes(gzip.compress(data) if name.lower().endswith(".gz") else data)
    result, out = fill(path, scan[1])
    assert result.err == ""
    np.testing.assert_array_equal(values(out), reference)


# Values


@case("all voxel types and both byte orders", "filled in that type and order, the rest bit for bit")
@pytest.mark.parametrize(
    "dtype", ["u1", ">i1", ">u2", "<u2", ">i2", "<u4", ">i4", ">u8", "<i8", ">f4", "<f4", ">f8"]
)
def test_types(fill, head, scan, tmp_path, values, dtype):
    data = head.t1 if np.dtype(dtype).itemsize > 1 else np.clip(head.t1, 0, 127)
    data = data.astype(dtype)
    header = nib.Nifti1Header(endianness=">" if ">" in dtype else "<")
    image = nib.Nifti1Image(data, head.affine, header, dtype=data.dtype)
    nib.save(image, tmp_path / "t.nii")
    hole = tmp_path / "hole.nii"
    _, out = fill(tmp_path / "t.nii", scan[1], "--hole", hole, out="o.nii")
    assert values(out).dtype == np.dtype(dtype)
    only_the_hole_differs(data, values(out), values(hole))
    assert out.read_bytes()[:352] == (tmp_path / "t.nii").read_bytes()[:352]


@case("scl_slope and scl_inter", "values are scaled, stored voxels outside the hole bit for bit")
@pytest.mark.parametrize(("slope", "inter"), [(0.5, 0), (2.0, -100), (-1.0, 500), (1e-3, 0)])
def test_scaling(fill, head, scan, tmp_path, reference, slope, inter):
    image = nib.Nifti1Image(head.t1, head.affine)
    image.header.set_slope_inter(slope, inter)
    data = bytearray(image.to_bytes())
    data[112:120] = struct.pack("<2f", slope, inter)
    data[352:] = head.t1.tobytes(order="F")
    (tmp_path / "t.nii").write_bytes(data)
    hole = tmp_path / "hole.nii"
    _, out = fill(tmp_path / "t.nii", scan[1], "--hole", hole, out="o.nii")
    raw = np.asarray(nib.load(out).dataobj.get_unscaled())
    only_the_hole_differs(head.t1, raw, np.asarray(nib.load(hole).dataobj))
    assert out.read_bytes()[:352] == bytes(data[:352])
    inside = np.asarray(nib.load(hole).dataobj) > 0
    assert abs(float(raw[inside].mean()) - reference[inside].mean()) < 3


@case("scl_slope of 1e30, voxels of 1e38", "refused by name with the value found")
@pytest.mark.parametrize("what", ["slope", "voxels"])
def test_huge_values(fill, head, scan, tmp_path, what):
    if what == "slope":
        t1 = written(tmp_path / "h.nii", header_with(head, scl_slope=1e30, scl_inter=0))
    else:
        t1 = tmp_path / "h.nii"
        nib.save(nib.Nifti1Image(head.t1.astype(np.float32) * np.float32(1e36), head.affine), t1)
    result, _ = fill(t1, scan[1], code=65)
    assert "h.nii' holds values of up to" in result.err
    assert "scl_slope" in result.err


@case("values of 1e-9 to 1e-7, as maps in SI units have", "filled")
def test_tiny_values(fill, head, scan, tmp_path, reference, values):
    nib.save(nib.Nifti1Image(head.t1 * np.float32(1e-9), head.affine), tmp_path / "s.nii")
    _, out = fill(tmp_path / "s.nii", scan[1])
    assert np.abs(values(out) * 1e9 - reference).max() < 3


@case(
    "NaN around the head", "refused with a hint; read as 0 with --nan-to-zero, kept in the output"
)
def test_nan(fill, head, scan, tmp_path, reference, values):
    data = head.t1.astype(np.float32)
    data[:2] = np.nan
    nib.save(nib.Nifti1Image(data, head.affine), tmp_path / "n.nii")
    assert "--nan-to-zero" in fill(tmp_path / "n.nii", scan[1], code=65)[0].err
    result, out = fill(tmp_path / "n.nii", scan[1], "--nan-to-zero")
    assert f"{np.isnan(data).sum()} voxels" in result.err
    assert np.isnan(values(out)[:2]).all()
    assert np.abs(values(out)[2:] - reference[2:]).max() < 3


# Formats and axes


@case("all 48 orders and directions of the axes", "the same fill, turned; some 6 of them here")
@pytest.mark.parametrize("codes", ["LAS", "LPS", "PSR", "ASL", "IRP", "SPL"])
def test_axes(fill, head, scan, tmp_path, reference, codes):
    ornt = nib.orientations.axcodes2ornt(codes)
    turned = nib.load(scan[0]).as_reoriented(
        nib.orientations.ornt_transform(nib.io_orientation(head.affine), ornt)
    )
    nib.save(turned, tmp_path / "turned.nii.gz")
    result, out = fill(tmp_path / "turned.nii.gz", scan[1])
    assert "was resampled by nearest neighbour" in result.err
    found = nib.load(out)
    assert "".join(nib.aff2axcodes(found.affine)) == codes
    back = found.as_reoriented(
        nib.orientations.ornt_transform(ornt, nib.io_orientation(head.affine))
    )
    assert np.abs(np.asarray(back.dataobj, float) - reference).max() <= 1


@case("MGZ scan and mask", "filled; MGZ out")
def test_mgz(fill, head, save, reference, values):
    paths = [save(f"{n}.mgz", getattr(head, n), head.affine, nib.MGHImage) for n in ("t1", "mask")]
    _, out = fill(*paths, out="o.mgz")
    np.testing.assert_array_equal(values(out), reference)


@case("NIfTI-2 scan", "filled; NIfTI-2 out")
def test_nifti2(fill, head, save, scan, reference, values):
    _, out = fill(save("two.nii.gz", head.t1, head.affine, nib.Nifti2Image), scan[1])
    np.testing.assert_array_equal(values(out), reference)
    assert isinstance(nib.load(out), nib.Nifti2Image)


@case("extensions after the header", "kept in the output, not in maps beside it")
def test_extensions(fill, head, scan, tmp_path, reference, values):
    image = nib.Nifti1Image(head.t1, head.affine)
    image.header.extensions.append(Nifti1Extension("comment", b"acquired on a Monday"))
    nib.save(image, tmp_path / "x.nii")
    hole = tmp_path / "hole.nii"
    _, out = fill(tmp_path / "x.nii", scan[1], "--hole", hole, out="o.nii")
    np.testing.assert_array_equal(values(out), reference)
    assert out.read_bytes()[:352] == (tmp_path / "x.nii").read_bytes()[:352]
    assert b"Monday" in out.read_bytes()
    assert b"Monday" not in hole.read_bytes()


@case(
    "header that nibabel comments on", "its comment with the name of the file, once; nothing else"
)
def test_lines_of_libraries(fill, head, scan, tmp_path, reference, values):
    data = header_with(head, vox_offset=360)
    data = data[:352] + bytes(8) + data[352:]
    t1 = written(tmp_path / "t.nii", data)
    result, out = fill(t1, scan[1])
    lines = result.err.splitlines()
    assert [line for line in lines if not line.startswith("warning: ")] == []
    assert all("t.nii" in line for line in lines)
    np.testing.assert_array_equal(values(out), reference)


@case("voxels of 0.25 mm, and of 2 mm", "--dilate 1 is a millimetre: four voxels, and one")
@pytest.mark.parametrize("side_mm", [0.25, 2.0])
def test_growth_in_millimetres(call, head, save, values, tmp_path, side_mm):
    t1 = head.t1[30:60, 30:60, 30:60]
    mask = np.zeros(t1.shape, np.uint8)
    mask[15, 15, 15] = 1
    affine = np.diag([side_mm, side_mm, side_mm, 1])
    files = save("t1.nii.gz", t1, affine), save("mask.nii.gz", mask, affine)
    hole = tmp_path / "hole.nii.gz"
    result = call("fill", *files, "--method", "localmean", "--dilate", 1, "--hole", hole, "-q")
    assert result.code == 0, result.err
    away_vox = np.linalg.norm(np.indices(t1.shape).T - 15, axis=-1).T
    np.testing.assert_array_equal(values(hole) > 0, away_vox <= max(1 / side_mm, 1))
