"""JSON and TOML as people and programs leave them: edited by hand, cut short, nested without end."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from brainfill.core.checksums import remember
from brainfill.core.errors import DataError, InputMissingError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# Records, cards and filters have some kilobytes; more is another file.
MOST_BYTES = 64 * 2**20


def read_text(path: Path) -> str:
    """The text of a small file, with or without a byte order mark.

    Raises:
        InputMissingError: the file cannot be read.
        DataError: it is no UTF-8, or larger than any file of its kind.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        msg = f"'{path}' cannot be read: {error.strerror}"
        raise InputMissingError(msg, "check the path") from error
    remember(path, hashlib.sha256(data).hexdigest())
    if len(data) > MOST_BYTES:
        msg = f"'{path}' has more than {MOST_BYTES // 2**20} MiB, expected a text of some kilobytes"
        raise DataError(msg, "check that it is the right file")
    try:
        return data.decode("utf-8-sig")
    except ValueError as error:
        msg = f"'{path}' is not text in UTF-8: {error}"
        raise DataError(msg, "give the file as it was saved") from error


def json_of(text: str | bytes, name: str) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """What a JSON text says.

    Args:
        text: the document.
        name: of where it is from, for messages.

    Raises:
        DataError: it is not JSON, or nested too deeply.
    """
    with _parsing(name, "JSON", "give the file as it was saved"):
        return json.loads(text)


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        InputMissingError: the file cannot be read.
        DataError: it holds no JSON object.
    """
    plain = json_of(read_text(path), str(path))
    if not isinstance(plain, dict):
        msg = f"'{path}' holds {_kind(plain)}, expected a JSON object"
        raise DataError(msg, "give the file as it was saved")
    return plain


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        InputMissingError: the file cannot be read.
        DataError: it is not TOML, or nested too deeply.
    """
    text = read_text(path)
    with _parsing(str(path), "TOML", "see the TOML specification, https://toml.io"):
        return tomllib.loads(text)


@contextlib.contextmanager
def _parsing(name: str, language: str, hint: str) -> Iterator[None]:
    """Have what a parser raises say which document it is, in which language, and what to do."""
    try:
        yield
    except RecursionError:
        msg = f"'{name}' is not {language} that anybody meant: it is nested too deeply"
        raise DataError(msg, hint) from None
    except ValueError as error:
        msg = f"'{name}' is not {language}: {error}"
        raise DataError(msg, hint) from error


def _kind(plain: Any) -> str:  # noqa: ANN401 - whatever JSON can hold
    if plain is None:
        return "null"
    if isinstance(plain, bool):
        return "true or false"
    if isinstance(plain, list):
        return "a list"
    return "text" if isinstance(plain, str) else "a number"
