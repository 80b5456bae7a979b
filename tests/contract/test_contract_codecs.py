"""What every codec promises, found by its file in brainfill.diffusion.codecs or an outside package."""

import pytest
import torch
from plugins import check_plugin, outside_package, plugins_of
from torch import nn

from brainfill.core.registry import load, names
from brainfill.diffusion.codecs._base import clip, coarse_hole

CODECS = "brainfill.diffusion.codecs"
NAMES = plugins_of(CODECS)
IMAGE = torch.randn(2, 3, 8, 4, 12, generator=torch.Generator().manual_seed(0))
UPSIDE = '''"""Upside down, written by someone else."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Config:
    """No options."""


class Upside:
    channels = factor = 1

    def encode(self, image):
        return image.flip(2)

    decode = encode


def build(config, net=None):
    return Upside()
'''


class Blocks(nn.Module):
    """An autoencoder without loss: blocks of 4 x 4 x 4 voxels as 64 channels."""

    def encode(self, image):
        parts = image.unfold(2, 4, 4).unfold(3, 4, 4).unfold(4, 4, 4)
        return parts[:, 0].flatten(4).movedim(4, 1)

    def decode(self, code):
        b, _, d, h, w = code.shape
        parts = code.reshape(b, 4, 4, 4, d, h, w).permute(0, 4, 1, 5, 2, 6, 3)
        return parts.reshape(b, 1, 4 * d, 4 * h, 4 * w)


def made(name):
    module = load(CODECS, name)
    if name == "latent":
        return module.build(module.Config(channels=64, scale=2.5), Blocks())
    return module.build(module.Config())


@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_plug_in(name):
    check_plugin(CODECS, name)


@pytest.mark.parametrize("name", NAMES)
def test_an_image_comes_back(name):
    codec = made(name)
    code = codec.encode(IMAGE)
    sides = tuple(n // codec.factor for n in IMAGE.shape[2:])
    assert code.shape == (2, 3 * codec.channels, *sides)
    torch.testing.assert_close(codec.decode(code), IMAGE, rtol=0, atol=2e-6)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_pass_both_ways(name):
    codec = made(name)
    image = IMAGE.clone().requires_grad_()
    codec.decode(codec.encode(image)).sum().backward()
    torch.testing.assert_close(image.grad, torch.ones_like(image), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_it_can_clip_and_carry_a_hole(name):
    codec = made(name)
    code = clip(codec, -0.5, 0.5)(codec.encode(IMAGE))
    torch.testing.assert_close(codec.decode(code), IMAGE.clamp(-0.5, 0.5), rtol=0, atol=2e-6)
    hole = torch.zeros(2, 1, *IMAGE.shape[2:])
    hole[0, 0, 5, 2, 9] = 1
    coarse = coarse_hole(codec, hole)
    assert coarse.shape[2:] == code.shape[2:]
    changed = IMAGE + 9 * hole
    moved = (codec.encode(changed) - codec.encode(IMAGE)).abs().amax(1, keepdim=True) > 1e-4
    assert torch.equal(moved, coarse > 0)


def test_a_codec_of_an_outside_package_is_listed_and_used(tmp_path):
    with outside_package(tmp_path, "codecs", "upside", UPSIDE):
        assert "upside" in names(CODECS)
        check_plugin(CODECS, "upside")
        codec = load(CODECS, "upside").build(None)
        assert torch.equal(clip(codec, 0, 1)(IMAGE), IMAGE.clamp(0, 1))
