"""The steps of one person: which command each runs, what it needs, and what decides its outcome."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brainfill import __version__
from brainfill.bids.config import MNI, BidsConfig
from brainfill.bids.find import Case
from brainfill.bids.records import fingerprint
from brainfill.bundles.store import find, read_card

LESION, PREPROCESS, FILL, SMOOTH, SPACES = "lesion", "preprocess", "fill", "smooth", "spaces"
# What belongs to none of a person's steps changes none of their outcomes.
_OPTIONS: Mapping[str, tuple[str, ...]] = {
    LESION: (),
    PREPROCESS: ("skull_strip", "random_seed", "deterministic", "device"),
    FILL: (
        "method",
        "model",
        "quality",
        "dilate",
        "random_seed",
        "deterministic",
        "device",
        "on_empty",
    ),
    SMOOTH: ("smooth_if",),
    SPACES: (),
}
# Steps whose commands can write a page.
REPORTED = (PREPROCESS, FILL)
_WEIGHTS = {PREPROCESS: "brain-mask"}
_STRIPPERS = {"auto": "auto", "skip": "none", "force": "builtin"}


@dataclass(frozen=True)
class Job:
    """One person and what is wanted.

    Args:
        case: the T1w and its masks.
        config: of the whole run.
        out: the output dataset.
        stage: folder where a step writes before its outputs get their place.
    """

    case: Case
    config: BidsConfig
    out: Path
    stage: Path

    def done(self, product: str) -> Path:
        """An output of an earlier step."""
        return self.place(f"{self.case.key}_{product}")

    def place(self, name: str) -> Path:
        """Where an output of this name belongs: images by person and session, figures by person, pages on top."""
        if name.endswith(".html"):
            return self.out / name.replace("_desc-filled_T1w.html", ".html")
        if name.endswith((".png", ".svg")):
            return self.out / self.case.folder.parts[0] / "figures" / name
        return self.out / self.case.folder / name

    def new(self, product: str) -> Path:
        """An output of this step."""
        return self.stage / f"{self.case.key}_{product}"


def steps_of(config: BidsConfig) -> list[str]:
    """Every step of a person in order, those between the user's included."""
    return [LESION, *config.steps, *([SPACES] if MNI in config.output_spaces else [])]


def needs(step: str, config: BidsConfig) -> tuple[str, ...]:
    """The steps whose outputs a step reads."""
    last = SMOOTH if SMOOTH in config.steps else FILL
    known = {PREPROCESS: (LESION,), FILL: (LESION,), SMOOTH: (FILL,), SPACES: (PREPROCESS, last)}
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


def command(step: str, job: Job) -> list[str]:
    """What a step runs, as arguments of `python -m`."""
    return [str(word) for word in _COMMANDS[step](job)]


def _lesion(job: Job) -> list[Any]:
    words: list[Any] = ["brainfill.bids.lesion", job.case.t1, job.new("label-lesion_mask.nii.gz")]
    words += ["--picture", job.new("label-lesion_T1w.png")]
    for mask in job.case.masks:
        words += ["--mask", mask]
    for mask, transform in job.case.template_masks:
        words += ["--carry", mask, transform]
    return words


def _preprocess(job: Job) -> list[Any]:
    config = job.config
    return [
        *("brainfill", "preprocess", job.case.t1, "-o", job.stage),
        # Without turning it, so that what is not in MNI space lies on the grid of the scan.
        *("--mask", job.done("label-lesion_mask.nii.gz"), "--steps", "skullstrip,n4,register"),
        *("--skullstrip", _STRIPPERS[config.skull_strip], *_surroundings(config), *_page(config)),
        "--json",
    ]


def _fill(job: Job) -> list[Any]:
    config, usual = job.config, BidsConfig()
    # Methods without a network refuse options of it.
    own = [n for n in ("model", "quality") if getattr(config, n) != getattr(usual, n)]
    return [
        *("brainfill", "fill", job.case.t1, job.done("label-lesion_mask.nii.gz")),
        *("-o", job.new("desc-filled_T1w.nii.gz"), "--hole", job.new("desc-filled_mask.nii.gz")),
        *("--labels", job.new("desc-lesions_dseg.nii.gz"), "--method", config.method),
        *(word for name in own for word in (f"--{name}", getattr(config, name))),
        *("--dilate", config.dilate, *_surroundings(config), *_page(config), "--json"),
    ]


def _smooth(job: Job) -> list[Any]:
    return [
        *("brainfill", "smooth", job.done("desc-filled_T1w.nii.gz")),
        *("--mask", job.done("desc-filled_mask.nii.gz"), "-o", job.new("desc-smoothed_T1w.nii.gz")),
        *("--only-if", job.config.smooth_if, "--json"),
    ]


def _spaces(job: Job) -> list[Any]:
    image = f"desc-{'smoothed' if SMOOTH in job.config.steps else 'filled'}_T1w.nii.gz"
    return [
        *("brainfill", "transform", job.done(image)),
        *("--like", job.done(f"space-{MNI}_desc-preproc_T1w.nii.gz")),
        *("-t", job.done(f"from-T1w_to-{MNI}_mode-image_xfm.txt")),
        *("-o", job.new(f"space-{MNI}_{image}"), "--threads", job.config.threads, "--json"),
    ]


_COMMANDS = {
    LESION: _lesion,
    PREPROCESS: _preprocess,
    FILL: _fill,
    SMOOTH: _smooth,
    SPACES: _spaces,
}


def _page(config: BidsConfig) -> list[str]:
    return ["--report"] if config.report else []


def _surroundings(config: BidsConfig) -> list[Any]:
    words = ["--seed", config.random_seed, "--threads", config.threads]
    words += ["--device", config.device] if config.device != "auto" else []
    return words + (["--deterministic"] if config.deterministic else [])


def _weights(step: str, config: BidsConfig) -> str:
    """Checksum of the network's weights, from its card."""
    name = _WEIGHTS.get(step, "")
    if step == FILL and config.method == "diffusion":
        name = config.model
    return read_card(find(name)).weights_sha256 if name else ""


def check(config: BidsConfig) -> None:
    """Refuse options that every person would stumble over.

    Raises:
        ConfigError: an unknown method, or an option it does not have.
        UnavailableError: no such model.
    """
    from brainfill.tasks.fill import FillConfig, filler_config

    shared = {f.name for f in dataclasses.fields(FillConfig)} & set(_OPTIONS[FILL])
    filler_config(FillConfig(**{name: getattr(config, name) for name in shared}))
    for step in config.steps:
        _weights(step, config)
