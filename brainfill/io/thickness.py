"""Thickness results, label maps of their regions, and lists of pairs, from files (see brainfill.thickness.tables)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from brainfill.core.config import MOST_LABEL
from brainfill.core.context import ignore
from brainfill.core.documents import read_json
from brainfill.core.errors import DataError, InputMissingError
from brainfill.core.inputs import is_file, is_folder
from brainfill.core.volume import LabelMap
from brainfill.io.nifti import read_volume
from brainfill.io.sidecar import beside
from brainfill.io.tables import read_table
from brainfill.thickness.tables import HEMISPHERES, Region, ThicknessTable, thickness_table

_TABLES = "*thickness.tsv"
_EMPTY = ("", "n/a")


@dataclass(frozen=True)
class PairFiles:
    """Files of one person: thickness before and after, and perhaps lesion mask and label map."""

    subject: str
    before: Path
    after: Path
    lesion: Path | None = None
    labels: Path | None = None


def read_thickness(path: Path) -> ThicknessTable:
    """A thickness result: its .tsv, with the .json of the same stem beside it, or the folder that holds them.

    Raises:
        InputMissingError: a file is not there or cannot be read.
        DataError: the folder holds no table or several, or a file does not hold what it should.
    """
    table = _table_in(path) if is_folder(path) else path
    rows, record = read_table(table), _read_record(table.with_suffix(".json"))
    return thickness_table(rows, record, str(table))


def read_labels(path: Path, warn: Callable[[str], None] = ignore) -> LabelMap:
    """A label map.

    Raises:
        InputMissingError: the file is not there or cannot be read.
        DataError: not an image, or its values are not whole numbers from 0 on.
    """
    volume = read_volume(path, warn=warn)
    whole = np.rint(volume.data)
    if not np.array_equal(whole, volume.data) or whole.min() < 0 or whole.max() >= MOST_LABEL:
        msg = f"label map '{path}' holds values that are no whole numbers from 0 to {MOST_LABEL}"
        raise DataError(msg, "give the map of regions, not the scan")
    return LabelMap(whole.astype(np.int32), volume.grid)


def region_numbers(labels: Path, *tables: ThicknessTable) -> dict[Region, int]:
    """The numbers of regions in a label map: from the tables' column `label`, else from the .tsv beside the map.

    That .tsv is the one of BIDS: columns `index` and `name`, and here `hemisphere` (left, right or n/a).

    Raises:
        DataError: neither says it.
    """
    found = {
        region: measure.label
        for table in reversed(tables)
        for region, measure in table.regions.items()
        if measure.label is not None
    }
    lookup = beside(labels, ".tsv")
    if found or not tables:
        return found
    if not is_file(lookup):
        msg = f"nothing says which number of '{labels}' is which region: found no column 'label' in '{tables[0].source}'"
        raise DataError(
            msg, f"add that column, or write '{lookup}' with the columns index, name, hemisphere"
        )
    rows = read_table(lookup)
    try:
        found = {_named(row): int(row["index"]) for row in rows}
        if all(0 <= number <= MOST_LABEL for number in found.values()):
            return found
        raise ValueError(max(found.values(), key=abs))
    except (KeyError, ValueError) as error:
        msg = f"'{lookup}' does not hold the columns index (whole numbers up to {MOST_LABEL}) and name"
        raise DataError(msg, "see brainfill compare --help") from error


def read_pairs(path: Path) -> list[PairFiles]:
    """The people of a .tsv with the columns subject, before, after, and perhaps lesion and labels.

    Paths are relative to the folder of the .tsv.

    Raises:
        InputMissingError: the file is not there or cannot be read.
        DataError: a column is missing, there is no row, or a cell is empty.
    """
    rows = read_table(path)
    needed = ("subject", "before", "after")
    missing = [c for c in needed if c not in (rows[0] if rows else ())]
    if missing:
        what = f"has no column {', '.join(missing)}" if rows else "has no rows"
        msg = f"'{path}' {what}; expected {', '.join(needed)}, and perhaps lesion and labels"
        raise DataError(msg, "one row per person, tab-separated")
    for number, row in enumerate(rows, start=2):
        if empty := [c for c in needed if row[c].strip() in _EMPTY]:
            msg = f"'{path}' has no {empty[0]} in line {number}"
            raise DataError(msg, "leave the whole row out")

    def place(row: Mapping[str, str], column: str) -> Path | None:
        cell = row.get(column, "").strip()
        return None if cell in _EMPTY else path.parent / cell

    return [
        PairFiles(
            row["subject"],
            path.parent / row["before"],
            path.parent / row["after"],
            place(row, "lesion"),
            place(row, "labels"),
        )
        for row in rows
    ]


def _table_in(folder: Path) -> Path:
    found = sorted(folder.glob(_TABLES))
    if len(found) != 1:
        names = ", ".join(p.name for p in found) or "none"
        msg = f"folder '{folder}' should hold one table named {_TABLES}, found {names}"
        raise DataError(msg, "name the .tsv itself")
    return found[0]


def _read_record(path: Path) -> dict[str, Any]:
    try:
        return read_json(path)
    except InputMissingError as error:
        msg = f"the record of a thickness table: {error}"
        hint = 'it must say at least what measured it: {"Backend": "NAME"}'
        raise InputMissingError(msg, hint) from error


def _named(row: Mapping[str, str]) -> Region:
    side = row.get("hemisphere", "").strip()
    return Region(row["name"].strip(), side if side in HEMISPHERES else "")
