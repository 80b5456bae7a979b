"""The steps of one person: their order, what each needs, and what decides its outcome."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from brainfill import __version__
from brainfill.bids.commands import IN_VOXELS, takes_brain
from brainfill.bids.config import (
    COMPARE,
    FILL,
    LESION,
    MNI,
    PREPROCESS,
    SMOOTH,
    SPACES,
    THICKNESS,
    UNFILLED,
    BidsConfig,
)
from brainfill.bids.records import fingerprint
from brainfill.bundles.store import find, read_card
from brainfill.core.errors import UnavailableError

_MEASURE = (
    "nan_to_zero",
    *("thickness_backend", "thickness_settings", "thickness_mask"),
    *("random_seed", "deterministic", "device"),
)
# What belongs to none of a person's steps changes none of their outcomes.
_OPTIONS: Mapping[str, tuple[str, ...]] = {
    LESION: ("label", "nan_to_zero", "assume_same_grid"),
    PREPROCESS: ("nan_to_zero", "skull_strip", "random_seed", "deterministic", "device"),
    FILL: (
        "nan_to_zero",
        "method",
        "model",
        "quality",
        "dilate",
        "random_seed",
        "deterministic",
        "device",
        "on_empty",
    ),
    SMOOTH: ("nan_to_zero", "smooth_if"),
    SPACES: (),
    UNFILLED: _MEASURE,
    THICKNESS: _MEASURE,
    COMPARE: ("random_seed",),
}
# Steps whose commands can write a page.
REPORTED = (PREPROCESS, FILL, UNFILLED, THICKNESS, COMPARE)
_BRAIN = "brain-mask"


def steps_of(config: BidsConfig) -> list[str]:
    """Every step of a person in order, those between the user's included."""
    first = [step for step in config.steps if step not in (THICKNESS, COMPARE)]
    spaces = [SPACES] if MNI in config.output_spaces else []
    unfilled = [UNFILLED] if COMPARE in config.steps else []
    last = [step for step in config.steps if step not in first]
    return [LESION, *first, *spaces, *unfilled, *last]


def needs(step: str, config: BidsConfig) -> tuple[str, ...]:
    """The steps whose outputs a step reads."""
    last = SMOOTH if SMOOTH in config.steps else FILL
    brain = (PREPROCESS,) if takes_brain(config) else ()
    known = {
        PREPROCESS: (LESION,),
        FILL: (LESION,),
        SMOOTH: (FILL,),
        SPACES: (PREPROCESS, last),
        UNFILLED: (LESION, *brain),
        THICKNESS: (last, *brain),
        COMPARE: (UNFILLED, THICKNESS),
    }
    return known.get(step, ())


def all_needs(step: str, config: BidsConfig) -> set[str]:
    """The steps that a step's outcome goes back to."""
    direct = needs(step, config)
    return {*direct, *(s for need in direct for s in all_needs(need, config))}


def print_of(step: str, config: BidsConfig, inputs: Sequence[str], before: Sequence[str]) -> str:
    """The fingerprint of a step: equal ones give equal outputs.

    Args:
        step: its name.
        config: of the run.
        inputs: checksums of the person's files.
        before: fingerprints of the steps it needs.
    """
    options = {name: getattr(config, name) for name in _OPTIONS[step]}
    return fingerprint(
        step=step,
        version=__version__,
        options=options,
        weights=_weights(step, config),
        inputs=list(inputs) if step == LESION else [],
        before=list(before),
    )


def _weights(step: str, config: BidsConfig) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """Checksums of the networks' weights, from their cards; of thickness also which programs are called."""
    if step == FILL and config.method == "diffusion":
        return _card_sum(config.model)
    if step == PREPROCESS:
        return _card_sum(_BRAIN)
    if step in (UNFILLED, THICKNESS):
        from brainfill.tasks.thickness import backend_state

        strips = config.thickness_backend in IN_VOXELS and not takes_brain(config)
        brain = {"BrainWeights": _card_sum(_BRAIN)} if strips else {}
        return backend_state(_thickness_config(config)) | brain
    return ""


def _card_sum(model: str) -> str:
    return read_card(find(model)).weights_sha256


def _thickness_config(config: BidsConfig) -> Any:  # noqa: ANN401 - imported where it is used
    from brainfill.tasks.thickness import ThicknessConfig

    return ThicknessConfig(backend=config.thickness_backend, settings=config.thickness_settings)


def check(config: BidsConfig) -> None:
    """Refuse options that every person would stumble over.

    Raises:
        ConfigError: an unknown method, or an option or setting it does not have.
        UnavailableError: no such model, or a program or package is missing.
    """
    from brainfill.tasks.fill import FillConfig, filler_config
    from brainfill.tasks.thickness import backend_missing

    shared = {f.name for f in dataclasses.fields(FillConfig)} & set(_OPTIONS[FILL])
    filler_config(FillConfig(**{name: getattr(config, name) for name in shared}))
    if {THICKNESS, COMPARE} & set(config.steps) and (
        lacks := backend_missing(_thickness_config(config))
    ):
        raise UnavailableError(lacks, "install it, or choose another --thickness-backend")
    for step in config.steps:
        _weights(step, config)
