"""What every plug-in of a registry promises: it says what it is, and its options have help, units and survive JSON."""

from __future__ import annotations

import dataclasses
import json
import sys
from contextlib import contextmanager

from brainfill.core.config import from_dict, to_dict
from brainfill.core.registry import describe, load, names

_UNITS = {"_vox": "voxels", "_mm": "mm", "_s": "s"}


def check_plugin(package: str, name: str) -> None:
    """The part of the contract that is the same for all registries."""
    line = describe(package)[name]
    assert line.endswith("."), f"the docstring of {name} must begin with a sentence"
    config = load(package, name).Config()
    assert config.__dataclass_params__.frozen
    for field in dataclasses.fields(config):
        assert field.metadata.get("help"), f"option {field.name} of {name} needs help"
        for ending, unit in _UNITS.items():
            if field.name.endswith(ending):
                assert field.metadata["unit"] == unit, field.name
    assert from_dict(type(config), json.loads(json.dumps(to_dict(config)))) == config


@contextmanager
def outside_package(folder, group: str, name: str, text: str):
    """An installed package of someone else, on the path, whose folder holds one plug-in of a registry."""
    home = folder / "someone"
    home.mkdir()
    (home / "__init__.py").write_text("")
    (home / f"{name}.py").write_text(text)
    known = folder / "someone-1.0.dist-info"
    known.mkdir()
    (known / "METADATA").write_text("Metadata-Version: 2.1\nName: someone\nVersion: 1.0\n")
    (known / "entry_points.txt").write_text(f"[brainfill.{group}]\nsomeone = someone\n")
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for module in [m for m in sys.modules if m.partition(".")[0] == "someone"]:
            del sys.modules[module]


def plugins_of(package: str) -> list[str]:
    """The names a contract test runs over."""
    found = names(package)
    assert found, f"{package} has no plug-ins"
    return found
