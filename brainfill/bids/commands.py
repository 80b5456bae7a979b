"""The command of each step, as arguments of `python -m`, and the names its outputs get."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
from brainfill.bids.job import Job

# Backends that measure in voxels: they take a brain mask, know what to do with lesions, and leave a map of regions.
IN_VOXELS = ("ants", "antspynet", "direct")
# What `brainfill compare` writes, and its name here.
COMPARED = {
    "regions.tsv": "desc-changeregions_thickness.tsv",
    "subjects.tsv": "desc-changemeans_thickness.tsv",
    "measurements.tsv": "desc-changemeasurements_thickness.tsv",
    "region-map.svg": "desc-changemap_thickness.svg",
    "bland-altman.svg": "desc-changeblandaltman_thickness.svg",
    "box-plots.svg": "desc-changeboxplots_thickness.svg",
    "comparison.json": "desc-change_thickness.json",
    "comparison.html": "desc-change_thickness.html",
}
_LESIONS, _BRAIN = "label-lesion_mask.nii.gz", "desc-brain_mask.nii.gz"
_STRIPPERS = {"auto": "auto", "skip": "none", "force": "builtin"}


def command(step: str, job: Job) -> list[str]:
    """What a step runs, as arguments of `python -m`."""
    return [str(word) for word in _COMMANDS[step](job)]


def name_outputs(step: str, job: Job) -> None:
    """Give what a step wrote into its stage the names that it has in the dataset."""
    if step == COMPARE:
        for name, product in COMPARED.items():
            if (job.stage / name).exists():
                (job.stage / name).rename(job.new(product))


def filled_image(config: BidsConfig) -> str:
    """The last product of a filled scan."""
    return f"desc-{'smoothed' if SMOOTH in config.steps else 'filled'}_T1w.nii.gz"


def takes_brain(config: BidsConfig) -> bool:
    """Whether thickness is measured in the brain that the step preprocess finds."""
    return PREPROCESS in config.steps and config.thickness_backend in IN_VOXELS


def _lesion(job: Job) -> list[Any]:
    words: list[Any] = ["brainfill.bids.lesion", job.case.t1, job.new(_LESIONS)]
    words += ["--picture", job.new("label-lesion_T1w.png"), *_reading(job.config)]
    words += [] if job.config.label is None else ["--label", job.config.label]
    words += ["--assume-same-grid"] if job.config.assume_same_grid else []
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
        *("--mask", job.done(_LESIONS), "--steps", "skullstrip,n4,register"),
        *("--skullstrip", _STRIPPERS[config.skull_strip], *_surroundings(config), *_page(config)),
        *(*_reading(config), "--json"),
    ]


def _fill(job: Job) -> list[Any]:
    config, usual = job.config, BidsConfig()
    # Methods without a network refuse options of it.
    own = [n for n in ("model", "quality") if getattr(config, n) != getattr(usual, n)]
    return [
        *("brainfill", "fill", job.case.t1, job.done(_LESIONS)),
        *("-o", job.new("desc-filled_T1w.nii.gz"), "--hole", job.new("desc-filled_mask.nii.gz")),
        *("--labels", job.new("desc-lesions_dseg.nii.gz"), "--method", config.method),
        *(word for name in own for word in (f"--{name}", getattr(config, name))),
        *("--dilate", config.dilate, *_surroundings(config), *_page(config)),
        *(*_reading(config), "--json"),
    ]


def _smooth(job: Job) -> list[Any]:
    return [
        *("brainfill", "smooth", job.done("desc-filled_T1w.nii.gz")),
        *("--mask", job.done("desc-filled_mask.nii.gz"), "-o", job.new("desc-smoothed_T1w.nii.gz")),
        *("--only-if", job.config.smooth_if, *_reading(job.config), "--json"),
    ]


def _spaces(job: Job) -> list[Any]:
    image = filled_image(job.config)
    return [
        *("brainfill", "transform", job.done(image)),
        *("--like", job.done(f"space-{MNI}_desc-preproc_T1w.nii.gz")),
        *("-t", job.done(f"from-T1w_to-{MNI}_mode-image_xfm.txt")),
        *("-o", job.new(f"space-{MNI}_{image}"), "--threads", job.config.threads, "--json"),
    ]


def _unfilled(job: Job) -> list[Any]:
    return _measure(job, job.case.t1, "unfilled")


def _thickness(job: Job) -> list[Any]:
    return _measure(job, job.done(filled_image(job.config)), "filled")


def _measure(job: Job, image: Path, desc: str) -> list[Any]:
    config = job.config
    words: list[Any] = ["brainfill", "thickness", image, "-o", job.stage, "--desc", desc]
    words += ["--backend", config.thickness_backend, "--work", job.tools]
    if config.thickness_backend in IN_VOXELS and config.thickness_mask:
        words += ["--mask", job.done(_LESIONS)]
    if takes_brain(config):
        words += ["--skullstrip", job.done(_BRAIN)]
    for setting in config.thickness_settings:
        words += ["--set", setting]
    return [*words, *_surroundings(config), *_page(config), *_reading(config), "--json"]


def _compare(job: Job) -> list[Any]:
    config = job.config
    words: list[Any] = ["brainfill", "compare", "-o", job.stage]
    words += [job.done(f"desc-{when}_thickness.tsv") for when in ("unfilled", "filled")]
    if config.thickness_backend in IN_VOXELS:
        words += ["--lesion", job.done(_LESIONS), "--labels", job.done("desc-filled_dseg.nii.gz")]
    return [*words, "--seed", config.random_seed, *_page(config), "--json"]


_COMMANDS = {
    LESION: _lesion,
    PREPROCESS: _preprocess,
    FILL: _fill,
    SMOOTH: _smooth,
    SPACES: _spaces,
    UNFILLED: _unfilled,
    THICKNESS: _thickness,
    COMPARE: _compare,
}


def _reading(config: BidsConfig) -> list[str]:
    return ["--nan-to-zero"] if config.nan_to_zero else []


def _page(config: BidsConfig) -> list[str]:
    return ["--report"] if config.report else []


def _surroundings(config: BidsConfig) -> list[Any]:
    words = ["--seed", config.random_seed, "--threads", config.threads]
    words += ["--device", config.device] if config.device != "auto" else []
    return words + (["--deterministic"] if config.deterministic else [])
