"""Codecs: bands by hand, energy, scaled latents."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from brainfill.core.errors import ConfigError
from brainfill.diffusion.codecs import haar, identity, latent
from brainfill.diffusion.codecs._base import clip, coarse_hole

IMAGE = torch.randn(2, 3, 4, 6, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


class Blocks(nn.Module):
    """An autoencoder of 2 x 2 x 2 blocks as channels, on another scale."""

    def encode(self, image):
        b, _, d, h, w = image.shape
        x = image.reshape(b, d // 2, 2, h // 2, 2, w // 2, 2).permute(0, 2, 4, 6, 1, 3, 5)
        return 20 + 5 * x.reshape(b, 8, d // 2, h // 2, w // 2)

    def decode(self, code):
        b, _, d, h, w = code.shape
        x = ((code - 20) / 5).reshape(b, 2, 2, 2, d, h, w).permute(0, 4, 1, 5, 2, 6, 3)
        return x.reshape(b, 1, 2 * d, 2 * h, 2 * w)


def transform(**options):
    return haar.build(haar.Config(**options))


def test_bands_by_hand():
    # One block of 2 x 2 x 2 voxels: each band is a signed sum over sqrt(8).
    block = torch.arange(8.0, dtype=torch.float64).reshape(1, 1, 2, 2, 2)
    bands = transform().encode(block).flatten() * math.sqrt(8)
    signs = torch.tensor([1.0, -1.0])
    expected = []
    for depth in (0, 1):
        for height in (0, 1):
            for width in (0, 1):
                sign = [signs**s for s in (depth, height, width)]
                weights = sign[0][:, None, None] * sign[1][:, None] * sign[2]
                expected.append(float((weights * block[0, 0]).sum()))
    assert expected[:2] == [28, -4]  # the sum, and the differences along the width
    assert bands.tolist() == pytest.approx(expected)


def test_energy_is_exact_and_noise_stays_noise():
    bands = transform().encode(IMAGE)
    assert bands.shape == (2, 24, 2, 3, 4)
    assert float(bands.square().sum()) == pytest.approx(float(IMAGE.square().sum()), rel=1e-12)
    # Orthonormal: the transform of the unit vectors is a matrix whose inverse is its transpose.
    unit = torch.eye(8, dtype=torch.float64).reshape(8, 1, 2, 2, 2)
    matrix = transform().encode(unit).reshape(8, 8)
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(8, dtype=torch.float64))


def test_bands_of_one_image_lie_together():
    alone = [transform().encode(IMAGE[:, n : n + 1]) for n in range(3)]
    assert torch.equal(transform().encode(IMAGE), torch.cat(alone, dim=1))


@pytest.mark.parametrize(
    ("options", "low", "others"),
    [
        ({"low_divisor": 3.0}, 3, 1),
        ({"divisor": math.sqrt(8)}, math.sqrt(8), math.sqrt(8)),
        ({"divisor": 2.0, "low_divisor": 3.0}, 6, 2),
    ],
)
def test_bands_are_divided_and_come_back(options, low, others):
    plain, divided = transform().encode(IMAGE), transform(**options).encode(IMAGE)
    factors = (plain / divided).unflatten(1, (3, 8))
    torch.testing.assert_close(factors[:, :, 0], torch.full_like(factors[:, :, 0], low))
    torch.testing.assert_close(factors[:, :, 1:], torch.full_like(factors[:, :, 1:], others))
    torch.testing.assert_close(transform(**options).decode(divided), IMAGE)


def test_divided_by_the_root_of_eight_the_lowest_band_is_the_mean():
    bands = transform(divisor=math.sqrt(8)).encode(IMAGE).unflatten(1, (3, 8))
    torch.testing.assert_close(bands[:, :, 0], F.avg_pool3d(IMAGE, 2))


def test_latents_are_scaled_to_unit_variance():
    net = Blocks()
    scale = latent.unit_scale(net.encode(image[None, None]) for image in IMAGE.flatten(0, 1))
    codec = latent.build(latent.Config(channels=8, factor=2, scale=scale), net)
    codes = codec.encode(IMAGE)
    assert codes.shape == (2, 24, 2, 3, 4)
    assert float(codes.std(correction=0)) == pytest.approx(1)
    torch.testing.assert_close(codec.decode(codes), IMAGE)
    alone = codec.encode(IMAGE[:, 1:2])
    assert torch.equal(codes[:, 8:16], alone)


def test_latents_without_a_spread_or_an_autoencoder_are_refused():
    with pytest.raises(ConfigError, match="do not vary"):
        latent.unit_scale([torch.ones(1, 2, 3)])
    with pytest.raises(ConfigError, match="needs an autoencoder"):
        latent.build(latent.Config())


@pytest.mark.parametrize("codec", [identity.build(identity.Config()), transform(low_divisor=3.0)])
def test_clipping_is_of_the_image_and_idempotent(codec):
    cut = clip(codec, -1.0, 0.5)
    code = cut(codec.encode(IMAGE))
    torch.testing.assert_close(codec.decode(code), IMAGE.clamp(-1, 0.5))
    torch.testing.assert_close(cut(code), code)


def test_an_element_is_unknown_if_any_voxel_behind_it_is():
    hole = torch.zeros(1, 1, 4, 6, 8)
    hole[..., 3, 0, 5] = 1
    coarse = coarse_hole(transform(), hole)
    assert coarse.shape == (1, 1, 2, 3, 4)
    assert coarse.nonzero().tolist() == [[0, 0, 1, 0, 2]]
    assert torch.equal(coarse_hole(identity.build(identity.Config()), hole), hole)
    # Known voxels decide nothing that is outside: changing the hole's voxels changes no known element.
    image, changed = IMAGE[:1, :1].clone(), IMAGE[:1, :1].clone()
    changed[hole.bool()] += 9
    difference = (
        (transform().encode(image) - transform().encode(changed)).abs().amax(1, keepdim=True)
    )
    assert torch.equal(difference > 1e-12, coarse > 0)


def test_odd_sides_are_refused():
    with pytest.raises(ConfigError, match="multiples of 2 voxels, got 4 x 5 x 6"):
        transform().encode(torch.zeros(1, 1, 4, 5, 6))
