"""Settings of a training run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from brainfill.core.config import MOST_SEED, check_ranges, option
from brainfill.lesions.shapes import HoleMix
from brainfill.train.examples import AugmentConfig
from brainfill.train.labelled_examples import LooksConfig
from brainfill.train.lesioned_examples import LesionMix


@dataclass(frozen=True, kw_only=True)
class LoopConfig:
    """How any network is trained."""

    steps: int = option(90_000, "optimiser steps of the whole run", low=1, high=1_000_000_000)
    batch: int = option(8, "crops per step, on all devices together", low=1, high=65_536)
    rate: float = option(3e-4, "peak learning rate", low=1e-8, high=1000)
    warmup: int = option(200, "steps until the peak", unit="steps", low=0, high=1_000_000_000)
    weight_decay: float = option(0.01, "AdamW weight decay", low=0.0, high=10)
    clip: float = option(1.0, "largest norm of the gradient", low=1e-6, high=1e6)
    ema: float = option(0.999, "decay of the averaged weights", low=0.0, high=1.0)
    precision: Literal["auto", "bfloat16", "float32"] = option(
        "auto", "arithmetic of the network; auto is bfloat16 where the processor has it"
    )
    reuse: int = option(1, "times each example is used, on average", low=1, high=10_000)
    pool: int = option(0, "examples kept to draw from; 0 is one batch", low=0, high=1_000_000)
    workers: int = option(
        0, "processes that prepare examples; 0 is none beside training", low=0, high=1024
    )
    seed: int = option(0, "start of every random draw", low=0, high=MOST_SEED)
    begin: str = option("", "bundle whose weights the run begins with; random ones without it")

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True, kw_only=True)
class TrainConfig(LoopConfig):
    """How an inpainter is trained."""

    ring: float = option(0.02, "weight of known voxels in the loss", low=0.0, high=1000)
    noisiest: float = option(
        0.5,
        "share of crops at the noisiest level, where the estimate is the mean",
        low=0.0,
        high=1.0,
    )
    masks: HoleMix = option(HoleMix(), "kinds of holes")
    lesions: LesionMix = option(LesionMix(), "lesions of a painter's examples")
    augment: AugmentConfig = option(AugmentConfig(), "changes of the crops")


@dataclass(frozen=True, kw_only=True)
class SegmentConfig(LoopConfig):
    """How a segmenter is trained."""

    looks: LooksConfig = option(LooksConfig(), "changes of the crops")
