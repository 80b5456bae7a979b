"""What every learner promises, found by its file in brainfill.train.learners."""

import dataclasses
import json
from itertools import combinations

import numpy as np
import pytest
import torch

from brainfill.bundles.store import FAMILIES, load_bundle
from brainfill.core.config import from_dict, override, to_dict
from brainfill.core.registry import describe, load, names
from brainfill.train import lesioned
from brainfill.train.cases import Case, CasePack, save_cases
from brainfill.train.config import LoopConfig
from brainfill.train.labelled import LabelledPack, save_labelled
from brainfill.train.lesioned import LesionedPack, save_lesioned
from brainfill.train.pack import Pack, save_pack
from brainfill.train.recipe import Recipe
from brainfill.train.run import train_run
from brainfill.train.settings import LEARNERS
from brainfill.train.state import RunState
from brainfill.train.trainer import train

FOUND = names(LEARNERS)
SHAPES = [np.ones((2, 3, 2), bool)]
CASES = [
    pytest.param(name, family, kind, id=f"{name}-{family}-{kind}")
    for name in FOUND
    for family in names(load(LEARNERS, name).FAMILIES)
    for kind in load(LEARNERS, name).DATA
]


def scans(path):
    volume = np.random.default_rng(0).integers(120, 220, (12, 28, 28)).astype(np.uint8)
    save_pack(Pack(["sub-01"], [volume], SHAPES), path)


def patients(path):
    image = np.full((1, 12, 28, 28), 200, np.uint8)
    numbers = np.zeros(image.shape[1:], np.int16)
    numbers[5:8, 10:14, 10:14] = 1
    image[0][numbers > 0] = 140
    save_lesioned(LesionedPack(["sub-01"], ["T1w"], [image], [numbers], SHAPES), path)


def labelled(path):
    classes = np.zeros((16, 18, 20), np.uint8)
    classes[4:12, 4:14, 4:16] = 1
    save_labelled(LabelledPack(["sub-01"], [100 * classes + 30], [classes], [False], 2.0), path)


def with_masks(path):
    images = np.full((1, 12, 28, 28), 200, np.uint8)
    mask = np.zeros(images.shape[1:], bool)
    mask[5:8, 10:14, 10:14] = True
    images[0][mask] = 140
    save_cases(CasePack(["T1w"], [Case(images=images, masks={"lesion": mask}, name="a")]), path)


DATA = {"": scans, lesioned.KIND: patients, "labelled": labelled, "cases": with_masks}
MODEL = {"crop_vox": "model.crop_vox=[6,8,10]", "first_fill": "model.first_fill=harmonic"}
TRAIN = ["train.steps=2", "train.batch=2", "train.warmup=0", "train.precision=float32"]


def settings(family_module, kind):
    config = family_module.PRESETS["tiny"]
    # Slices have numbers in scans of healthy people only.
    plain = ["model.unet.position=false"] if kind and family_module.__name__.endswith("2d") else []
    return [text for field, text in MODEL.items() if hasattr(config, field)] + plain


def prepared(name, family, kind, tmp_path):
    """A learner of the tiny preset, and its settings of training."""
    module = load(LEARNERS, name)
    family_module = load(module.FAMILIES, family)
    changes = [text.removeprefix("model.") for text in settings(family_module, kind)]
    model = override(family_module.PRESETS["tiny"], changes)
    config = override(module.Config(), [text.removeprefix("train.") for text in TRAIN])
    DATA[kind](tmp_path / "pack.npz")
    torch.manual_seed(0)
    return module.build(
        family_module.build(model), config, module.read(tmp_path / "pack.npz", model)
    ), config


def test_there_are_learners_and_each_describes_itself():
    assert {"inpaint", "paint", "segment"} <= set(FOUND)
    assert all(line.endswith(".") for line in describe(LEARNERS).values())


@pytest.mark.parametrize("name", FOUND)
def test_a_learner_says_what_it_trains_from_which_data(name):
    module = load(LEARNERS, name)
    assert module.FAMILIES in FAMILIES
    assert set(module.DATA) <= DATA.keys(), "the contract needs a small pack of each kind"
    assert isinstance(module.USUAL, bool)
    assert issubclass(module.Config, LoopConfig)


def test_no_two_learners_are_the_usual_one_for_the_same_families_and_data():
    usual = [m for m in (load(LEARNERS, name) for name in FOUND) if m.USUAL]
    for a, b in combinations(usual, 2):
        assert a.FAMILIES != b.FAMILIES or not set(a.DATA) & set(b.DATA)


@pytest.mark.parametrize("name", FOUND)
def test_every_setting_has_help_and_survives_json(name):
    config = load(LEARNERS, name).Config()
    assert all(field.metadata["help"] for field in dataclasses.fields(config))
    assert from_dict(type(config), json.loads(json.dumps(to_dict(config)))) == config


@pytest.mark.parametrize(("name", "family", "kind"), CASES)
def test_one_step_moves_every_optimiser_and_keeps_the_model_within_the_networks(
    name, family, kind, tmp_path
):
    learner, config = prepared(name, family, kind, tmp_path)
    state = RunState(learner.net, learner.optimizers)
    before = {k: v.clone() for k, v in learner.net.state_dict().items()}
    report = next(train(learner, config, state))
    assert report.losses
    for optimizer in learner.optimizers:
        assert optimizer.state
    own = [p for o in learner.optimizers for g in o.param_groups for p in g["params"]]
    assert len({id(p) for p in own}) == len(own), "two optimisers share a parameter"
    now = learner.net.state_dict()
    assert any(not torch.equal(now[k], before[k]) for k in now)
    assert state.averaged(learner.model.net).keys() == learner.model.net.state_dict().keys()


@pytest.mark.parametrize(("name", "family", "kind"), CASES)
def test_a_run_of_two_steps_gives_a_bundle_that_loads(name, family, kind, tmp_path):
    module = load(LEARNERS, name)
    DATA[kind](tmp_path / "pack.npz")
    chosen = settings(load(module.FAMILIES, family), kind) + TRAIN
    folder = train_run(
        Recipe(family=family, preset="tiny", learner=name),
        tmp_path / "pack.npz",
        tmp_path / "run",
        settings=chosen,
        say=lambda _: None,
    )
    assert load_bundle(folder, module.FAMILIES).card.family == family
