"""What all inpainting families share: loss and sampling of one crop.

Everything works on tensors (B, N, D, H, W) of a 1 mm RAS crop in N contrasts: D inferior to superior,
H left to right, W posterior to anterior. A contrast that a scan does not have is 0 everywhere. The
diffused variable is the difference between the image and a first fill, inside the hole only (noise
in the hole only: Palette, Saharia et al. 2022, https://arxiv.org/abs/2111.05826).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from brainfill.diffusion.denoiser import Condition, Denoiser, Estimate, NetDenoiser, predicted_clean
from brainfill.diffusion.levels import STEPS, Level, ScheduleConfig
from brainfill.diffusion.loss import level_weight
from brainfill.diffusion.noise import seeded_noise
from brainfill.diffusion.plans import Move
from brainfill.diffusion.projectors import KeepKnown
from brainfill.diffusion.sample import Sampler, sample
from brainfill.diffusion.tilings.slabs import slabs
from brainfill.models._channels import channels
from brainfill.models._config import FamilyConfig
from brainfill.nets.unet import build_unet

_NOISE = 0.01  # no fill can be told from the truth below this, in units of the tissue level


@dataclass(frozen=True)
class Inpainter:
    """A network and how to use it for filling holes."""

    config: FamilyConfig
    net: nn.Module

    def loss(
        self, image: Tensor, first: Tensor, hole: Tensor, t: Tensor, noise: Tensor, ring: float
    ) -> Tensor:
        """Training loss of normalised crops at times t.

        Args:
            image: true crops (B, N, D, H, W) in units of the tissue level.
            first: their first fill and doubts (B, N + C, D, H, W).
            hole: (B, 1, D, H, W), 1 where the fill is learnt.
            t: times (B,) in (0, 1].
            noise: standard normal, like `image`.
            ring: weight of known voxels against 1 in the hole; makes the estimate meaningful there.

        Returns:
            A scalar: squared error of the clean estimate, relative to that of the first fill.
        """
        shown = channels(first, hole, self.config)
        clean = (image - first[:, : image.shape[1]]) / self.config.residual_scale
        levels = [self.config.schedule.build().level(float(v)) for v in t]
        alpha, sigma, snr, index = _per_item(levels, self.config.schedule, image)
        x = (alpha * clean + sigma * noise) * hole
        output = self.net(torch.cat([x, shown], dim=1), index)
        at = Level(alpha, sigma)  # type: ignore[arg-type]  # one level per item, as tensors
        estimate = predicted_clean(output.float(), x, at, self.config.prediction)
        weight = level_weight(snr, self.config.weighting)
        error = (estimate - clean) ** 2 * (hole + ring * (1 - hole))
        # Relative to what the first fill gets wrong, so that easy white-matter holes count as
        # much as hard cortical ones.
        dims = (1, 2, 3, 4)
        floor = (_NOISE / self.config.residual_scale) ** 2
        hard = (clean**2 * hole).sum(dims) / hole.sum(dims).clamp(min=1) + floor
        return (weight * error.sum(dims) / hole.sum(dims).clamp(min=1) / hard).mean()

    def denoiser(self) -> Denoiser:
        """The network as a denoiser of whole crops, cut into overlapping slabs where it asks to be."""
        schedule = self.config.schedule.build()
        denoiser = NetDenoiser(self.net, schedule, self.config.prediction)
        if self.config.window_vox == 0:
            return denoiser
        return slabs(denoiser, self.config.window_vox, self.config.overlap_vox)

    @torch.no_grad()  # not inference_mode, under which guidance could not take gradients
    def sample(
        self,
        first: Tensor,
        hole: Tensor,
        plan: Sequence[Move],
        sampler: Sampler,
        seeds: Sequence[int],
        watch: Callable[[int, Tensor], None] | None = None,
    ) -> Tensor:
        """Draw fills of normalised crops.

        Args:
            first: first fill and doubts (B, N + C, D, H, W), the crop itself outside the hole.
            hole: (B, 1, D, H, W), 1 where unknown.
            plan: moves from the noisiest level to clean.
            sampler: how to take them.
            seeds: one per item of the batch.
            watch: called after each move.

        Returns:
            The estimate (B, N, D, H, W) everywhere, also at known voxels near the hole.
        """
        shown = channels(first, hole, self.config)
        first = first[:, : len(self.config.contrasts)]
        noise = seeded_noise(seeds)
        last: list[Tensor] = []
        denoiser = self.denoiser()

        def remember(x: Tensor, level: Level, cond: Condition, *, turn: int = 0) -> Estimate:
            # A sampler's own intermediate steps leave known voxels; the network was trained on 0.
            said = denoiser(x * hole, level, cond, turn=turn)
            last[:] = [said.clean]
            return said

        start = noise(first) * hole * plan[0].now.sigma
        keep = KeepKnown(torch.zeros_like(first), hole, noisy=False)
        residual = sample(remember, start, plan, sampler, noise, Condition(shown), keep, watch)
        # In the hole the sample; around it what the network thinks of known voxels.
        residual = residual * hole + last[0] * (1 - hole)
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
        clean = image / self.config.residual_scale
        noise, start = seeded_noise(seeds), plan[0].now
        x = start.alpha * clean + start.sigma * noise(clean)
        shown = channels(torch.zeros_like(image), torch.ones_like(image[:, :1]), self.config)
        keep = None if free is None else KeepKnown(clean, free)
        drawn = sample(self.denoiser(), x, plan, sampler, noise, Condition(shown), keep)
        return self.config.residual_scale * drawn


def inpainter(config: FamilyConfig) -> Inpainter:
    """A family with an untrained network.

    Raises:
        ConfigError: the network would be too large.
    """
    return Inpainter(config, build_unet(config.unet))


def _per_item(
    levels: Sequence[Level], schedule: ScheduleConfig, like: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    times = schedule.build()

    def column(values: Sequence[Any]) -> Tensor:
        return torch.tensor(values, dtype=torch.float32, device=like.device)

    alpha, sigma = (column(v).reshape(-1, 1, 1, 1, 1) for v in zip(*levels, strict=True))
    index = column([times.time(level.ratio) * STEPS - 1 for level in levels])
    return alpha, sigma, column([level.snr for level in levels]), index
