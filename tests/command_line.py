"""The commands of `brainfill` as one object, for tests that look at them or call them."""

from __future__ import annotations

import functools

import typer

from brainfill.cli.app import app


@functools.cache
def all_commands() -> typer.core.TyperGroup:
    """All of them, put together once: typer does so anew in each call, which takes longer than most calls."""
    return typer.main.get_command(app)
