"""Learned variance: its loss lies in the hole, moves the variance alone and is least at the right one."""

import math

import torch

from brainfill.diffusion.denoiser import Estimate
from brainfill.diffusion.levels import ScheduleConfig
from brainfill.models import slice2d
from brainfill.models._config import FamilyConfig
from brainfill.models._error import bound_in_hole

SCHEDULE = ScheduleConfig().build()
GENERATOR = torch.Generator().manual_seed(0)
HOLE = torch.zeros(2, 1, 3, 8, 8)
HOLE[..., 2:6, 2:6] = 1
CLEAN = torch.randn(HOLE.shape, generator=GENERATOR) / 4 * HOLE
T = torch.tensor([0.004, 0.02])


def bound(share, off=0.0, hole=HOLE):
    said = Estimate(CLEAN + off, torch.as_tensor(share).expand_as(CLEAN))
    return bound_in_hole(said, CLEAN * hole, CLEAN * hole, hole, T, SCHEDULE)


def test_who_knows_the_truth_needs_the_smallest_variance():
    assert bound(0.0).abs().max() < 1e-6
    assert (bound(0.5) > bound(0.1)).all()
    assert (bound(0.1) > 0).all()


def test_it_does_not_depend_on_how_much_is_known_around_the_hole():
    near = HOLE[..., 2:6, 2:6]
    said = Estimate(CLEAN[..., 2:6, 2:6] + 0.3, torch.full_like(near, 0.4))
    clean = CLEAN[..., 2:6, 2:6]
    cut = bound_in_hole(said, clean, clean, near, T, SCHEDULE)
    torch.testing.assert_close(bound(0.4, off=0.3), cut, rtol=1e-5, atol=1e-6)
    # What the network says of known voxels is not judged.
    said = Estimate(CLEAN + 0.3 + 9 * (1 - HOLE), torch.full_like(CLEAN, 0.4))
    judged = bound_in_hole(said, CLEAN, CLEAN, HOLE, T, SCHEDULE)
    torch.testing.assert_close(judged, cut, rtol=1e-5, atol=1e-6)


def test_the_bound_teaches_the_variance_and_leaves_the_estimate_to_the_squared_error():
    config = FamilyConfig(
        learned_variance=True, first_fill="zero", unet=slice2d.PRESETS["tiny"].unet
    )
    assert config.unet.outputs == 2
    torch.manual_seed(0)
    both, plain = (
        slice2d.build(c) for c in (config, FamilyConfig(first_fill="zero", unet=config.unet))
    )
    assert plain.config.unet.outputs == 1
    noise = torch.randn(CLEAN.shape, generator=GENERATOR)
    args = (CLEAN, CLEAN * (1 - HOLE), HOLE, T, noise, 0.0)
    both.loss(*args).backward()
    # The last layer begins at zero: both halves say 0, a share of one half.
    mean, variance = both.net.last.bias.grad
    state = both.net.state_dict()
    state = {k: v[:1] if k.startswith("last.") else v for k, v in state.items()}
    plain.net.load_state_dict(state)
    plain.loss(*args).backward()
    torch.testing.assert_close(mean, plain.net.last.bias.grad[0])
    assert math.isfinite(float(variance))
    assert abs(float(variance)) > 1e-4
