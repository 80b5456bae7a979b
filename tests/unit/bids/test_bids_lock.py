"""Locks: one holder, waiting, and none left by the dead."""

import errno
import subprocess
import sys
import threading
import time

import pytest

from brainfill.bids import lock
from brainfill.bids.lock import held

HOLD = """
import sys, time
from pathlib import Path
from brainfill.bids.lock import held
with held(Path(sys.argv[1])) as mine:
    print(mine, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock."""
    path = tmp_path / "a.lock"
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout.readline() == "True\n"
    yield path, child
    child.kill()
    child.communicate()


def test_one_at_a_time(holder):
    path, _ = holder
    with held(path) as mine:
        assert not mine


def test_a_killed_process_holds_nothing(holder):
    path, child = holder
    child.kill()
    child.wait()
    with held(path) as mine:
        assert mine


def test_waiting_until_it_is_free(holder):
    path, child = holder
    threading.Timer(0.3, child.kill).start()
    with held(path, stop=lambda: False) as mine:
        assert mine


def test_waiting_ends_when_told(holder):
    path, _ = holder
    until = time.monotonic() + 0.3
    with held(path, stop=lambda: time.monotonic() > until) as mine:
        assert not mine


def test_a_file_system_without_locks_is_said(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock.fcntl, "lockf", refuse)
    said = []
    with held(tmp_path / "a.lock", warn=said.append) as mine:
        assert mine
    assert len(said) == 1
    assert "has no locks" in said[0]
