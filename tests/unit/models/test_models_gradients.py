"""A family's network may take gradients while it samples, as guidance does."""

import pytest
import torch

from brainfill.core.registry import load
from brainfill.diffusion.levels import ScheduleConfig
from brainfill.diffusion.walk import WalkConfig, build_walk
from brainfill.models._inpainter import Inpainter


class Curious(torch.nn.Module):
    """A network that needs the gradient of itself by its input; its answer is that gradient, 2 x."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))

    def forward(self, x, t):
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            (gradient,) = torch.autograd.grad((self.weight * x[:, :1] ** 2).sum(), x)
        return gradient[:, :1]


@pytest.mark.parametrize("way", ["sample", "redraw"])
def test_sampling_forbids_no_gradients_and_keeps_none(way):
    module = load("brainfill.models", "slice2d")
    inpainter = Inpainter(module.PRESETS["tiny"], Curious())
    walk = build_walk(WalkConfig(steps=1), ScheduleConfig().build())
    crop, hole = torch.ones(1, 1, 2, 6, 6), torch.zeros(1, 1, 2, 6, 6)
    hole[..., 2:4, 2:4] = 1
    if way == "sample":
        drawn = inpainter.sample(crop, hole, *walk, [3])
    else:
        drawn = inpainter.redraw(crop, *walk, [3])
    assert not drawn.requires_grad
    assert not torch.equal(drawn, crop)
