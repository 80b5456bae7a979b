"""One call of the command in this process, on inputs with damage, and what must hold afterwards."""

from __future__ import annotations

import contextlib
import io
import shutil
import sys
from collections.abc import Hashable, Iterable
from pathlib import Path
from unittest import mock

from command_line import all_commands

from brainfill.cli import app

_ALLOWED = (0, 2, 65, 66, 69, 75)


def check_refused_or_done(words: Iterable[object], folder: Path, case: Hashable) -> None:
    """Run a command whose outputs go to `folder`/out; it ends with a documented exit code and leaves nothing behind.

    Args:
        words: of the command.
        folder: holds the inputs.
        case: named when something does not hold.
    """
    before = _files(folder)
    (folder / "out").mkdir(exist_ok=True)
    code, err = _called([str(word) for word in words])
    written = list((folder / "out").rglob("*")) if (folder / "out").exists() else []
    assert code in _ALLOWED, (case, code, err)
    assert "Traceback" not in err, (case, err)
    assert code == 0 or "error: " in err, (case, err)
    assert bool(written) == (code == 0), (case, code, written)
    assert not [p for p in written if p.name.startswith(".part-")], case
    shutil.rmtree(folder / "out", ignore_errors=True)
    assert _files(folder) == before, case


def _called(words: list[str]) -> tuple[object, str]:
    out, err = io.StringIO(), io.StringIO()
    code: object = 0
    with (
        mock.patch.object(sys, "argv", ["brainfill", *words]),
        mock.patch.object(app, "app", all_commands()),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            app.main()
        except SystemExit as stop:
            code = stop.code or 0
    return code, err.getvalue()


def _files(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))
