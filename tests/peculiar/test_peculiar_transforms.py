"""Transforms as ANTs, SimpleITK, hands and failing disks leave them."""

import struct

import nibabel as nib
import numpy as np
import pytest
from peculiar import case

SHIFT_VOX = 3
TITLE = "#Insight Transform File V1.0\n"


def text(
    kind="AffineTransform_double_3_3",
    parameters=(1, 0, 0, 0, 1, 0, 0, 0, 1, -6, 0, 0),
    fixed=(0, 0, 0),
):
    """A transform as text; without arguments points move 6 mm to the right, so that images move to the left."""
    numbers = [" ".join(map(str, values)) for values in (parameters, fixed)]
    return f"#Transform 0\nTransform: {kind}\nParameters: {numbers[0]}\nFixedParameters: {numbers[1]}\n"


def mat(columns, order="<"):
    """A file of MATLAB 4 with columns of doubles by name."""
    out = b""
    for name, values in columns:
        code = 0 if order == "<" else 1000
        out += struct.pack(f"{order}5i", code, len(values), 1, 0, len(name) + 1)
        out += name.encode() + b"\0" + struct.pack(f"{order}{len(values)}d", *values)
    return out


@pytest.fixture
def head(head):
    """A small part of the head, with lesions 3 voxels and more from its ends."""
    part = np.s_[50:80, 50:90, 40:70]
    mask = np.zeros_like(head.mask[part])
    mask[6:-6] = head.mask[part][6:-6]
    affine = head.affine.copy()
    affine[:3, 3] = head.affine[:3] @ (50, 50, 40, 1)
    return head._replace(t1=head.t1[part], mask=mask, affine=affine)


@pytest.fixture
def shift(head):
    """A field that does the same as `text()`, (X, Y, Z, 1, 3) in LPS mm, on the grid of the head."""
    field = np.zeros((*head.mask.shape, 1, 3), np.float32)
    field[..., 0] = -2 * SHIFT_VOX
    return field


@pytest.fixture
def save_field(save, head):
    """Write a field as ANTs does, but for what is said."""

    def write(name, data, *, intent=1007, affine=head.affine, image_class=nib.Nifti1Image, codes=1):
        path = save(name, data, affine, image_class)
        image = nib.load(path)
        image.header["intent_code"] = intent
        image.set_qform(affine, codes)
        image.set_sform(affine, codes)
        # Loaded lazily, so it goes to another file first.
        other = path.with_name("next-" + path.name)
        nib.save(image, other)
        other.replace(path)
        return path

    return write


@pytest.fixture
def carry(call, head, save, tmp_path):
    """Carry the mask of the head to its own grid; the outcome of the call, and the file."""
    mask, t1 = (
        save("m_mask.nii.gz", head.mask, head.affine),
        save("t1.nii.gz", head.t1, head.affine),
    )

    def run(*transforms, more=()):
        given = [word for t in transforms for word in ("-t", t)]
        out = tmp_path / "moved.nii.gz"
        return call("transform", mask, "--like", t1, *given, "-o", out, "--force", *more), out

    return run


@pytest.fixture
def moved(head, values):
    """Whether a file is the mask, moved by some voxels along x."""

    def same(outcome, out, voxels=SHIFT_VOX):
        assert outcome.code == 0, outcome.err
        found = values(out)
        wanted = np.roll(head.mask, -voxels, axis=0)
        return np.array_equal(found, wanted) and not np.array_equal(
            found, np.roll(wanted, 1, axis=0)
        )

    return same


def refused(outcome, out, *words):
    """One sentence and a hint, exit code 65, and nothing written."""
    assert outcome.code == 65, outcome.err
    lines = outcome.err.splitlines()
    assert len(lines) == 2, outcome.err
    assert lines[0].startswith("error: ")
    assert lines[1].startswith("hint: ")
    for word in words:
        assert word in lines[0]
    assert not out.exists()
    assert not out.with_suffix("").with_suffix(".json").exists()


@case("a matrix as ITK's text, .txt and .tfm, with CRLF", "the mask is moved by it")
@pytest.mark.parametrize("name", ["a.txt", "a.tfm", "A.TXT"])
def test_matrices_as_text(carry, moved, tmp_path, name):
    path = tmp_path / name
    path.write_bytes((TITLE + text()).replace("\n", "\r\n").encode())
    assert moved(*carry(path))


@case("a matrix in MATLAB 4 format (.mat), in double and single numbers", "the mask is moved by it")
@pytest.mark.parametrize(
    "kind", ["AffineTransform_double_3_3", "MatrixOffsetTransformBase_double_3_3"]
)
def test_matrices_of_matlab(carry, moved, tmp_path, kind):
    path = tmp_path / "a.mat"
    columns = (kind, (1, 0, 0, 0, 1, 0, 0, 0, 1, -6, 0, 0)), ("fixed", (10, 20, 30))
    path.write_bytes(mat(columns))
    assert moved(*carry(path))
    single = kind.replace("double", "float")
    path.write_bytes(
        b"".join(
            struct.pack("<5i", 10, len(numbers), 1, 0, len(name) + 1)
            + name.encode()
            + b"\0"
            + struct.pack(f"<{len(numbers)}f", *numbers)
            for name, numbers in ((single, columns[0][1]), columns[1])
        )
    )
    assert moved(*carry(path))


