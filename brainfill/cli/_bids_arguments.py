"""How `brainfill bids` reads its arguments: as other BIDS-Apps do, and from a file."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from brainfill.bids.config import BidsConfig, in_order, read_settings
from brainfill.cli.commands import Command
from brainfill.core.config import from_dict

_MANY = (
    *("--participant-label", "--session-label", "--derivatives", "-d", "--output-spaces"),
    "--thickness-set",
)
_TEXTS = ("steps",)  # given as one text with commas


def spread(words: Sequence[str]) -> list[str]:
    """Arguments as other BIDS-Apps take them: several values behind one option, and _ for -.

    >>> spread(["in", "out", "participant", "--participant_label", "01", "02", "--n_procs=2"])
    ['in', 'out', 'participant', '--participant-label', '01', '--participant-label', '02', '--n-procs=2']
    """
    found: list[str] = []
    option = ""
    for word in words:
        if word.startswith("-"):
            name, equals, value = word.partition("=")
            name = name.replace("_", "-") if name.startswith("--") else name
            option = name if name in _MANY and not equals else ""
            found += [] if option else [f"{name}{equals}{value}"]
        else:
            found += [option, word] if option else [word]
    return found


class ManyValues(Command):
    """A command whose options may take several values."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer's own type is private
        """Read the arguments as `spread` gives them."""
        return super().parse_args(ctx, spread(args))


def bids_config(ctx: typer.Context, flags: Mapping[str, Any], file: Path | None) -> BidsConfig:
    """What the flags say, else the file, else the defaults."""
    given = {}
    for field in dataclasses.fields(BidsConfig):
        source = ctx.get_parameter_source(field.name)
        if source is not None and source.name == "COMMANDLINE":
            given[field.name] = _value(field.name, flags[field.name])
    plain = {k: _value(k, v) for k, v in read_settings(file).items()} if file else {}
    return in_order(from_dict(BidsConfig, plain | given))


def _value(name: str, value: Any) -> Any:  # noqa: ANN401 - the field's type
    if name in _TEXTS and isinstance(value, str):
        return tuple(s.strip() for s in value.split(",") if s.strip())
    return tuple(value) if isinstance(value, list) else value
