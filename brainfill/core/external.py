"""Programs of other packages: found on the PATH, run in a folder, their failures told in sentences."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
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
        msg = f"program '{program}' of {package} is not on the PATH"
        raise UnavailableError(msg, f"install {package}, or {instead}")
    return found


def run_program(found: str, arguments: Sequence[str], folder: Path, out: str, instead: str) -> Path:
    """Run a program in a folder and expect a file there.

    Args:
        found: path of the program.
        arguments: what it is given; no shell sees them.
        folder: where it runs.
        out: name of the file it has to write.
        instead: what else the user can do, for the hint.

    Raises:
        ExternalError: it failed, or wrote no such file.
    """
    done = subprocess.run(  # noqa: S603 - a program the user chose, no shell
        [found, *arguments],
        cwd=folder,
        # FSL's programs choose their file type by this, and do nothing without it.
        env=os.environ | {"FSLOUTPUTTYPE": "NIFTI_GZ"},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    said = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()[-1]
    # Some programs end with 0 whatever happens; the file they leave is the better witness.
    if done.returncode or not (folder / out).is_file():
        msg = f"'{found}' failed with exit code {done.returncode} and said: {said}"
        raise ExternalError(msg, f"run it by hand, or {instead}")
    return folder / out
