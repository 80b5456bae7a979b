"""The same bytes every time, on machines of any number of cores."""

import json
from pathlib import Path

import numpy as np
import pytest
from peculiar import case

THREADS = [1, 2, 8]
DETERMINISTIC = {
    "the best guess": "--quality fast",
    "draws": "--samples 2 --sd sd.nii.gz --seed 5",
    "patch": "--method patch",
    "harmonic": "--method harmonic",
}


@pytest.fixture
def scans(save, head, tmp_path):
    """A piece of the head in float32, whose values show every digit, with a part of the lesions."""
    where = tuple(slice(i - 12, i + 12) for i in np.argwhere(head.mask).mean(axis=0).astype(int))
    save("t1.nii.gz", head.t1[where].astype(np.float32), head.affine)
    save("mask.nii.gz", head.mask[where], head.affine)
    return tmp_path


def written(call, monkeypatch, folder, words):
    """All files that a command leaves in a new folder, in which it runs."""
    folder.mkdir()
    monkeypatch.chdir(folder)
    outcome = call(*words)
    assert outcome.code == 0, outcome.err
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.slow
@pytest.mark.parametrize("how", DETERMINISTIC.values(), ids=DETERMINISTIC)
@case(
    "`fill --deterministic` with 1, 2 and 8 threads, of a scan in float32",
    "images, standard deviation, tables and records are equal, byte for byte",
)
def test_fills_are_the_same_over_threads(call, scans, monkeypatch, how):
    words = ("fill", "../t1.nii.gz", "../mask.nii.gz", "-o", "o.nii.gz", "--labels", "l.nii.gz")
    first, *others = (
        written(
            *(call, monkeypatch, scans / str(n)),
            (*words, "--deterministic", "--threads", n, *how.split()),
        )
        for n in THREADS
    )
    assert {"o.nii.gz", "o.json", "l.nii.gz", "l.tsv"} <= set(first)
    for other in others:
        assert other == first
    settings = json.loads(first["o.json"])["BrainfillArguments"]
    assert settings["deterministic"]
    assert "threads" not in settings


@case("`fill --threads 2` without --deterministic", "the record tells the threads")
def test_the_record_tells_the_threads(call, scans, monkeypatch):
    words = ("fill", "../t1.nii.gz", "../mask.nii.gz", "-o", "o.nii.gz", "--method", "localmean")
    found = written(call, monkeypatch, scans / "2", (*words, "--threads", 2))
    assert json.loads(found["o.json"])["BrainfillArguments"]["threads"] == 2
    assert Path("o.nii.gz").exists()
