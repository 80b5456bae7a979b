"""Recipes: what a file says, over what the one says that it is like, under what the command line says."""

import json

import numpy as np
import pytest

from brainfill.bundles.store import load_bundle
from brainfill.core.config import from_dict
from brainfill.core.errors import ConfigError, DataError, InputMissingError
from brainfill.train.learners import paint
from brainfill.train.pack import Pack, save_pack
from brainfill.train.recipe import Recipe, chosen, read
from brainfill.train.run import train_run
from brainfill.train.settings import resolved

SMALL = """
about = "Learns little."
like = "fill-2d-mixture"
preset = "tiny"
parameters = 1

[model]
crop_vox = [4, 9, 10]

[train]
batch = 2
steps = 1

[train.masks]
lesions = 1.5

[walk]
steps = 7
last_x0_steps = 2
"""


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    return path


@pytest.fixture
def data(tmp_path):
    volume = np.random.default_rng(0).integers(120, 220, (12, 11, 13)).astype(np.uint8)
    save_pack(Pack(["sub-01"], [volume], [np.ones((2, 3, 2), bool)]), tmp_path / "pack.npz")
    return tmp_path / "pack.npz"


def test_a_recipe_stands_over_the_one_that_it_is_like(small):
    found, under = read(str(small)), read("fill-2d-mixture")
    assert (found.name, found.about, found.preset) == ("small", "Learns little.", "tiny")
    assert (found.family, found.source) == (under.family, under.source)
    assert found.model == {"crop_vox": [4, 9, 10]}
    assert found.train["masks"] == under.train["masks"] | {"lesions": 1.5}
    assert found.train["rate"] == under.train["rate"] == 1e-4
    assert found.walk == {"sampler": "ddim", "steps": 7, "last_x0_steps": 2}


def test_the_recipes_of_one_paper_differ_in_their_holes_alone():
    mixture, circles, lesions = (read(f"fill-p3d-{k}") for k in ("mixture", "circles", "lesions"))
    weights = [
        (r.train["masks"]["circles"], r.train["masks"]["lesions"])
        for r in (mixture, circles, lesions)
    ]
    assert weights == [(0.5, 0.5), (1.0, 0.0), (0.0, 1.0)]
    for other in (circles, lesions):
        assert other.train | {"masks": None} == mixture.train | {"masks": None}
        assert (other.model, other.family, other.walk) == (
            mixture.model,
            mixture.family,
            mixture.walk,
        )


def test_tables_become_settings():
    recipe = Recipe(
        model={"unet": {"mult": [1, 2]}, "trust": 0.5}, train={"begin": "a b", "steps": 3}
    )
    assert recipe.settings() == [
        *("model.unet.mult=[1, 2]", "model.trust=0.5", 'train.begin="a b"', "train.steps=3")
    ]


def test_the_recipes_of_shipped_models_are_what_they_were_trained_with():
    # As pipelines/models spelt it out when they were made.
    fill = [
        *("model.trust=0.4", "train.steps=2800", "train.batch=8", "train.rate=8e-4"),
        *("train.warmup=100", "train.ema=0.997", "train.ring=0.002", "train.noisiest=0.75"),
        *("train.masks.circles=0", "train.masks.lesions=0.85", "train.masks.ellipsoids=0.15"),
        *("train.reuse=7", "train.pool=320", "train.workers=1"),
    ]
    both = [
        *('model.contrasts=["T1w","FLAIR"]', "model.crop_vox=[24,40,40]", "train.batch=4"),
        *("train.rate=1e-3", "train.warmup=100", "train.reuse=4", "train.pool=64"),
        *("train.augment.gamma=0.1", "train.augment.bias=0.1", "train.augment.noise=0.02"),
        "train.augment.blur=0.1",
    ]
    paints = [*both, 'model.first_fill="harmonic"', "model.residual_scale=0.25", "train.ema=0.998"]
    redraws = [
        *(*both, 'model.first_fill="zero"', 'model.prediction="eps"', "train.steps=2000"),
        *('model.weighting="min_snr"', "model.unet.mult=[1,2,4]", "model.conditional=false"),
        *("model.residual_scale=0.5", "model.details=[]", "train.noisiest=0", "train.ring=0"),
        "train.ema=0.997",
    ]
    for name, settings in (
        ("t1-fill", fill),
        ("lesion-paint", [*paints, "train.steps=1500"]),
        ("lesion-redraw", redraws),
    ):
        made = read(name)
        learner = paint if made.learner else None
        assert resolved(made.family, made.preset, made.settings(), learner) == resolved(
            "memory3d", "small", settings, learner
        )


