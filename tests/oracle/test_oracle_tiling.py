"""Sampling in parts, on signals of known statistics."""

import pytest
import torch

from brainfill.core.registry import load
from brainfill.diffusion.denoiser import Condition, Estimate
from brainfill.diffusion.levels import Tabulated
from brainfill.diffusion.noise import seeded_noise
from brainfill.diffusion.plans import denoise
from brainfill.diffusion.sample import sample
from brainfill.diffusion.tilings import sequential, slices, views
from brainfill.diffusion.tilings.slabs import slab_starts, slab_weight, slabs

LENGTH, STEPS = 48, 60
DISTANCE = (torch.arange(LENGTH)[:, None] - torch.arange(LENGTH)[None]).abs().double()
SIGNALS = {  # covariances of unit variance: smooth, and rough like a random walk
    "smooth": torch.exp(-((DISTANCE / 4) ** 2)) + 1e-6 * torch.eye(LENGTH),
    "rough": torch.exp(-DISTANCE / 8),
}


def sampling_matrix(denoiser, length):
    """What deterministic sampling does to starting noise: a linear map, row by output slice."""
    module = load("brainfill.diffusion.samplers", "ddim")
    unit = torch.eye(length, dtype=torch.float64).reshape(length, 1, length, 1, 1)
    plan = denoise(Tabulated("linear").levels(STEPS))
    sampler = module.build(module.Config())
    out = sample(denoiser, unit, plan, sampler, seeded_noise([0] * length), Condition())
    return out.reshape(length, length).T


@pytest.fixture(params=list(SIGNALS))
def denoiser(request, gaussian_denoiser):
    """Exact for any number of slices, like a network trained on slabs."""
    covariance = SIGNALS[request.param]

    def run(x, level, cond, *, turn=0):
        n = x.shape[2]
        return gaussian_denoiser(torch.zeros(n), covariance[:n, :n])(x, level)

    return run


@pytest.mark.parametrize(("window", "overlap"), [(16, 4), (16, 8), (12, 6)])
def test_blending_in_every_step_keeps_the_local_deviation(denoiser, window, overlap):
    deviation = sampling_matrix(slabs(denoiser, window, overlap), LENGTH).norm(dim=1)
    # ARCHITECTURE 4.4: 0.90 of the truth (1.0) or more; without any cut it is 0.97 with 60 steps.
    assert float(deviation.min()) > 0.90
    assert float(deviation.max()) < 1.01


def test_blending_finished_samples_would_not(denoiser):
    # The control: what the figure above protects from. Slabs drawn from independent noise and
    # blended at the end lose 1 - sqrt(1/2) of their deviation where two are equally mixed.
    window, overlap = 16, 4
    single = sampling_matrix(denoiser, window).norm(dim=1)
    variance, weights = torch.zeros(LENGTH).double(), torch.zeros(LENGTH).double()
    for start in slab_starts(LENGTH, window, overlap):
        part = slice(start, start + window)
        weight = slab_weight(window, overlap).double()
        variance[part] += (weight * single) ** 2
        weights[part] += weight
    assert float((variance.sqrt() / weights).min()) < 0.75


def test_a_window_over_everything_is_no_cut(denoiser):
    whole, one = sampling_matrix(denoiser, 20), sampling_matrix(slabs(denoiser, 20, 4), 20)
    torch.testing.assert_close(one, whole, rtol=0, atol=1e-9)


SIDE = 4
NEAR = torch.exp(-(((torch.arange(SIDE)[:, None] - torch.arange(SIDE)) / 1.5).double() ** 2))


def planes(x, level, cond, *, turn=0):
    """The exact denoiser of single slices (n, 1, h, w) of a smooth field, or of slabs of them."""
    covariance = torch.kron(NEAR, NEAR)
    gain = (
        level.alpha
        * covariance
        @ torch.linalg.inv(
            level.alpha**2 * covariance + level.sigma**2 * torch.eye(SIDE**2, dtype=torch.float64)
        )
    )
    return Estimate((x.flatten(-2) @ gain.T).reshape(x.shape))


def correlation_of_neighbours(tiling):
    """Along each axis, between neighbouring voxels in samples of a cube."""
    n = SIDE**3
    unit = torch.eye(n, dtype=torch.float64).reshape(n, 1, SIDE, SIDE, SIDE)
    module = load("brainfill.diffusion.samplers", "ddim")
    plan, sampler = denoise(Tabulated("linear").levels(90)), module.build(module.Config())
    out = sample(tiling.wrap(planes), unit, plan, sampler, seeded_noise([0] * n), Condition())
    matrix = out.reshape(n, n).T
    covariance = (matrix @ matrix.T).reshape((SIDE,) * 6)
    mid = SIDE // 2
    variance = covariance[(mid,) * 6]
    found = []
    for axis in range(3):
        beside = [mid] * 3
        beside[axis] -= 1
        scale = (variance * covariance[(*beside, *beside)]) ** 0.5
        found.append(float(covariance[(mid, mid, mid, *beside)] / scale))
    return found


def test_views_by_turn_join_the_slices_of_a_model_of_slices():
    truth = float(NEAR[1, 2])  # 0.64, along every axis
    alone = correlation_of_neighbours(slices.build(slices.Config()))
    assert abs(alone[0]) < 1e-9, "slices drawn on their own know nothing of each other: stripes"
    assert min(alone[1:]) > truth - 0.05
    turned = correlation_of_neighbours(views.build(views.Config()))
    assert min(turned) > truth - 0.2
    assert max(turned) - min(turned) < 0.1, "no axis differs from the others"


def test_slices_in_sequence_have_the_joint_distribution(gaussian_denoiser):
    # x_k = r x_(k-1) + sqrt(1 - r^2) z, whose conditionals are known: only the joint law is tested.
    r, depth, number = 0.8, 5, 20_000
    module = load("brainfill.diffusion.samplers", "heun")
    plan, sampler = denoise(Tabulated("linear").levels(60)), module.build(module.Config())
    noise = seeded_noise([1])

    def draw(part, before):
        mean = 0 if before is None else r * before
        sd = 1.0 if before is None else (1 - r**2) ** 0.5

        def conditional(x, level, cond, *, turn=0):
            gain = level.alpha * sd**2 / ((level.alpha * sd) ** 2 + level.sigma**2)
            return Estimate(mean + gain * (x - level.alpha * mean))

        x = noise(torch.empty(1, 1, 1, 1, number, dtype=torch.float64))
        return sample(conditional, x, plan, sampler, noise, Condition())

    known = torch.zeros(1, 1, depth, 1, number, dtype=torch.float64)
    drawn = sequential.build(sequential.Config()).draw(known, torch.ones_like(known), draw)
    found = torch.corrcoef(drawn[0, 0, :, 0])
    expected = r ** (torch.arange(depth)[:, None] - torch.arange(depth)).abs().double()
    # 20,000 draws: standard error 0.007 at most.
    torch.testing.assert_close(found, expected, rtol=0, atol=0.03)
    assert drawn[0, 0, :, 0].std(dim=1).tolist() == pytest.approx([1] * depth, abs=0.03)
