"""Streams that nobody reads to the end (`| head -1`, a closed terminal, a full disk): the work goes on without them."""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys
from pathlib import Path
from typing import Any, TextIO

from brainfill.core.errors import ConfigError

# Of a pipe without a reader, and of a terminal that was closed.
_LEFT = (errno.EPIPE, errno.EIO)
_AS_NAMED = "brainfill.as_named"


class Undisturbed:
    """A text stream that goes nowhere from the moment on at which it takes no more.

    Args:
        stream: what is written to.

    Attributes:
        lost: why what was said is lost; empty as long as it is not, or where its reader chose to leave.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost = ""

    def write(self, text: str) -> int:
        """The number of characters, written or dropped."""
        try:
            return self._stream.write(text)
        except OSError as error:
            self._leave(error)
            return len(text)

    def flush(self) -> None:
        """Pass on what was written, if anyone reads."""
        try:
            self._stream.flush()
        except OSError as error:
            self._leave(error)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the stream has
        return getattr(self._stream, name)

    def _leave(self, error: OSError) -> None:
        if error.errno not in _LEFT:
            self.lost = error.strerror or str(error)
        # The stream holds on to what it could not pass on, and would try again at the end of the process.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)


def mind_no_leaving() -> None:
    """From now on nothing that a command does depends on whether anyone reads what it says, or in which letters."""
    sys.stdout = Undisturbed(_of_any_letters(sys.stdout) if sys.stdout else _nowhere())
    sys.stderr = Undisturbed(sys.stderr or _nowhere())


def check_told() -> None:
    """Refuse to call a run done whose results were not told, as scripts go by them.

    Raises:
        ConfigError: stdout took no more, for a disk is full for instance.
    """
    sys.stdout.flush()
    lost = getattr(sys.stdout, "lost", "")
    if lost:
        msg = f"the results are written, but stdout takes no more: {lost}"
        raise ConfigError(msg, "send stdout to where there is room")


def _of_any_letters(stream: TextIO) -> TextIO:
    """The same stream, which names files byte by byte as they are called, whatever letters it is made for."""
    if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
        codecs.register_error(_AS_NAMED, _as_named)
        stream.reconfigure(errors=_AS_NAMED)
    return stream


def _as_named(error: UnicodeError) -> tuple[str | bytes, int]:
    """The bytes of a name that is no text in this encoding; letters it lacks, as escapes."""
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.lookup_error("backslashreplace")(error)


def _nowhere() -> TextIO:
    """A stream in place of one that was closed before the start (`2>&-`).

    It takes the number that is free, lest an output file gets it, and with it what libraries say on their own.
    """
    return Path(os.devnull).open("w", encoding="utf-8")
