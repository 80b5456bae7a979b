"""Programs of other packages: found on the PATH, run in a folder, their failures told in sentences."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from brainfill.core.errors import ExternalError, UnavailableError


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
    """Which program is not on the PATH; empty when it is.

    Args:
        program: name on the PATH, or path.
        package: where it comes from.
    """
    return "" if shutil.which(program) else f"program '{program}' of {package} is not on the PATH"


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
        ExternalError: it failed, was killed, or wrote no such file; the hint names the log.
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
    done = subprocess.run(  # noqa: S603 - a program the user chose, no shell
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    return done.returncode, done.stderr.strip() or done.stdout


def _logged(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path
) -> tuple[int, str]:
    """Exit code, and what it said, which goes to the log at once, so that a look at it shows how far it is."""
    with log.open("wb") as file:
        done = subprocess.run(  # noqa: S603 - a program the user chose, no shell
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            check=False,
        )
    return done.returncode, log.read_text(encoding="utf-8", errors="replace")


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1]
