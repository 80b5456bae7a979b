"""Strip, correct, register and crop a scan by a chain of steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from brainfill.core import registry
from brainfill.core.config import from_dict, option, override, to_dict
from brainfill.core.errors import ConfigError, DataError
from brainfill.tasks._base import Result
from brainfill.tasks._presets import PRESETS

if TYPE_CHECKING:
    from brainfill.core.context import Context
    from brainfill.core.volume import Scan, Volume
    from brainfill.preprocess._base import Undo

STEPS = "brainfill.preprocess.steps"
_MNI = "MNI152NLin2009aSym"
# Options of the task that are settings of a step: field, step, setting.
_SHORTHANDS = (
    ("skullstrip", "skullstrip", "backend"),
    ("weights", "skullstrip", "settings.weights"),
    ("template", "register", "template"),
    ("transform", "register", "kind"),
)


@dataclass(frozen=True, kw_only=True)
class PreprocessConfig:
    """Which steps, and how."""

    preset: Literal["fill", "l2i", "uhr", "brats"] = option(
        "fill", "chain of steps: fill (strip, N4, MNI), l2i, uhr or brats"
    )
    steps: tuple[str, ...] = option((), "steps in order, instead of the preset's; comma-separated")
    skullstrip: str = option(
        "auto", "who finds the brain: auto, none, hd-bet, builtin, synthstrip, bet, or a mask file"
    )
    weights: str = option("", "folder of HD-BET's weights; empty is its own, in the home folder")
    template: str = option(_MNI, "what to register to: the ICBM152 2009a brain, or a stripped T1w")
    transform: Literal["rigid", "affine", "syn"] = option(
        "affine", "kind of transform to the template"
    )
    settings: tuple[str, ...] = option((), "setting of a step as STEP.KEY=VALUE; repeatable")


def plan(config: PreprocessConfig) -> list[tuple[str, Any]]:
    """The steps with their settings, in order.

    Raises:
        ConfigError: an unknown step, a step twice, a setting or option that no step of the chain has.
    """
    chain = [(name, {}) for name in config.steps] if config.steps else PRESETS[config.preset]
    names = [name for name, _ in chain]
    if twice := {name for name in names if names.count(name) > 1}:
        msg = f"step '{min(twice)}' stands in the chain twice"
        raise ConfigError(msg, "run brainfill preprocess again on its output")
    given = _settings_by_step(config, names)
    planned = []
    for name, preset in chain:
        plugin = registry.load(STEPS, name)
        planned.append((name, override(from_dict(plugin.Config, preset), given.get(name, []))))
    return planned


def product_names(config: PreprocessConfig, contrasts: list[str], *, lesion: bool) -> list[str]:
    """Every product that `run` may give, as its files are named behind the subject.

    Args:
        config: what to do.
        contrasts: "T1w" and others.
        lesion: whether there is a lesion mask.
    """
    from brainfill.preprocess.template import space_name

    steps = dict(plan(config))
    spaces = [""]
    names = []
    if "register" in steps:
        space = space_name(steps["register"].template)
        spaces.append(f"space-{space}_")
        ending = "nii.gz" if steps["register"].kind == "syn" else "txt"
        names += [_xfm("T1w", space, ending), _xfm(space, "T1w", ending)]
    for other in contrasts:
        if other != "T1w":
            names += [_xfm(other, "T1w", "txt"), _xfm("T1w", other, "txt")]
    masks = ["desc-brain_mask"] if "skullstrip" in steps else []
    masks += ["label-lesion_mask"] if lesion else []
    fields = ["desc-biasfield"] if "n4" in steps else []
    for space in spaces:
        names += [f"{space}desc-preproc_{c}.nii.gz" for c in contrasts]
        names += [f"{space}{field}_{c}.nii.gz" for field in fields for c in contrasts]
    return names + [f"{space}{m}.nii.gz" for space in [*spaces, "space-orig_"] for m in masks]


def run(
    scan: Scan, config: PreprocessConfig, ctx: Context, others: Mapping[str, Volume] | None = None
) -> Result:
    """Take a scan through the chain.

    Args:
        scan: with a T1w image and perhaps a lesion mask.
        config: what to do.
        ctx: device, seed, progress, warnings.
        others: further contrasts of the person, on any grid; those not on the grid of the T1 are
            registered rigidly to it first.

    Returns:
        volumes and files (transforms), both by the name their file has behind the subject; facts with the
        record of every step. Without "space-" lies what is on the grid before registration, with
        "space-orig" what is on the input's where that is another.

    Raises:
        ConfigError: as `plan`.
        DataError: no brain, or a registration that failed.
        UnavailableError: weights or a program are missing.
    """
    from brainfill.preprocess._base import Chained

    steps = plan(config)
    if scan.lesion is not None and not scan.lesion.data.any():
        ctx.warn(
            f"the lesion mask of '{scan.subject}' is empty: nothing is left out or kept for it"
        )
    files: dict[str, bytes] = {}
    scan, aligned = _with_others(scan, others or {}, ctx, files)
    start, own, space = scan, scan, ""
    before: list[Undo] = []
    records: list[dict[str, Any]] = []
    volumes: dict[str, Any] = {}
    for name, settings in steps:
        undo: Any  # each step has its own
        scan, undo = registry.load(STEPS, name).build(settings)(scan, ctx)
        records.append({"Step": name, "Settings": to_dict(settings), **undo.facts})
        if name == "register":
            space = undo.space
            files |= _both_ways(undo.registration, "T1w", space)
        elif name == "n4":
            prefix = f"space-{space}_" if space else ""
            volumes |= {f"{prefix}desc-biasfield_{n}.nii.gz": f for n, f in undo.fields.items()}
        if not space:
            own = scan
            before.append(undo)
    volumes |= _products(own, "")
    if space:
        volumes |= _products(scan, f"space-{space}_")
    if not own.grid.same_place(start.grid):
        back = Chained(tuple(before))
        volumes |= {"space-orig_desc-brain_mask.nii.gz": back.mask(own.brain)} if own.brain else {}
        volumes |= {"space-orig_label-lesion_mask.nii.gz": start.lesion} if start.lesion else {}
    facts = {"Preset": None if config.steps else config.preset, "Steps": records}
    return Result(volumes, facts=facts | {"RegisteredToT1w": aligned}, files=files)


def _settings_by_step(config: PreprocessConfig, names: list[str]) -> dict[str, list[str]]:
    given: dict[str, list[str]] = {}
    usual = PreprocessConfig()
    for option_name, step, setting in _SHORTHANDS:
        value = getattr(config, option_name)
        if value == getattr(usual, option_name):
            continue
        if step not in names:
            msg = f"--{option_name} means nothing without the step '{step}'"
            raise ConfigError(msg, f"the steps are {', '.join(names)}")
        given.setdefault(step, []).append(f"{setting}={value}")
    for text in config.settings:
        step, dot, rest = text.partition(".")
        if not dot or step not in names:
            msg = f"setting '{text}' names no step of the chain; its steps are {', '.join(names)}"
            raise ConfigError(msg, "for example --set n4.shrink=2")
        given.setdefault(step, []).append(rest)
    return given


def _with_others(
    scan: Scan, others: Mapping[str, Volume], ctx: Context, files: dict[str, bytes]
) -> tuple[Scan, list[str]]:
    """The scan with further contrasts on its grid; which were registered. Their transforms go into `files`."""
    from brainfill.core.volume import Scan
    from brainfill.preprocess.coregister import align

    if "T1w" not in scan.images:
        msg = f"cannot preprocess '{scan.subject}': found {', '.join(scan.images)}, expected T1w"
        raise DataError(msg)
    images, moved = dict(scan.images), []
    for name, other in others.items():
        images[name], found = align(images["T1w"], other, name, ctx)
        if found:
            moved.append(name)
            files.update(_both_ways(found, name, "T1w"))
    return Scan(scan.subject, images, scan.lesion, scan.brain, scan.labels), moved


def _both_ways(found: Any, start: str, end: str) -> dict[str, bytes]:  # noqa: ANN401 - a Registration
    ending = found.forward.suffix.lstrip(".")
    return {
        _xfm(start, end, ending): found.forward.data,
        _xfm(end, start, ending): found.backward.data,
    }


def _xfm(start: str, end: str, ending: str) -> str:
    return f"from-{start}_to-{end}_mode-image_xfm.{ending}"


def _products(scan: Scan, prefix: str) -> dict[str, Any]:
    found: dict[str, Any] = {f"{prefix}desc-preproc_{n}.nii.gz": v for n, v in scan.images.items()}
    if scan.brain:
        found[f"{prefix}desc-brain_mask.nii.gz"] = scan.brain
    if scan.lesion:
        found[f"{prefix}label-lesion_mask.nii.gz"] = scan.lesion
    return found
