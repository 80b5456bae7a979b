"""Exact denoisers of Gaussian data, for which sampling has a known answer."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from brainfill.diffusion.denoiser import Estimate
from brainfill.diffusion.levels import STEPS, Tabulated


def gaussian(mean, covariance):
    """The exact denoiser of N(mean, covariance) over the third axis of x (B, 1, D, ...)."""
    mean = torch.as_tensor(mean, dtype=torch.float64)
    covariance = torch.as_tensor(covariance, dtype=torch.float64)

    def denoise(x, level, cond=None, *, turn=0):
        a, eye = level.alpha, torch.eye(len(mean), dtype=torch.float64)
        gain = a * covariance @ torch.linalg.inv(a * a * covariance + level.sigma**2 * eye)
        rest = x.transpose(2, -1) - a * mean
        return Estimate((mean + rest @ gain.T).transpose(2, -1))

    return denoise


class GaussianNet(nn.Module):
    """A perfect network for N(mean, sd^2) data, trained on a tabulated schedule."""

    def __init__(self, mean, sd, prediction="eps", schedule="linear"):
        super().__init__()
        self.mean, self.sd, self.prediction = mean, sd, prediction
        self.schedule = Tabulated(schedule)

    def forward(self, x, t):
        """Its prediction for x at index t."""
        a, s = self.schedule.level((float(t[0]) + 1) / STEPS)
        gain = a * self.sd**2 / ((a * self.sd) ** 2 + s**2)
        clean = self.mean + gain * (x - a * self.mean)
        noise = (x - a * clean) / s
        return {"eps": noise, "x0": clean, "v": a * noise - s * clean}[self.prediction]


@pytest.fixture(scope="session")
def gaussian_denoiser():
    """Makes the exact denoiser of N(mean, covariance)."""
    return gaussian


@pytest.fixture(scope="session")
def gaussian_net():
    """Makes a perfect network for N(mean, sd^2) data."""
    return GaussianNet
