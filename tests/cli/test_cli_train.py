"""Training data found and packed; what reaches the trainer."""

import json

import nibabel as nib
import numpy as np
import pytest

from brainfill.train import run as run_module
from brainfill.train.pack import load_pack
from brainfill.train.recipe import Recipe, read

LIA = np.array([[-1.0, 0, 0, 5], [0, 0, 1, -5], [0, -1.0, 0, 5], [0, 0, 0, 1]])


def image(path, data, affine=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(data, np.eye(4) if affine is None else affine), path)
    return path


def brick(shape=(6, 7, 8)):
    """Values that name their own voxel, so that a turned axis shows."""
    return (np.arange(np.prod(shape)).reshape(shape) + 1).astype(np.int16)


@pytest.fixture
def bids(tmp_path):
    root = tmp_path / "bids"
    image(root / "sub-01" / "anat" / "sub-01_T1w.nii.gz", brick())
    image(root / "sub-02" / "ses-02" / "anat" / "sub-02_ses-02_T1w.nii", brick())
    image(root / "sub-02" / "ses-02" / "anat" / "sub-02_ses-02_FLAIR.nii", brick())
    image(root / "derivatives" / "x" / "sub-03" / "anat" / "sub-03_T1w.nii", brick())
    return root


@pytest.fixture
def masks(tmp_path):
    lesions = np.zeros((9, 9, 9), np.uint8)
    lesions[1:3, 1:4, 1:5] = 1
    lesions[6:8, 6:8, 6:8] = 1
    image(tmp_path / "masks" / "a.nii.gz", lesions)
    (tmp_path / "masks" / "notes.txt").write_text("not a mask")
    return tmp_path / "masks"


@pytest.fixture
def trainer(monkeypatch):
    """Takes the place of the trainer and remembers what it was asked."""
    calls = []

    def train_run(recipe, data, out, **rest):
        calls.append({"recipe": recipe, "data": data, "out": out} | rest)
        return out / "bundle"

    monkeypatch.setattr(run_module, "train_run", train_run)
    return calls


def test_pack_a_bids_folder(call, bids, masks, tmp_path):
    outcome = call("train", "pack", bids, "-o", tmp_path / "p.npz", "--lesions", masks)
    assert outcome.code == 0
    assert outcome.out == f"{tmp_path / 'p.npz'}\n"
    assert "2 volumes and 2 lesion shapes" in outcome.err
    pack = load_pack(tmp_path / "p.npz")
    assert list(pack.names) == ["sub-01", "sub-02_ses-02"]
    assert pack.volumes[0].shape == (8, 6, 7)
    assert sorted(s.shape for s in pack.shapes) == [(2, 2, 2), (4, 2, 3)]


def test_orientation_and_voxel_size_do_not_matter(call, tmp_path):
    values = brick()
    image(tmp_path / "a.nii", values)
    image(tmp_path / "b.nii", np.ascontiguousarray(values[::-1, :, ::-1].transpose(0, 2, 1)), LIA)
    image(
        tmp_path / "c.nii",
        np.kron(values, np.ones((2, 2, 2), np.int16)),
        np.diag([0.5, 0.5, 0.5, 1]),
    )
    (tmp_path / "m.tsv").write_text("image\na.nii\nb.nii\nc.nii\n")
    assert call("train", "pack", tmp_path / "m.tsv", "-o", tmp_path / "p.npz").code == 0
    a, b, c = load_pack(tmp_path / "p.npz").volumes
    np.testing.assert_array_equal(a, b)
    assert c.shape == a.shape
    inside = np.abs(a.astype(int) - c)[1:-1, 1:-1, 1:-1]
    assert inside.max() <= 8  # of 255; blurred before voxels grow, so not the same to the bit


def test_lesions_of_a_manifest_and_of_a_pattern(call, masks, tmp_path):
    image(tmp_path / "a.nii", brick())
    (tmp_path / "m.tsv").write_text("image\tlesions\na.nii\tmasks/a.nii.gz\na.nii\tn/a\n")
    arguments = ["train", "pack", tmp_path / "m.tsv", "-o", tmp_path / "p.npz"]
    assert call(*arguments, "--lesions", f"{masks}/*.nii.gz").code == 0
    pack = load_pack(tmp_path / "p.npz")
    assert (len(pack.volumes), len(pack.shapes)) == (2, 4)


@pytest.mark.parametrize("name", ["sub-02", "02"])
def test_people_can_be_left_out(call, bids, tmp_path, name):
    assert call("train", "pack", bids, "-o", tmp_path / "p.npz", "--exclude", name).code == 0
    assert list(load_pack(tmp_path / "p.npz").names) == ["sub-01"]


def test_leaving_out_nobody_is_refused(call, bids, tmp_path):
    outcome = call("train", "pack", bids, "-o", tmp_path / "p.npz", "--exclude", "sub-03")
    assert outcome.code == 2
    assert "no such person among 2" in outcome.err
    assert not (tmp_path / "p.npz").exists()


