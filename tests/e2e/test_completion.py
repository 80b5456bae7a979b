"""TAB in real shells, after `brainfill --install-completion`."""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

LIMIT_S = 0.5
PATIENCE_S = 30
# The installed command, beside the Python that runs the tests.
HERE = str(Path(sys.executable).parent)
PATHS = os.pathsep.join([HERE, os.environ["PATH"]])
PROMPT = "ready> "


class Shell:
    """An interactive shell of somebody with a new home."""

    def __init__(self, name, home):
        self.ours, theirs = pty.openpty()
        environment = {"HOME": str(home), "PATH": PATHS, "TERM": "dumb", "PS1": PROMPT}
        environment |= {k: v for k in ("PYTHONPATH",) if (v := os.environ.get(k))}
        self.process = subprocess.Popen(
            [name, "-i"],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
            cwd=home,
            start_new_session=True,
        )
        os.close(theirs)
        self.line(f"PS1='{PROMPT}'; echo be''gun", "begun")

    def read_until(self, wanted):
        """What the shell shows until `wanted` is part of it, without control sequences."""
        received, end = b"", time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if select.select([self.ours], [], [], 0.1)[0]:
                received += os.read(self.ours, 4096)
            shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x07", "", received.decode(errors="replace"))
            if wanted in shown:
                return shown
        raise AssertionError(f"waited for {wanted!r}, saw {shown!r}")

    def line(self, text, wanted):
        os.write(self.ours, f"{text}\n".encode())
        return self.read_until(wanted)

    def tab(self, text, wanted):
        """Type, press TAB twice, and wait for what has to appear; then take the line back."""
        os.write(self.ours, text.encode() + b"\t\t")
        shown = self.read_until(wanted)
        self.line("\x15echo be''gun", "begun")
        return shown

    def close(self):
        os.close(self.ours)
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module", params=["bash", "zsh"])
def shell(request, tmp_path_factory):
    if shutil.which(request.param) is None:
        assert "BRAINFILL_CI" not in os.environ, f"there has to be a {request.param} here"
        pytest.skip(f"needs {request.param}")
    home = tmp_path_factory.mktemp("home")
    (home / "scan_T1w.nii.gz").touch()
    (home / ".zshrc").touch()  # without one, zsh asks what to write into it
    first = Shell(request.param, home)
    first.line("brainfill --install-completion", "restart the terminal")
    first.close()
    second = Shell(request.param, home)
    yield second
    second.close()


@pytest.mark.parametrize(
    ("typed", "rest"),
    [
        ("brainfill fi", "ll "),
        ("brainfill masks elli", "psoids "),
        ("brainfill fill --fea", "ther"),
        ("brainfill fill --quality be", "st"),
        ("brainfill fill --method loc", "almean"),
        ("brainfill fill --model t1", "-fill"),
        ("brainfill preprocess --skullstrip hd", "-bet"),
        ("brainfill list strip", "pers"),
        ("brainfill bids raw out parti", "cipant"),
        ("brainfill fill sca", "n_T1w.nii.gz"),
    ],
)
def test_what_is_begun_is_completed(shell, typed, rest):
    shell.tab(typed, typed + rest)


def test_choices_are_listed(shell):
    shown = shell.tab("brainfill fill --method ", "patch")
    assert "diffusion" in shown


@pytest.mark.parametrize("name", ["bash", "zsh"])
def test_the_answer_comes_at_once(name):
    words = {
        "bash": {"COMP_WORDS": "brainfill fill --method ", "COMP_CWORD": "3"},
        "zsh": {"_TYPER_COMPLETE_ARGS": "brainfill fill --method "},
    }
    environment = os.environ | {"_BRAINFILL_COMPLETE": f"complete_{name}"} | words[name]
    # Processor time, as for --help: other work on the machine must not count. That the types of a command's
    # arguments are built comes on top of --help.
    assert min(processor_seconds(environment) for _ in range(5)) < LIMIT_S


def processor_seconds(environment):
    before = os.times()
    done = subprocess.run(
        [f"{HERE}/brainfill"], env=environment, capture_output=True, text=True, check=True
    )
    after = os.times()
    assert "localmean" in done.stdout
    return sum(getattr(after, f) - getattr(before, f) for f in ("children_user", "children_system"))
