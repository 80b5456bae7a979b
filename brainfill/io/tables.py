"""Tables as tab-separated text, as BIDS writes them."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from brainfill.core.errors import DataError, InputMissingError
from brainfill.io.atomic import replacing


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
        InputMissingError: the file is not there or cannot be read.
        DataError: it is not text, or a row has more or fewer cells than the header.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        msg = f"table '{path}' cannot be read: {error.strerror}"
        raise InputMissingError(msg, "check the path") from error
    except UnicodeDecodeError as error:
        msg = f"table '{path}' is not text in UTF-8"
        raise DataError(msg, "give a tab-separated text file") from error
    header, *lines = list(csv.reader(text.splitlines(), delimiter="\t")) or [[]]
    for number, line in enumerate(lines, start=2):
        if line and len(line) != len(header):
            msg = f"table '{path}' has {len(line)} cells in line {number}, expected {len(header)}"
            raise DataError(msg, "separate the columns by tabs")
    return [dict(zip(header, line, strict=True)) for line in lines if line]


def _text(value: Any) -> str:  # noqa: ANN401 - any cell
    if value is None:
        return "n/a"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
