"""Programs of other packages: found on the PATH, run in a folder, their failures told in sentences."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from brainfill.core.errors import ExternalError, UnavailableError

_PATIENCE_S = 3.0


def find_program(program: str, package: str, instead: str) -> str:
    """The path of a program.

    Args:
        program: name on the PATH, or path.
        package: where it comes from.
        instead: what else the user can do, for the hint.

    Raises:
        UnavailableError: there is no such program.
    """
    found = shutil.which(program)
    if found is None:
        raise UnavailableError(
            program_missing(program, package), f"install {package}, or {instead}"
        )
    return found


def program_missing(program: str, package: str) -> str:
    """Which program is not on the PATH, or cannot be run; empty when it can.

    Args:
        program: name on the PATH, or path.
        package: where it comes from.
    """
    if shutil.which(program):
        return ""
    lacks = "is not on the PATH"
    if os.sep in program and Path(program).exists():
        lacks = "is a folder" if Path(program).is_dir() else "may not be run (chmod +x)"
    return f"program '{program}' of {package} {lacks}"


def run_program(
    found: str,
    arguments: Sequence[str],
    folder: Path,
    out: str,
    instead: str,
    *,
    log: Path | None = None,
    variables: Mapping[str, str] | None = None,
) -> Path:
    """Run a program in a folder and expect a file there.

    Args:
        found: path of the program.
        arguments: what it is given; no shell sees them.
        folder: where it runs.
        out: name of the file it has to write.
        instead: what else the user can do, for the hint.
        log: file that takes all it says while it runs, and stays.
        variables: of the environment, beside those there are.

    Raises:
        ExternalError: it cannot be run, failed, was killed, or wrote no such file; the hint names the log.
    """
    # FSL's programs choose their file type by this, and do nothing without it.
    environment = os.environ | {"FSLOUTPUTTYPE": "NIFTI_GZ"} | dict(variables or {})
    command = [found, *arguments]
    code, said = (
        _logged(command, folder, environment, log) if log else _run(command, folder, environment)
    )
    # Some programs end with 0 whatever happens; the file they leave is the better witness.
    if code or not (folder / out).is_file():
        msg = f"'{found}' {how_it_ended(code, said)}"
        hint = f"all it said is in '{log}'; {instead}" if log else f"run it by hand, or {instead}"
        raise ExternalError(msg, hint)
    return folder / out


def how_it_ended(code: int, said: str) -> str:
    """Words for the end of a program that failed.

    Args:
        code: its exit code, negative for a signal, as Python gives it.
        said: all that it said; the last line is told.
    """
    how = f"was killed by signal {-code}" if code < 0 else f"failed with exit code {code}"
    return f"{how} and said: {_last_line(said) or 'nothing'}"


def _run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    """Exit code, and what it said."""
    with _begun(command, folder, environment, subprocess.PIPE, subprocess.PIPE) as process:
        out, said = (text.decode(errors="replace") for text in process.communicate())
    return process.returncode, said.strip() or out


def _logged(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path
) -> tuple[int, str]:
    """Exit code, and what it said, which goes to the log at once, so that a look at it shows how far it is."""
    with (
        log.open("wb") as file,
        _begun(command, folder, environment, file, subprocess.STDOUT) as process,
    ):
        process.wait()
    return process.returncode, log.read_text(encoding="utf-8", errors="replace")


@contextlib.contextmanager
def _begun(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    out: int | IO[bytes],
    err: int,
) -> Iterator[subprocess.Popen[bytes]]:
    """A program at work; whatever ends the block early, Ctrl-C for instance, ends it and all that it has called.

    Raises:
        ExternalError: the system cannot run it: it has no interpreter here, or is for another machine.
    """
    # Who leads a session, as each command of `bids`, is ended with all in it, by whoever began it.
    apart = hasattr(os, "getsid") and os.getsid(0) != os.getpid()
    try:
        process = subprocess.Popen(  # noqa: S603 - a program the user chose, no shell
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=apart,
        )
    except OSError as error:
        msg = f"'{command[0]}' cannot be run: {error.strerror}"
        raise ExternalError(msg, "see whether it is a program for this machine") from error
    try:
        yield process
    except BaseException:
        _end(process, apart=apart)
        raise


def _end(process: subprocess.Popen[bytes], *, apart: bool) -> None:
    """End a program, and all it called if they have a session of their own."""
    for ending in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
        if apart:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, ending)
        else:
            process.send_signal(ending)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_PATIENCE_S)


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1]
