"""What a task may use of its surroundings: device, seed, threads, work folder, progress, warnings."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from brainfill.core.errors import InputMissingError

if TYPE_CHECKING:
    from brainfill.core.volume import Volume


class Progress(Protocol):
    """Receives how far a long step has come."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Say that `done` of `total` units of `stage` are finished."""


def ignore(message: str) -> None:
    """Takes a message and does nothing with it."""


def silent(stage: str, done: int, total: int) -> None:
    """A Progress that shows nothing."""


def cores() -> int:
    """CPU cores this process may use."""
    # What the machine has is more than a container or a batch job is given.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def seed_of(*parts: int) -> int:
    """A seed for one part of a run, such as a sample of a crop, that no other part shares."""
    import numpy as np  # here, because every command loads this module, and --help must be quick

    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0] >> 1)


def no_files(path: str) -> Volume:
    """A reader of images for surroundings without files.

    Raises:
        InputMissingError: always.
    """
    msg = f"'{path}' cannot be read: this run was given no way to open files"
    raise InputMissingError(msg, "pass a Context with `read`")


@dataclass(frozen=True)
class Context:
    """Surroundings of one run; passed on, never global.

    Args:
        device: torch device name, already resolved ("cpu", "cuda:0", "mps").
        seed: start of every random draw.
        threads: CPU threads to use; 0 leaves the library's default.
        progress: told how far the work has come.
        warn: receives one sentence for each thing the user should know.
        read: gives the image at a path that a setting names; injected, since steps open no files.
        work: folder where steps leave what helps to understand a failure; nothing is kept without it.
        deterministic: take reproducible variants and one thread where a step has the choice.
    """

    device: str = "cpu"
    seed: int = 0
    threads: int = 0
    progress: Progress = silent
    warn: Callable[[str], None] = ignore
    read: Callable[[str], Volume] = no_files
    work: Path | None = None
    deterministic: bool = False

    @property
    def threads_taken(self) -> int:
        """CPU threads that a step takes: one where the same bytes are wanted every time; 0 for the library's default."""
        return 1 if self.deterministic else self.threads
