"""Matrices found by mutual information: the same from run to run and over threads; a process that ends early is told."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from brainfill.core.context import Context
from brainfill.core.errors import DataError, ExternalError
from brainfill.preprocess import linear as module
from brainfill.preprocess._ants import has_one_thread
from brainfill.preprocess.linear import Pair
from brainfill.preprocess.registration import register

MOVE = np.array([[1.03, 0.1, 0, 7], [-0.1, 1.02, 0.03, -5], [0, -0.03, 0.98, 6], [0, 0, 0, 1]])
THREADS = "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"

# What a process in which ANTs has several threads makes of a pair of images.
SEVERAL = """
import sys
from pathlib import Path
from brainfill.core.context import Context
from brainfill.preprocess import linear
from brainfill.preprocess._ants import load_ants
ctx, folder = Context(threads=3), Path(sys.argv[1])
load_ants(ctx)
pair = linear._read(folder / "given.npz")
print(linear.linear(pair, "Affine", (50, 20, 0, 0), folder, ctx).read_bytes().hex())
"""


@pytest.fixture
def pair(brain, brain_grids):
    """A brain and a moved one with a part that does not count."""
    fixed, moving = brain(brain_grids["RAS"]), brain(brain_grids["oblique"], MOVE)
    counted = np.ones(moving.grid.shape, bool)
    counted[10:14, 20:26, 15:19] = False
    return Pair(fixed, moving, counted)


@pytest.fixture
def several_threads(monkeypatch):
    """As if ANTs had several threads in this process."""
    monkeypatch.setenv(THREADS, "2")


@pytest.mark.slow
def test_one_matrix_whatever_the_threads(pair, tmp_path):
    assert has_one_thread()
    here = module.linear(pair, "Affine", (50, 20, 0, 0), tmp_path, Context()).read_bytes()
    module._save(pair, tmp_path / "given.npz")
    done = subprocess.run(
        [sys.executable, "-c", SEVERAL, str(tmp_path)],
        env={name: value for name, value in os.environ.items() if name != THREADS},
        capture_output=True,
        text=True,
        check=True,
    )
    assert bytes.fromhex(done.stdout) == here
    assert sorted(p.suffix for p in tmp_path.iterdir()) == [".mat", ".npz"]


def test_a_pair_is_read_as_it_was_saved(pair, tmp_path):
    for given in (pair, Pair(pair.fixed, pair.moving)):
        module._save(given, tmp_path / "pair.npz")
        found = module._read(tmp_path / "pair.npz")
        for one, other in ((found.fixed, given.fixed), (found.moving, given.moving)):
            np.testing.assert_array_equal(one.data, other.data)
            np.testing.assert_array_equal(one.grid.affine, other.grid.affine)
        np.testing.assert_array_equal(found.counted, given.counted)


def test_a_process_that_is_killed_is_told(pair, ctx, monkeypatch, several_threads):
    code = f"import os, sys; sys.stderr.write('out of luck'); sys.stderr.flush(); os.kill(os.getpid(), {signal.SIGKILL:d})"
    monkeypatch.setattr(module, "_COMMAND", (sys.executable, "-c", code))
    with pytest.raises(ExternalError, match="killed by signal 9 and said: out of luck"):
        register(pair.fixed, None, pair.moving, None, "affine", "fast", ctx)


def test_what_cannot_be_registered_is_told(brain, brain_grids, ctx, several_threads):
    """ANTs gives up on an image without anything, in a process of its own as in this one."""
    image = brain(brain_grids["RAS"])
    nothing = image.like(np.zeros_like(image.data))
    with pytest.raises(DataError, match="the rigid registration failed: ANTs gives up"):
        register(nothing, None, image, None, "rigid", "fast", ctx)
