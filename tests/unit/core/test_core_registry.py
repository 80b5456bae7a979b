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


@pytest.fixture
def outside(tmp_path, monkeypatch, shelf):
    """An installed package of someone else, whose folder `letters` belongs to the shelf as well."""
    folder = tmp_path / "others" / "letters"
    folder.mkdir(parents=True)
    for package in (folder, folder.parent):
        (package / "__init__.py").write_text("")
    (folder / "delta.py").write_text('"""Fourth letter."""\nVALUE = 4\n')
    known = tmp_path / "others-1.0.dist-info"
    known.mkdir()
    (known / "METADATA").write_text("Metadata-Version: 2.1\nName: others\nVersion: 1.0\n")
    (known / "entry_points.txt").write_text("[brainfill.shelf_of_tests]\nothers = others.letters\n")
    yield folder
    for name in [m for m in sys.modules if m.partition(".")[0] == "others"]:
        del sys.modules[name]


def test_the_folder_of_an_outside_package_is_searched_as_well(shelf, outside):
    assert registry.names(shelf) == ["alpha", "beta", "delta"]
    assert registry.describe(shelf)["delta"] == "Fourth letter."
    assert "others.letters.delta" not in sys.modules
    assert registry.load(shelf, "delta").VALUE == 4
    assert registry.load(shelf, "beta").VALUE == 2


def test_a_file_dropped_there_is_a_plug_in_with_nothing_else_changed(shelf, outside):
    (outside / "epsilon.py").write_text('"""Fifth letter."""\n')
    assert registry.describe(shelf)["epsilon"] == "Fifth letter."


def test_other_registries_do_not_hear_of_it(outside):
    assert "delta" not in registry.names(SAMPLERS)


def test_two_plug_ins_of_one_name_are_refused(shelf, outside):
    (outside / "beta.py").write_text('"""Another second letter."""\n')
    with pytest.raises(ConfigError, match=r"'beta' .* in shelf_of_tests and in others\.letters"):
        registry.load(shelf, "alpha")


def test_a_folder_that_is_promised_and_missing_is_named(shelf, outside, tmp_path):
    (tmp_path / "others-1.0.dist-info" / "entry_points.txt").write_text(
        "[brainfill.shelf_of_tests]\nothers = others.numbers\n"
    )
    with pytest.raises(ConfigError, match=r"no registry package others\.numbers"):
        registry.names(shelf)
