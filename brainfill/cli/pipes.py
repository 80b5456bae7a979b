"""Readers that leave early, as `| head -1` does: what is said to them is dropped, and the work goes on."""

from __future__ import annotations

import os
import sys
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
    sys.stdout = Undisturbed(sys.stdout)
    sys.stderr = Undisturbed(sys.stderr)