@case(
    "a translation and a rotation, which are no 12 numbers, and back with --inverse",
    "as ITK means them",
)
def test_other_kinds_of_matrices(carry, moved, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(TITLE + text("TranslationTransform_double_3_3", (-6, 0, 0), ()))
    assert moved(*carry(path))
    assert moved(*carry(path, more=["--inverse"]), voxels=-SHIFT_VOX)
    path.write_text(TITLE + text("Euler3DTransform_double_3_3", (0, 0, 0, -6, 0, 0), (0, 0, 0, 0)))
    assert moved(*carry(path))
    assert moved(*carry(path, more=["--inverse"]), voxels=-SHIFT_VOX)


@case(
    "two transforms, the first given doubles what the second moves",
    "the last given is applied first",
)
def test_a_chain_in_the_order_of_ants(carry, head, values, tmp_path):
    one, two = tmp_path / "twice.txt", tmp_path / "shift.txt"
    one.write_text(TITLE + text(parameters=(2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0)))
    two.write_text(TITLE + text())
    outcome, out = carry(one, two)
    assert outcome.code == 0
    x = np.arange(head.mask.shape[0])
    # A point x of the result is looked up at 2 x - 6 in LPS millimetres, which is 2 x + 6 in RAS.
    world = head.affine[0, 0] * x + head.affine[0, 3]
    source = np.rint((2 * world + 6 - head.affine[0, 3]) / head.affine[0, 0]).astype(int)
    inside = (source >= 0) & (source < x.size)
    np.testing.assert_array_equal(values(out)[inside], head.mask[source[inside]])
    assert not values(out)[~inside].any()


@case(
    "a displacement field, packed and not, of floats and whole numbers, either byte order",
    "the same move by all",
)
@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("w.nii.gz", "<f4"),
        ("w.nii", ">f4"),
        ("w.nii.gz", "<f8"),
        ("w.nii", "<i2"),
        ("w.nii", ">i4"),
    ],
)
def test_fields_of_any_type(carry, moved, save_field, shift, name, dtype):
    assert moved(*carry(save_field(name, shift.astype(dtype))))


@case("a field in scaled int16, on which ITK itself crashes", "true values are taken")
def test_a_scaled_field(carry, moved, save_field, shift):
    path = save_field("w.nii", (shift * 100).astype(np.int16))
    data = bytearray(path.read_bytes())
    data[112:120] = struct.pack("<2f", 0.01, 0)
    path.write_bytes(data)
    assert moved(*carry(path))


@case("a field in NIfTI-2, which ITK does not read", "the same move")
def test_a_field_in_nifti_2(carry, moved, save_field, shift):
    assert moved(*carry(save_field("w.nii.gz", shift, image_class=nib.Nifti2Image)))


