"""From scans on disk to a model that fills one of them, through the commands alone."""

import json

import nibabel as nib
import numpy as np


def test_train_continue_and_fill(call, files, lesion):
    data, run = files.folder / "data.tsv", files.folder / "run"
    data.write_text(f"image\tlesions\n{files.t1.name}\t{files.mask.name}\n")
    train = ["train", "--data", data, "-o", run, "--family", "slice2d", "--preset", "tiny"]
    train += ["--device", "cpu", "--set", "train.batch=1"]
    assert call(*train, "--set", "train.steps=1").out == f"{run / 'bundle'}\n"
    assert "from step 1\n" in call(*train, "--set", "train.steps=2").err

    fill = ["fill", files.t1, files.mask, "--model", run / "bundle", "--device", "cpu", "-q"]
    fill += ["--steps", 2, "--samples", 2, "--sd", files.folder / "sd.nii"]
    for name in ("a.nii.gz", "b.nii.gz"):
        outcome = call(*fill, "-o", files.folder / name, "--force")
        assert (outcome.code, outcome.err) == (0, "")
    assert (files.folder / "a.nii.gz").read_bytes() == (files.folder / "b.nii.gz").read_bytes()

    before, after = (np.asarray(nib.load(p).dataobj) for p in (files.t1, files.folder / "a.nii.gz"))
    facts = json.loads((files.folder / "a.json").read_text())
    assert (before != after).sum() == facts["VoxelsChanged"] <= facts["FilledVoxels"]
    assert (after != before)[lesion > 0].mean() > 0.9
    card = json.loads((run / "bundle" / "config.json").read_text())
    assert facts["Model"] == {"name": "run", "sha256": card["weights_sha256"]}
    assert (facts["Steps"], facts["Samples"], facts["Sampler"]) == (2, 2, card["sampler"])
    sd = nib.load(files.folder / "sd.nii").get_fdata()
    assert sd[lesion > 0].mean() > 0
    assert (sd > 0).sum() <= facts["FilledVoxels"]
