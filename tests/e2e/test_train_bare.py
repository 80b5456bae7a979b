"""Training where only torch, numpy, scipy and safetensors are installed."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest

from brainfill.bundles.store import load_bundle
from brainfill.train import __main__ as bare
from brainfill.train.pack import Pack, save_pack

BARE = """
import importlib, importlib.abc, runpy, sys

MISSING = {"nibabel", "typer", "rich", "ants", "monai", "pooch", "cattrs", "HD_BET", "skimage"}

class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in MISSING:
            raise ImportError(f"{name} is not installed")

sys.meta_path.insert(0, Missing())
for name in MISSING:
    try:
        importlib.import_module(name)
    except ImportError:
        continue
    sys.exit(f"{name} can be imported")
runpy.run_module("brainfill.train", run_name="__main__", alter_sys=True)
"""
SETTINGS = ["model.crop_vox=[8,8,8]", "model.unet.width=8", "train.steps=2", "train.batch=1"]


@pytest.fixture
def pack(tmp_path):
    volume = np.random.default_rng(0).integers(120, 220, (12, 11, 13)).astype(np.uint8)
    save_pack(Pack(["sub-01"], [volume], [np.ones((2, 3, 2), bool)]), tmp_path / "pack.npz")
    return tmp_path / "pack.npz"


def arguments(data, out, *more):
    settings = [part for s in SETTINGS for part in ("--set", s)]
    words = [data, "-o", out, "--family", "memory3d", "--preset", "tiny", *settings, *more]
    return [str(w) for w in words]


def train_bare(*words):
    return subprocess.run(
        [sys.executable, "-c", BARE, *words], capture_output=True, text=True, check=False
    )


def test_training_needs_no_reader_of_images_and_no_terminal(pack, tmp_path):
    done = train_bare(*arguments(pack, tmp_path / "run", "--set", "train.workers=1"))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert re.search(r"M parameters in b?float\d\d on cpu, 1 volumes, from step 0", done.stderr)
    card = load_bundle(tmp_path / "run" / "bundle").card
    assert (card.family, card.data) == ("memory3d", "1 scans: sub-01")


def test_errors_end_the_process_with_their_code_and_no_traceback(tmp_path):
    done = train_bare(*arguments(tmp_path / "none.npz", tmp_path / "run"))
    assert (done.returncode, done.stdout) == (66, "")
    error, hint = done.stderr.splitlines()[-2:]
    assert error == f"error: no packed training data at '{tmp_path / 'none.npz'}'"
    assert hint == "hint: make it with: brainfill train pack DATA -o PACK.npz"
    assert "Traceback" not in done.stderr


@pytest.fixture
def call(monkeypatch, capsys):
    """The same command in this process; its code and the last lines of stderr."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["brainfill.train", *words])
        code = bare.main()
        out, err = capsys.readouterr()
        assert out == ""
        return code, err.splitlines()

    return run


@pytest.mark.parametrize(
    ("more", "code", "error", "hint"),
    [
        (["--family", "memory"], 2, "unknown model 'memory'", "hint: did you mean 'memory3d'?"),
        (["--preset", "huge"], 2, "family 'memory3d' has no preset 'huge'; known: tiny", None),
        (["--set", "train.step=1"], 2, "unknown setting 'step'", "hint: did you mean 'steps'?"),
        (["--set", "steps=1"], 2, "setting 'steps=1' must begin", "hint: for example train.steps"),
    ],
)
def test_settings_that_do_not_exist(call, pack, tmp_path, more, code, error, hint):
    found, lines = call(*arguments(pack, tmp_path / "run", *more))
    assert found == code
    assert lines[0].startswith(f"error: {error}")
    assert len(lines) == (2 if hint else 1)
    assert hint is None or lines[1].startswith(hint)


def test_data_of_another_kind(call, tmp_path):
    (tmp_path / "pack.npz").write_text("a text file, not an archive of arrays")
    code, lines = call(*arguments(tmp_path / "pack.npz", tmp_path / "run"))
    assert code == 65
    assert lines[-2].startswith(f"error: '{tmp_path / 'pack.npz'}' is not packed training data: ")
    assert lines[-1].startswith("hint: make it with")


def test_a_dry_run_shows_the_settings(call, pack, tmp_path):
    code, lines = call(*arguments(pack, tmp_path / "run", "--dry-run"))
    assert code == 0
    assert json.loads("".join(lines))["train"]["steps"] == 2
    assert not (tmp_path / "run").exists()