@case("a field beside a matrix", "both are applied, the last given first")
def test_a_field_and_a_matrix(carry, moved, save_field, shift, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(TITLE + text())
    assert moved(*carry(save_field("w.nii.gz", shift), path), voxels=2 * SHIFT_VOX)


@case(
    "a packed field cut at 500 bytes or at 30 %, with 100 bytes zeroed, with another checksum",
    "refused, exit 65",
)
@pytest.mark.parametrize(
    "damage",
    [
        lambda d: d[:500],
        lambda d: d[: len(d) * 3 // 10],
        lambda d: d[: len(d) // 2] + bytes(100) + d[len(d) // 2 + 100 :],
        lambda d: d[:-8] + bytes(4) + d[-4:],
    ],
)
def test_a_damaged_packed_field(carry, save_field, shift, damage):
    noise = np.random.default_rng(0).normal(size=shift.shape).astype(np.float32)
    path = save_field("w.nii.gz", shift + noise)
    path.write_bytes(damage(path.read_bytes()))
    refused(*carry(path), "w.nii.gz")


@case("a field cut short in .nii", "refused, exit 65")
def test_a_field_cut_short(carry, save_field, shift):
    path = save_field("w.nii", shift)
    path.write_bytes(path.read_bytes()[:-1000])
    refused(*carry(path), "w.nii", "cut short")


@case("a scan, a field of two components or of four dimensions given as field", "refused, exit 65")
@pytest.mark.parametrize("part", [np.s_[..., 0, 0], np.s_[..., :2], np.s_[..., 0, :]])
def test_no_field(carry, save_field, shift, part):
    path = save_field("w.nii.gz", shift[part])
    refused(*carry(path), "w.nii.gz", "no displacement field", "expected (X, Y, Z, 1, 3)")


@case("a field with a NaN, an infinite number or one of 1e30", "refused, exit 65")
@pytest.mark.parametrize("number", [np.nan, np.inf, 1e30])
def test_a_field_that_is_not_finite(carry, save_field, shift, number):
    shift[10, 10, 10, 0, 1] = number
    refused(*carry(save_field("w.nii.gz", shift)), "w.nii.gz", "1 of")


@case(
    "a field without intent code, or that lies nowhere, or in microns, or on a sheared grid",
    "refused, exit 65",
)
def test_a_field_that_does_not_say_what_it_is(carry, save_field, shift, head):
    refused(*carry(save_field("w.nii.gz", shift, intent=0)), "intent code is 0")
    refused(*carry(save_field("w.nii.gz", shift, codes=0)), "does not say where it lies")
    path = save_field("w.nii", shift)
    data = bytearray(path.read_bytes())
    data[123] = 3
    path.write_bytes(data)
    refused(*carry(path), "micron")
    sheared = head.affine.copy()
    sheared[0, 1] = 0.2
    refused(*carry(save_field("w.nii.gz", shift, affine=sheared)), "right angles")


@case(
    "a matrix that maps space to a plane, holds NaN, lacks a number or has one too many",
    "refused, exit 65",
)
@pytest.mark.parametrize(
    "parameters",
    [
        (1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0),
        (1, 0, 0, 0, 1, 0, 1, 1, 0, 0, 0, 0),
        (0,) * 12,
        ("nan", 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0),
        ("1e999", 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0),
        (1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0),
        (1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0),
        ("one", 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0),
        (),
    ],
)
def test_a_bad_matrix(carry, tmp_path, parameters):
    path = tmp_path / "a.txt"
    path.write_text(TITLE + text(parameters=parameters))
    refused(*carry(path), "a.txt")
    if all(not isinstance(p, str) for p in parameters):
        path = tmp_path / "a.mat"
        path.write_bytes(mat([("AffineTransform_double_3_3", parameters), ("fixed", (0, 0, 0))]))
        refused(*carry(path), "a.mat")


@case("a matrix of 2-D images, two matrices in a file, an unknown kind", "refused, exit 65")
def test_matrices_of_other_kinds(carry, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(TITLE + text("AffineTransform_double_2_2", (1, 0, 0, 1, 0, 0), (0, 0)))
    refused(*carry(path), "no transform between 3-D images")
    path.write_text(TITLE + text() + text())
    refused(*carry(path), "holds 2 transforms, expected one")
    path.write_text(TITLE + text("WonderTransform_double_3_3"))
    refused(*carry(path), "a.txt")
    path = tmp_path / "a.mat"
    two = [("AffineTransform_double_2_2", (1, 0, 0, 1, 0, 0)), ("fixed", (0, 0))]
    path.write_bytes(mat(two))
    refused(*carry(path), "no transform between 3-D images")
    path.write_bytes(mat(two * 2))
    refused(*carry(path), "holds 2 transforms, expected one")


@case("a matrix of FSL, an empty file, another text, cut .mat, 2 MB of text", "refused, exit 65")
@pytest.mark.parametrize("name", ["a.txt", "a.mat"])
@pytest.mark.parametrize(
    "contents",
    [
        b"1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n",
        b"",
        b"\xff\xfe\x00",
        mat([("AffineTransform_double_3_3", range(12)), ("fixed", (0, 0, 0))])[:100],
        TITLE.encode() + b" " * 2_000_000,
    ],
)
def test_no_matrix(carry, tmp_path, name, contents):
    path = tmp_path / name
    path.write_bytes(contents)
    refused(*carry(path), name)


@pytest.mark.slow
@case("a composite (.h5) with a matrix in it that maps space to a plane", "refused, exit 65")
def test_a_flat_composite(carry, tmp_path):
    import ants

    flat = ants.create_ants_transform(
        transform_type="AffineTransform", matrix=np.diag([1.0, 1, 0]), precision="double"
    )
    path = tmp_path / "a.h5"
    ants.write_transform(flat, str(path))
    refused(*carry(path), "a.h5", "cannot be inverted")


@case("a folder named as a transform; a name that says nothing", "a sentence; exit codes 66 and 2")
def test_a_transform_that_is_none(carry, tmp_path):
    (tmp_path / "a.txt").mkdir()
    assert carry(tmp_path / "a.txt")[0].code == 66
    (tmp_path / "a.lta").write_text("")
    outcome, _ = carry(tmp_path / "a.lta")
    assert outcome.code == 2
    assert "must end in one of" in outcome.err


@case(
    "a mask in MNI whose field of displacements is cut short, in `bids`",
    "nobody is filled with it, exit 75",
)
def test_a_damaged_field_in_bids(call, head, save, save_field, shift, tmp_path):
    raw = tmp_path / "raw"
    name = "raw/sub-01/anat/sub-01_"
    save(f"{name}T1w.nii.gz", head.t1, head.affine)
    save(f"{name}space-MNI_label-lesion_mask.nii.gz", head.mask, head.affine)
    field = save_field(f"{name}from-MNI_to-T1w_mode-image_xfm.nii.gz", shift)
    field.write_bytes(field.read_bytes()[:500])
    (raw / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.9.0"}')
    outcome = call(
        "bids",
        raw,
        tmp_path / "out",
        "participant",
        "--steps",
        "fill",
    )
    assert outcome.code == 75, outcome.err
    assert "xfm.nii.gz" in outcome.err
    assert not list((tmp_path / "out").rglob("*_desc-filled*"))
