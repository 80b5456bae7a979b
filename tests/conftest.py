"""Phantoms: one object in world space, seen by scanners that store it in different ways; the command line in this process."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

# Before ITK, torch and numpy are loaded, which read it once: small images gain nothing from threads, and those of
# tests side by side wait for each other, which takes several times as long as the work.
os.environ.setdefault("ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
# One list of fonts for all processes of the tests: each would make its own, and spend a second on it.
os.environ.setdefault(
    "MPLCONFIGDIR", str(Path(tempfile.gettempdir()) / "brainfill-tests-matplotlib")
)

import hypothesis
import numpy as np
import pytest

from brainfill.core.context import Context
from brainfill.core.grid import FloatArray, Grid
from brainfill.core.volume import LabelMap, Mask, Scan, Volume

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("brainfill", deadline=None)
hypothesis.settings.load_profile("brainfill")


def _centred(shape: tuple[int, int, int], axes: FloatArray) -> Grid:
    """The grid of `shape` whose centre is the world origin; columns of `axes` are voxel edges [mm]."""
    affine = np.eye(4)
    affine[:3, :3] = axes
    affine[:3, 3] = -axes @ ((np.array(shape) - 1) / 2)
    return Grid(shape, affine)


def _turned(degrees: float) -> FloatArray:
    a, b = np.deg2rad(degrees), np.deg2rad(degrees / 2)
    around_z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    around_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    return around_z @ around_x


_GRIDS = {
    "RAS": _centred((28, 30, 26), np.eye(3)),
    "LAS": _centred((28, 30, 26), np.diag([-1.0, 1, 1])),
    "LPS": _centred((28, 30, 26), np.diag([-1.0, -1, 1])),
    "PSR": _centred((30, 26, 28), np.array([[0, 0, 1.0], [-1, 0, 0], [0, 1, 0]])),
    "oblique": _centred((30, 32, 29), _turned(17)),
    "anisotropic": _centred((28, 30, 9), np.diag([1.0, 1, 3])),
    "odd": _centred((23, 29, 25), _turned(-9) @ np.diag([-1.3, 1.1, 1.2])),
}


def _head(xyz: FloatArray) -> FloatArray:
    """A smooth head without any symmetry, 0 far outside and at most about 1000, at positions in mm."""
    radius = np.linalg.norm(xyz / (11, 13, 10), axis=-1)
    value = 700 / (1 + np.exp(12 * (radius - 0.9)))
    for centre, width, height in (
        ((4, 5, 2), 3, 250),
        ((-5, -4, 3), 4, -200),
        ((1, -6, -4), 2.5, 150),
    ):
        value += height * np.exp(-0.5 * np.sum((xyz - centre) ** 2, axis=-1) / width**2)
    return np.where(radius < 1.3, value, 0)


def _positions(grid: Grid) -> FloatArray:
    return grid.to_world(np.argwhere(np.ones(grid.shape, bool)).astype(float))


def _lesion(xyz: FloatArray) -> FloatArray:
    return np.linalg.norm((xyz - (3, -2, 1)) / (3, 4, 3.5), axis=-1) < 1


@pytest.fixture(scope="session")
def grids() -> dict[str, Grid]:
    """Grids by name; each covers the phantom."""
    return _GRIDS


@pytest.fixture(params=list(_GRIDS))
def any_grid(request: pytest.FixtureRequest) -> Grid:
    """Each grid in turn."""
    return _GRIDS[request.param]


@pytest.fixture(scope="session")
def phantom() -> Callable[[Grid], Volume]:
    """Makes the phantom on a grid."""
    return lambda grid: Volume(_head(_positions(grid)).reshape(grid.shape), grid)


@pytest.fixture(scope="session")
def phantom_lesion() -> Callable[[Grid], Mask]:
    """Makes the mask of the phantom's lesion on a grid."""
    return lambda grid: Mask(_lesion(_positions(grid)).reshape(grid.shape), grid)


@pytest.fixture(scope="session")
def phantom_scan(
    phantom: Callable[[Grid], Volume], phantom_lesion: Callable[[Grid], Mask]
) -> Callable[[Grid], Scan]:
    """Makes a scan with two contrasts, lesion, brain and labels on a grid."""

    def make(grid: Grid) -> Scan:
        t1 = phantom(grid)
        flair = Volume(np.where(t1.data > 0, 900 - t1.data / 2, 0), grid)
        labels = LabelMap(np.digitize(t1.data, [100, 500, 750]), grid, {1: "rim", 2: "core"})
        brain = Mask(t1.data > 400, grid)
        return Scan("sub-01", {"T1w": t1, "FLAIR": flair}, phantom_lesion(grid), brain, labels)

    return make


_BRAIN_GRIDS = {
    "RAS": _centred((36, 42, 34), np.diag([5.0, 5, 5])),
    "LAS": _centred((36, 42, 34), np.diag([-5.0, 5, 5])),
    "LPS": _centred((36, 42, 34), np.diag([-5.0, -5, 5])),
    "oblique": _centred((40, 46, 40), _turned(12) @ np.diag([4.8, 5, 5])),
}


def _brain(xyz: FloatArray) -> FloatArray:
    """A ball of the size of a brain: dark rim, bright core, two dark cavities, folds; 0 outside, positions in mm."""
    radius = np.linalg.norm(xyz / (66, 82, 62), axis=-1)
    value = 450 + 250 / (1 + np.exp(20 * (radius - 0.7)))
    for centre, width, height in (((14, 5, 8), 14, -420), ((-25, -30, -12), 11, -300)):
        value -= -height * np.exp(-0.5 * np.sum((xyz - centre) ** 2, axis=-1) / width**2)
    for wave in ((0.13, 0.05, 0.08), (-0.05, 0.14, 0.06)):
        value += 45 * np.sin(xyz @ np.array(wave))
    return np.where(radius < 1, value, 0)


