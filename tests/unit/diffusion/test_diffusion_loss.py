"""Weights of noise levels against the published forms of the loss."""

import pytest
import torch

from brainfill.diffusion.levels import STEPS, Tabulated
from brainfill.diffusion.loss import level_weight

LINEAR = Tabulated("linear")
INDICES = [0, 20, 40, 100, 131, 250, 500, 999]


def level(index):
    return LINEAR.level((index + 1) / STEPS)


def snr(index):
    return torch.tensor([level(index).snr], dtype=torch.float64)


@pytest.mark.parametrize(
    ("index", "expected"), [(20, 0.03152), (40, 0.1033), (100, 0.5857), (131, 1.0), (999, 1.0)]
)
def test_min_snr_has_the_values_of_the_specification(index, expected):
    # The sheet gives the weight of the squared error of predicted noise, which is ours over SNR.
    found = level_weight(snr(index), "min_snr") / snr(index)
    # Four digits are printed: half of the last one.
    assert float(found) == pytest.approx(expected, rel=5e-4)


@pytest.mark.parametrize("index", INDICES)
def test_the_three_published_forms_are_one_weight_in_clean_space(index):
    alpha, sigma = level(index)
    generator = torch.Generator().manual_seed(index)
    clean, noise, estimate = torch.randn(3, 50, generator=generator, dtype=torch.float64)
    x = alpha * clean + sigma * noise
    ours = level_weight(snr(index), "min_snr") * (estimate - clean) ** 2

    # What a network that predicts noise or velocity must have said to give this estimate.
    noise_said = (x - alpha * estimate) / sigma
    v, v_said = alpha * noise - sigma * clean, (alpha * x - estimate) / sigma
    least = snr(index).clamp(max=5)
    published = {
        "eps": least / snr(index) * (noise_said - noise) ** 2,
        "x0": least * (estimate - clean) ** 2,
        "v": least / (snr(index) + 1) * (v_said - v) ** 2,
    }
    for form in published.values():
        # sigma is 0.01 at index 0: division by it squared costs four of float64's 16 digits.
        torch.testing.assert_close(form, ours, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("index", INDICES)
def test_snr_is_the_plain_error_of_predicted_noise(index):
    alpha, sigma = level(index)
    clean, noise, estimate = 0.3, -1.2, 0.5
    x = alpha * clean + sigma * noise
    plain = ((x - alpha * estimate) / sigma - noise) ** 2
    weighted = float(level_weight(snr(index), "snr")) * (estimate - clean) ** 2
    assert weighted == pytest.approx(plain, rel=1e-9)


def test_uniform_and_gamma():
    values = torch.tensor([0.1, 4.0, 100.0])
    assert level_weight(values, "uniform").tolist() == [1, 1, 1]
    assert level_weight(values, "min_snr", gamma=3.0).tolist() == pytest.approx([0.1, 3, 3])
    assert level_weight(torch.tensor([torch.inf]), "min_snr").tolist() == [5]
