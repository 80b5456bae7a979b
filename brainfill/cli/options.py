"""Options shared by commands, with help, range and default taken from the fields of a config."""

from __future__ import annotations

import contextlib
import dataclasses
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from brainfill.cli.values import Values


def flag(
    config: type,
    name: str,
    *names: str,
    metavar: str | None = None,
    values: Values | None = None,
) -> Any:  # noqa: ANN401 - typer's own type is private
    """The option for one field of a config class.

    Args:
        config: dataclass whose fields were made by `option()`.
        name: of the field.
        *names: how the option is written; `--name` (and `--no-name` for what is on) without them.
        metavar: what the help shows for the value.
        values: what the shell offers for it.
    """
    field = _field(config, name)
    written = "--" + name.replace("_", "-")
    if field.default is True:
        written += "/--no-" + name.replace("_", "-")
    unit = field.metadata["unit"]
    return typer.Option(
        *(names or (written,)),
        help=field.metadata["help"] + (f" [{unit}]" if unit else ""),
        metavar=metavar,
        min=field.metadata["low"],
        max=field.metadata["high"],
        autocompletion=values,
        parser=_number_or_word(config, field),
    )


def _number_or_word(config: type, field: dataclasses.Field[Any]) -> Callable[[Any], Any] | None:
    """How to read an option whose field is declared as `float | Literal["word"]`, of which typer knows nothing."""
    if field.metadata["low"] is None or "Literal" not in str(field.type):
        return None  # before types are looked up, which takes its time for each option of every command
    arms = typing.get_args(typing.get_type_hints(config)[field.name])
    words = [w for arm in arms if typing.get_origin(arm) is Literal for w in typing.get_args(arm)]
    if float not in arms or not words:
        return None
    low, high = field.metadata["low"], field.metadata["high"]

    def read(text: Any) -> Any:  # noqa: ANN401 - a word or a number, from the command line or a default
        if text in words:
            return text
        with contextlib.suppress(ValueError):
            # Written so that NaN, which is never inside, is refused.
            if low <= float(text) <= high:
                return float(text)
        msg = f"'{text}' is neither {' nor '.join(words)} nor a number between {low} and {high}"
        raise typer.BadParameter(msg)

    return read


def default(config: type, name: str) -> Any:  # noqa: ANN401 - the field's type
    """The default of one field of a config class."""
    return _field(config, name).default


Force = Annotated[bool, typer.Option("--force", help="replace outputs that exist")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", "-n", help="check, print the resolved options, do nothing")
]
Json = Annotated[
    bool,
    typer.Option(
        "--json",
        help="print one JSON object on stdout instead of paths: the outputs and the figures of the record",
    ),
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="say more on stderr")]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="only warnings and errors on stderr, no progress")
]
Report = Annotated[
    bool,
    typer.Option(
        "--report/--no-report",
        help="also write a page (.html) that shows the result; it holds everything and needs no network",
    ),
]
OutFile = Annotated[Path, typer.Option("--out", "-o", help="output file")]


def _field(config: type, name: str) -> dataclasses.Field[Any]:
    return next(f for f in dataclasses.fields(config) if f.name == name)
