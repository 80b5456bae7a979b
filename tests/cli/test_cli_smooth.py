"""`brainfill smooth`: what it writes and shows, and what it refuses."""

import json

import nibabel as nib
import numpy as np
import pytest
from cli_files import AFFINE, save

import brainfill


@pytest.fixture
def striped(tmp_path):
    """A grainy block with a cube of bright and dark slices across z, and the mask of the cube."""
    image = np.random.default_rng(0).normal(600, 10, (26, 24, 22))
    cube = np.zeros(image.shape, np.uint8)
    cube[6:20, 6:18, 5:16] = 1
    image += cube * np.where(np.arange(22) % 2, 30, -30)
    image[:2] = 0
    return [
        save(tmp_path / "fill.nii.gz", image.astype(np.int16)),
        save(tmp_path / "mask.nii.gz", cube),
    ]


def stored(path):
    return np.asarray(nib.load(path).dataobj)


def test_image_record_and_table(call, striped, tmp_path):
    out = tmp_path / "smooth.nii.gz"
    outcome = call("smooth", striped[0], "--mask", striped[1], "-o", out)
    assert (outcome.code, outcome.out) == (0, f"{out}\n")
    before, after, inside = stored(striped[0]), stored(out), stored(striped[1]) > 0
    np.testing.assert_array_equal(after[~inside], before[~inside])
    assert after.dtype == before.dtype
    facts = json.loads((tmp_path / "smooth.json").read_text())
    assert facts["Axis"] == ["z"]
    assert facts["VoxelsChanged"] == np.count_nonzero(after != before)
    assert facts["MaxAbsDifferenceOutsideMask"] == 0
    assert facts["SigmaMM"]["z"] == pytest.approx(1.075 * 1.5)
    index = facts["StripeIndex"]
    assert abs(np.log(index["After"]["z"])) < abs(np.log(index["Before"]["z"]))
    lines = outcome.err.splitlines()
    assert lines[-4].split() == ["stripe", "index", "x", "y", "z"]
    for line, when in zip(lines[-3:-1], ("Before", "After"), strict=True):
        assert line.split() == [when.lower(), *(f"{v:.2f}" for v in index[when].values())]
    assert "smoothed along z" in lines[-1]


def test_quiet_and_json(call, striped, tmp_path):
    out = tmp_path / "smooth.nii"
    outcome = call("smooth", *striped[:1], "-m", striped[1], "-o", out, "-q", "--json")
    assert outcome.err == ""
    summary = json.loads(outcome.out)
    assert summary.pop("Output") == str(out)
    assert summary == json.loads((tmp_path / "smooth.json").read_text())


def test_only_if_writes_the_image_as_it_was(call, striped, tmp_path):
    out = tmp_path / "same.nii.gz"
    outcome = call("smooth", striped[0], "-m", striped[1], "-o", out, "--only-if", 90)
    assert outcome.code == 0
    assert "not smoothed" in outcome.err
    np.testing.assert_array_equal(stored(out), stored(striped[0]))
    assert json.loads((tmp_path / "same.json").read_text())["Smoothed"] is False


def test_widths_and_axes_are_passed_on(call, striped, tmp_path):
    arguments = ["smooth", striped[0], "-o", tmp_path / "s.nii", "--axis", "all", "--json"]
    facts = json.loads(call(*arguments, "--sigma-mm", "1,2.4,3").out)
    assert facts["SigmaVox"] == pytest.approx({"x": 1, "y": 2, "z": 2})
    assert facts["StripeIndexAgainst"] == "the other axes"
    assert len(facts["Sources"]) == 1


def test_dry_run_writes_nothing(call, striped, tmp_path):
    before = set(tmp_path.iterdir())
    outcome = call("smooth", *striped[:1], "-o", tmp_path / "s.nii", "-n", "--axis", "y")
    assert json.loads(outcome.out)["options"]["axis"] == "y"
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        (["--sigma-mm", "wide"], 2, "one number or three"),
        (["--sigma-mm", "1", "--sigma-vox", "2"], 2, "both given"),
        (["--axis", "t"], 2, "--axis"),
        (["--mask", "none.nii"], 66, "none.nii"),
        (["-o", "noimage.txt"], 2, "noimage.txt"),
    ],
)
def test_wrong_use(call, striped, tmp_path, more, code, words):
    before = set(tmp_path.iterdir())
    given = ["-o", tmp_path / "s.nii"] if "-o" not in more else []
    outcome = call("smooth", striped[0], *given, *more)
    assert (outcome.code, outcome.out) == (code, "")
    assert words in outcome.err
    assert set(tmp_path.iterdir()) == before


def test_data_that_cannot_be_used(call, striped, tmp_path):
    out = tmp_path / "s.nii"
    save(striped[1], np.zeros((26, 24, 22), np.uint8))
    outcome = call("smooth", striped[0], "-m", striped[1], "-o", out)
    assert (outcome.code, "mask that is empty" in outcome.err) == (65, True)
    save(striped[1], np.ones((26, 24, 22), np.uint8), AFFINE + np.diag([0, 0, 0.2, 0]))
    outcome = call("smooth", striped[0], "-m", striped[1], "-o", out)
    assert (outcome.code, "do not fit" in outcome.err) == (65, True)
    assert not out.exists()


def test_inputs_and_outputs_that_exist_are_kept(call, striped, tmp_path):
    outcome = call("smooth", striped[0], "-o", striped[0], "--force")
    assert (outcome.code, "would replace the input" in outcome.err) == (2, True)
    (tmp_path / "s.nii").write_text("mine")
    outcome = call("smooth", striped[0], "-o", tmp_path / "s.nii")
    assert (outcome.code, "--force" in outcome.err) == (2, True)
    assert (tmp_path / "s.nii").read_text() == "mine"


def test_python_gives_what_the_command_writes(call, striped, tmp_path):
    call("smooth", striped[0], "-m", striped[1], "-o", tmp_path / "s.nii", "--axis", "z")
    smoothed = brainfill.smooth(*striped, axis="z")
    np.testing.assert_array_equal(np.asarray(smoothed.image.dataobj), stored(tmp_path / "s.nii"))
    facts = json.loads((tmp_path / "s.json").read_text())
    assert smoothed.facts["StripeIndex"] == facts["StripeIndex"]
