"""What a way to measure cortical thickness is given and what it returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from brainfill.core.context import Context
from brainfill.core.volume import LabelMap, Scan, Volume

Side = Literal["left", "right"]
SIDES: tuple[Side, Side] = ("left", "right")

NEUROMORPHOMETRICS = "neuromorphometrics"
DESIKAN_KILLIANY = "desikan-killiany"
DKT = "desikan-killiany-tourville"


@dataclass(frozen=True)
class RegionRow:
    """Thickness of one cortical region on one side.

    Args:
        region: name, the same on both sides.
        hemisphere: "left" or "right".
        mean_mm: mean thickness, or None where nothing was measured.
        sd_mm: standard deviation within the region, or None if the tool does not tell.
        voxels: of cortex that were measured, or None for a tool that measures on surfaces.
        volume_ml: of the region's cortex, or None if the tool does not tell.
        label: number in the label map, if there is one.
    """

    region: str
    hemisphere: Side
    mean_mm: float | None
    sd_mm: float | None = None
    voxels: int | None = None
    volume_ml: float | None = None
    label: int | None = None


@dataclass(frozen=True, eq=False)
class Thickness:
    """Cortical thickness of one scan.

    Args:
        regions: one row per region and side of the scheme, those where nothing was measured among them.
        scheme: where the regions come from, such as "desikan-killiany".
        mean_mm: mean over the cortex of each side.
        map: thickness on the grid of the scan [mm], 0 outside the cortex; None for a tool without voxels.
        labels: the regions on the same grid, their names those of `regions`; None likewise.
        facts: numbers and names for the record, as JSON can hold them.
    """

    regions: Sequence[RegionRow]
    scheme: str
    mean_mm: Mapping[Side, float]
    map: Volume | None = None
    labels: LabelMap | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


class Backend(Protocol):
    """Measures cortical thickness.

    A module of the registry has `Config` (a frozen dataclass of its settings), `USES_LESIONS` (whether a lesion mask
    changes anything), `missing(config)` (what must be
    installed before it can run, or an empty string), `state(config)` (what a result depends on beside images and
    settings, such as checksums of weights), `build(config)`, which gives a Backend, and `read(config, folder)`,
    which gives one that reads what the tool left in a folder instead of running it.
    """

    def __call__(self, scan: Scan, ctx: Context) -> Thickness:
        """The thickness of the cortex in the T1w image of a scan, whole head or stripped.

        Raises:
            DataError: no brain or cortex can be seen, or a result cannot be read.
            UnavailableError: a program, package or model is missing.
            ExternalError: a called program failed; its log is named.
        """
