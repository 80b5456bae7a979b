"""Folders of training runs as hands, full disks and other programs leave them; training that goes astray."""

import json
import os
import resource
import signal
import subprocess
import sys

import numpy as np
import pytest
from peculiar import case
from safetensors.torch import load_file, save_file

from brainfill.train.pack import Pack, save_pack

SETTINGS = (
    *(
        "train.steps=2",
        "train.batch=2",
        "train.warmup=0",
        "train.masks.lesions=0",
        "model.crop_vox=[8,8,8]",
    ),
    *("model.first_fill=harmonic", "model.unet.width=4", "model.unet.mult=[1]"),
)


@pytest.fixture
def data(tmp_path):
    volume = np.random.default_rng(0).integers(120, 220, (12, 11, 13)).astype(np.uint8)
    save_pack(Pack(["sub-01"], [volume], []), tmp_path / "pack.npz")
    return tmp_path / "pack.npz"


@pytest.fixture
def words(data, tmp_path):
    """The words of a command that trains a tiny model in a moment."""

    def make(*more, out=tmp_path / "run"):
        chosen = [word for s in (*SETTINGS, *more) for word in ("--set", s)]
        return [
            "train",
            "--data",
            data,
            "-o",
            out,
            "--family",
            "memory3d",
            "--preset",
            "tiny",
            *chosen,
        ]

    return make


@pytest.fixture
def train(call, words):
    return lambda *more, **options: call(*words(*more, **options))


def refused(outcome, code, *said):
    assert outcome.code == code, outcome.err
    assert "Traceback" not in outcome.err
    assert "error: " in outcome.err
    for word in said:
        assert word in outcome.err


@case(
    "a learning rate at which training diverges",
    "it stops with a sentence, exit 65, and exports nothing",
)
def test_diverged_training(train, tmp_path):
    refused(
        train("train.rate=1000", "train.steps=60", "train.clip=1e6", "train.precision=float32"),
        65,
        "diverged",
        "train.rate",
    )
    assert not (tmp_path / "run" / "bundle").exists()
    assert not (tmp_path / "run" / "state.safetensors").exists()


@case(
    "run.json that is empty, cut, a list, text, a number, binary, nested without end",
    "refused, exit 65; it stays as it is",
)
@pytest.mark.parametrize(
    "contents", [b"", b'{"train"', b"[]", b'"run"', b"7", b"\xff\xfe\0", b"[" * 100_000]
)
def test_damaged_settings_of_a_run(train, tmp_path, contents):
    path = tmp_path / "run" / "run.json"
    path.parent.mkdir()
    path.write_bytes(contents)
    refused(train(), 65, "run.json")
    assert path.read_bytes() == contents


@case(
    "run.json without a key, or with another type in its place",
    "refused as a run with other settings, exit 2",
)
@pytest.mark.parametrize(
    "change", [{}, {"train": None}, {"train": []}, {"model": 3}, {"brainfill": None}]
)
def test_other_settings_of_a_run(train, tmp_path, change):
    path = tmp_path / "run" / "run.json"
    path.parent.mkdir()
    path.write_text(json.dumps(change))
    refused(train(), 2, "holds a run with other settings")


@case(
    "a state of step `abc`, -1 or 10^30, with NaN, another shape, cut, empty",
    "refused, exit 65; it stays as it is",
)
def test_damaged_states(train, tmp_path):
    assert train().code == 0
    path = tmp_path / "run" / "state.safetensors"
    tensors = load_file(path)
    name = next(n for n in tensors if n.startswith("net."))
    good = path.read_bytes()
    for step in ("abc", "-1", "1" + "0" * 30, ""):
        save_file(tensors, path, metadata={"step": step})
        refused(train(), 65, "cannot continue from", "state.safetensors")
    save_file(tensors, path)
    refused(train(), 65, "cannot continue from")
    for odd in (tensors[name] * float("nan"), tensors[name].flatten()[:1], tensors[name].bool()):
        save_file({**tensors, name: odd.contiguous()}, path, metadata={"step": "1"})
        refused(train(), 65, "cannot continue from")
    for contents in (b"", good[:100], good[:-50], b"\xff" * 200):
        path.write_bytes(contents)
        refused(train(), 65, "cannot continue from")
        assert path.read_bytes() == contents
    path.write_bytes(good)
    assert train().code == 0


@case(
    "`-o` that is a file or below one, `bundle` that is a file, `run.json` or the state that is a folder",
    "a sentence, exit 2",
)
def test_places_that_are_taken(train, tmp_path):
    (tmp_path / "file").write_text("")
    refused(train(out=tmp_path / "file"), 2, "cannot be made")
    refused(train(out=tmp_path / "file" / "run"), 2, "cannot be made")
    run = tmp_path / "run"
    run.mkdir()
    (run / "bundle").write_text("")
    refused(train(), 2, "cannot be made")
    for name in ("run.json", "state.safetensors"):
        (tmp_path / name / name).mkdir(parents=True)
        refused(train(out=tmp_path / name), 2, f"{name}': it is a folder")


@pytest.mark.slow
@case(
    "a disk that is full while the state is saved",
    "a sentence, exit 2; the state before stays, and no part of another",
)
def test_a_full_disk(words, tmp_path):
    def limited():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))  # enough for the settings

    command = [sys.executable, "-m", "brainfill", *map(str, words())]
    done = subprocess.run(command, preexec_fn=limited, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "state.safetensors': the file grew larger than allowed" in done.stderr
    assert "Traceback" not in done.stderr
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["run.json"]


@pytest.mark.slow
@case(
    "training that ends, in whatever way",
    "torch leaves no folder of its compiler among the temporary files",
)
def test_no_folder_of_the_compiler(words, tmp_path):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    command = [sys.executable, "-m", "brainfill", *map(str, words())]
    environment = os.environ | {"TMPDIR": str(temporary)}
    subprocess.run(command, env=environment, capture_output=True, check=True)
    assert not list(temporary.iterdir())
