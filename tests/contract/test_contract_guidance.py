"""What every guidance promises, found by its file in brainfill.diffusion.guidance or an outside package."""

import pytest
import torch
from plugins import check_plugin, outside_package, plugins_of

from brainfill.core.registry import load, names
from brainfill.diffusion.denoiser import Condition, Estimate
from brainfill.diffusion.guidance._base import guided
from brainfill.diffusion.levels import Tabulated

GUIDANCE = "brainfill.diffusion.guidance"
NAMES = plugins_of(GUIDANCE)
LEVEL = Tabulated("linear").level(0.4)
X = torch.randn(2, 1, 3, 4, 5, generator=torch.Generator().manual_seed(0))
LABEL = torch.tensor([1, 0])
BRIGHTER = '''"""Brighter by so much, written by someone else."""

from dataclasses import dataclass

from brainfill.core.config import option


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options."""

    strength: float = option(1.0, "how much", low=0.0, high=9.0)


def build(config, judge=None, wanted=None):
    return lambda x, level, cond, said, ask: 0 * x + config.strength
'''


def denoiser(x, level, cond, *, turn=0):
    told = 0 if cond.label is None else cond.label.clamp(min=-0.5)[:, None, None, None, None]
    return Estimate(0.9 * x + told, torch.full_like(x, 0.3))


def judge(x, level):
    """Per voxel, two channels; what each guidance needs of it is made of them."""
    return torch.cat([x, 2 * x.square()], dim=1)


JUDGES = {  # what a network of each kind gives, and what is wanted of it
    "classifier": (lambda x, at: judge(x, at).mean(dim=(2, 3, 4)), LABEL),
    "regression": (lambda x, at: x.mean(dim=(2, 3, 4)), torch.tensor([0.3, -2.0])),
    "segmentation": (judge, (torch.cat([X, -X], dim=1) > 0).float()),
    "classifier_free": (None, None),
}


def made(name, **options):
    module = load(GUIDANCE, name)
    return module.build(module.Config(**options), *JUDGES[name])


@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_plug_in(name):
    check_plugin(GUIDANCE, name)


@pytest.mark.parametrize("name", NAMES)
def test_without_strength_it_is_the_plain_denoiser(name):
    cond = Condition(label=LABEL)
    plain = denoiser(X, LEVEL, cond)
    said = guided(denoiser, [made(name, strength=0.0)])(X, LEVEL, cond)
    assert torch.equal(said.clean, plain.clean)
    assert torch.equal(said.share, plain.share)


@pytest.mark.parametrize("name", NAMES)
def test_it_moves_the_estimate_twice_as_far_with_twice_the_strength(name):
    cond = Condition(label=LABEL)
    plain = denoiser(X, LEVEL, cond).clean
    once, twice = (
        guided(denoiser, [made(name, strength=s)])(X, LEVEL, cond).clean - plain for s in (1.0, 2.0)
    )
    assert float(once.abs().max()) > 1e-3
    torch.testing.assert_close(twice, 2 * once, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_it_takes_its_gradients_where_none_are_asked_for_and_leaves_none(name):
    x = X.clone()
    with torch.no_grad():
        said = guided(denoiser, [made(name)])(x, LEVEL, Condition(label=LABEL))
    assert not said.clean.requires_grad
    assert torch.equal(x, X)
    assert not x.requires_grad


def test_a_guidance_of_an_outside_package_is_listed_and_used(tmp_path):
    with outside_package(tmp_path, "guidance", "brighter", BRIGHTER):
        assert "brighter" in names(GUIDANCE)
        check_plugin(GUIDANCE, "brighter")
        module = load(GUIDANCE, "brighter")
        guides = [module.build(module.Config(strength=2.0)), made("classifier_free", strength=0.0)]
        said = guided(denoiser, guides)(X, LEVEL, Condition(label=LABEL)).clean
        torch.testing.assert_close(said, denoiser(X, LEVEL, Condition(label=LABEL)).clean + 2)
