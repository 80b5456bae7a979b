"""What must be known to use the weights of an inpainter: its network, noise levels, first fill and crops."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from brainfill.core.config import check_ranges, option
from brainfill.core.errors import ConfigError
from brainfill.diffusion.denoiser import Prediction
from brainfill.diffusion.levels import ScheduleConfig
from brainfill.diffusion.loss import Weighting
from brainfill.interpolation.nonlocal_patches import PatchConfig
from brainfill.interpolation.prediction import DOUBTS
from brainfill.nets.unet import UNetConfig


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
