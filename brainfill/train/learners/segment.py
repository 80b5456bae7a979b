"""Segments: the class of every voxel, in scans and painted maps changed in place, shape and looks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from brainfill.segmentation._base import Segmenter, SegmenterConfig
from brainfill.train.config import SegmentConfig
from brainfill.train.labelled import KIND, LabelledPack, load_labelled
from brainfill.train.labelled_examples import LooksConfig, draw_labelled
from brainfill.train.learners._base import Example, Turn
from brainfill.train.optimizers import adamw

FAMILIES, DATA, USUAL = "brainfill.segmentation", (KIND,), True
Config = SegmentConfig


def read(data: Path, model: SegmenterConfig) -> LabelledPack:  # noqa: ARG001 - learners of other models compare
    """Scans or maps of regions with the class of every voxel.

    Raises:
        InputMissingError: the file is not there.
        DataError: it holds data of another kind.
    """
    return load_labelled(data)


def build(model: Segmenter, config: SegmentConfig, pack: LabelledPack) -> SegmentLearner:
    """The learner of a segmenter."""
    return SegmentLearner(model, config, pack, [adamw(model.net, config)])


@dataclass(frozen=True)
class SegmentLearner:
    """A segmenter that learns from labelled crops.

    Args:
        model: the segmenter.
        config: how it is trained.
        pack: where crops come from.
        optimizers: a single one, over all parameters.
    """

    model: Segmenter
    config: SegmentConfig
    pack: LabelledPack
    optimizers: Sequence[torch.optim.Optimizer]

    @property
    def net(self) -> nn.Module:
        """The network."""
        return self.model.net

    def examples(self) -> Callable[[np.random.Generator], Example]:
        """Draws `image` (1, D, H, W) and the `shares` of all classes but the first."""
        return partial(_example, self.pack, self.model.config, self.config.looks)

    def turns(self, batch: Example, rng: np.random.Generator) -> list[Turn]:  # noqa: ARG002 - nothing is drawn
        """One step."""
        return [Turn(self.optimizers[0], partial(self.model.loss, batch["image"], batch["shares"]))]

    def facts(self) -> Mapping[str, Any]:
        """Nothing."""
        return {}


def _example(
    pack: LabelledPack, model: SegmenterConfig, looks: LooksConfig, rng: np.random.Generator
) -> Example:
    image, shares = draw_labelled(pack, model, looks, rng).tensor_split([1])
    return {"image": image, "shares": shares}
