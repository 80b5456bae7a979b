"""Networks have exactly the published numbers of parameters (METHODS 1.5)."""

import pytest
import torch

from brainfill.core.registry import load
from brainfill.nets.unet import UNet, UNetConfig, count_parameters

A = {"width": 128, "mult": (1, 1, 2, 2, 4, 4), "attention": (4,)}
D = {"kind": "3d", "skips": "add", "middle_attention": False}
PATCH = {"width": 29, "mult": (1, 3, 4, 4, 4, 4, 4), "groups": 29}
WAVELET = {"width": 64, "mult": (1, 2, 2, 4, 4, 4), "inputs": 24, "outputs": 8}


@pytest.mark.parametrize(
    ("expected", "shape"),
    [
        (113_672_066, {**A, "outputs": 2}),
        (113_673_218, {**A, "inputs": 4, "outputs": 2}),
        (113_674_370, {**A, "inputs": 5, "outputs": 2}),
        (137_481_602, {**A, "kind": "pseudo3d", "outputs": 2}),
        (113_670_913, {**A, "heads": 64}),
        (113_668_609, {**A, "heads": 64, "inputs": 1}),
        (118_929_153, {**A, "heads": 64, "attention": (4, 5)}),
        (134_332_673, {**A, "kind": "pseudo3d", "heads": 64, "through_plane_middle": False}),
        (
            134_330_369,
            {**A, "kind": "pseudo3d", "heads": 64, "through_plane_middle": False, "inputs": 1},
        ),
        (24_256_384, {**D, **PATCH}),
        (73_681_864, {**D, **WAVELET}),
    ],
)
def test_published_sizes(expected, shape):
    with torch.device("meta"):
        assert count_parameters(UNet(UNetConfig(**shape))) == expected


@pytest.mark.parametrize(
    ("family", "expected"),
    [("slice2d", 113_670_913), ("pseudo3d", 134_332_673), ("memory3d", 24_256_384)],
)
def test_paper_presets_have_the_published_sizes(family, expected):
    module = load("brainfill.models", family)
    with torch.device("meta"):
        assert count_parameters(module.build(module.PRESETS["paper"]).net) == expected
