"""Fills holes: every kind of hole, cut into scans, is filled with what was there."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from brainfill.core.errors import ConfigError
from brainfill.models._config import FamilyConfig
from brainfill.models._inpainter import Inpainter
from brainfill.train.config import TrainConfig
from brainfill.train.examples import draw_example
from brainfill.train.learners._inpainting import InpaintingLearner, expect_contrasts
from brainfill.train.optimizers import adamw
from brainfill.train.pack import Pack, load_pack

FAMILIES, DATA, USUAL = "brainfill.models", ("",), True
Config = TrainConfig


def read(data: Path, model: FamilyConfig) -> Pack:
    """Scans of healthy people and lesion shapes.

    Raises:
        InputMissingError: the file is not there.
        DataError: it holds data of another kind.
        ConfigError: the model wants other contrasts, or to redraw whole images.
    """
    pack = load_pack(data)
    expect_contrasts(["T1w"], model, data)
    if not model.conditional:
        msg = f"a model that redraws whole images learns from patients, and '{data}' holds none"
        raise ConfigError(msg, "leave out model.conditional=false, or pack patients' lesions")
    return pack


def build(model: Inpainter, config: TrainConfig, pack: Pack) -> InpaintingLearner:
    """The learner of an inpainter."""
    draw = partial(draw_example, pack, model.config, config.masks, config.augment)
    return InpaintingLearner(model, config, draw, [adamw(model.net, config)], {})
