"""From scans of patients on disk to a model that paints lesions, through the commands and the script that packs."""

import json
import runpy
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from cli_files import save

SCRIPT = Path(__file__).parents[2] / "pipelines" / "models" / "pack_lesions.py"


@pytest.fixture
def data(tmp_path, head, lesion):
    """A patient with two contrasts, one to leave out, and a healthy person."""
    bright = np.where(head > 0, 600, 0)
    where = np.zeros(head.shape, bool)
    where[7:11, 7:10, 6:9] = True
    for name in ("sub-19", "sub-07"):
        anat = tmp_path / "ms" / name / "anat"
        anat.mkdir(parents=True)
        save(anat / f"{name}_T1w.nii.gz", np.where(where, 400, bright).astype(np.int16))
        save(anat / f"{name}_FLAIR.nii.gz", np.where(where, 800, bright).astype(np.int16))
        save(anat / f"{name}_mask.nii.gz", where.astype(np.uint8))
    anat = tmp_path / "oasis" / "sub-1000" / "ses-01" / "anat"
    anat.mkdir(parents=True)
    save(anat / "sub-1000_T1w.nii.gz", bright.astype(np.int16))
    (tmp_path / "masks").mkdir()
    for name in ("sub-19", "sub-07", "sub-03"):
        save(tmp_path / "masks" / f"{name}_mask.nii.gz", where.astype(np.uint8))
    return tmp_path


def test_pack_train_and_synthesize(call, data, files, lesion, monkeypatch, capsys):
    packed, run = data / "lesions.npz", data / "run"
    words = [SCRIPT, packed, "--patients", data / "ms", "--healthy", data / "oasis"]
    words += ["--shapes", data / "masks", "--exclude", "sub-07"]
    monkeypatch.setattr(sys, "argv", list(map(str, words)))
    runpy.run_path(str(SCRIPT), run_name="__main__")
    said = capsys.readouterr().out
    assert said == f"2 people and 2 shapes in {packed}: sub-19, sub-1000_ses-01\n"

    train = ["train", "--data", packed, "-o", run, "--family", "memory3d", "--preset", "tiny"]
    for setting in ('contrasts=["T1w","FLAIR"]', "first_fill=harmonic", "crop_vox=[6,6,6]"):
        train += ["--set", f"model.{setting}"]
    train += ["--device", "cpu", "--set", "train.batch=1", "--set", "train.steps=2"]
    assert call(*train).out == f"{run / 'bundle'}\n"
    card = json.loads((run / "bundle" / "config.json").read_text())
    # 400 and 800 of 600, stored as whole numbers up to 255.
    assert card["lesions"]["T1w"]["median"] == pytest.approx(400 / 600, abs=0.003)
    assert card["lesions"]["FLAIR"]["median"] == pytest.approx(800 / 600, abs=0.003)
    assert card["data"] == "2 scans: sub-19, sub-1000_ses-01"

    flair = save(files.folder / "flair.nii.gz", np.asarray(nib.load(files.t1).dataobj))
    out = [files.folder / name for name in ("a.nii.gz", "b.nii.gz")]
    paint = ["synthesize", files.t1, files.mask, "--model", run / "bundle", "--device", "cpu"]
    paint += ["-o", out[0], "--flair", flair, "--flair-out", out[1], "-q"]
    outcome = call(*paint)
    assert (outcome.code, outcome.err) == (0, "")
    for before, after in zip((files.t1, flair), out, strict=True):
        changed = np.asarray(nib.load(before).dataobj) != np.asarray(nib.load(after).dataobj)
        assert not changed[lesion == 0].any()
        assert changed[lesion > 0].mean() > 0.8
    facts = json.loads((files.folder / "a.json").read_text())
    assert facts["Model"] == {"name": "run", "sha256": card["weights_sha256"]}
