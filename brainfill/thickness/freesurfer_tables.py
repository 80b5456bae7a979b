"""Tables as FreeSurfer and FastSurfer write them: `aparcstats2table` (csv) and `*.stats` files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from brainfill.core.cells import rows_of
from brainfill.core.documents import MOST_BYTES
from brainfill.core.errors import DataError, InputMissingError
from brainfill.thickness._base import SIDES, Side, Thickness
from brainfill.thickness.desikan import MEAN, Cell, desikan_thickness, short, split_name

_HEADER = re.compile(r"(lh|rh)\.\S+\.(thickness|thicknessstd|volume)")
_COLUMNS = "# ColHeaders"
_MEAN_LINE = re.compile(r"# Measure Cortex, MeanThickness, Mean Thickness, ([0-9.]+), mm")
_ML = 1e-3  # of a mm^3


def read_stats(files: Mapping[Side, Path]) -> Thickness:
    """The `stats` file of each side, such as lh.aparc.stats.

    Raises:
        InputMissingError: a file cannot be read.
        DataError: it is not such a file.
    """
    thickness: dict[Cell, float] = {}
    sd: dict[Cell, float] = {}
    volume: dict[Cell, float] = {}
    for side in SIDES:
        mean, rows = _stats_file(files[side])
        thickness[side, MEAN] = mean
        for row in rows:
            cell = side, row["StructName"]
            thickness[cell] = _number(row["ThickAvg"], files[side])
            sd[cell] = _number(row["ThickStd"], files[side])
            volume[cell] = _number(row["GrayVol"], files[side]) * _ML
    return desikan_thickness(thickness, str(files["left"].parent), sd_mm=sd, volume_ml=volume)


def _stats_file(path: Path) -> tuple[float, list[dict[str, str]]]:
    lines = _text(path).splitlines()
    header = next((line for line in lines if line.startswith(_COLUMNS)), "")
    columns = header.removeprefix(_COLUMNS).split()
    mean = next((m for line in lines if (m := _MEAN_LINE.match(line))), None)
    needed = ("StructName", "GrayVol", "ThickAvg", "ThickStd")
    if mean is None or any(c not in columns for c in needed):
        what = "mean thickness" if mean is None else f"columns {', '.join(needed)}"
        msg = f"'{path}' is no table of cortical regions: it has no {what}"
        raise DataError(msg, "give the folder of a finished subject")
    rows = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    if not rows or any(len(row) != len(columns) for row in rows):
        msg = f"'{path}' is damaged: expected rows of {len(columns)} cells"
        raise DataError(msg, "give the folder of a finished subject")
    return float(mean[1]), [dict(zip(columns, row, strict=True)) for row in rows]


def tables_in(folder: Path) -> list[Path]:
    """The csv files of `aparcstats2table` in a folder, known by their first cell."""
    return [p for p in sorted(folder.glob("*.csv")) if _HEADER.fullmatch(_first_cell(p))]


def read_tables(files: list[Path], subject: str) -> Thickness:
    """Tables of `aparcstats2table`: thickness of both sides, perhaps standard deviations and volumes.

    Args:
        files: in any order.
        subject: whose row is wanted; empty if each table has one row.

    Raises:
        InputMissingError: a file cannot be read.
        DataError: a side is missing, no such subject, or several and none is named.
    """
    found: dict[str, dict[Cell, float]] = {"thickness": {}, "thicknessstd": {}, "volume": {}}
    for path in files:
        match = _HEADER.fullmatch(_first_cell(path))
        if match is None:
            msg = f"'{path}' is no table of aparcstats2table"
            raise DataError(msg, "give its tables with -d comma")
        found[match[2]] |= _row_of(path, subject)
    source = str(files[0].parent)
    volumes = {cell: value * _ML for cell, value in found["volume"].items()}
    return desikan_thickness(
        found["thickness"], source, sd_mm=found["thicknessstd"], volume_ml=volumes
    )


def _row_of(path: Path, subject: str) -> dict[Cell, float]:
    header, *rows = rows_of(_text(path), str(path), ",") or [[]]
    rows = [row for row in rows if row]
    mine = [row for row in rows if not subject or row[0] == subject]
    if len(mine) != 1:
        have = ", ".join(row[0] for row in rows) or "none"
        wanted = f"'{subject}'" if subject else "one"
        msg = f"expected {wanted} in '{path}', found the subjects {have}"
        raise DataError(msg, "say whose row is wanted: --set subject=NAME")
    if len(mine[0]) != len(header):
        msg = f"'{path}' is damaged: a row has {len(mine[0])} cells, its header {len(header)}"
        raise DataError(msg, "have the table written again")
    cells = ((split_name(name), text) for name, text in zip(header[1:], mine[0][1:], strict=True))
    return {cell: _number(text, path) for cell, text in cells if cell}


def _first_cell(path: Path) -> str:
    return _text(path).partition("\n")[0].split(",")[0].strip()


def _number(text: str, path: Path) -> float:
    try:
        return float(text)
    except ValueError as error:
        msg = f"'{path}' holds '{text}' where a number was expected"
        raise DataError(msg, "have the table written again") from error


def _text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return stream.read(MOST_BYTES).decode("utf-8", errors="replace")
    except OSError as error:
        msg = f"'{path}' cannot be read: {error.strerror}"
        raise InputMissingError(msg, "give the folder of a finished subject") from error


def stats_files(folder: Path, parcellation: str) -> dict[Side, Path]:
    """Where a subject's folder has the `stats` files of a parcellation, such as "aparc"."""
    return {side: folder / "stats" / f"{short(side)}.{parcellation}.stats" for side in SIDES}
