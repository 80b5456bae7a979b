"""Recipes of papers at a small size, from scans on disk to a fill: they train, are bundled and are used."""

import json

import nibabel as nib
import numpy as np
import pytest

from brainfill.nets.unet import UNet


@pytest.fixture
def calls(monkeypatch):
    """The shape of what the network is shown at each of its calls, and the number of the slice, if told."""
    seen, forward = [], UNet.forward

    def counted(self, x, *rest, **named):
        seen.append((tuple(x.shape), named.get("position")))
        return forward(self, x, *rest, **named)

    monkeypatch.setattr(UNet, "forward", counted)
    return seen


@pytest.fixture
def trained(call, files):
    """Trains a recipe for two steps with the preset "tiny"; the folder of its bundle."""

    def run(recipe, model):
        small = files.folder / "small.toml"
        small.write_text(f'like = "{recipe}"\npreset = "tiny"\n[model]\n{model}\n')
        data = files.folder / "data.tsv"
        data.write_text(f"image\tlesions\n{files.t1.name}\t{files.mask.name}\n")
        out = files.folder / "run"
        train = ["train", "--recipe", small, "--data", data, "-o", out, "--device", "cpu"]
        train += ["--set", "train.steps=2", "--set", "train.precision=float32", "-q"]
        outcome = call(*train)
        assert outcome.code == 0, outcome.err
        return out / "bundle"

    return run


@pytest.fixture
def filled(call, files, lesion):
    """Fills the scan with a bundle; what the record says, and the values in the lesions."""

    def run(bundle):
        out = files.folder / "filled.nii.gz"
        outcome = call(
            "fill", files.t1, files.mask, "-o", out, "--model", bundle, "--device", "cpu"
        )
        assert outcome.code == 0, outcome.err
        values = np.asarray(nib.load(out).dataobj)
        before = np.asarray(nib.load(files.t1).dataobj)
        facts = json.loads((files.folder / "filled.json").read_text())
        assert (values != before).sum() == facts["VoxelsChanged"] <= facts["FilledVoxels"]
        return facts, values[lesion > 0]

    return run


def test_fastwdm3d_fills_in_two_network_calls(trained, filled, calls):
    bundle = trained("fastwdm3d", "crop_vox = [16, 16, 16]")
    calls.clear()
    facts, values = filled(bundle)
    assert len(calls) == 2 * facts["Crops"]
    assert {shape[1] for shape, _ in calls} == {24}
    assert (facts["Sampler"], facts["Steps"]) == ("ddpm", 2)
    assert (values != 200).mean() > 0.9


def test_a_sequence_of_slices_takes_one_walk_for_each(trained, filled, calls):
    bundle = trained("inpaint-2d-seq", "crop_vox = [4, 16, 16]")
    card = json.loads((bundle / "config.json").read_text())
    assert card["walk"] == {"last_x0_steps": 3}
    (bundle / "config.json").write_text(json.dumps(card | {"steps": 5}))
    calls.clear()
    facts, values = filled(bundle)
    assert facts["Crops"] == 1
    assert {shape[1:3] for shape, _ in calls} == {(4, 1)}
    numbers = [int(position) for _, position in calls]
    low, high = numbers[0], numbers[-1]
    assert numbers == [k for k in range(low, high + 1) for _ in range(5)]
    # Tissue begins at 1.5 mm of the scan; the hole and its rim lie between 7.5 and 13.5 mm.
    assert 5 <= low < high <= 13
    assert (values != 200).mean() > 0.9


@pytest.mark.parametrize("recipe", ["inpaint-2d", "inpaint-p3d"])
def test_a_recipe_with_a_learned_variance_walks_by_it(trained, filled, recipe):
    bundle = trained(recipe, "crop_vox = [4, 16, 16]")
    card = json.loads((bundle / "config.json").read_text())
    assert (card["config"]["learned_variance"], card["config"]["unet"]["outputs"]) == (True, 2)
    (bundle / "config.json").write_text(json.dumps(card | {"steps": 5}))
    facts, values = filled(bundle)
    assert (facts["Sampler"], facts["Steps"]) == ("ddpm", 5)
    assert (values != 200).mean() > 0.9
