"""What must be known to use the weights of an inpainter: its network, noise levels, first fill and crops."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

from brainfill.core.config import check_ranges, from_dict, option
from brainfill.core.errors import ConfigError
from brainfill.core.registry import load
from brainfill.diffusion.codecs._base import Codec
from brainfill.diffusion.denoiser import Prediction
from brainfill.diffusion.levels import ScheduleConfig
from brainfill.diffusion.loss import Weighting
from brainfill.diffusion.tilings._base import Tiling
from brainfill.interpolation.nonlocal_patches import PatchConfig
from brainfill.interpolation.prediction import DOUBTS
from brainfill.nets.unet import UNetConfig

CODECS, TILINGS = "brainfill.diffusion.codecs", "brainfill.diffusion.tilings"


@dataclass(frozen=True, kw_only=True)
class FamilyConfig:
    """Everything that must be known to use a set of weights."""

    contrasts: tuple[str, ...] = option(("T1w",), "image contrasts the model was trained on")
    schedule: ScheduleConfig = option(ScheduleConfig(), "noise levels of training")
    conditional: bool = option(
        True, "fills holes from what is around them; if not, it redraws whole images"
    )
    prediction: Prediction = option("x0", "what the network predicts")
    learned_variance: bool = option(
        False, "the network also tells the variance of its steps, which sampler 'ddpm' takes"
    )
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
    error: Literal["squared", "absolute"] = option(
        "squared",
        "training loss: squared, relative to the first fill's, or absolute, of all and of unknown voxels",
    )
    levels: int = option(
        0, "noise levels that the network is taught, evenly in time; 0 is all", low=0, high=1000
    )
    weighting: Weighting = option("uniform", "weight of noise levels in the training loss")
    follows: bool = option(
        False, "each slice is shown the finished one before it, as the tiling 'sequential' gives it"
    )
    codec: str = option(
        "identity", "what images become before they are noised; see: brainfill list codecs"
    )
    codec_options: dict[str, Any] = option({}, "options of the codec, such as its divisor")
    unet: UNetConfig = option(UNetConfig(), "the network")
    crop_vox: tuple[int, int, int] = option(
        (24, 48, 48), "training crop (D, H, W)", unit="voxels", low=0, high=1024
    )
    tiling: str = option(
        "",
        "how crops are cut and joined, see: brainfill list tilings; empty is slabs of window_vox",
    )
    tiling_options: dict[str, Any] = option({}, "options of the tiling")
    window_vox: int = option(
        0, "slices sampled at a time; 0 is all", unit="voxels", low=0, high=1024
    )
    overlap_vox: int = option(
        8, "slices shared by neighbouring windows", unit="voxels", low=0, high=1024
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        codec = self.build_codec()
        self.build_tiling()
        problem = ""
        if min(self.crop_vox) < 1:
            problem = f"crop_vox must hold numbers from 1 on, got {self.crop_vox}"
        elif any(side % codec.factor for side in self.crop_vox):
            problem = f"crop_vox must hold multiples of {codec.factor}, got {self.crop_vox}"
        elif self.learned_variance and self.schedule.name == "karras":
            problem = "a variance is learnt along a schedule that preserves it, and karras does not"
        elif self.tiling and self.window_vox:
            problem = f"tiling '{self.tiling}' says how crops are cut, and window_vox says so too"
        elif any(width <= 0 for width in self.details):
            problem = f"details must be above 0, got {self.details}"
        elif self.first_fill == "patch" and len(self.contrasts) > 1:
            problem = f"patches fill one contrast, got {', '.join(self.contrasts)}"
        elif self.first_fill == "patch" and not self.conditional:
            problem = "patches fill holes, and a model that redraws whole images has none"
        if problem := problem or self._misuse_of_slices(codec):
            raise ConfigError(problem)
        # What the network takes and gives follows from the rest.
        inputs, outputs = codec.channels * self._inputs(), codec.channels * len(self.contrasts)
        outputs *= 1 + self.learned_variance
        object.__setattr__(self, "unet", replace(self.unet, inputs=inputs, outputs=outputs))

    def _misuse_of_slices(self, codec: Codec) -> str:
        """What stands against telling slices apart; "" if nothing does."""
        if not (self.follows or self.unet.position):
            return ""
        if self.follows and self.unet.kind != "2d":
            return f"follows wants a 2d network, since a {self.unet.kind} one sees beyond its slice"
        if codec.factor > 1:
            return f"slices are told apart in images, and codec '{self.codec}' leaves none"
        return (
            "" if self.conditional else "slices are told apart to fill holes, not to redraw images"
        )

    def _inputs(self) -> int:
        """Images shown: noisy residual, first fill, details and slice before of each contrast, hole, doubts."""
        doubts = DOUBTS if self.first_fill == "patch" else 0
        return len(self.contrasts) * (2 + len(self.details) + self.follows) + 1 + doubts

    def taught_time(self, t: float) -> float:
        """The time in (0, 1] that is taught in place of t: t itself, or that of the next noisier level."""
        return math.ceil(t * self.levels) / self.levels if self.levels else t

    def build_codec(self) -> Codec:
        """What turns images into the tensor that is noised.

        Raises:
            ConfigError: there is no such codec, or it has no such options.
        """
        module = load(CODECS, self.codec)
        codec: Codec = module.build(from_dict(module.Config, self.codec_options, "codec_options."))
        return codec

    def build_tiling(self) -> Tiling:
        """What cuts crops for the network.

        Raises:
            ConfigError: there is no such tiling, or it has no such options.
        """
        name, options = self.tiling, self.tiling_options
        if not name:
            name = "slabs" if self.window_vox else "whole"
            slabs = {"window_vox": self.window_vox, "overlap_vox": self.overlap_vox}
            options = slabs if self.window_vox else {}
        module = load(TILINGS, name)
        tiling: Tiling = module.build(from_dict(module.Config, options, "tiling_options."))
        return tiling
