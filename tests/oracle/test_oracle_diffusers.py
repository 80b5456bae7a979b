"""Schedules and trajectories against the diffusers library, driven by the same exact network."""

import numpy as np
import pytest
import torch

from brainfill.core.registry import load
from brainfill.diffusion.denoiser import Condition, NetDenoiser
from brainfill.diffusion.levels import Tabulated
from brainfill.diffusion.noise import seeded_noise
from brainfill.diffusion.plans import denoise
from brainfill.diffusion.sample import sample
from brainfill.diffusion.walk import WalkConfig, build_walk

diffusers = pytest.importorskip("diffusers")
LINEAR = Tabulated("linear")
X = torch.linspace(-2, 2, 7, dtype=torch.float64).reshape(1, 1, 1, 7)


def ours(net, steps, name, seed=5, last=None, learned_variance=False, **options):
    """Samples of our own, every level handed to the network through NetDenoiser.

    With `last=-1` all moves but the last are taken.
    """
    module = load("brainfill.diffusion.samplers", name)
    sampler = module.build(module.Config(**options))
    denoiser = NetDenoiser(net, LINEAR, "eps", learned_variance=learned_variance)
    noise = seeded_noise([seed])
    plan = denoise(LINEAR.levels(steps))[:last]
    return sample(denoiser, X, plan, sampler, noise, Condition())


def theirs(net, steps, scheduler, seed=None, last=None, **options):
    """The same with their scheduler; one item, so their stream of noise is ours."""
    scheduler.set_timesteps(steps)
    assert scheduler.timesteps.tolist() == list(range(999, -1, -1000 // steps))
    if seed is not None:
        options["generator"] = torch.Generator().manual_seed(seed)
    x = X.clone()
    for t in scheduler.timesteps[:last]:
        x = scheduler.step(net(x, t.reshape(1).float()), t, x, **options).prev_sample
    return x


@pytest.mark.parametrize(
    ("name", "theirs"), [("linear", "linear"), ("cosine", "squaredcos_cap_v2")]
)
def test_cumulative_products_agree(name, theirs):
    expected = diffusers.DDPMScheduler(
        beta_schedule=theirs, beta_start=1e-4, beta_end=0.02
    ).alphas_cumprod
    found = [Tabulated(name).level((i + 1) / 1000).alpha ** 2 for i in range(1000)]
    # Theirs are products of a thousand float32 numbers: 1000 roundings of 6e-8.
    np.testing.assert_allclose(found, expected.numpy(), rtol=6e-5)


@pytest.mark.parametrize("steps", [10, 50, 250])
@pytest.mark.parametrize("eta", [0.0, 0.7])
def test_ddim_agrees(gaussian_net, steps, eta):
    scheduler = diffusers.DDIMScheduler(timestep_spacing="trailing", clip_sample=False)
    net = gaussian_net(0.3, 0.5)
    expected = (
        theirs(net, steps, scheduler, seed=5, eta=eta) if eta else theirs(net, steps, scheduler)
    )
    # Their levels are float32: relative 1e-4 after the walk. A shift by one index gives 1e-2.
    torch.testing.assert_close(ours(net, steps, "ddim", eta=eta), expected, rtol=0, atol=3e-4)


@pytest.mark.parametrize("steps", [10, 50, 250])
def test_ddim_on_the_leading_grid_agrees(gaussian_net, steps):
    scheduler = diffusers.DDIMScheduler(
        timestep_spacing="leading", clip_sample=False, set_alpha_to_one=True
    )
    scheduler.set_timesteps(steps)
    net, x = gaussian_net(0.3, 0.5), X.clone()
    for t in scheduler.timesteps:
        x = scheduler.step(net(x, t.reshape(1).float()), t, x).prev_sample
    walk = build_walk(WalkConfig(grid="leading", steps=steps), LINEAR)
    found = sample(NetDenoiser(net, LINEAR, "eps"), X, *walk, seeded_noise([5]), Condition())
    torch.testing.assert_close(found, x, rtol=0, atol=3e-4)  # as above


@pytest.mark.parametrize("steps", [10, 50, 250])
@pytest.mark.parametrize("variance", ["small", "large"])
def test_ddpm_agrees(gaussian_net, steps, variance):
    scheduler = diffusers.DDPMScheduler(
        timestep_spacing="trailing", clip_sample=False, variance_type=f"fixed_{variance}"
    )
    net = gaussian_net(0.3, 0.5)
    # On a strided grid their large variance adds noise even to the finished image: compare before.
    last = -1 if variance == "large" else None
    expected = theirs(net, steps, scheduler, seed=5, last=last)
    found = ours(net, steps, "ddpm", variance=variance, last=last)
    torch.testing.assert_close(found, expected, rtol=0, atol=3e-4)  # as above


@pytest.mark.parametrize("steps", [10, 250])
def test_ddpm_with_a_learned_variance_agrees(gaussian_net, steps):
    class Learned(torch.nn.Module):
        """Also says a share of the variance, on a scale from -1 to 1, that depends on x."""

        def forward(self, x, t):
            return torch.cat([gaussian_net(0.3, 0.5)(x, t), torch.tanh(x)], dim=1)

    scheduler = diffusers.DDPMScheduler(
        timestep_spacing="trailing", clip_sample=False, variance_type="learned_range"
    )
    # Theirs adds noise even to the finished image here: compare before the last move.
    expected = theirs(Learned(), steps, scheduler, seed=5, last=-1)
    found = ours(Learned(), steps, "ddpm", last=-1, learned_variance=True)
    torch.testing.assert_close(found, expected, rtol=0, atol=3e-4)  # as above


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # theirs
@pytest.mark.parametrize("steps", [10, 50])
def test_dpmpp2m_agrees(gaussian_net, steps):
    scheduler = diffusers.DPMSolverMultistepScheduler(
        timestep_spacing="trailing", final_sigmas_type="zero"
    )
    net = gaussian_net(0.3, 0.5)
    found = ours(net, steps, "dpmpp2m")
    torch.testing.assert_close(found, theirs(net, steps, scheduler), rtol=0, atol=3e-4)  # as above
