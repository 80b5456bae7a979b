"""Readers that leave early, as `| head -1` does: what is said to them is dropped, and the work goes on."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, TextIO


class Undisturbed:
    """A text stream that goes nowhere from the moment on at which its reader has left."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """The number of characters, written or dropped."""
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            self._leave()
            return len(text)

    def flush(self) -> None:
        """Pass on what was written, if anyone reads."""
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._leave()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the stream has
        return getattr(self._stream, name)

    def _leave(self) -> None:
        # The stream holds on to what it could not pass on, and would try again at the end of the process.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)


def mind_no_leaving() -> None:
    """From now on nothing that a command does depends on whether anyone reads what it says."""
    sys.stdout = Undisturbed(sys.stdout or _nowhere())
    sys.stderr = Undisturbed(sys.stderr or _nowhere())


def _nowhere() -> TextIO:
    """A stream in place of one that was closed before the start (`2>&-`).

    It takes the number that is free, lest an output file gets it, and with it what libraries say on their own.
    """
    return Path(os.devnull).open("w", encoding="utf-8")
