"""Bad input: an exit code, one sentence with what was found and what to do, and nothing written."""

import gzip

import nibabel as nib
import numpy as np
import pytest
from cli_files import AFFINE, save

T1, MASK, SHAPE = "t1", "mask", (20, 18, 16)
SHIFTED = AFFINE + np.array([[0, 0, 0, 3.4], [0] * 4, [0] * 4, [0] * 4])
SINGULAR = np.diag([1.0, 1, 0, 1])


def missing(path, head, lesion):
    path.unlink()


def dangling(path, head, lesion):
    path.unlink()
    path.symlink_to("annex/objects/none")


def folder(path, head, lesion):
    path.unlink()
    path.mkdir()


def truncated(path, head, lesion):
    path.write_bytes(path.read_bytes()[:-200])


def renamed_text(path, head, lesion):
    path.write_bytes(gzip.compress(b"subject\tage\nsub-01\t40\n"))


def many_frames(path, head, lesion):
    save(path, np.stack([head] * 5, axis=-1))


def complex_type(path, head, lesion):
    save(path, head.astype(np.complex64))


def colour(path, head, lesion):
    save(path, np.zeros(SHAPE, [("R", "u1"), ("G", "u1"), ("B", "u1")]))


def not_finite(path, head, lesion):
    values = head.astype(np.float32)
    values[0, 0, :3] = np.nan
    values[0, 1, 0] = np.inf
    save(path, values)


def singular(path, head, lesion):
    image = nib.Nifti1Image(head, np.eye(4))
    image.header.set_sform(SINGULAR, 1)
    image.header["qform_code"] = 0
    raw = bytearray(image.to_bytes())
    raw[280:328] = SINGULAR[:3].astype("<f4").tobytes()
    path.write_bytes(gzip.compress(bytes(raw)))


def constant(path, head, lesion):
    save(path, np.full(SHAPE, 7, np.int16))


def empty(path, head, lesion):
    save(path, lesion * 0)


def brain_mask(path, head, lesion):
    save(path, (head > 0).astype(np.uint8))


def off_the_head(path, head, lesion):
    corner = np.zeros(SHAPE, np.uint8)
    corner[:2, :2, :2] = 1
    save(path, corner)


def moved(path, head, lesion):
    save(path, lesion, SHIFTED)


def far_away(path, head, lesion):
    save(path, lesion[:-2], AFFINE + np.array([[0, 0, 0, 500.0], [0] * 4, [0] * 4, [0] * 4]))


def label_map(path, head, lesion):
    save(path, lesion * np.uint8(3) + (head > 0))


CASES = [
    (T1, missing, 66, ["does not exist"]),
    (MASK, missing, 66, ["does not exist"]),
    (T1, dangling, 66, ["link", "datalad get"]),
    (MASK, folder, 66, ["is a folder"]),
    (T1, truncated, 65, ["stop too early"]),
    (T1, renamed_text, 65, ["not an image", "text"]),
    (MASK, renamed_text, 65, ["not an image"]),
    (T1, many_frames, 65, ["5"]),
    (T1, complex_type, 65, ["complex"]),
    (T1, colour, 65, ["colour"]),
    (T1, not_finite, 65, ["4 voxels", "--nan-to-zero"]),
    (T1, singular, 65, ["singular"]),
    (T1, constant, 65, ["shows no head"]),
    (MASK, empty, 65, ["is empty"]),
    (MASK, brain_mask, 65, ["covers 100 % of the head", "50 %"]),
    (MASK, off_the_head, 65, ["none of the 8 voxels"]),
    (MASK, moved, 65, ["3.4 mm", "--assume-same-grid"]),
    (MASK, far_away, 65, ["outside the image"]),
    (MASK, label_map, 65, ["--label"]),
]


@pytest.mark.parametrize(
    ("which", "spoil", "code", "words"), CASES, ids=[f"{c[0]}-{c[1].__name__}" for c in CASES]
)
def test_refused_in_one_sentence(call, files, head, lesion, which, spoil, code, words):
    spoil(getattr(files, which), head, lesion)
    before = sorted(files.folder.iterdir())
    outcome = call("fill", files.t1, files.mask, "--method", "localmean", "-q")
    assert (outcome.code, outcome.out) == (code, "")
    message, hint = outcome.err.splitlines()
    assert message.startswith("error: ")
    assert hint.startswith("hint: ")
    for word in words:
        assert word in outcome.err
    assert "sub-01" in message
    assert sorted(files.folder.iterdir()) == before


@pytest.mark.parametrize(
    ("which", "spoil", "options", "warned"),
    [
        (T1, not_finite, ["--nan-to-zero"], "4 voxels"),
        (MASK, moved, ["--assume-same-grid"], "3.4 mm"),
        (MASK, label_map, ["--label", "4"], None),
    ],
)
def test_insisting(call, files, head, lesion, which, spoil, options, warned):
    spoil(getattr(files, which), head, lesion)
    outcome = call("fill", files.t1, files.mask, "--method", "localmean", "-q", *options)
    assert outcome.code == 0
    assert (warned in outcome.err) if warned else outcome.err == ""


def test_a_mask_stored_another_way_is_resampled_with_a_warning(call, files, lesion):
    turned = AFFINE @ np.array([[-1, 0, 0, 19], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    save(files.mask, lesion[::-1], turned)
    out = files.folder / "x.nii"
    outcome = call("fill", files.t1, files.mask, "--method", "localmean", "--dilate", 0, "-o", out)
    assert outcome.code == 0
    assert "resampled by nearest neighbour" in outcome.err
    changed = np.asarray(nib.load(out).dataobj) != np.asarray(nib.load(files.t1).dataobj)
    np.testing.assert_array_equal(changed, lesion > 0)


def test_a_lesion_partly_off_the_head_is_filled_with_a_warning(call, files, lesion):
    lesion[0, 0, :2] = 1
    save(files.mask, lesion)
    outcome = call("fill", files.t1, files.mask, "--method", "localmean")
    assert outcome.code == 0
    assert "warning: 2 of 12 lesion voxels show background" in outcome.err


def test_a_model_that_does_not_fill_is_refused(call, files):
    outcome = call("fill", files.t1, files.mask, "--model", "brain-mask")
    assert outcome.code == 2
    assert "model 'brain-mask' is of the wrong kind: it finds the class of voxels" in outcome.err
    assert "brainfill list models" in outcome.err
    assert not list(files.folder.glob("*_filled*"))
