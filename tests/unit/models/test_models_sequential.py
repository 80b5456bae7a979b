"""Slices in order: what each is shown of the one before, and which number it is told."""

import pytest
import torch
from torch import nn

from brainfill.core.errors import ConfigError
from brainfill.diffusion.levels import ScheduleConfig
from brainfill.diffusion.walk import WalkConfig, build_walk
from brainfill.models import sequential2d
from brainfill.models._inpainter import Inpainter

CONFIG = sequential2d.Config(first_fill="zero", residual_scale=1.0)
GENERATOR = torch.Generator().manual_seed(0)
IMAGE = torch.rand((1, 1, 5, 6, 6), generator=GENERATOR)
HOLE = torch.zeros_like(IMAGE)
HOLE[:, :, [0, 2, 3], 2:4, 2:4] = 1
FIRST = IMAGE * (1 - HOLE)
POSITION = torch.arange(40, 45)[None]


class Adds(nn.Module):
    """Says that the slice is as dark as the number it is told; remembers what it was shown."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, x, t, position):
        self.seen.append((x, position))
        return torch.zeros_like(x[:, :1]) + position[:, None, :, None, None] / 100


def walk(steps):
    return build_walk(WalkConfig(steps=steps), ScheduleConfig().build())


def test_each_slice_is_shown_the_finished_one_before_it_and_told_its_number():
    net = Adds()
    filled = Inpainter(CONFIG, net).sample(FIRST, HOLE, *walk(1), [7], position=POSITION)
    assert [int(position) for _, position in net.seen] == [40, 42, 43]
    before = [(x[:, 3:] + 1) / 2 for x, _ in net.seen]
    assert not before[0].any(), "there is none before the first of the crop"
    torch.testing.assert_close(before[1], IMAGE[:, :, 1:2])
    torch.testing.assert_close(before[2], filled[:, :, 2:3])
    inside = filled[0, 0, [0, 2, 3], 2, 2]
    torch.testing.assert_close(inside, torch.tensor([0.40, 0.42, 0.43]))


def test_in_training_the_slice_before_is_the_true_one():
    net = Adds()
    t, noise = torch.tensor([0.5]), torch.zeros_like(IMAGE)
    Inpainter(CONFIG, net).loss(IMAGE, FIRST, HOLE, t, noise, 0.0, POSITION)
    ((x, position),) = net.seen
    before = (x[:, 3:] + 1) / 2
    assert not before[:, :, 0].any()
    torch.testing.assert_close(before[:, :, 1:], IMAGE[:, :, :-1])
    assert torch.equal(position, POSITION)


def test_a_network_that_needs_numbers_says_so():
    inpainter = sequential2d.build(sequential2d.PRESETS["tiny"])
    with pytest.raises(ConfigError, match="not told what it needs"):
        inpainter.sample(FIRST, HOLE, *walk(1), [7])
