"""The network that comes with brainfill: tissues at 1 mm in seconds, taught not to take lesions for grey matter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from brainfill.bundles.store import SEGMENTERS, Bundle, find, load_bundle, read_card
from brainfill.core.config import option
from brainfill.core.context import Context
from brainfill.core.errors import ConfigError, UnavailableError
from brainfill.core.volume import Scan
from brainfill.preprocess.network import grid_around, lacking, shares_of, shown_on
from brainfill.preprocess.registration import Kind, Registration
from brainfill.preprocess.steps.resample import resample_to
from brainfill.preprocess.tissues._base import Segmenter, Tissues, brain_of

if TYPE_CHECKING:
    from brainfill.segmentation._base import Segmenter as Network

CLASSES = ("background", "csf", "grey", "white")
TEMPLATE: Kind = "affine"
_MARGIN_VOX = 8


@dataclass(frozen=True, kw_only=True)
class Config:
    """Which network."""

    model: str = option("tissues", "name of a shipped segmentation model, or its folder")


def missing(config: Config) -> str:
    """What keeps the network from running: its bundle or the weights in it are not there, or "" if nothing."""
    return lacking(config.model)


def state(config: Config) -> dict[str, Any]:
    """What a result depends on beside images and settings: the weights."""
    return {"Weights": read_card(find(config.model)).weights_sha256}


def build(config: Config) -> Segmenter:
    """A segmenter that loads its network when it is called."""

    def segment(scan: Scan, found: Registration, ctx: Context) -> Tissues:  # noqa: ARG001 - the protocol
        brain = brain_of(scan)
        bundle = _loaded(config)
        ctx.progress("telling tissues apart", 0, 1)
        seen = grid_around(brain, bundle, _MARGIN_VOX)
        shares = shares_of(bundle, shown_on(scan.images["T1w"], seen), ctx)
        csf, grey, white = (
            np.where(brain.data, resample_to(s, seen, scan.grid, 1), 0).astype(np.float32)
            for s in shares
        )
        ctx.progress("telling tissues apart", 1, 1)
        return Tissues(scan.grid, csf, grey, white)

    return segment


def _loaded(config: Config) -> Bundle[Network]:
    """The bundle, whose classes must be CLASSES.

    Raises:
        UnavailableError: no such model.
        ConfigError: it tells other classes apart.
    """
    try:
        folder = find(config.model)
    except UnavailableError as error:
        hint = "use --segmenter atropos, which needs no model; " + error.hint
        raise UnavailableError(str(error), hint) from error
    bundle = load_bundle(folder, SEGMENTERS)
    found = bundle.model.config.classes
    if found != CLASSES:
        msg = f"model '{config.model}' has the classes {', '.join(found)}, expected {', '.join(CLASSES)}"
        raise ConfigError(msg, "see: brainfill list models")
    return bundle
