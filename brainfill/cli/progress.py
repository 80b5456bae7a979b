"""What a running command tells: a bar while a terminal watches, plain lines otherwise."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import typer

from brainfill.core.context import Progress, ignore, silent
from brainfill.core.errors import ConfigError


@dataclass(frozen=True)
class Talk:
    """Ways to say something on stderr.

    Args:
        progress: how far a stage has come.
        warn: something the user should know; said even with --quiet.
        note: something the user may like to know.
        detail: something for those who asked with --verbose.
    """

    progress: Progress
    warn: Callable[[str], None]
    note: Callable[[str], None]
    detail: Callable[[str], None]


@contextlib.contextmanager
def talking(*, quiet: bool, verbose: bool) -> Iterator[Talk]:
    """Talk on stderr until the block ends.

    Raises:
        ConfigError: both quiet and verbose.
    """
    if quiet and verbose:
        msg = "--quiet and --verbose contradict each other"
        raise ConfigError(msg, "leave one of them out")
    detail = _line if verbose else ignore
    if quiet:
        yield Talk(silent, _warning, ignore, ignore)
    elif not _shows_bars():
        yield Talk(_stage_lines(), _warning, _line, detail)
    else:
        with _bar() as (progress, line):
            yield Talk(
                progress,
                lambda message: line(f"warning: {message}"),
                line,
                line if verbose else ignore,
            )


def _line(message: str) -> None:
    typer.echo(message, err=True)


def _warning(message: str) -> None:
    _line(f"warning: {message}")


def _shows_bars() -> bool:
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stderr.isatty() and not plain


def _stage_lines() -> Progress:
    said: set[str] = set()

    def progress(stage: str, done: int, total: int) -> None:  # noqa: ARG001 - a line says no more
        if stage not in said:
            said.add(stage)
            _line(stage)

    return progress


@contextlib.contextmanager
def _bar() -> Iterator[tuple[Progress, Callable[[str], None]]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True, highlight=False, markup=False)
    with Bar(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        stages: dict[str, object] = {}

        def progress(stage: str, done: int, total: int) -> None:
            if stage not in stages:
                stages[stage] = bar.add_task(stage, total=total)
            bar.update(stages[stage], completed=done, total=total)  # type: ignore[arg-type]

        yield progress, lambda message: console.print(message, soft_wrap=True)
