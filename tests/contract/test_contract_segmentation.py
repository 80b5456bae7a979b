"""What every segmentation family promises, found by its file in brainfill.segmentation."""

import json

import pytest
import torch

from brainfill.bundles.store import SEGMENTERS, Card, load_bundle, save_bundle
from brainfill.core.config import from_dict, override, to_dict
from brainfill.core.registry import describe, load, names
from brainfill.nets.unet import count_parameters
from brainfill.segmentation._base import Segmenter, SegmenterConfig
from brainfill.train.config import SegmentConfig
from brainfill.train.optimizers import adamw

FAMILIES = names("brainfill.segmentation")
PRESETS = [
    pytest.param(family, preset, id=f"{family}-{preset}")
    for family in FAMILIES
    for preset in load("brainfill.segmentation", family).PRESETS
]
THREE = ['classes=["background","grey","white"]']


def tiny(family, settings=()):
    module = load("brainfill.segmentation", family)
    torch.manual_seed(0)
    return module.build(override(module.PRESETS["tiny"], settings))


def stirred(segmenter):
    """The segmenter with weights that half precision holds and whose output is not flat."""
    with torch.no_grad():
        for p in segmenter.net.parameters():
            p.copy_((p + 0.1 * torch.randn_like(p)).half())
    return segmenter


def test_there_are_families_and_each_describes_itself():
    assert "blocks" in FAMILIES
    assert all(line.endswith(".") for line in describe("brainfill.segmentation").values())


def test_no_name_is_that_of_an_inpainting_family():
    assert not set(FAMILIES) & set(names("brainfill.models"))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_has_a_configuration_and_the_usual_presets(family):
    module = load("brainfill.segmentation", family)
    assert issubclass(module.Config, SegmenterConfig)
    assert {"tiny", "small"} <= module.PRESETS.keys()
    assert module.PRESETS["small"] == module.Config()


@pytest.mark.parametrize(("family", "preset"), PRESETS)
def test_a_preset_survives_json_and_builds_a_small_network(family, preset):
    module = load("brainfill.segmentation", family)
    config = module.PRESETS[preset]
    assert from_dict(module.Config, json.loads(json.dumps(to_dict(config)))) == config
    with torch.device("meta"):  # no memory
        segmenter = module.build(config)
    assert isinstance(segmenter, Segmenter)
    assert segmenter.config is config
    assert 1e4 < count_parameters(segmenter.net) < 2**20  # 2 MiB in half precision


@pytest.mark.parametrize("settings", [[], THREE], ids=["two classes", "three classes"])
@pytest.mark.parametrize("size", [(3, 9, 12), (1, 1, 1), (8, 8, 8)])
@pytest.mark.parametrize("family", FAMILIES)
def test_shares_of_any_size_are_probabilities(family, size, settings):
    segmenter = stirred(tiny(family, settings))
    shares = segmenter.shares(torch.rand((2, 1, *size)))
    assert shares.shape == (2, len(segmenter.config.classes) - 1, *size)
    assert 0 < shares.min() < shares.sum(1).max() < 1


@pytest.mark.parametrize("family", FAMILIES)
def test_left_and_right_are_alike(family):
    segmenter, image = stirred(tiny(family)), torch.rand((1, 1, 8, 10, 6))
    assert torch.equal(segmenter.shares(image.flip(3)), segmenter.shares(image).flip(3))


@pytest.mark.parametrize("family", FAMILIES)
def test_training_reaches_every_parameter_and_finds_bright_voxels(family):
    segmenter = tiny(family)
    coarse = torch.rand((2, 1, 3, 3, 3), generator=torch.Generator().manual_seed(1))
    image = torch.nn.functional.interpolate(coarse, scale_factor=4)
    bright = (image > 0.5).float()
    optimizer = adamw(segmenter.net, SegmentConfig(rate=1e-2))
    losses = []
    for _ in range(40):
        optimizer.zero_grad()
        losses.append(segmenter.loss(image, bright))
        losses[-1].backward()
        optimizer.step()
    assert [name for name, p in segmenter.net.named_parameters() if not p.grad.any()] == []
    assert losses[-1] < losses[0] / 2


@pytest.mark.parametrize("settings", [[], THREE], ids=["two classes", "three classes"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_saved_and_loaded_model_answers_alike(family, settings, tmp_path):
    segmenter, image = stirred(tiny(family, settings)), torch.rand((1, 1, 6, 7, 8))
    weights = dict(segmenter.net.named_parameters())
    save_bundle(tmp_path, segmenter, weights, Card(name="t", family=family, spacing_mm=2.0), "")
    loaded = load_bundle(tmp_path, SEGMENTERS)
    assert loaded.card.spacing_mm == 2.0
    assert loaded.model.config == segmenter.config
    assert torch.equal(loaded.model.shares(image), segmenter.shares(image))
