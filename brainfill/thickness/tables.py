"""What a thickness result is: a table of cortical regions, and a record of how they were measured.

On disk (read by `brainfill.io.thickness`) it is a .tsv and a .json of the same stem beside it; a folder
stands for the one file in it whose name ends in `thickness.tsv`.

The .tsv has one row per region and the columns

- `region`: name, without the hemisphere; `hemisphere`: left, right or n/a;
- `mean_mm`, `sd_mm`: thickness; n/a, or 0, where none was measured;
- `voxels`, `volume_ml`: size of the region; n/a where unknown;
- `label` (may be left out): the region's number in the label map.

The .json holds

- `Backend`: name of what measured, such as "direct/deep". Together with `BackendVersion` and `BackendSettings` (a
  mapping; both may be left out) it says which pipeline it was: results of two pipelines are never compared;
- `Global` (may be left out): `mean_mm`, `left_mm`, `right_mm` over the whole cortex and each hemisphere;
- `GeneratedBy` and whatever else.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from brainfill.core.config import MOST_LABEL
from brainfill.core.errors import DataError

COLUMNS = ("region", "hemisphere", "mean_mm", "sd_mm", "voxels", "volume_ml")
LABEL = "label"
HEMISPHERES = ("left", "right")
PIPELINE_KEYS = ("Backend", "BackendVersion", "BackendSettings")
_MOST = 1e9  # mm, voxels or ml: beyond any brain, and far from where sums lose their end
_UNKNOWN = ("n/a", "", "nan", "NaN")


class Region(NamedTuple):
    """A cortical region; `hemisphere` is left, right, or empty for one that lies in both."""

    region: str
    hemisphere: str

    def __str__(self) -> str:
        return f"{self.hemisphere} {self.region}".strip()


@dataclass(frozen=True)
class Measure:
    """What was measured of a region; NaN where it is not known.

    Args:
        mean_mm: mean thickness; never 0 or less.
        voxels: size.
        volume_ml: size.
        label: number in the label map, or None.
    """

    mean_mm: float
    voxels: float
    volume_ml: float
    label: int | None = None


@dataclass(frozen=True, eq=False)
class ThicknessTable:
    """One thickness result.

    Args:
        source: file, named in messages.
        regions: what was measured.
        global_mm: of the record, by "mean", "left" and "right", as far as they are there.
        pipeline: what makes the pipeline one and not another, as text.
        made_by: the program that wrote the result, as text.
    """

    source: str
    regions: Mapping[Region, Measure]
    global_mm: Mapping[str, float]
    pipeline: str
    made_by: str


def thickness_table(
    rows: Sequence[Mapping[str, str]], record: Mapping[str, Any], source: str
) -> ThicknessTable:
    """A thickness result from the text of its table and its record.

    Args:
        rows: cells as text by column name.
        record: what the .json holds.
        source: named in messages.

    Raises:
        DataError: a column or `Backend` is missing, a region is there twice, or a cell is not what it should be.
    """
    if not rows:
        msg = f"thickness table '{source}' has no rows"
        raise DataError(msg, "one row per region is expected")
    missing = [c for c in COLUMNS if c not in rows[0]]
    if missing:
        msg = (
            f"thickness table '{source}' has no column {', '.join(missing)}; found {', '.join(rows[0])}, "
            f"expected {', '.join(COLUMNS)}"
        )
        raise DataError(msg, "brainfill thickness writes such tables")
    regions: dict[Region, Measure] = {}
    for row in rows:
        key = _region(row, source)
        if key in regions:
            msg = f"thickness table '{source}' has the region '{key}' twice"
            raise DataError(msg, "one row per region is expected")
        regions[key] = _measure(row, key, source)
    return ThicknessTable(
        source,
        regions,
        _global_mm(record, source),
        _pipeline(record, source),
        json.dumps(record.get("GeneratedBy", "unknown"), sort_keys=True),
    )


def _region(row: Mapping[str, str], source: str) -> Region:
    hemisphere = row["hemisphere"].strip()
    if hemisphere not in (*HEMISPHERES, "n/a", ""):
        msg = f"thickness table '{source}' has the hemisphere '{hemisphere}', expected left, right or n/a"
        raise DataError(msg)
    return Region(row["region"].strip(), hemisphere if hemisphere in HEMISPHERES else "")


def _measure(row: Mapping[str, str], key: Region, source: str) -> Measure:
    mean_mm, voxels, volume_ml = (
        _number(row[column], column, key, source) for column in ("mean_mm", "voxels", "volume_ml")
    )
    label = _number(row.get(LABEL, "n/a"), LABEL, key, source)
    if mean_mm < 0 or (math.isfinite(label) and label != round(label)):
        msg = f"thickness table '{source}' has {mean_mm:g} mm and the label {label:g} for '{key}'"
        raise DataError(msg, "thickness is 0 or more, and labels are whole numbers")
    return Measure(
        mean_mm if mean_mm > 0 else math.nan,
        voxels,
        volume_ml,
        int(label) if math.isfinite(label) else None,
    )


def _number(text: str, column: str, key: Region, source: str) -> float:
    if text.strip() in _UNKNOWN:
        return math.nan
    try:
        value = float(text)
    except ValueError:
        value = math.inf
    if not abs(value) <= (MOST_LABEL if column == LABEL else _MOST):
        msg = f"thickness table '{source}' has {column} '{text}' for '{key}', expected a number or n/a"
        raise DataError(msg)
    return value


def _pipeline(record: Mapping[str, Any], source: str) -> str:
    if not record.get("Backend"):
        msg = f"the record of '{source}' does not say what measured it: no 'Backend'"
        raise DataError(msg, 'write it into the .json beside the table: {"Backend": "NAME"}')
    return json.dumps({k: record[k] for k in PIPELINE_KEYS if k in record}, sort_keys=True)


def _global_mm(record: Mapping[str, Any], source: str) -> dict[str, float]:
    found = {}
    given = record.get("Global", {})
    for name in ("mean", *HEMISPHERES):
        value = given.get(f"{name}_mm") if isinstance(given, Mapping) else "?"
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _MOST:
            msg = f"the record of '{source}' has Global {given!r}, expected mean_mm, left_mm and right_mm"
            raise DataError(msg, "numbers in mm; leave out what is not known")
        found[name] = float(value)
    return found
