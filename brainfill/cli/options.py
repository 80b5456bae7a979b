"""Options shared by commands, with help, range and default taken from the fields of a config."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any

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
    )


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
