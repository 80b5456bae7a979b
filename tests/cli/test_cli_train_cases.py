"""Tables of images and folders of pictures, packed as cases, and what learns from them."""

import json

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from brainfill.train.cases import load_cases


def head(path, value, lesion=None, flip=False):
    """A bright ellipsoid of 1 mm voxels, perhaps stored with its first axis turned."""
    x, y, z = np.indices((24, 26, 22))
    data = (((x - 12) / 10) ** 2 + ((y - 13) / 11) ** 2 + ((z - 11) / 9) ** 2 < 1) * np.float32(
        value
    )
    if lesion is not None:
        data[8:11, 12:15, 9:12] = lesion
    affine = np.eye(4)
    if flip:
        data, affine = data[::-1], np.diag([-1.0, 1, 1, 1])
        affine[0, 3] = 23
    nib.save(nib.Nifti1Image(data, affine), path)


@pytest.fixture
def table(tmp_path):
    for name in ("a", "b"):
        head(tmp_path / f"{name}_T1w.nii.gz", 200, 140, flip=name == "b")
        head(tmp_path / f"{name}_FLAIR.nii.gz", 120, 180, flip=name == "b")
        head(tmp_path / f"{name}_mask.nii.gz", 0, 1, flip=name == "b")
    head(tmp_path / "c_T1w.nii.gz", 200)
    rows = [
        ("contrast:T1w", "contrast:FLAIR", "mask:lesion", "name", "person", "site", "value"),
        ("a_T1w.nii.gz", "a_FLAIR.nii.gz", "a_mask.nii.gz", "a", "sub-1", "Basel", "41"),
        ("b_T1w.nii.gz", "b_FLAIR.nii.gz", "b_mask.nii.gz", "b", "sub-2", "", "n/a"),
        ("c_T1w.nii.gz", "n/a", "", "", "sub-3", "", ""),
    ]
    (tmp_path / "people.tsv").write_text("\n".join("\t".join(row) for row in rows) + "\n")
    return tmp_path / "people.tsv"


@pytest.fixture
def pictures(tmp_path):
    for label in ("healthy", "ill"):
        (tmp_path / "png" / label).mkdir(parents=True)
        pixels = np.arange(30, dtype=np.uint8).reshape(5, 6) + (100 if label == "ill" else 0)
        Image.fromarray(pixels).save(tmp_path / "png" / label / "x1.png")
    return tmp_path / "png"


def test_a_table_becomes_cases_with_all_that_is_known(call, table, tmp_path):
    outcome = call("train", "pack", table, "-o", tmp_path / "p.npz", "--json")
    assert json.loads(outcome.out) == {
        "Output": str(tmp_path / "p.npz"),
        "Cases": 3,
        "Contrasts": 2,
    }
    pack = load_cases(tmp_path / "p.npz")
    assert list(pack.contrasts) == ["T1w", "FLAIR"]
    a, b, c = pack.cases
    assert (a.name, a.person, a.site, a.value) == ("a", "sub-1", "Basel", 41.0)
    assert (b.site, b.value, c.name) == ("", None, "c_T1w")
    assert a.images.shape == (2, 22, 24, 26)  # towards S, R and A
    assert set(np.unique(a.images[0])) == {0, round(140 / 200 * 255), 255}
    assert a.masks["lesion"][9:12, 8:11, 12:15].all()
    assert a.masks["lesion"].sum() == 27
    # However they are stored.
    np.testing.assert_array_equal(a.images, b.images)
    np.testing.assert_array_equal(a.masks["lesion"], b.masks["lesion"])
    assert c.masks == {}
    assert not c.images[1].any()


