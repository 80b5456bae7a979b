"""Tables as tab-separated text, as BIDS writes them."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from brainfill.core.atomic import replacing
from brainfill.core.cells import rows_of
from brainfill.core.documents import read_text
from brainfill.core.errors import DataError
from brainfill.core.inputs import check_input


def write_table(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write rows of the same columns as .tsv; numbers with fractions get six significant digits.

    Raises:
        ConfigError: the file cannot be written.
    """
    columns = list(rows[0]) if rows else []
    with (
        replacing(path) as temporary,
        # Names of files that are no text are shown as far as they are.
        temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_text(row[name]) for name in columns] for row in rows)


def read_table(path: Path) -> list[dict[str, str]]:
    """Rows of a .tsv file as text by column name.

    Raises:
        InputMissingError: the file is not there, no file on a disk, or cannot be read.
        DataError: it is not text, has a column twice, or a row has more or fewer cells than the header.
    """
    check_input(path)
    header, *lines = rows_of(read_text(path), str(path)) or [[]]
    if double := next((name for name in header if header.count(name) > 1), None):
        msg = f"table '{path}' has the column '{double}' twice"
        raise DataError(msg, "give each column a name of its own")
    for number, line in enumerate(lines, start=2):
        if line and len(line) != len(header):
            msg = f"table '{path}' has {len(line)} cells in line {number}, expected {len(header)}"
            raise DataError(msg, "separate the columns by tabs")
    return [dict(zip(header, line, strict=True)) for line in lines if line]


def _text(value: Any) -> str:  # noqa: ANN401 - any cell
    if value is None:
        return "n/a"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
