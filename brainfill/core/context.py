"""What a task may use of its surroundings: device, seed, threads, progress, warnings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class Progress(Protocol):
    """Receives how far a long step has come."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Say that `done` of `total` units of `stage` are finished."""


def ignore(message: str) -> None:
    """Takes a message and does nothing with it."""


def silent(stage: str, done: int, total: int) -> None:
    """A Progress that shows nothing."""


@dataclass(frozen=True)
class Context:
    """Surroundings of one run; passed on, never global.

    Args:
        device: torch device name, already resolved ("cpu", "cuda:0", "mps").
        seed: start of every random draw.
        threads: CPU threads to use; 0 leaves the library's default.
        progress: told how far the work has come.
        warn: receives one sentence for each thing the user should know.
    """

    device: str = "cpu"
    seed: int = 0
    threads: int = 0
    progress: Progress = silent
    warn: Callable[[str], None] = ignore
