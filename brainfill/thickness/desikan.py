"""The regions of Desikan and Killiany, as FreeSurfer and the tools after it name them.

Desikan 2006, https://doi.org/10.1016/j.neuroimage.2006.01.021; without three of them Klein & Tourville 2012,
https://doi.org/10.3389/fnins.2012.00171.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from brainfill.core.errors import DataError
from brainfill.thickness._base import DESIKAN_KILLIANY, DKT, SIDES, RegionRow, Side, Thickness

REGIONS = (
    "bankssts",
    "caudalanteriorcingulate",
    "caudalmiddlefrontal",
    "cuneus",
    "entorhinal",
    "frontalpole",
    "fusiform",
    "inferiorparietal",
    "inferiortemporal",
    "insula",
    "isthmuscingulate",
    "lateraloccipital",
    "lateralorbitofrontal",
    "lingual",
    "medialorbitofrontal",
    "middletemporal",
    "paracentral",
    "parahippocampal",
    "parsopercularis",
    "parsorbitalis",
    "parstriangularis",
    "pericalcarine",
    "postcentral",
    "posteriorcingulate",
    "precentral",
    "precuneus",
    "rostralanteriorcingulate",
    "rostralmiddlefrontal",
    "superiorfrontal",
    "superiorparietal",
    "superiortemporal",
    "supramarginal",
    "temporalpole",
    "transversetemporal",
)
NOT_IN_DKT = ("bankssts", "frontalpole", "temporalpole")
MEAN = "MeanThickness"
_SHORT: dict[Side, str] = {"left": "lh", "right": "rh"}

Cell = tuple[Side, str]


def split_name(name: str) -> Cell | None:
    """Side and region of a column such as "lh_bankssts_thickness" or "rh-insula"; None for other columns.

    >>> split_name("lh_bankssts_thickness"), split_name("rh-MeanThickness"), split_name("eTIV")
    (('left', 'bankssts'), ('right', 'MeanThickness'), None)
    """
    for side in SIDES:
        for sign in "_-":
            if name.startswith(start := _SHORT[side] + sign):
                rest = name.removeprefix(start)
                return side, rest.rpartition("_")[0] if sign == "_" else rest
    return None


def short(side: Side) -> str:
    """The side as FreeSurfer writes it: lh or rh."""
    return _SHORT[side]


def desikan_thickness(
    thickness_mm: Mapping[Cell, float],
    source: str,
    *,
    sd_mm: Mapping[Cell, float] | None = None,
    volume_ml: Mapping[Cell, float] | None = None,
) -> Thickness:
    """A result from the figures of a tool that names regions after Desikan and Killiany.

    Args:
        thickness_mm: mean by side and region, and by side and MEAN that of the whole side; 0 and NaN mean that
            nothing was measured.
        source: where they come from, named in messages.
        sd_mm: standard deviations, likewise.
        volume_ml: volumes, likewise.

    Raises:
        DataError: a mean of a side is missing, or a region is none of these.
    """
    found = {region for _, region in thickness_mm} - {MEAN}
    if unknown := sorted(found - set(REGIONS)):
        msg = f"'{source}' has regions that are not those of Desikan and Killiany: {', '.join(unknown[:5])}"
        raise DataError(msg, "have the tool write its Desikan-Killiany table (aparc)")
    means = {side: _known(thickness_mm.get((side, MEAN))) for side in SIDES}
    if missing := [side for side, mean in means.items() if mean is None]:
        msg = f"'{source}' has no mean thickness of the {' and '.join(missing)} hemisphere"
        raise DataError(msg, "give the tool's own tables, with both hemispheres")
    scheme = DESIKAN_KILLIANY if found & set(NOT_IN_DKT) else DKT
    expected = [r for r in REGIONS if scheme == DESIKAN_KILLIANY or r not in NOT_IN_DKT]
    rows = [
        RegionRow(
            region,
            side,
            _known(thickness_mm.get((side, region))),
            sd_mm=_known((sd_mm or {}).get((side, region))),
            volume_ml=_known((volume_ml or {}).get((side, region))),
        )
        for side in SIDES
        for region in expected
    ]
    return Thickness(rows, scheme, {side: mean for side, mean in means.items() if mean})


def _known(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) and value > 0 else None
