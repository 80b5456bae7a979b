"""Processes of a run: they end with it, and so do the programs they called."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from brainfill.bids.children import Children, CommandError, StoppedError

CALLER = """
import subprocess, sys, time
from pathlib import Path
called = subprocess.Popen(["sleep", "60"])
Path("pids.part").write_text(f"{__import__('os').getpid()} {called.pid}")
Path("pids.part").rename("pids")
time.sleep(60)
"""


@pytest.fixture
def caller(tmp_path, monkeypatch):
    """A command that calls a program; begins it, and gives its runner, both pids and what became of it."""
    (tmp_path / "caller.py").write_text(CALLER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    children, raised = Children(1), []

    def call():
        try:
            children.call(["caller"], tmp_path / "log")
        except (CommandError, StoppedError) as error:
            raised.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    until(lambda: Path("pids").exists())
    own, called = map(int, Path("pids").read_text().split())
    yield children, thread, own, called, raised
    children.stop()
    thread.join()


def until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def gone(pid):
    """Whether a process has ended, be it that nobody took note."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_what_a_command_called_ends_with_the_run(caller):
    children, thread, own, called, raised = caller
    assert not gone(called)
    children.stop()
    thread.join()
    until(lambda: gone(own) and gone(called))
    assert [type(e) for e in raised] == [StoppedError]


def test_what_a_killed_command_called_does_not_live_on(caller):
    _, thread, own, called, raised = caller
    os.kill(own, signal.SIGKILL)
    # The program holds the pipe that the command's JSON comes through, unless it is ended, too.
    thread.join(30)
    assert not thread.is_alive()
    until(lambda: gone(called))
    assert "killed by signal 9" in str(raised[0])


RUN = """
from pathlib import Path
from brainfill.bids.children import Children
Children(1).call(["caller"], Path("log"))
"""


def test_a_run_that_is_killed_takes_its_commands_along(tmp_path, monkeypatch):
    (tmp_path / "caller.py").write_text(CALLER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    run = subprocess.Popen([sys.executable, "-c", RUN])
    until(lambda: Path("pids").exists())
    own, called = map(int, Path("pids").read_text().split())
    run.send_signal(signal.SIGKILL)
    run.wait()
    until(lambda: gone(own) and gone(called))


def test_an_interrupted_wait_leaves_the_command_to_be_ended(tmp_path, monkeypatch):
    (tmp_path / "caller.py").write_text(CALLER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    children = Children(1)

    def interrupted(child):
        until(lambda: Path("pids").exists())
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(subprocess.Popen, "wait", interrupted)
        with pytest.raises(KeyboardInterrupt):
            children.call(["caller"], tmp_path / "log")
    own, called = map(int, Path("pids").read_text().split())
    children.stop()
    until(lambda: gone(own) and gone(called))


@pytest.mark.parametrize(
    ("hint", "here"),
    [
        ("--label says which", "--label says which"),
        ("use --skullstrip builtin", "its command stands in the log, and may be tried by itself: "),
    ],
)
def test_hints_of_commands_can_be_followed(tmp_path, monkeypatch, hint, here):
    (tmp_path / "failing.py").write_text(
        f"import sys; print('error: no brain\\nhint: {hint}', file=sys.stderr); sys.exit(65)"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(CommandError, match="no brain") as error:
        Children(1).call(["failing"], tmp_path / "log")
    assert error.value.exit_code == 65
    assert error.value.hint.startswith(here)
    assert error.value.hint.endswith(hint)
