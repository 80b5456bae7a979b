"""What every model family promises, found by its file in brainfill.models."""

import dataclasses
import json

import pytest
import torch

from brainfill.bundles.store import Card, load_bundle, save_bundle
from brainfill.core.config import from_dict, to_dict
from brainfill.core.registry import describe, load, names
from brainfill.diffusion.plans import denoise
from brainfill.models._config import FamilyConfig
from brainfill.models._first_fill import first_fill
from brainfill.models._inpainter import Inpainter
from brainfill.nets.unet import count_parameters
from brainfill.train.config import TrainConfig
from brainfill.train.optimizers import adamw

FAMILIES = names("brainfill.models")
PRESETS = [
    pytest.param(family, preset, id=f"{family}-{preset}")
    for family in FAMILIES
    for preset in load("brainfill.models", family).PRESETS
]
SMALL_ENOUGH = [p for p in PRESETS if p.values[1] != "paper"]


def tiny(family):
    module = load("brainfill.models", family)
    torch.manual_seed(0)
    return module.build(module.PRESETS["tiny"])


def crops(config, batch=2):
    """Image, first fill and hole (B, C, D, H, W) as the family is trained on."""
    d, h, w = config.crop_vox
    image = torch.rand((batch, 1, d, h, w), generator=torch.Generator().manual_seed(1))
    hole = torch.zeros_like(image)
    hole[:, :, d // 2 - 1 : d // 2 + 1, h // 2 - 2 : h // 2 + 2, w // 2 - 1 : w // 2 + 2] = 1
    return image, first_fill(image, hole, config), hole


def numbers(config, crop):
    """The numbers of slices, for a family that is told them."""
    told = torch.arange(crop.shape[2]).expand(len(crop), -1)
    return {"position": told} if config.unet.position else {}


def fill_in_one_step(inpainter, first, hole):
    module = load("brainfill.diffusion.samplers", "ddim")
    plan = denoise(inpainter.config.schedule.build().levels(1))
    told = numbers(inpainter.config, hole)
    return inpainter.sample(first, hole, plan, module.build(module.Config()), seeds=[3, 4], **told)


def options(cls, where=""):
    """Every option of a configuration and of those inside it, by its dotted name."""
    for field in dataclasses.fields(cls):
        yield f"{where}{field.name}", field
        if dataclasses.is_dataclass(field.default):
            yield from options(field.default, f"{where}{field.name}.")


def test_there_are_families_and_each_describes_itself():
    assert {"memory3d", "pseudo3d", "sequential2d", "slice2d", "wavelet3d"} <= set(FAMILIES)
    assert all(line.endswith(".") for line in describe("brainfill.models").values())


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_has_a_configuration_and_the_usual_presets(family):
    module = load("brainfill.models", family)
    assert issubclass(module.Config, FamilyConfig)
    assert {"tiny", "small"} <= module.PRESETS.keys()
    assert all(type(config) is module.Config for config in module.PRESETS.values())
    assert module.PRESETS["small"] == module.Config()


@pytest.mark.parametrize("family", FAMILIES)
def test_every_option_has_help_and_lengths_have_a_unit(family):
    for name, field in options(load("brainfill.models", family).Config):
        assert field.metadata.get("help"), name
        if name.endswith(("_vox", "_mm")):
            assert field.metadata["unit"] == {"x": "voxels", "m": "mm"}[name[-1]], name


@pytest.mark.parametrize(("family", "preset"), PRESETS)
def test_a_preset_survives_json(family, preset):
    module = load("brainfill.models", family)
    config = module.PRESETS[preset]
    assert from_dict(module.Config, json.loads(json.dumps(to_dict(config)))) == config


@pytest.mark.parametrize(("family", "preset"), SMALL_ENOUGH)
def test_a_preset_builds_a_network_of_its_size(family, preset):
    module = load("brainfill.models", family)
    with torch.device("meta"):  # no memory
        inpainter = module.build(module.PRESETS[preset])
    assert isinstance(inpainter, Inpainter)
    assert inpainter.config is module.PRESETS[preset]
    low, high = {"tiny": (1e4, 1e5)}.get(preset, (1e5, 5e7))
    assert low < count_parameters(inpainter.net) < high
    assert all(p.is_meta and p.requires_grad for p in inpainter.net.parameters())


@pytest.mark.parametrize(("family", "preset"), SMALL_ENOUGH)
def test_a_network_takes_crops_of_any_size(family, preset):
    module = load("brainfill.models", family)
    config = module.PRESETS[preset]
    net = module.build(config).net
    x = torch.rand((2, config.unet.inputs, 3, 9, 12))
    with torch.no_grad():
        said = net(x, torch.tensor([0.0, 999.0]), **numbers(config, x))
    assert said.shape == (2, config.unet.outputs, 3, 9, 12)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_untrained_network_returns_its_first_fill(family):
    inpainter = tiny(family)
    image, first, hole = crops(inpainter.config)
    filled = fill_in_one_step(inpainter, first, hole)
    assert torch.equal(filled, first[:, :1])
    assert torch.equal(filled[hole == 0], image[hole == 0])
    assert not torch.equal(filled, image)


@pytest.mark.parametrize("family", FAMILIES)
def test_training_reaches_every_parameter(family):
    inpainter = tiny(family)
    image, first, hole = crops(inpainter.config)
    noise = torch.randn(inpainter.code(image).shape, generator=torch.Generator().manual_seed(2))
    optimizer = adamw(inpainter.net, TrainConfig(rate=1e-2))
    for _ in range(4):  # layers that begin at zero let gradients through one after the other
        optimizer.zero_grad()
        t, told = torch.tensor([0.4, 1.0]), numbers(inpainter.config, image)
        inpainter.loss(image, first, hole, t, noise, 0.02, **told).backward()
        optimizer.step()
    still = [name for name, p in inpainter.net.named_parameters() if not p.grad.any()]
    assert still == []
    assert not torch.equal(fill_in_one_step(inpainter, first, hole), first[:, :1])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_saved_and_loaded_model_fills_alike(family, tmp_path):
    inpainter = tiny(family)
    with torch.no_grad():
        for p in inpainter.net.parameters():
            p.copy_((p + 0.1 * torch.randn_like(p)).half())
    weights = dict(inpainter.net.named_parameters())
    save_bundle(tmp_path, inpainter, weights, Card(family=family), "")
    loaded = load_bundle(tmp_path).model
    _, first, hole = crops(inpainter.config)
    filled = fill_in_one_step(inpainter, first, hole)
    assert torch.equal(fill_in_one_step(loaded, first, hole), filled)
    assert not torch.equal(filled, first[:, :1])
