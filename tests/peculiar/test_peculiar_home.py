"""Home folders that cannot be written into, or are none."""

import os
import subprocess
import sys

import numpy as np
import pytest
from peculiar import case

AFFINE = """#Insight Transform File V1.0
#Transform 0
Transform: AffineTransform_double_3_3
Parameters: 1 0 0 0 1 0 0 0 1 2 0 0
FixedParameters: 0 0 0
"""
COMMANDS = [
    "info",
    "fill t1.nii.gz mask.nii.gz -o filled.nii.gz --quality fast --threads 1 --report",
    "preprocess t1.nii.gz -o preprocessed --steps n4 --set n4.iterations=2 --report",
    "masks ellipsoids t1.nii.gz -o drawn.nii.gz --n 1 --radius-mm 3 5 --brain brain.nii.gz",
    "transform t1.nii.gz --like t1.nii.gz -t affine.txt -o moved.nii.gz",
    "compare before.tsv before.tsv -o compared",
]
KEPT = ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "MPLCONFIGDIR")


@pytest.fixture
def scans(save, head, tmp_path):
    """A small piece of the head, and all else the commands read."""
    where = tuple(slice(i - 12, i + 12) for i in np.argwhere(head.mask).mean(axis=0).astype(int))
    save("t1.nii.gz", head.t1[where], head.affine)
    save("mask.nii.gz", head.mask[where], head.affine)
    save("brain.nii.gz", np.ones_like(head.mask[where]), head.affine)
    (tmp_path / "affine.txt").write_text(AFFINE)
    row = "precentral\tleft\t2.5\t0.3\t900\t0.9\n"
    (tmp_path / "before.tsv").write_text(
        f"region\themisphere\tmean_mm\tsd_mm\tvoxels\tvolume_ml\n{row}"
    )
    (tmp_path / "before.json").write_text('{"Backend": "direct"}')
    return tmp_path


def home_of(kind, folder):
    """The variable HOME, and the place it stands for."""
    home = folder / "home"
    if kind == "read-only":
        home.mkdir(mode=0o500)
    elif kind == "a file":
        home.write_bytes(b"")
    return {} if kind == "not set" else {"HOME": str(home)}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["not set", "not there", "read-only", "a file"])
@case(
    "HOME that is not set, not there, read-only or a file, with every kind of command",
    "all is done, and nothing is left in it",
)
def test_without_a_home(scans, tmp_path, kind):
    surroundings = {name: value for name, value in os.environ.items() if name not in KEPT}
    surroundings |= home_of(kind, tmp_path)
    # Each process with ANTs takes some seconds: all commands where HOME is least of use, the first ones elsewhere.
    for words in COMMANDS if kind == "a file" else COMMANDS[:2]:
        done = subprocess.run(
            [sys.executable, "-m", "brainfill", *words.split()],
            cwd=scans,
            env=surroundings,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (words, done.stderr)
        assert "Traceback" not in done.stderr
        assert str(tmp_path / "home") not in done.stderr
    home = tmp_path / "home"
    assert home.exists() == (kind in ("read-only", "a file"))
    assert kind != "a file" or home.read_bytes() == b""
    assert kind != "read-only" or not list(home.iterdir())
