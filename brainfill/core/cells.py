"""Tables as text: lines of cells, as spreadsheets and people leave them."""

from __future__ import annotations

import csv
import io

from brainfill.core.errors import DataError


def rows_of(text: str, name: str, delimiter: str = "\t") -> list[list[str]]:
    """The cells of each line; an empty list for an empty line.

    Args:
        text: with any line ends, cells perhaps in double quotes.
        name: of the file, for messages.
        delimiter: between cells.

    Raises:
        DataError: a cell is longer than any that is meant, or holds a zero byte.
    """
    if "\0" in text:
        msg = f"table '{name}' holds zero bytes, so it is no text"
        raise DataError(msg, "give the table as text in UTF-8")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        return list(reader)
    except csv.Error as error:
        msg = f"table '{name}' cannot be read at line {reader.line_num}: {error}"
        raise DataError(msg, "look for a stray quotation mark") from error