def test_a_painter_learns_from_a_table(call, table, tmp_path):
    words = ["train", "--data", table, "-o", tmp_path / "run", "--family", "memory3d"]
    words += ["--preset", "tiny", "--device", "cpu", "--set", 'model.contrasts=["T1w","FLAIR"]']
    for setting in (
        *("model.first_fill=harmonic", "model.crop_vox=[6,6,8]", "train.precision=float32"),
        *("train.steps=1", "train.batch=2"),
    ):
        words += ["--set", setting]
    outcome = call(*words)
    assert outcome.code == 0, outcome.err
    kept = json.loads((tmp_path / "run" / "run.json").read_text())
    assert kept["learner"] == "paint"
    card = json.loads((tmp_path / "run" / "bundle" / "config.json").read_text())
    assert card["lesions"]["T1w"]["median"] == pytest.approx(0.7, abs=0.02)
    assert "a, b, c_T1w" in card["data"]


def test_a_folder_of_pictures_becomes_labelled_cases(call, pictures, tmp_path):
    assert call("train", "pack", pictures, "-o", tmp_path / "p.npz").code == 0
    pack = load_cases(tmp_path / "p.npz")
    assert list(pack.contrasts) == ["picture"]
    assert [(case.name, case.label) for case in pack.cases] == [("x1", "healthy"), ("x1", "ill")]
    first = pack.cases[0].images[0]
    assert first.shape == (5, 6)
    assert (first[0, 0], first[-1, -1]) == (0, 255)  # rows from the top
    assert (np.diff(first.astype(int).ravel()) > 0).all()


def test_people_can_be_left_out_and_must_be_there(call, table, tmp_path):
    packed = tmp_path / "p.npz"
    assert call("train", "pack", table, "-o", packed, "--exclude", "sub-2").code == 0
    assert [case.person for case in load_cases(packed).cases] == ["sub-1", "sub-3"]
    outcome = call("train", "pack", table, "-o", tmp_path / "q.npz", "--exclude", "sub-9")
    assert (outcome.code, "no such person among 3" in outcome.err) == (2, True)


def test_a_dry_run_says_what_there_is(call, table, tmp_path):
    outcome = call("train", "--data", table, "-o", tmp_path / "run", "--dry-run")
    assert outcome.code == 0
    assert "3 cases in" in outcome.out + outcome.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("old", "new", "code", "sentence"),
    [
        ("site", "town", 65, "has the column 'town', of which nothing is known"),
        ("a_T1w", "z_T1w", 66, "z_T1w.nii.gz', named in "),
        ("\t41", "\told", 65, "the value of case 'a' is 'old', expected a number"),
        ("c_T1w.nii.gz", "n/a", 65, "has no image"),
        ("a_FLAIR", "odd", 65, "odd.nii.gz' differs in shape from the first image of case 'a'"),
    ],
)
def test_tables_that_cannot_be_packed_are_named(call, table, tmp_path, old, new, code, sentence):
    nib.save(nib.Nifti1Image(np.ones((5, 5, 5), np.float32), np.eye(4)), tmp_path / "odd.nii.gz")
    table.write_text(table.read_text().replace(old, new))
    outcome = call("train", "pack", table, "-o", tmp_path / "p.npz")
    assert (outcome.code, sentence in outcome.err) == (code, True), outcome.err
    assert not (tmp_path / "p.npz").exists()


def test_a_picture_that_is_none_is_named(call, pictures, tmp_path):
    (pictures / "ill" / "x1.png").write_text("no picture")
    outcome = call("train", "pack", pictures, "-o", tmp_path / "p.npz")
    assert outcome.code == 65
    assert "x1.png' is not a picture" in outcome.err


def test_lesion_masks_beside_a_table_of_cases_are_refused(call, table, tmp_path):
    outcome = call("train", "pack", table, "-o", tmp_path / "p.npz", "--lesions", tmp_path)
    assert outcome.code == 2
    assert "have masks of their own" in outcome.err


def test_pictures_in_a_bids_folder_are_no_cases(call, pictures, tmp_path):
    (pictures / "sub-1" / "anat").mkdir(parents=True)
    head(pictures / "sub-1" / "anat" / "sub-1_T1w.nii.gz", 200)
    outcome = call("train", "pack", pictures, "-o", tmp_path / "p.npz", "--json")
    assert json.loads(outcome.out)["Volumes"] == 1
