"""Signals that end a process, each of which ends a command as Ctrl-C does: nothing half written, no child left."""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from collections.abc import Iterator
from types import FrameType

# Of a closed terminal, Ctrl-C, Ctrl-\, kill, batch systems (SLURM sends which of these its user likes).
_ENDING = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGXCPU")
# Terminals and schedulers send a signal more than once; what cleans up after the first is not to be disturbed.
_SAME_S = 5.0


class SignalError(KeyboardInterrupt):
    """A signal has ended the command; whatever minds Ctrl-C minds this."""


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Have signals raise inside the block; the process then exits with 128 and the number of the signal.

    Signals that were ignored at the start stay so: SIGHUP under nohup, Ctrl-C in the background of a shell.
    """
    received: list[int] = []
    last = -_SAME_S

    def end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - as signal wants it
        nonlocal last
        received.append(number)
        before, last = last, time.monotonic()
        if last - before >= _SAME_S:
            raise SignalError

    numbers = [getattr(signal, name) for name in _ENDING if hasattr(signal, name)]
    heard = [n for n in numbers if signal.getsignal(n) is not signal.SIG_IGN]
    usual = {number: signal.signal(number, end) for number in heard}
    try:
        yield
    except BaseException:
        # Whatever came of it on the way, such as a program that the same signal has ended.
        if received:
            sys.exit(128 + received[0])
        raise
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)
