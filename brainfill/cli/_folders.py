"""Where libraries may leave what they keep for themselves: never in the home folder."""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import tempfile
from pathlib import Path

_MATPLOTLIB = "MPLCONFIGDIR"


def spare_the_home_folder() -> None:
    """Have matplotlib, which ANTsPy and pages load, keep its list of fonts in a temporary folder that goes with the process.

    A folder that the user chose, by matplotlib's own variable, is used.
    """
    if _MATPLOTLIB in os.environ:
        return
    folder = (
        Path(tempfile.gettempdir()) / f"brainfill-{secrets.token_hex(8)}"
    )  # made when it is needed
    os.environ[_MATPLOTLIB] = str(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
