"""Measure the thickness of the cortex."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brainfill.core import registry
from brainfill.core.config import option, override, to_dict
from brainfill.core.errors import ConfigError, DataError
from brainfill.tasks._base import Result

if TYPE_CHECKING:
    from brainfill.core.context import Context
    from brainfill.core.volume import Scan
    from brainfill.thickness._base import Thickness

BACKENDS = "brainfill.thickness.backends"
# Options of the task that are settings of a backend.
_SHORTHANDS = ("segmenter", "skullstrip")


@dataclass(frozen=True, kw_only=True)
class ThicknessConfig:
    """Who measures, and how."""

    backend: str = option(
        "direct", "who measures: direct, ants, antspynet, dldirect, fastsurfer or freesurfer"
    )
    segmenter: str = option(
        "auto",
        "who tells tissues apart for direct: auto (deep where its model is), atropos, deep or kmeans",
    )
    skullstrip: str = option(
        "auto", "who finds the brain: auto, none, hd-bet, builtin, synthstrip, bet, or a mask file"
    )
    settings: tuple[str, ...] = option((), "setting of the backend, such as direct.iterations=20")


def backend_config(config: ThicknessConfig) -> Any:  # noqa: ANN401 - each backend has its own
    """The settings of the backend, checked.

    Raises:
        ConfigError: an unknown backend, or an option or setting it does not have.
    """
    plugin = registry.load(BACKENDS, config.backend)
    fields = {f.name for f in dataclasses.fields(plugin.Config)}
    given = []
    for name in _SHORTHANDS:
        value = getattr(config, name)
        if value == getattr(ThicknessConfig(), name):
            continue
        if name not in fields:
            msg = f"--{name} means nothing to the backend '{config.backend}'"
            raise ConfigError(msg, f"leave --{name} out, or choose --backend direct")
        given.append(f"{name}={value}")
    return override(plugin.Config(), [*given, *config.settings])


def backend_missing(config: ThicknessConfig) -> str:
    """What must be installed before the backend can run; empty when it can.

    Raises:
        ConfigError: as `backend_config`.
    """
    settings = backend_config(config)
    lacks: str = registry.load(BACKENDS, config.backend).missing(settings)
    return lacks


def backend_state(config: ThicknessConfig) -> dict[str, Any]:
    """What a result depends on beside images and settings, such as checksums of weights.

    Raises:
        ConfigError: as `backend_config`.
        UnavailableError: a model is missing.
    """
    settings = backend_config(config)
    state: dict[str, Any] = registry.load(BACKENDS, config.backend).state(settings)
    return state


def run(scan: Scan, config: ThicknessConfig, ctx: Context, folder: Path | None = None) -> Result:
    """Measure, or read what was measured.

    Args:
        scan: with a T1w image, and perhaps a lesion mask, whose voxels backends that can leave out of their fits.
        config: what to do.
        ctx: device, threads, progress, warnings; `work` takes the folders of called programs.
        folder: what a tool left, to be read instead of run.

    Returns:
        volumes "map" [mm] and "regions", for a tool that has them; table "thickness", one row per region; file
        "picture" (PNG); facts with `Backend`, `BackendSettings` and `Global`, as `brainfill.thickness.tables` reads
        them.

    Raises:
        ConfigError: as `backend_config`.
        DataError: no brain or cortex can be seen, or a result cannot be read.
        UnavailableError: a program, package or model is missing.
        ExternalError: a called program failed.
    """
    from brainfill.preprocess.steps.skullstrip import is_file
    from brainfill.thickness.picture import picture

    settings = backend_config(config)
    plugin = registry.load(BACKENDS, config.backend)
    if scan.lesion is not None and not plugin.USES_LESIONS:
        ctx.warn(f"the lesion mask was not used: {config.backend} has no use for one")
    measure = plugin.build(settings) if folder is None else plugin.read(settings, folder)
    found: Thickness = measure(scan, ctx)
    if not any(row.mean_mm for row in found.regions):
        msg = f"no thickness was measured in '{scan.subject}': every region is empty"
        raise DataError(msg, "look at the image and its segmentation")
    volumes: dict[str, Any] = {}
    if found.map is not None:
        volumes["map"] = found.map
    if found.labels is not None:
        volumes["regions"] = found.labels
    rows = [dataclasses.asdict(row) for row in found.regions]
    facts = {
        "Backend": config.backend,
        "BackendSettings": to_dict(settings),
        "Scheme": found.scheme,
        "Global": _means(found),
        "RegionsMeasured": sum(row.mean_mm is not None for row in found.regions),
        **found.facts,
    }
    stripper = facts["BackendSettings"].get("skullstrip")
    if stripper and is_file(stripper):
        # People whose brain masks are given went through the same pipeline, whatever the files are called.
        facts["BackendSettings"] = {**facts["BackendSettings"], "skullstrip": "mask file"}
    files = {"picture": picture(found, scan.images["T1w"])}
    return Result(volumes, {"thickness": rows}, facts, files)


def _means(found: Thickness) -> dict[str, float]:
    """Mean thickness of each side, and the mean of the two."""
    sides = {f"{side}_mm": mean for side, mean in found.mean_mm.items()}
    return {"mean_mm": sum(sides.values()) / len(sides), **sides}
