"""Normalisation, loss and blocks: closed forms."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from brainfill.core.errors import ConfigError
from brainfill.segmentation import blocks
from brainfill.segmentation._base import Segmenter, SegmenterConfig, normalised


class Says(nn.Module):
    """A network that answers with the same logits whatever it sees."""

    def __init__(self, logits):
        super().__init__()
        self.logits = logits

    def forward(self, x):
        return self.logits


def loss_of(logits, shares):
    return float(Segmenter(SegmenterConfig(), Says(logits)).loss(shares[:, :1], shares))


def half_and_half():
    shares = torch.zeros((1, 1, 4, 6, 8))
    shares[:, :, :2] = 1
    return shares


def test_the_loss_of_the_truth_is_zero():
    shares = half_and_half()
    assert loss_of(100 * (shares - 0.5), shares) == pytest.approx(0, abs=1e-5)


def test_the_loss_of_not_knowing():
    # Half of 192 voxels: cross-entropy log 2; Dice (2 * 48 + 1) / (96 + 96 + 1).
    assert loss_of(torch.zeros((1, 1, 4, 6, 8)), half_and_half()) == pytest.approx(
        math.log(2) + 1 - 97 / 193, rel=1e-5
    )


def test_the_loss_of_three_classes_is_the_softmax_cross_entropy():
    torch.manual_seed(0)
    logits, shares = torch.randn((2, 2, 3, 4, 5)), torch.rand((2, 2, 3, 4, 5)) / 2
    whole = torch.cat([torch.zeros((2, 1, 3, 4, 5)), logits], dim=1)
    truth = torch.cat([1 - shares.sum(1, keepdim=True), shares], dim=1)
    entropy = nn.functional.cross_entropy(whole, truth)
    found = whole.softmax(1)[:, 1:]
    dims = (2, 3, 4)
    dice = (2 * (found * shares).sum(dims) + 1) / (found.sum(dims) + shares.sum(dims) + 1)
    assert loss_of(logits, shares) == pytest.approx(float(entropy + 1 - dice.mean()), rel=1e-5)


def test_an_absent_class_that_is_not_found_costs_nothing():
    nothing = torch.zeros((1, 1, 4, 4, 4))
    assert loss_of(nothing - 50, nothing) == pytest.approx(0, abs=1e-5)


def test_units_do_not_matter_and_outliers_are_cut():
    rng = np.random.default_rng(0)
    image = np.where(rng.random((20, 20, 20)) < 0.5, 0, rng.uniform(100, 900, (20, 20, 20)))
    image[3, 4, 5] = 1e6
    shown = normalised(image)
    assert shown.dtype == np.float32
    assert shown.min() == 0
    assert shown[3, 4, 5] == shown.max() == 1.5
    assert np.percentile(shown[shown > 0], 99) == pytest.approx(1, abs=0.02)
    np.testing.assert_allclose(normalised(7 * image - 300), shown, atol=1e-4)


@pytest.mark.parametrize("value", [0, -3, 1000])
def test_a_constant_image_is_dark(value):
    assert not normalised(np.full((6, 6, 6), value, np.float32)).any()


def test_blocks_go_to_channels_and_back():
    x = torch.arange(2 * 4 * 6 * 8.0).reshape(2, 1, 4, 6, 8)
    channels = blocks._to_channels(x)
    assert channels.shape == (2, 8, 2, 3, 4)
    assert channels[0, :, 0, 0, 0].tolist() == x[0, 0, :2, :2, :2].flatten().tolist()
    assert torch.equal(blocks._to_voxels(channels), x)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"classes": ("background",)}, "classes must name at least two"),
        ({"crop_vox": (8, 0, 8)}, "crop_vox must hold numbers from 1 on"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong, message):
    with pytest.raises(ConfigError, match=message):
        blocks.Config(**wrong)
