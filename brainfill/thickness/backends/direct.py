"""DiReCT on tissues that are told apart here: always available; regions after Neuromorphometrics."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple, NoReturn

import numpy as np

from brainfill.bundles.store import find, read_card
from brainfill.core import registry
from brainfill.core.config import check_ranges, from_dict, option, to_dict
from brainfill.core.context import Context
from brainfill.core.errors import ConfigError, DataError
from brainfill.core.figures import figure
from brainfill.core.grid import FloatArray, Grid
from brainfill.core.volume import LabelMap, Mask, Scan, Volume
from brainfill.lesions.anatomy import GREY, WHITE
from brainfill.preprocess.network import lacking
from brainfill.preprocess.steps.resample import resample_to
from brainfill.preprocess.tissues._base import Tissues, brain_of, check_tissues
from brainfill.thickness._base import NEUROMORPHOMETRICS, Backend, Thickness
from brainfill.thickness.direct import DirectConfig, direct
from brainfill.thickness.kapowski import KapowskiConfig, kapowski
from brainfill.thickness.parcels import MODEL, left_half, numbered, parcels
from brainfill.thickness.placed import place
from brainfill.thickness.regions import FIRST, HINDBRAIN, figures, load_names
from brainfill.thickness.sheet import Sheet

TISSUES = "brainfill.preprocess.tissues"
USES_LESIONS = True


@dataclass(frozen=True, kw_only=True)
class Config:
    """How tissues are told apart, and how thickness is measured."""

    segmenter: Literal["auto", "atropos", "deep", "kmeans"] = option(
        "auto", "who tells tissues apart: auto (deep where its model is), atropos, deep or kmeans"
    )
    tissues: dict[str, Any] = option({}, "settings of the segmenter, such as prior_weight")
    engine: Literal["brainfill", "ants"] = option(
        "brainfill", "who runs DiReCT: brainfill, or ants, which takes ten times as long"
    )
    direct: DirectConfig = option(DirectConfig(), "settings of DiReCT by brainfill")
    ants: KapowskiConfig = option(KapowskiConfig(), "settings of DiReCT by ants")
    skullstrip: str = option(
        "auto", "who finds the brain: auto, none, hd-bet, builtin, synthstrip, bet, or a mask file"
    )
    regions: str = option(
        MODEL, "name of the shipped model that tells regions apart, or its folder"
    )
    spacing_mm: float = option(
        1.0, "voxel size at which it is measured", unit="mm", low=0.5, high=2
    )
    least_cortex_ml: float = option(
        100.0, "volume of cortex below which something went wrong", unit="ml", low=0, high=5000
    )

    def __post_init__(self) -> None:
        check_ranges(self)


class _Chosen(NamedTuple):
    name: Literal["atropos", "deep", "kmeans"]
    config: Any
    reason: str


def missing(config: Config) -> str:
    """What the segmenter lacks; empty when it can run."""
    chosen = _segmenter(config)
    lacks: str = registry.load(TISSUES, chosen.name).missing(chosen.config)
    return lacks or lacking(config.regions)


def state(config: Config) -> dict[str, Any]:
    """What a result depends on beside images and settings: who tells tissues apart, with which weights."""
    chosen = _segmenter(config)
    found: dict[str, Any] = registry.load(TISSUES, chosen.name).state(chosen.config)
    weights = read_card(find(config.regions)).weights_sha256
    return {"Segmenter": chosen.name, **found, "RegionWeights": weights}


def build(config: Config) -> Backend:
    """A backend that strips, corrects, registers, tells tissues apart and runs DiReCT, around the brain."""

    def measure(scan: Scan, ctx: Context) -> Thickness:
        chosen = _segmenter(config)
        plugin = registry.load(TISSUES, chosen.name)
        placed = place(scan, config.skullstrip, config.spacing_mm, plugin.TEMPLATE, ctx)
        ready, brain = placed.scan, brain_of(placed.scan)
        tissues = plugin.build(chosen.config)(ready, placed.registration, ctx)
        check_tissues(ready, tissues)
        classes = parcels(ready.images["T1w"], brain, config.regions, ctx).classes(brain)
        sheet = _sheet(tissues, classes.data, ready.lesion)
        _check_cortex(scan.subject, sheet, config)
        left = left_half(Mask(sheet.inner, ready.grid), placed.registration, ctx)
        if config.engine == "ants":
            thickness = kapowski(sheet, left, config.ants, ctx)
        else:
            thickness = direct(sheet, config.direct, ctx)
        cortex = LabelMap(np.where(sheet.cortex, classes.data, 0), ready.grid)
        labels = numbered(cortex, left)
        rows, sides = figures(thickness, labels, load_names())
        facts = {
            **placed.facts,
            "Backend": f"direct/{chosen.name}",
            "BackendSettings": to_dict(replace(config, segmenter=chosen.name)),
            "SegmenterReason": chosen.reason,
            "TissueVolumeML": _volumes(tissues),
            "CortexVolumeML": int(sheet.cortex.sum()) * ready.grid.voxel_ml(),
            "CortexNotReached": figure(float(np.mean(thickness[sheet.cortex] <= 0))),
        }
        return Thickness(
            rows,
            NEUROMORPHOMETRICS,
            sides,
            map=_map_on(scan.grid, thickness, ready.grid),
            labels=_labels_on(scan.grid, labels),
            facts=facts,
        )

    return measure


def read(config: Config, folder: Path) -> NoReturn:  # noqa: ARG001 - the protocol of backends
    """Refuses: what this backend leaves is a result already.

    Raises:
        ConfigError: always.
    """
    msg = "--from means nothing to 'direct', which is part of brainfill"
    raise ConfigError(msg, "leave --from out, or name the backend that left the folder")


def _segmenter(config: Config) -> _Chosen:
    if config.segmenter != "auto":
        return _Chosen(config.segmenter, _settings(config.segmenter, config), "asked for")
    deep = registry.load(TISSUES, "deep")
    given = "model" in config.tissues
    settings = _settings("deep", config) if given else deep.Config()
    lacks = deep.missing(settings)
    # A model that was asked for must not be passed over in silence: `deep` says what is missing.
    if given or not lacks:
        return _Chosen("deep", settings, "its model is there")
    return _Chosen("atropos", _settings("atropos", config), f"deep cannot run: {lacks}")


def _settings(name: str, config: Config) -> Any:  # noqa: ANN401 - the segmenter's own
    return from_dict(registry.load(TISSUES, name).Config, config.tissues, "tissues.")


def _sheet(tissues: Tissues, classes: FloatArray, lesion: Mask | None) -> Sheet:
    """Cortex is grey matter where the network sees a cortical region; grey matter elsewhere lies inside, as white matter does.

    So do voxels of a lesion that is known: nearly all lesions are in white matter.
    """
    found = tissues.labels().data
    shares = [tissues.grey, tissues.white]
    if lesion is not None:
        found = np.where(lesion.data, WHITE, found)
        shares = [np.where(lesion.data, v, s) for v, s in zip((0, 1), shares, strict=True)]
    cerebrum = classes != HINDBRAIN
    cortex = (found == GREY) & (classes >= FIRST)
    inner = cerebrum & ((found == WHITE) | ((found == GREY) & ~cortex))
    # Deep grey matter counts as white; at the border of the two, cortex keeps its share of white matter.
    white = np.where(classes >= FIRST, shares[1], shares[0] + shares[1])
    return Sheet(
        tissues.grid,
        cortex,
        inner,
        grey=np.where(classes >= FIRST, shares[0], 0).astype(np.float32),
        white=np.where(cerebrum, white, 0).astype(np.float32),
    )


def _check_cortex(subject: str, sheet: Sheet, config: Config) -> None:
    volume_ml = np.count_nonzero(sheet.cortex) * sheet.grid.voxel_ml()
    if volume_ml < config.least_cortex_ml:
        msg = (
            f"'{subject}' shows no cortex to measure: found {volume_ml:.0f} ml, "
            f"expected at least {config.least_cortex_ml:g} ml"
        )
        raise DataError(msg, "look at the image: is it T1-weighted, and its brain whole?")


def _volumes(tissues: Tissues) -> dict[str, float]:
    ml = tissues.grid.voxel_ml()
    shares = {"CSF": tissues.csf, "GM": tissues.grey, "WM": tissues.white}
    return {name: figure(float(share.sum(dtype=np.float64)) * ml) for name, share in shares.items()}


def _map_on(grid: Grid, thickness: FloatArray, working: Grid) -> Volume:
    """The map on the grid of the scan: interpolated among measured voxels, where these make up half or more."""
    total = resample_to(thickness, working, grid, 1)
    share = resample_to((thickness > 0).astype(np.float32), working, grid, 1)
    return Volume(np.where(share >= 0.5, total / np.maximum(share, 0.5), 0), grid)


def _labels_on(grid: Grid, labels: LabelMap) -> LabelMap:
    moved = resample_to(labels.data.astype(np.float32), labels.grid, grid, 0)
    return LabelMap(np.rint(moved).astype(np.int32), grid, labels.names)
