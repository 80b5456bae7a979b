"""The command answers at once and loads nothing heavy."""

import os
import subprocess
import sys

import pytest

HEAVY = {
    "torch",
    "monai",
    "numpy",
    "nibabel",
    "scipy",
    "ants",
    "skimage",
    "SimpleITK",
    "rich",
    "matplotlib",
}
LIMIT_S = 0.4

LOADED = """
import sys
from brainfill.cli.app import main
sys.argv = ["brainfill", *sys.argv[1:]]
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
print(*{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["fill", "--help"],
        ["preprocess", "--help"],
        ["smooth", "--help"],
        ["transform", "--help"],
        ["masks", "--help"],
        ["masks", "components", "--help"],
        ["compare", "--help"],
        ["train", "--help"],
        ["study", "make", "--help"],
        ["bids", "--help"],
        ["study", "score", "--help"],
        ["list", "fillers"],
    ],
    ids=" ".join,
)
def test_nothing_heavy_is_loaded(arguments):
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments], capture_output=True, text=True, check=True
    )
    assert done.stdout
    assert HEAVY.isdisjoint(done.stderr.split())


def test_importing_the_package_loads_nothing_heavy():
    code = "import brainfill, sys; print(*{m.partition('.')[0] for m in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert HEAVY.isdisjoint(done.stdout.split())


def test_help_answers_at_once():
    # Processor time: --help waits for nothing, and other work on the machine must not count.
    assert min(processor_seconds_of_help() for _ in range(3)) < LIMIT_S


def processor_seconds_of_help():
    before = os.times()
    subprocess.run([sys.executable, "-m", "brainfill", "--help"], capture_output=True, check=True)
    after = os.times()
    return sum(getattr(after, f) - getattr(before, f) for f in ("children_user", "children_system"))
