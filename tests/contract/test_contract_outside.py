"""Plug-ins of an outside package are listed, trained, bundled, loaded and used, with no other file changed."""

import json
import sys

import numpy as np
import pytest

from brainfill.bundles.store import INPAINTERS, load_bundle
from brainfill.core.context import Context
from brainfill.core.grid import Grid
from brainfill.core.registry import load, names
from brainfill.core.volume import Mask, Volume
from brainfill.train.pack import Pack, save_pack
from brainfill.train.recipe import read
from brainfill.train.run import train_run

FILES = {
    "models/flat.py": '''
        """Flat: slices, by someone else."""
        from brainfill.models.slice2d import PRESETS, Config, build
        ''',
    "learners/careful.py": '''
        """Careful: learns what inpainters learn, by someone else."""
        from brainfill.train.learners.inpaint import Config, build, read
        FAMILIES, DATA, USUAL = "brainfill.models", ("",), False
        ''',
    "samplers/straight.py": '''
        """Straight: DDIM, by someone else."""
        from brainfill.diffusion.samplers.ddim import Config, build
        ''',
    "recipes/flat-and-careful.toml": """
        about = "Fills flat and carefully."
        source = "https://example.org"
        family = "flat"
        preset = "tiny"
        learner = "careful"
        parameters = 18_097
        [model]
        crop_vox = [4, 9, 10]
        [train]
        steps = 2
        batch = 2
        precision = "float32"
        [walk]
        sampler = "straight"
        steps = 2
        """,
}


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """An installed package of someone else, with a folder for each of four registries."""
    top = tmp_path / "site" / "elsewhere"
    for name, text in FILES.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / "__init__.py").touch()
        lines = [line.removeprefix(" " * 8) for line in text.strip("\n").splitlines()]
        path.write_text("\n".join(lines))
    (top / "__init__.py").touch()
    known = tmp_path / "site" / "elsewhere-1.0.dist-info"
    known.mkdir()
    (known / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 1.0\n")
    folders = sorted({name.partition("/")[0] for name in FILES})
    points = [f"[brainfill.{folder}]\nelsewhere = elsewhere.{folder}\n" for folder in folders]
    (known / "entry_points.txt").write_text("\n".join(points))
    monkeypatch.syspath_prepend(tmp_path / "site")
    yield
    for name in [m for m in sys.modules if m.partition(".")[0] == "elsewhere"]:
        del sys.modules[name]


def test_outside_plug_ins_are_listed(elsewhere, capsys):
    from brainfill.cli.list import command

    for what, name in (
        ("families", "flat"),
        ("learners", "careful"),
        ("samplers", "straight"),
        ("recipes", "flat-and-careful"),
    ):
        command(what, as_json=True)
        found = json.loads(capsys.readouterr().out)
        assert "by someone else" in found[name] or name == "flat-and-careful"
        assert "brainfill" not in found


def test_an_outside_recipe_is_trained_bundled_loaded_and_used(elsewhere, tmp_path):
    rng = np.random.default_rng(0)
    volume = rng.integers(120, 220, (12, 14, 13)).astype(np.uint8)
    save_pack(Pack(["sub-01"], [volume], [np.ones((2, 3, 2), bool)]), tmp_path / "pack.npz")
    recipe = read("flat-and-careful")
    folder = train_run(recipe, tmp_path / "pack.npz", tmp_path / "run", say=lambda _: None)
    kept = json.loads((tmp_path / "run" / "run.json").read_text())
    assert (kept["recipe"], kept["learner"]) == ("flat-and-careful", "careful")
    card = load_bundle(folder, INPAINTERS).card
    assert (card.family, card.sampler, card.steps) == ("flat", "straight", 2)
    assert "step 2 of 2" in card.made_by

    filler = load("brainfill.fillers", "diffusion")
    fill = filler.build(filler.Config(model=str(folder), samples=1))
    grid = Grid((14, 13, 12), np.eye(4))
    image = Volume(volume.transpose(1, 2, 0).astype(np.float32), grid)
    hole = np.zeros(grid.shape, bool)
    hole[5:8, 5:8, 4:7] = True
    filling = fill(image, Mask(hole, grid), Context())
    assert filling.facts["Sampler"] == "straight"
    assert np.isfinite(filling.values[hole]).all()
    assert not np.array_equal(filling.values[hole], image.data[hole])


def test_without_the_package_nothing_of_it_is_there():
    assert "careful" not in names("brainfill.train.learners")
