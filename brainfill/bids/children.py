"""Processes that do the heavy work, so that all of them end when the run is to end."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from brainfill.bids.hints import hint_here
from brainfill.bids.supervised import KILL, PATIENCE_S, signal_all
from brainfill.core.errors import BrainfillError

_SUPERVISED = "brainfill.bids.supervised"
_THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)


class StoppedError(Exception):
    """The run is to end; nothing is wrong with this person."""


class CommandError(BrainfillError):
    """A command failed; the message is its own."""


class Children:
    """Runs commands of this package, and can end all that run.

    Args:
        threads: CPU threads each may use.
    """

    def __init__(self, threads: int) -> None:
        self._environment = os.environ | dict.fromkeys(_THREADS, str(threads))
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self.stopped = False

    def call(self, words: Sequence[str], log: Path) -> dict[str, Any]:
        """Run `python -m WORDS`; what it says goes to the end of a log, the JSON it prints is given back.

        Raises:
            CommandError: it failed; with its own sentence and hint.
            StoppedError: it was ended by `stop`.
        """
        # A file, for a pipe stays open as long as any program that the command called.
        with tempfile.TemporaryFile("w+", encoding="utf-8") as told:
            with log.open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(f"$ python -m {shlex.join(words)}\n")
                file.flush()
                begin = file.tell()
                child = self._begin(words, told, file)
            child.wait()  # what interrupts this leaves the child among those that `stop` ends
            with self._lock:
                self._running.discard(child)
            _let_go(child)
            if child.returncode < 0:
                signal_all(child.pid, KILL)  # what it had called, and nobody waits for now
            told.seek(0)
            out = told.read()
        if self.stopped:
            raise StoppedError
        with log.open("r+", encoding="utf-8", errors="replace") as file:
            file.seek(begin)
            said = file.read()
            file.write(out)
        if child.returncode:
            raise _failure(child.returncode, said)
        facts: dict[str, Any] = json.loads(out)
        return facts

    def stop(self) -> None:
        """End all that run and let none begin; what they leave lies in their stages, which go with them."""
        with self._lock:
            self.stopped = True
            running = list(self._running)
        try:
            for child in running:
                signal_all(child.pid, signal.SIGTERM)
            end = time.monotonic() + PATIENCE_S
            for child in running:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(max(0.0, end - time.monotonic()))
        finally:  # also when another signal interrupts the wait
            for child in running:
                signal_all(child.pid, KILL)
                _let_go(child)

    def _begin(self, words: Sequence[str], told: IO[str], log: IO[str]) -> subprocess.Popen[str]:
        with self._lock:
            if self.stopped:
                raise StoppedError
            child = subprocess.Popen(  # noqa: S603 - our own commands, no shell
                [sys.executable, "-m", _SUPERVISED, *words],
                stdin=subprocess.PIPE,  # closed by the system when this process is gone, however it ends
                stdout=told,
                stderr=log,
                text=True,
                env=self._environment,
                # Out of the terminal's reach: Ctrl-C is for the run, which ends them in order.
                start_new_session=True,
            )
            self._running.add(child)
        return child


def _let_go(child: subprocess.Popen[str]) -> None:
    if child.stdin:
        child.stdin.close()


def _failure(code: int, said: str) -> CommandError:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    if signal_ := -code if code < 0 else max(0, code - 128):
        message = f"its process was killed by signal {signal_}"
        return _coded(1, message, "if memory ran out: fewer --n-procs, or a bound with --mem-gb")
    error = next((line[7:] for line in reversed(lines) if line.startswith("error: ")), "")
    hint = next((line[6:] for line in reversed(lines) if line.startswith("hint: ")), "")
    return _coded(code, error or (lines[-1] if lines else f"exit code {code}"), hint_here(hint))


def _coded(code: int, message: str, hint: str) -> CommandError:
    error = CommandError(message, hint)
    error.exit_code = code
    return error
