"""Paints lesions: lesions of patients, their own or painted into healthy tissue, are to be drawn anew."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from brainfill.core.errors import ConfigError
from brainfill.models._config import FamilyConfig
from brainfill.models._inpainter import Inpainter
from brainfill.train import cases
from brainfill.train.archive import kind_of
from brainfill.train.config import TrainConfig
from brainfill.train.learners._inpainting import InpaintingLearner, expect_contrasts
from brainfill.train.lesioned import (
    KIND,
    LesionedPack,
    intensities,
    load_lesioned,
    patients_of,
    profiles,
)
from brainfill.train.lesioned_examples import draw_lesioned
from brainfill.train.optimizers import adamw

FAMILIES, DATA, USUAL = "brainfill.models", (KIND, cases.KIND), True
Config = TrainConfig


def read(data: Path, model: FamilyConfig) -> LesionedPack:
    """Scans of patients with their lesions.

    Raises:
        InputMissingError: the file is not there.
        DataError: it holds data of another kind.
        ConfigError: the model wants other contrasts, or the numbers of slices.
    """
    if model.unet.position:
        msg = "a painter learns from parts of scans, in which slices have no number"
        raise ConfigError(msg, "leave out model.unet.position")
    if kind_of(data) == cases.KIND:
        pack = patients_of(cases.load_cases(data), data)
    else:
        pack = load_lesioned(data)
    expect_contrasts(pack.contrasts, model, data)
    return pack


def build(model: Inpainter, config: TrainConfig, pack: LesionedPack) -> InpaintingLearner:
    """The learner of a painter; how bright lesions are goes to the card."""
    draw = partial(
        draw_lesioned, pack, profiles(pack), model.config, config.lesions, config.augment
    )
    known = {"lesions": intensities(pack)}
    return InpaintingLearner(model, config, draw, [adamw(model.net, config)], known)
