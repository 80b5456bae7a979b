"""What all inpainting families share: normalisation, conditioning, loss and sampling of one crop.

Everything works on tensors (B, N, D, H, W) of a 1 mm RAS crop in N contrasts: D inferior to superior,
H left to right, W posterior to anterior. A contrast that a scan does not have is 0 everywhere. The
diffused variable is the difference between the image and a first fill, inside the hole only (noise
in the hole only: Palette, Saharia et al. 2022, https://arxiv.org/abs/2111.05826).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from brainfill.core.config import check_ranges, option
from brainfill.core.context import Context
from brainfill.core.errors import ConfigError
from brainfill.core.grid import BoolArray, Box, FloatArray, Grid
from brainfill.core.volume import Mask, Volume
from brainfill.diffusion.denoiser import (
    Condition,
    Denoiser,
    Estimate,
    NetDenoiser,
    Prediction,
    predicted_clean,
)
from brainfill.diffusion.levels import STEPS, Level, ScheduleConfig
from brainfill.diffusion.loss import Weighting, level_weight
from brainfill.diffusion.noise import seeded_noise
from brainfill.diffusion.plans import Move
from brainfill.diffusion.projectors import KeepKnown
from brainfill.diffusion.sample import Sampler, sample
from brainfill.diffusion.tilings.slabs import slabs
from brainfill.interpolation.harmonic import harmonic_fill
from brainfill.interpolation.inside import depth, expect_inside, is_large
from brainfill.interpolation.nonlocal_patches import DOUBTS, PatchConfig, patch_fill_with_doubts
from brainfill.nets.unet import UNetConfig, build_unet

_LEVEL_MARGIN_VOX = 12
_BRIGHTEST = 2.0  # in units of white matter; fat and vessels beyond it carry no information
_BACKGROUND = 0.0  # crops are cut there, and no tissue reaches it
_DARK = 0.05  # of the tissue level: background, or what splines make of it
_NOISE = 0.01  # no fill can be told from the truth below this, in the same units


@dataclass(frozen=True, kw_only=True)
class FamilyConfig:
    """Everything that must be known to use a set of weights."""

    contrasts: tuple[str, ...] = option(("T1w",), "image contrasts the model was trained on")
    schedule: ScheduleConfig = option(ScheduleConfig(), "noise levels of training")
    conditional: bool = option(
        True, "fills holes from what is around them; if not, it redraws whole images"
    )
    prediction: Prediction = option("x0", "what the network predicts")
    first_fill: Literal["patch", "harmonic", "zero"] = option(
        "harmonic", "what the fill is relative to"
    )
    patch: PatchConfig = option(PatchConfig(), "first fill by patches")
    residual_scale: float = option(
        0.1, "typical size of fill minus first fill", unit="of white matter", low=1e-3, high=10
    )
    trust: float = option(
        1.0, "share of the network's correction that is taken; not part of training", low=0, high=1
    )
    details: tuple[float, ...] = option(
        (),
        "widths of the blurs whose difference to the first fill is shown as well",
        unit="voxels",
        low=0,
        high=100,
    )
    weighting: Weighting = option("uniform", "weight of noise levels in the training loss")
    unet: UNetConfig = option(UNetConfig(), "the network")
    crop_vox: tuple[int, int, int] = option(
        (24, 48, 48), "training crop (D, H, W)", unit="voxels", low=0, high=1024
    )
    window_vox: int = option(
        0, "slices sampled at a time; 0 is all", unit="voxels", low=0, high=1024
    )
    overlap_vox: int = option(
        8, "slices shared by neighbouring windows", unit="voxels", low=0, high=1024
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        problem = ""
        if min(self.crop_vox) < 1:
            problem = f"crop_vox must hold numbers from 1 on, got {self.crop_vox}"
        elif self.overlap_vox >= self.window_vox > 0:
            window = self.window_vox
            problem = f"overlap_vox must be below window_vox {window}, got {self.overlap_vox}"
        elif any(width <= 0 for width in self.details):
            problem = f"details must be above 0, got {self.details}"
        elif self.first_fill == "patch" and len(self.contrasts) > 1:
            problem = f"patches fill one contrast, got {', '.join(self.contrasts)}"
        elif self.first_fill == "patch" and not self.conditional:
            problem = "patches fill holes, and a model that redraws whole images has none"
        if problem:
            raise ConfigError(problem)
        # What the network takes and gives follows from the rest.
        unet = replace(self.unet, inputs=self._inputs(), outputs=len(self.contrasts))
        object.__setattr__(self, "unet", unet)

    def _inputs(self) -> int:
        """Channels of the network: noisy residual, first fill and details of each contrast, hole, doubts."""
        doubts = DOUBTS if self.first_fill == "patch" else 0
        return len(self.contrasts) * (2 + len(self.details)) + 1 + doubts


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
        channels = _channels(first, hole, self.config)
        clean = (image - first[:, : image.shape[1]]) / self.config.residual_scale
        levels = [self.config.schedule.build().level(float(v)) for v in t]
        alpha, sigma, snr, index = _per_item(levels, self.config.schedule, image)
        x = (alpha * clean + sigma * noise) * hole
        output = self.net(torch.cat([x, channels], dim=1), index)
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
        channels = _channels(first, hole, self.config)
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
        residual = sample(remember, start, plan, sampler, noise, Condition(channels), keep, watch)
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
        channels = _channels(torch.zeros_like(image), torch.ones_like(image[:, :1]), self.config)
        keep = None if free is None else KeepKnown(clean, free)
        drawn = sample(self.denoiser(), x, plan, sampler, noise, Condition(channels), keep)
        return self.config.residual_scale * drawn


def inpainter(config: FamilyConfig) -> Inpainter:
    """A family with an untrained network.

    Raises:
        ConfigError: the network would be too large.
    """
    return Inpainter(config, build_unet(config.unet))


def first_fill(image: Tensor, hole: Tensor, config: FamilyConfig) -> Tensor:
    """The fill that the network is to improve, and what is known against it.

    Args:
        image: (B, N, D, H, W) in units of the tissue level; not read inside the hole.
        hole: (B, 1, D, H, W), 1 where unknown.
        config: of the family.

    Returns:
        (B, N + C, D, H, W): the image with its hole filled; for a fill by patches also its doubts.
    """
    if config.first_fill == "patch":
        crops = zip(image[:, 0], hole[:, 0] > 0, strict=True)
        return torch.stack([_patched(*crop, config.patch) for crop in crops])
    if config.first_fill == "harmonic":
        contrasts = image.tensor_split(image.shape[1], dim=1)
        return torch.cat([_smooth(contrast, hole) for contrast in contrasts], dim=1)
    return image * (1 - hole)


def _smooth(image: Tensor, hole: Tensor) -> Tensor:
    """One contrast (B, 1, D, H, W) with its hole filled smoothly."""
    # Background next to a hole at the surface tells nothing of what is in it, nor do the voxels
    # that share it.
    dark = ((image <= _DARK) & (hole == 0)).to(hole.dtype)
    unknown = torch.maximum(hole, F.max_pool3d(dark, 3, stride=1, padding=1))
    return torch.where(hole > 0, harmonic_fill(image, unknown), image)


def expected(
    first: Tensor, hole: Tensor, other_side: Callable[[], Tensor], spacing_mm: float
) -> Tensor:
    """A first fill by patches, leaning deep inside large holes on what can be expected there.

    Args:
        first: the fill and its doubts (1, C, D, H, W), in units of the tissue level.
        hole: (1, 1, D, H, W), 1 where unknown.
        other_side: gives what lies across the head's plane of symmetry, like `hole`; asked for large
            holes only.
        spacing_mm: voxel size.
    """
    filled, unknown = (t[0, 0].cpu().numpy() for t in (first, hole > 0))
    tissue = ~unknown & (filled > _DARK)
    depth_mm = depth(unknown, tissue, spacing_mm)
    if not is_large(depth_mm):
        return first
    across = other_side()[0, 0].numpy()
    across = np.where(across > _DARK, across, 0)
    leaning = expect_inside(filled, depth_mm, tissue, across, spacing_mm)
    return torch.cat([torch.from_numpy(leaning)[None, None].to(first), first[:, 1:]], dim=1)


def _patched(image: Tensor, hole: Tensor, config: PatchConfig) -> Tensor:
    # A crop of 1 mm voxels needs no other grid than its own indices.
    grid = Grid(tuple(image.shape), np.eye(4))  # type: ignore[arg-type]  # three sides
    volume, mask = Volume(image.cpu().numpy(), grid), Mask(hole.cpu().numpy(), grid)
    ctx = Context(device=str(image.device))
    filled, doubts = patch_fill_with_doubts(volume, mask, config, ctx, background=_BACKGROUND)
    return torch.from_numpy(np.concatenate([filled[None], doubts])).to(image)


def _channels(first: Tensor, hole: Tensor, config: FamilyConfig) -> Tensor:
    """What the network sees besides the noisy residual, (B, C, D, H, W)."""
    fill, doubts = first.tensor_split([len(config.contrasts)], dim=1)
    # Tissue spans about 0 .. 1; networks like values around 0. The grain of white matter is lost in
    # that range, so it is shown once more on the scale of the residual.
    fine = [fill - blurred(fill, width) for width in config.details]
    scaled = torch.cat([*fine, doubts], dim=1) / config.residual_scale
    return torch.cat([2 * fill - 1, 2 * hole - 1, scaled], dim=1)


def blurred(x: Tensor, width_vox: float) -> Tensor:
    """The crops (B, N, D, H, W) after a Gaussian of this standard deviation; ends are repeated."""
    shape_before, x = x.shape, x.flatten(0, 1)[:, None]
    reach = max(1, round(3 * width_vox))
    kernel = torch.arange(-reach, reach + 1, dtype=x.dtype, device=x.device) / width_vox
    kernel = torch.softmax(-0.5 * kernel**2, dim=0)
    for axis in (2, 3, 4):
        shape, pad = [1] * 5, [0] * 6
        shape[axis] = 2 * reach + 1
        pad[8 - 2 * axis] = pad[9 - 2 * axis] = reach
        # Half precision would cost the very detail that is wanted.
        with torch.autocast(x.device.type, enabled=False):
            x = F.conv3d(F.pad(x, pad, mode="replicate"), kernel.reshape(shape))
    return x.reshape(shape_before)


def tissue_level(image: FloatArray, hole: BoolArray) -> float:
    """Brightness of the tissue around the hole, near that of white matter in a T1w image.

    The 95th percentile of known voxels above zero within 12 voxels of the hole's box. Taken near
    the hole, it does not depend on the skull, on bias fields or on the rest of the head.

    Args:
        image: float (D, H, W), any unit, background 0.
        hole: bool, same shape.

    Returns:
        A positive number in the unit of the image; 1.0 when there is no tissue at all.
    """
    margin = (_LEVEL_MARGIN_VOX,) * 3
    near = Box.around(hole).grow(margin).within(hole.shape).slices
    values = image[near][~hole[near] & (image[near] > 0)]
    return float(np.percentile(values, 95)) if values.size else 1.0


def normalised(image: FloatArray, level: float) -> FloatArray:
    """The image in units of its tissue level, cut to [0, 2]."""
    return np.clip(image / level, 0.0, _BRIGHTEST).astype(np.float32)


def _per_item(
    levels: Sequence[Level], schedule: ScheduleConfig, like: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    times = schedule.build()

    def column(values: Sequence[Any]) -> Tensor:
        return torch.tensor(values, dtype=torch.float32, device=like.device)

    alpha, sigma = (column(v).reshape(-1, 1, 1, 1, 1) for v in zip(*levels, strict=True))
    index = column([times.time(level.ratio) * STEPS - 1 for level in levels])
    return alpha, sigma, column([level.snr for level in levels]), index
