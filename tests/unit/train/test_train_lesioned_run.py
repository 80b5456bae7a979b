"""Runs that train painters: on packs of patients, refused on other data, exported with how bright lesions are."""

import json

import numpy as np
import pytest
import torch
from lesioned_pack import pack
from safetensors.torch import load_file

from brainfill.bundles.store import load_bundle, what_it_does
from brainfill.core.errors import ConfigError
from brainfill.models import memory3d, sequential2d
from brainfill.train.batches import draw_batches
from brainfill.train.learners import paint
from brainfill.train.lesioned import intensities, save_lesioned
from brainfill.train.pack import Pack, save_pack
from brainfill.train.recipe import Recipe
from brainfill.train.run import train_run
from brainfill.train.settings import resolved

BOTH = 'model.contrasts=["T1w","FLAIR"]'
TINY = ["model.crop_vox=[6,6,8]", "model.details=[]", "model.unet.width=8"]
SHORT = ["train.steps=3", "train.batch=2", "train.warmup=1", *TINY]
# Before the settings that allow them, as people write them.
REDRAWS = [BOTH, "model.conditional=false", "model.first_fill=zero"]


@pytest.fixture
def patients(tmp_path):
    save_lesioned(pack(), tmp_path / "patients.npz")
    return tmp_path / "patients.npz"


@pytest.fixture
def healthy(tmp_path):
    volume = np.random.default_rng(0).integers(120, 220, (12, 11, 13)).astype(np.uint8)
    save_pack(Pack(["sub-01"], [volume], [np.ones((2, 3, 2), bool)]), tmp_path / "healthy.npz")
    return tmp_path / "healthy.npz"


def train(data, out, settings, **options):
    return train_run(
        Recipe(family="memory3d", preset="tiny"),
        data,
        out,
        settings=settings,
        say=lambda _: None,
        **options,
    )


@pytest.mark.parametrize("kind", ["paints", "redraws"])
def test_a_run_exports_a_painter_that_knows_its_lesions(patients, tmp_path, kind):
    settings = REDRAWS if kind == "redraws" else [BOTH, "model.first_fill=harmonic"]
    bundle = load_bundle(train(patients, tmp_path / "run", SHORT + settings))
    assert bundle.card.lesions == intensities(pack())
    assert bundle.card.data == "2 scans: sub-19, sub-1000"
    assert what_it_does(bundle.card) == "paints lesions"
    assert bundle.model.config.contrasts == ("T1w", "FLAIR")
    assert bundle.model.config.conditional is (kind == "paints")
    kept = json.loads((tmp_path / "run" / "run.json").read_text())
    assert kept["train"]["lesions"]["own"] == 0.5


def test_a_model_that_fills_knows_no_lesions(healthy, tmp_path):
    settings = [*SHORT, "model.first_fill=harmonic", "train.steps=1"]
    bundle = load_bundle(train(healthy, tmp_path / "run", settings))
    assert bundle.card.lesions == {}
    assert what_it_does(bundle.card) == "fills holes"


def test_a_run_that_was_interrupted_equals_one_that_was_not(patients, tmp_path):
    times = iter(range(0, 10_000, 40))
    settings = [*SHORT, BOTH, "model.first_fill=harmonic"]
    train(patients, tmp_path / "once", settings)
    train(patients, tmp_path / "twice", settings, max_minutes=1, clock=lambda: next(times))
    train(patients, tmp_path / "twice", settings)
    once, twice = (load_file(tmp_path / f / "state.safetensors") for f in ("once", "twice"))
    assert all(torch.equal(once[k], twice[k]) for k in once)


def test_batches_keep_image_hole_and_first_fill_apart():
    config = resolved("memory3d", "tiny", [*SHORT, BOTH, "model.first_fill=harmonic"])
    with torch.device("meta"):
        learner = paint.build(memory3d.build(config.model), config.train, pack())
    batch = next(draw_batches(learner.examples(), config.train, 3, 0, 0))
    image, hole, first = batch["image"], batch["hole"], batch["first"]
    assert image.shape == first.shape == (3, 2, 6, 6, 8)
    assert hole.shape == (3, 1, 6, 6, 8)
    assert set(hole.unique().tolist()) == {0, 1}
    known = (hole == 0).expand_as(image)
    assert torch.equal(image[known], first[known])


def test_a_model_of_other_contrasts_is_refused_with_a_setting_that_helps(patients, tmp_path):
    with pytest.raises(ConfigError, match=r"holds T1w, FLAIR, the model wants T1w$") as info:
        train(patients, tmp_path / "run", SHORT)
    setting = info.value.hint.partition("--set '")[2].rstrip("'")
    assert resolved("memory3d", "tiny", [*SHORT, "model.first_fill=zero", setting]).model.contrasts
    assert not (tmp_path / "run").exists()


def test_healthy_people_alone_cannot_teach_two_contrasts_or_redrawing(healthy, tmp_path):
    with pytest.raises(ConfigError, match=r"healthy.npz' holds T1w, the model wants T1w, FLAIR"):
        train(healthy, tmp_path / "run", [*SHORT, BOTH, "model.first_fill=zero"])
    with pytest.raises(ConfigError, match="redraws whole images learns from patients, and"):
        train(healthy, tmp_path / "run", [*SHORT, *REDRAWS[1:]])


def test_a_painter_is_not_told_the_numbers_of_slices(patients):
    with pytest.raises(ConfigError, match="a painter learns from parts of scans"):
        paint.read(patients, sequential2d.PRESETS["tiny"])


def test_settings_that_need_each_other_may_come_in_any_order():
    for settings in (REDRAWS, REDRAWS[::-1]):
        model = resolved("memory3d", "tiny", settings).model
        assert (model.conditional, model.first_fill) == (False, "zero")