def test_shipped_models_have_the_settings_of_their_recipes():
    from brainfill.bundles.store import find, read_card

    for name in ("t1-fill", "lesion-paint", "lesion-redraw"):
        made, card = read(name), read_card(find(name))
        model = resolved(made.family, made.preset, made.settings()).model
        assert card.family == made.family
        assert from_dict(type(model), card.config) == model


def test_a_run_by_a_recipe_records_it_and_its_bundle_walks_as_it_says(small, data, tmp_path):
    said = []
    folder = train_run(
        read(str(small)), data, tmp_path / "run", settings=["train.batch=1"], say=said.append
    )
    card = load_bundle(folder).card
    assert (card.sampler, card.steps, card.walk) == ("ddim", 7, {"last_x0_steps": 2})
    assert "train --recipe small, step 1 of 1, batch 1" in card.made_by
    kept = json.loads((tmp_path / "run" / "run.json").read_text())
    assert (kept["recipe"], kept["learner"], kept["train"]["ring"]) == ("small", "inpaint", 1.0)


def test_the_same_settings_by_another_name_continue_a_run(small, data, tmp_path):
    by_name = read(str(small))
    train_run(by_name, data, tmp_path / "run", say=lambda _: None)
    said = []
    options = Recipe(family=by_name.family, preset=by_name.preset)
    train_run(options, data, tmp_path / "run", settings=by_name.settings(), say=said.append)
    assert any(line.endswith(", from step 1") for line in said)


def test_options_make_a_recipe_of_no_name():
    assert chosen(None, family="slice2d", preset=None, learner="paint") == Recipe(
        family="slice2d", learner="paint"
    )
    assert chosen("t1-fill", family=None) == read("t1-fill")


def test_a_recipe_and_options_that_it_settles_are_refused():
    with pytest.raises(ConfigError, match="'t1-fill' says which family and preset to take") as info:
        chosen("t1-fill", family="slice2d", preset="tiny", learner=None)
    assert info.value.hint == "leave out --family and --preset"


@pytest.mark.parametrize(
    ("text", "error", "sentence"),
    [
        ("famly = 'slice2d'", ConfigError, "unknown setting 'recipe .*bad.toml: famly'"),
        ("family = 3", ConfigError, "family' must be text, got 3"),
        ("parameters = -1", ConfigError, "parameters must be between 0 and 1000000000, got -1"),
        ("like = 'nothing'", ConfigError, "unknown recipe 'nothing'; known: .*t1-fill"),
        ("family = ", DataError, "bad.toml' is not TOML"),
    ],
)
def test_recipes_that_say_what_recipes_do_not_are_refused(tmp_path, text, error, sentence):
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(error, match=sentence):
        read(str(tmp_path / "bad.toml"))


@pytest.mark.parametrize(
    ("walk", "sentence"),
    [
        ({"steps": 0}, "steps must be between 1 and 1000, got 0"),
        ({"stepps": 5}, "unknown setting 'recipe x: walk.stepps'"),
        ({"sampler": "dim"}, "unknown sampler 'dim'"),
    ],
)
def test_a_walk_that_cannot_be_taken_is_refused_before_the_training(data, tmp_path, walk, sentence):
    with pytest.raises(ConfigError, match=sentence):
        train_run(Recipe(name="x", walk=walk), data, tmp_path / "run", say=lambda _: None)
    assert not (tmp_path / "run").exists()


def test_recipes_that_are_like_each_other_are_refused(tmp_path):
    for name, other in (("a", "b"), ("b", "a")):
        (tmp_path / f"{name}.toml").write_text(f"like = '{tmp_path / other}.toml'")
    with pytest.raises(ConfigError, match="is like others without end"):
        read(str(tmp_path / "a.toml"))


def test_unknown_recipes_list_the_known_ones_and_hint():
    with pytest.raises(
        ConfigError, match=r"unknown recipe 't1-fil'; known: .*fill-2d-circles"
    ) as info:
        read("t1-fil")
    assert info.value.hint == "did you mean 't1-fill'?"
    with pytest.raises(InputMissingError, match=r"no recipe at 'nowhere\.toml'"):
        read("nowhere.toml")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fill-2d-mixture", "fill-p3d-mixture", "inpaint-3d-memeff"])
def test_a_recipe_of_a_paper_starts(name, data, tmp_path):
    # All of the network, little of the image. In bfloat16 on a CPU, torch 2.13 reads memory that nobody wrote when it
    # computes the gradient of 3D convolutions of 29 channels.
    settings = ["model.crop_vox=[2,16,16]", "train.steps=1", "train.batch=1"]
    settings += ["train.precision=float32"]
    said = []
    train_run(read(name), data, tmp_path / "run", settings=settings, say=said.append)
    assert any(f"{read(name).parameters / 1e6:.2f} M parameters" in line for line in said)
    assert (tmp_path / "run" / "bundle" / "model.safetensors").is_file()
