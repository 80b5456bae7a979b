"""The latent tensor of an autoencoder, scaled to unit variance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from brainfill.core.config import check_ranges, option
from brainfill.core.errors import ConfigError
from brainfill.diffusion.codecs._base import check_sides


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of a latent codec: what is known of its autoencoder."""

    channels: int = option(8, "channels of the latent tensor", low=1, high=4096)
    factor: int = option(4, "voxels behind one latent element, along each axis", low=1, high=64)
    scale: float = option(
        1.0, "what latents are multiplied by, one over their standard deviation", low=1e-6, high=1e6
    )

    def __post_init__(self) -> None:
        check_ranges(self)


class Autoencoder(Protocol):
    """A network that makes one image (B, 1, *S) smaller, and larger again."""

    def encode(self, image: Tensor) -> Tensor:
        """(B, 1, D, H, W) to (B, channels, D / factor, H / factor, W / factor)."""

    def decode(self, latent: Tensor) -> Tensor:
        """The reverse; what is lost is lost."""


@dataclass(frozen=True)
class Latent:
    """Rombach et al. 2022, https://arxiv.org/abs/2112.10752; each image of several on its own."""

    net: Autoencoder
    scale: float
    channels: int
    factor: int

    def encode(self, image: Tensor) -> Tensor:
        """Image (B, N, D, H, W) to scaled latents (B, N * channels, d, h, w)."""
        check_sides(image, self.factor)
        each = self.net.encode(image.flatten(0, 1)[:, None])
        return self.scale * torch.unflatten(each, 0, image.shape[:2]).flatten(1, 2)

    def decode(self, code: Tensor) -> Tensor:
        """Scaled latents (B, N * channels, d, h, w) to the image (B, N, D, H, W)."""
        each = torch.unflatten(code, 1, (-1, self.channels))
        image = self.net.decode(each.flatten(0, 1) / self.scale)
        return torch.unflatten(image[:, 0], 0, each.shape[:2])


def build(config: Config, net: nn.Module | None = None) -> Latent:
    """The codec around a trained autoencoder.

    Raises:
        ConfigError: there is no autoencoder.
    """
    if net is None:
        msg = "codec 'latent' needs an autoencoder"
        raise ConfigError(msg, "train one first")
    return Latent(cast("Autoencoder", net), config.scale, config.channels, config.factor)


def unit_scale(latents: Iterable[Tensor]) -> float:
    """One over the standard deviation of all latents (B, C, *S) about their common mean.

    Rombach et al. 2022, appendix G: diffusion expects data of unit variance.

    Raises:
        ConfigError: they do not vary.
    """
    count, total, squares = 0, 0.0, 0.0
    for latent in latents:
        values = latent.detach().to(torch.float64)
        count += values.numel()
        total += float(values.sum())
        squares += float(values.square().sum())
    variance = squares / count - (total / count) ** 2 if count else 0.0
    if not variance > 0:
        msg = "the latents of the autoencoder do not vary"
        raise ConfigError(msg, "train it for longer")
    return float(variance**-0.5)
