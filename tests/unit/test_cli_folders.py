"""Libraries are given a temporary folder, unless the user chose one."""

import os
import tempfile
from pathlib import Path

from brainfill.cli._folders import spare_the_home_folder


def test_matplotlib_is_sent_away_from_home(monkeypatch):
    monkeypatch.setenv("MPLCONFIGDIR", "unset next")
    monkeypatch.delenv("MPLCONFIGDIR")
    spare_the_home_folder()
    chosen = Path(os.environ["MPLCONFIGDIR"])
    assert chosen.parent == Path(tempfile.gettempdir())
    assert not chosen.exists()


def test_the_users_own_folder_stays(monkeypatch):
    monkeypatch.setenv("MPLCONFIGDIR", "mine")
    spare_the_home_folder()
    assert os.environ["MPLCONFIGDIR"] == "mine"
