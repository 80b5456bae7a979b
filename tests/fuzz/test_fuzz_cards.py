"""Model cards, weights and settings of runs with damage: used, or refused with a sentence; nothing is left behind."""

import json

import nibabel as nib
import numpy as np
import pytest
from fuzz_calls import check_refused_or_done
from mutate import mutated, mutated_json

from brainfill.bundles.store import Card, save_bundle, sha256
from brainfill.core.config import override
from brainfill.models import memory3d

CONFIG = override(
    memory3d.PRESETS["tiny"],
    ["crop_vox=[8,8,8]", "first_fill=harmonic", "unet.width=4", "unet.mult=[1]"],
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A scan of 20 voxels along each side, a mask, and a small model."""
    top = tmp_path_factory.mktemp("model")
    rng = np.random.default_rng(0)
    hole = np.zeros((20, 20, 20), np.uint8)
    hole[9:11, 9:11, 9:11] = 1
    nib.save(
        nib.Nifti1Image(rng.integers(50, 150, hole.shape).astype(np.int16), np.eye(4)),
        top / "t1.nii.gz",
    )
    nib.save(nib.Nifti1Image(hole, np.eye(4)), top / "m.nii.gz")
    inpainter = memory3d.build(CONFIG)
    card = Card(name="m", family="memory3d", steps=1, lesions={}, metrics={"mae": {"mean": 0.5}})
    save_bundle(top / "model", inpainter, dict(inpainter.net.named_parameters()), card, "")
    return top


def fill_with(folder, model, tmp_path, seed):
    words = ("fill", folder / "t1.nii.gz", folder / "m.nii.gz", "--model", model)
    check_refused_or_done((*words, "-o", tmp_path / "out" / "o.nii.gz"), tmp_path, seed)


def test_damaged_cards(folder, tmp_path, cases):
    plain = json.loads((folder / "model" / "config.json").read_text())
    model = tmp_path / "model"
    model.mkdir()
    (model / "model.safetensors").write_bytes((folder / "model" / "model.safetensors").read_bytes())
    for seed in cases(30):
        rng = np.random.default_rng([11, seed])
        changed = mutated_json(plain, rng) if seed % 3 else mutated(json.dumps(plain).encode(), rng)
        text = changed if isinstance(changed, bytes) else json.dumps(changed).encode()
        (model / "config.json").write_bytes(text)
        fill_with(folder, model, tmp_path, seed)


def test_damaged_weights_with_a_right_checksum(folder, tmp_path, cases):
    plain = json.loads((folder / "model" / "config.json").read_text())
    good = (folder / "model" / "model.safetensors").read_bytes()
    model = tmp_path / "model"
    model.mkdir()
    for seed in cases(30):
        (model / "model.safetensors").write_bytes(mutated(good, np.random.default_rng([12, seed])))
        card = plain | {"weights_sha256": sha256(model / "model.safetensors")}
        (model / "config.json").write_text(json.dumps(card))
        fill_with(folder, model, tmp_path, seed)
