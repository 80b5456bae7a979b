"""What all inpainting families share: loss and sampling of one crop.

Everything works on tensors (B, N, D, H, W) of a 1 mm RAS crop in N contrasts: D inferior to superior,
H left to right, W posterior to anterior. A contrast that a scan does not have is 0 everywhere. The
diffused variable is the difference between the image and a first fill, as the codec of the family
shows it, inside the hole only (noise in the hole only: Palette, Saharia et al. 2022,
https://arxiv.org/abs/2111.05826).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from brainfill.diffusion.codecs._base import Codec, coarse_hole
from brainfill.diffusion.denoiser import Condition, Denoiser, Estimate, NetDenoiser, estimate
from brainfill.diffusion.levels import STEPS, Level, Schedule
from brainfill.diffusion.loss import level_weight
from brainfill.diffusion.noise import Noise, seeded_noise
from brainfill.diffusion.plans import Move
from brainfill.diffusion.projectors import KeepKnown
from brainfill.diffusion.sample import Sampler, sample
from brainfill.diffusion.tilings._base import Tiling
from brainfill.models._channels import channels, one_before
from brainfill.models._config import FamilyConfig
from brainfill.models._error import absolute_twice, bound_in_hole, relative_squared
from brainfill.nets.convs import padded
from brainfill.nets.unet import build_unet

_NOISE = 0.01  # no fill can be told from the truth below this, in units of the tissue level


@dataclass(frozen=True)
class Inpainter:
    """A network and how to use it for filling holes."""

    config: FamilyConfig
    net: nn.Module

    @cached_property
    def codec(self) -> Codec:
        """What turns images into the tensor that is noised."""
        return self.config.build_codec()

    @cached_property
    def tiling(self) -> Tiling:
        """What cuts crops for the network."""
        return self.config.build_tiling()

    @cached_property
    def schedule(self) -> Schedule:
        """The noise levels of training."""
        return self.config.schedule.build()

    def code(self, image: Tensor) -> Tensor:
        """The tensor that is noised of images (B, N, D, H, W); noise has its shape."""
        return self.codec.encode(image)

    def loss(
        self,
        image: Tensor,
        first: Tensor,
        hole: Tensor,
        t: Tensor,
        noise: Tensor,
        ring: float,
        position: Tensor | None = None,
    ) -> Tensor:
        """Training loss of normalised crops at times t.

        Args:
            image: true crops (B, N, D, H, W) in units of the tissue level.
            first: their first fill and doubts (B, N + C, D, H, W).
            hole: (B, 1, D, H, W), 1 where the fill is learnt.
            t: times (B,) in (0, 1].
            noise: standard normal, like `code(image)`.
            ring: weight of known voxels against 1 in the hole; makes the estimate meaningful there.
            position: number of each slice (B, D), for networks that are told it.

        Returns:
            A scalar: error of the clean estimate, see `_error`, weighted by noise level.
        """
        config, codec = self.config, self.codec
        shown = codec.encode(channels(first, hole, config, one_before(image)))
        clean = codec.encode((image - first[:, : image.shape[1]]) / config.residual_scale)
        coarse = coarse_hole(codec, hole)
        t = torch.tensor([config.taught_time(float(v)) for v in t], dtype=torch.float64)
        levels = [self.schedule.level(float(v)) for v in t]
        alpha, sigma, snr, index = _per_item(levels, self.schedule, image)
        x = (alpha * clean + sigma * noise) * coarse
        told = {} if position is None else {"position": position}
        output = self.net(torch.cat([x, shown], dim=1), index, **told)
        at = Level(alpha, sigma)  # type: ignore[arg-type]  # one level per item, as tensors
        said = estimate(output.float(), x, at, config.prediction, config.learned_variance)
        if config.error == "absolute":
            error = absolute_twice(codec.decode(said.clean), codec.decode(clean), hole, ring)
        else:
            floor = (_NOISE / config.residual_scale) ** 2
            error = relative_squared(said.clean, clean, coarse, ring, floor)
        error = level_weight(snr, config.weighting) * error
        if config.learned_variance:
            error = error + bound_in_hole(said, clean, x, coarse, t, self.schedule)
        return error.mean()

    def denoiser(self) -> Denoiser:
        """The network as a denoiser of all that is drawn at a time, which the tiling may cut."""
        c = self.config
        learned = c.learned_variance
        net = NetDenoiser(self.net, self.schedule, c.prediction, learned_variance=learned)
        return self.tiling.wrap(net)

    @torch.no_grad()  # not inference_mode, under which guidance could not take gradients
    def sample(
        self,
        first: Tensor,
        hole: Tensor,
        plan: Sequence[Move],
        sampler: Sampler,
        seeds: Sequence[int],
        watch: Callable[[int, Tensor], None] | None = None,
        position: Tensor | None = None,
    ) -> Tensor:
        """Draw fills of normalised crops.

        Args:
            first: first fill and doubts (B, N + C, D, H, W), the crop itself outside the hole.
            hole: (B, 1, D, H, W), 1 where unknown.
            plan: moves from the noisiest level to clean.
            sampler: how to take them.
            seeds: one per item of the batch.
            watch: called after each move, with what is noised.
            position: number of each slice (B, D), for networks that are told it.

        Returns:
            The estimate (B, N, D, H, W) everywhere, also at known voxels near the hole.
        """
        d, h, w = first.shape[2:]
        first, hole = (padded(part, self.codec.factor) for part in (first, hole))
        noise = seeded_noise(seeds)

        def part(here: slice, before: Tensor | None) -> Tensor:
            shown = channels(first[:, :, here], hole[:, :, here], self.config, before)
            number = None if position is None else position[:, here]
            told = Condition(self.codec.encode(shown), position=number)
            return self._drawn(
                known[:, :, here], hole[:, :, here], told, plan, sampler, noise, watch
            )

        known = first[:, : len(self.config.contrasts)]
        return self.tiling.draw(known, hole, part)[:, :, :d, :h, :w]

    def _drawn(
        self,
        first: Tensor,
        hole: Tensor,
        told: Condition,
        plan: Sequence[Move],
        sampler: Sampler,
        noise: Noise,
        watch: Callable[[int, Tensor], None] | None,
    ) -> Tensor:
        """What `sample` gives of slices that are drawn together, over their first fill (B, N, n, H, W)."""
        codec = self.codec
        coarse = coarse_hole(codec, hole)
        nothing = torch.zeros_like(codec.encode(first))
        last: list[Tensor] = []
        denoiser = self.denoiser()

        def remember(x: Tensor, level: Level, cond: Condition, *, turn: int = 0) -> Estimate:
            # A sampler's own intermediate steps leave known voxels; the network was trained on 0.
            said = denoiser(x * coarse, level, cond, turn=turn)
            last[:] = [said.clean]
            return said

        start = noise(nothing) * coarse * plan[0].now.sigma
        keep = KeepKnown(nothing, coarse, noisy=False)
        drawn = sample(remember, start, plan, sampler, noise, told, keep, watch)
        # In the hole the sample; around it what the network thinks of known voxels.
        residual = codec.decode(drawn) * hole + codec.decode(last[0]) * (1 - hole)
        return first + self.config.trust * self.config.residual_scale * residual

    @torch.no_grad()  # not inference_mode, under which guidance could not take gradients
    def redraw(
        self,
        image: Tensor,
        plan: Sequence[Move],
        sampler: Sampler,
        seeds: Sequence[int],
        free: Tensor | None = None,
    ) -> Tensor:
        """Noise a whole image and draw it anew, by a family that was trained without holes.

        SDEdit (Meng et al. 2022, https://arxiv.org/abs/2108.01073), and with `free` RePaint's guard.

        Args:
            image: (B, N, D, H, W) in units of the tissue level, where something may be roughly painted.
            plan: moves from the level that the image is noised to.
            sampler: how to take them.
            seeds: one per item of the batch.
            free: (B, 1, D, H, W), 1 where the image may change; None lets it change everywhere.

        Returns:
            The image, redrawn; same shape.
        """
        (d, h, w), codec = image.shape[2:], self.codec
        image = padded(image, codec.factor)
        clean = codec.encode(image / self.config.residual_scale)
        noise, start = seeded_noise(seeds), plan[0].now
        x = start.alpha * clean + start.sigma * noise(clean)
        nowhere, everywhere = torch.zeros_like(image), torch.ones_like(image[:, :1])
        shown = codec.encode(channels(nowhere, everywhere, self.config))
        keep = None
        if free is not None:
            free = padded(free, codec.factor)
            keep = KeepKnown(clean, coarse_hole(codec, free))
        x = sample(self.denoiser(), x, plan, sampler, noise, Condition(shown), keep)
        drawn = codec.decode(x)
        if free is not None:  # an element of the code has voxels on both sides of the border
            drawn = drawn * free + codec.decode(clean) * (1 - free)
        return (self.config.residual_scale * drawn)[:, :, :d, :h, :w]


def inpainter(config: FamilyConfig) -> Inpainter:
    """A family with an untrained network.

    Raises:
        ConfigError: the network would be too large.
    """
    return Inpainter(config, build_unet(config.unet))


def _per_item(
    levels: Sequence[Level], schedule: Schedule, like: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    def column(values: Sequence[Any]) -> Tensor:
        return torch.tensor(values, dtype=torch.float32, device=like.device)

    alpha, sigma = (column(v).reshape(-1, 1, 1, 1, 1) for v in zip(*levels, strict=True))
    index = column([schedule.time(level.ratio) * STEPS - 1 for level in levels])
    return alpha, sigma, column([level.snr for level in levels]), index