@pytest.fixture(scope="session")
def brain_grids() -> dict[str, Grid]:
    """Coarse grids by name; each covers the phantom of `brain`."""
    return _BRAIN_GRIDS


@pytest.fixture(params=list(_BRAIN_GRIDS))
def brain_grid(request: pytest.FixtureRequest) -> Grid:
    """Each of these grids in turn."""
    return _BRAIN_GRIDS[request.param]


@pytest.fixture(scope="session")
def brain() -> Callable[..., Volume]:
    """Makes a stripped brain on a grid, seen at the positions that `move` (4, 4) takes the voxels to."""

    def make(grid: Grid, move: FloatArray | None = None) -> Volume:
        xyz = _positions(grid)
        if move is not None:
            xyz = xyz @ move[:3, :3].T + move[:3, 3]
        return Volume(_brain(xyz).reshape(grid.shape), grid)

    return make


_TISSUE_GRIDS = {
    "RAS": _centred((48, 46, 44), np.eye(3) * 1.5),
    "LAS": _centred((48, 46, 44), np.diag([-1.5, 1.5, 1.5])),
    "PSR": _centred((46, 44, 48), 1.5 * np.array([[0, 0, 1.0], [-1, 0, 0], [0, 1, 0]])),
    "oblique": _centred((52, 54, 50), _turned(17) * 1.5),
    "anisotropic": _centred((54, 51, 23), np.diag([1.3, 1.4, 3])),
}


def _tissues(xyz: FloatArray) -> FloatArray:
    """A ball of white matter with a ventricle, in grey matter, in fluid; 0 outside, positions in mm."""
    radius = np.linalg.norm(xyz / (1.05, 1, 0.95), axis=-1)
    labels = np.select([radius < 22, radius < 27, radius < 30], [3, 2, 1], 0)
    return np.where(_ventricle(xyz), 1, labels)


def _ventricle(xyz: FloatArray) -> FloatArray:
    return np.linalg.norm((xyz - (2, -1, 1)) / (5, 8, 4), axis=-1) < 1


@pytest.fixture(scope="session")
def tissue_grids() -> dict[str, Grid]:
    """Grids by name; each covers the phantom of `tissue_phantom`."""
    return _TISSUE_GRIDS


@pytest.fixture(params=list(_TISSUE_GRIDS))
def tissue_grid(request: pytest.FixtureRequest) -> Grid:
    """Each of these grids in turn."""
    return _TISSUE_GRIDS[request.param]


@pytest.fixture(scope="session")
def tissue_phantom() -> Callable[..., tuple[LabelMap, Mask]]:
    """Makes tissues and ventricles on a grid, seen at the positions that `move` (4, 4) takes the voxels to."""

    def make(grid: Grid, move: FloatArray | None = None) -> tuple[LabelMap, Mask]:
        xyz = _positions(grid)
        if move is not None:
            xyz = xyz @ move[:3, :3].T + move[:3, 3]
        labels, wet = (f(xyz).reshape(grid.shape) for f in (_tissues, _ventricle))
        return LabelMap(labels, grid), Mask(wet, grid)

    return make


@pytest.fixture
def ctx() -> Context:
    """Silent surroundings."""
    return Context()


def _seen(level: float) -> dict[str, float]:
    names = ("q1", "median", "mean", "q3", "p99")
    return {n: round(level + 0.05 * i, 2) for i, n in enumerate(names)} | {"grain": 0.03}


@pytest.fixture(scope="session")
def painter_models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Folders of tiny models for T1w and FLAIR by the painter that takes them, with weights drawn at random."""
    import torch

    from brainfill.bundles.store import Card, save_bundle
    from brainfill.core.config import override
    from brainfill.models import memory3d

    both = ['contrasts=["T1w","FLAIR"]', "details=[]", "unet.width=4"]
    kinds = {
        "lesion-paint": ["first_fill=harmonic", "residual_scale=0.3"],
        # A network that says little noise is there gives the image back with little change.
        "lesion-redraw": ["first_fill=zero", "conditional=false", "prediction=eps"],
    }
    folders = {}
    for name, settings in kinds.items():
        torch.manual_seed(0)
        model = memory3d.build(override(memory3d.PRESETS["tiny"], both + settings))
        weights = {n: p + 0.05 * torch.randn_like(p) for n, p in model.net.named_parameters()}
        folders[name] = tmp_path_factory.mktemp(name)
        lesions = {"T1w": _seen(0.6), "FLAIR": _seen(1.3)}
        card = Card(name=name, family="memory3d", steps=2, licence="CC0", lesions=lesions)
        save_bundle(folders[name], model, weights, card, "")
    redraw = str(folders["lesion-redraw"])
    return {"conditional": str(folders["lesion-paint"]), "coarse": redraw, "guided": redraw}


class Outcome(NamedTuple):
    """What one call of the command gave back."""

    code: int
    out: str
    err: str


@pytest.fixture
def call(capsys, monkeypatch):
    """Run `brainfill` with arguments; the exit code and both streams."""
    from command_line import all_commands

    from brainfill.cli import app

    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(app, "app", all_commands())

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["brainfill", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            app.main()
        out, err = capsys.readouterr()
        return Outcome(stop.value.code or 0, out, err)

    return run
