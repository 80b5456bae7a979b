"""Temporary files of a run, and what libraries keep for themselves, lie in one folder that goes with it."""

import os
import tempfile
from pathlib import Path

import pytest

from brainfill.cli.scratch import own_temporary_folder

VARIABLES = ("TMPDIR", "MPLCONFIGDIR")


@pytest.fixture(autouse=True)
def _unset(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in VARIABLES:
        monkeypatch.setenv(name, "noted, so that it comes back")
        monkeypatch.delenv(name)


def test_all_lies_in_one_folder_and_goes_with_it(tmp_path):
    with own_temporary_folder():
        folder = Path(tempfile.gettempdir())
        assert folder.parent == tmp_path
        assert os.environ["TMPDIR"] == str(folder)
        assert Path(os.environ["MPLCONFIGDIR"]).parent == folder
        (folder / "left").write_text("by a library")
    assert not folder.exists()
    assert tempfile.gettempdir() == str(tmp_path)
    assert not set(VARIABLES) & set(os.environ)


def test_the_users_own_folder_of_matplotlib_stays(monkeypatch):
    monkeypatch.setenv("MPLCONFIGDIR", "mine")
    with own_temporary_folder():
        assert os.environ["MPLCONFIGDIR"] == "mine"
    assert os.environ["MPLCONFIGDIR"] == "mine"
