"""What every recipe promises, found by its file in brainfill.recipes."""

import pytest
import torch

from brainfill.bundles.store import package_of
from brainfill.core.registry import load, names
from brainfill.nets.unet import count_parameters
from brainfill.train import recipe
from brainfill.train.run import walk_of
from brainfill.train.settings import learner_of, resolved

FOUND = recipe.names()


@pytest.fixture(params=FOUND)
def made(request):
    return recipe.read(request.param)


def test_there_are_recipes_and_each_describes_itself():
    assert {"fill-2d-mixture", "fill-p3d-mixture", "inpaint-3d-memeff", "t1-fill"} <= set(FOUND)
    assert all(line.endswith(".") for line in recipe.describe().values())


def test_a_recipe_has_settings_that_its_family_and_learner_know(made):
    learner = learner_of(made.family, made.learner)
    config = resolved(made.family, made.preset, made.settings(), learner)
    assert type(config.train) is learner.Config
    assert made.name in FOUND


def test_a_recipe_states_the_exact_size_of_its_network(made):
    config = resolved(
        made.family, made.preset, made.settings(), learner_of(made.family, made.learner)
    )
    with torch.device("meta"):  # no memory
        model = load(package_of(made.family), made.family).build(config.model)
    assert count_parameters(model.net) == made.parameters


def test_a_recipe_of_a_paper_names_it_and_where_it_is(made):
    assert not made.source or "https://" in made.source
    assert made.source or made.about.startswith("The shipped model ")


def test_a_recipe_walks_with_a_sampler_there_is(made):
    assert walk_of(made).sampler in names("brainfill.diffusion.samplers")