def test_no_images_or_masks(call, bids, tmp_path):
    (tmp_path / "empty").mkdir()
    outcome = call("train", "pack", tmp_path / "empty", "-o", tmp_path / "p.npz")
    assert (outcome.code, "no T1-weighted image" in outcome.err) == (66, True)
    arguments = ["train", "pack", bids, "-o", tmp_path / "p.npz"]
    outcome = call(*arguments, "--lesions", tmp_path / "empty")
    assert (outcome.code, "no lesion mask" in outcome.err) == (66, True)


def test_manifest_without_the_column_or_the_file(call, tmp_path):
    table = tmp_path / "m.tsv"
    table.write_text("t1\na.nii\n")
    outcome = call("train", "pack", table, "-o", tmp_path / "p.npz")
    assert (outcome.code, "expected one named image" in outcome.err) == (65, True)
    table.write_text("image\na.nii\n")
    outcome = call("train", "pack", table, "-o", tmp_path / "p.npz")
    assert (outcome.code, "a.nii" in outcome.err) == (66, True)


def test_packed_file_must_be_named_so_and_is_not_replaced(call, bids, tmp_path):
    assert call("train", "pack", bids, "-o", tmp_path / "p.zip").code == 2
    (tmp_path / "p.npz").touch()
    assert "exists already" in call("train", "pack", bids, "-o", tmp_path / "p.npz").err
    assert call("train", "pack", bids, "-o", tmp_path / "p.npz", "--force").code == 0


def test_training_packs_once_and_passes_everything_on(call, bids, trainer, tmp_path):
    run = tmp_path / "run"
    arguments = ["train", "--data", bids, "-o", run, "--family", "slice2d", "--preset", "tiny"]
    arguments += [
        "--learner",
        "inpaint",
        "--max-minutes",
        2,
        "--set",
        "train.steps=3",
        "--set",
        "train.batch=2",
    ]
    outcome = call(*arguments, "--device", "cpu")
    assert (outcome.code, outcome.out) == (0, f"{run / 'bundle'}\n")
    asked = trainer[0]
    assert asked.pop("say")
    assert asked == {
        "recipe": Recipe(family="slice2d", preset="tiny", learner="inpaint"),
        "data": run / "pack.npz",
        "out": run,
        "settings": ["train.steps=3", "train.batch=2"],
        "device": "cpu",
        "max_minutes": 2.0,
        "dry_run": False,
    }
    before = (run / "pack.npz").stat().st_mtime_ns
    assert "packing" not in call(*arguments).err
    assert (run / "pack.npz").stat().st_mtime_ns == before


def test_a_recipe_reaches_the_trainer_and_the_summary(call, trainer, tmp_path):
    words = ["train", "--data", "x.npz", "-o", tmp_path / "run", "--device", "cpu"]
    outcome = call(*words, "--recipe", "lesion-paint", "--json")
    assert trainer[0]["recipe"] == read("lesion-paint")
    found = json.loads(outcome.out)
    assert (found["Recipe"], found["Family"]) == ("lesion-paint", "memory3d")


def test_a_recipe_settles_the_family_even_where_the_one_given_is_the_default(call, trainer):
    outcome = call(
        *("train", "--data", "x.npz", "-o", "run", "--recipe", "t1-fill", "--family", "pseudo3d")
    )
    assert (outcome.code, trainer) == (2, [])
    assert "recipe 't1-fill' says which family to take" in outcome.err


def test_a_packed_file_is_used_as_it_is(call, trainer, tmp_path):
    assert call("train", "--data", "x.npz", "-o", tmp_path / "run", "--device", "cpu").code == 0
    assert str(trainer[0]["data"]) == "x.npz"


def test_training_takes_lesions_and_leaves_people_out(call, bids, masks, trainer, tmp_path):
    arguments = ["train", "--data", bids, "-o", tmp_path / "run", "--device", "cpu"]
    assert call(*arguments, "--lesions", masks, "--exclude", "01").code == 0
    pack = load_pack(tmp_path / "run" / "pack.npz")
    assert (list(pack.names), len(pack.shapes)) == (["sub-02_ses-02"], 2)


def test_a_packed_file_takes_no_lesions(call, masks, trainer, tmp_path):
    outcome = call("train", "--data", "x.npz", "-o", tmp_path, "--lesions", masks)
    assert (outcome.code, trainer) == (2, [])
    assert "packed already" in outcome.err


def test_dry_run_packs_and_trains_nothing(call, bids, trainer, tmp_path):
    outcome = call("train", "--data", bids, "-o", tmp_path / "run", "--dry-run")
    assert (outcome.code, outcome.out) == (0, "")
    assert "2 scans and 0 lesion masks" in outcome.err
    assert trainer[0]["dry_run"]
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("given", "missing"), [([], "--data"), (["--data", "x.npz"], "-o RUN")])
def test_what_is_missing_is_said(call, given, missing):
    outcome = call("train", *given)
    assert outcome.code == 2
    assert f"error: training needs {missing}" in outcome.err


def test_data_that_are_not_there(call, tmp_path):
    outcome = call("train", "--data", tmp_path / "none", "-o", tmp_path / "run")
    assert (outcome.code, "do not exist" in outcome.err) == (66, True)


def test_quiet(call, bids, tmp_path):
    assert call("train", "pack", bids, "-o", tmp_path / "p.npz", "-q").err == ""
