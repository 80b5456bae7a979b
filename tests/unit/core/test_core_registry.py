import sys

import pytest

from brainfill.core import registry
from brainfill.core.errors import ConfigError

SAMPLERS = "brainfill.diffusion.samplers"


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A registry package of our own."""
    folder = tmp_path / "shelf_of_tests"
    folder.mkdir()
    (folder / "__init__.py").write_text('"""Shelf."""\n')
    (folder / "beta.py").write_text('"""Second letter.\n\nMore about it.\n"""\nVALUE = 2\n')
    (folder / "alpha.py").write_text("raise RuntimeError('imported')\n")
    (folder / "_base.py").write_text('"""Not a plug-in."""\n')
    (folder / "notes.txt").write_text("not a module")
    monkeypatch.syspath_prepend(tmp_path)
    yield "shelf_of_tests"
    for name in [m for m in sys.modules if m.partition(".")[0] == "shelf_of_tests"]:
        del sys.modules[name]


def test_a_folder_is_listed_in_order_without_importing_anything(shelf):
    assert registry.names(shelf) == ["alpha", "beta"]
    assert registry.describe(shelf) == {"alpha": "", "beta": "Second letter."}


def test_a_plug_in_is_imported_by_its_file_name(shelf):
    assert registry.load(shelf, "beta").VALUE == 2


def test_a_new_file_is_a_new_plug_in(shelf, tmp_path):
    (tmp_path / shelf / "gamma.py").write_text('"""Third letter."""\n')
    assert registry.names(shelf) == ["alpha", "beta", "gamma"]


@pytest.mark.parametrize("name", ["_base", "__init__", "", "beta.py", "../beta"])
def test_only_listed_names_can_be_loaded(shelf, name):
    with pytest.raises(ConfigError, match="unknown"):
        registry.load(shelf, name)


def test_an_unknown_name_lists_the_known_and_hints_at_the_closest():
    sentence = "unknown sampler 'dimm'; known: consistency, ddim, ddpm, dpmpp2m, heun"
    with pytest.raises(ConfigError, match=sentence) as info:
        registry.load(SAMPLERS, "dimm")
    assert info.value.hint == "did you mean 'ddim'?"


def test_an_unknown_registry_is_named():
    with pytest.raises(ConfigError, match=r"no registry package brainfill\.nothing"):
        registry.names("brainfill.nothing")
