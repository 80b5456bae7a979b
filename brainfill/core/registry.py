"""A folder as a registry: each module is a plug-in, named after its file.

Names and descriptions are read from file names and docstrings, so listing imports nothing. Packages of
others add folders of their own, by an entry point of the group "brainfill.samplers", "brainfill.fillers"
and so on, whose value is the package that holds the modules.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType

from brainfill.core.errors import ConfigError


def names(package: str) -> list[str]:
    """Plug-ins of a registry package such as "brainfill.fillers", in alphabetical order.

    Raises:
        ConfigError: two folders have a plug-in of one name, or there is no such package.
    """
    return sorted(_homes(package))


def describe(package: str) -> dict[str, str]:
    """First docstring line of each plug-in, by name."""
    homes = _homes(package)
    return {name: _first_line(_folder(homes[name]) / f"{name}.py") for name in sorted(homes)}


def load(package: str, name: str) -> ModuleType:
    """The module of one plug-in.

    Raises:
        ConfigError: no plug-in has this name; the message lists those that exist.
    """
    homes = _homes(package)
    if name not in homes:
        known = sorted(homes)
        kind = package.rpartition(".")[2].rstrip("s")
        msg = f"unknown {kind} '{name}'; known: {', '.join(known)}"
        raise ConfigError(msg, did_you_mean(name, known))
    return importlib.import_module(f"{homes[name]}.{name}")


def paths(package: str, suffix: str) -> dict[str, Path]:
    """The file of each plug-in that is no module but a document, such as a recipe, by its name.

    Raises:
        ConfigError: as `names`.
    """
    homes = _homes(package, suffix)
    return {name: _folder(homes[name]) / f"{name}{suffix}" for name in sorted(homes)}


def did_you_mean(name: str, known: list[str]) -> str:
    """A hint naming the closest known word, or an empty string."""
    close = get_close_matches(name, known, n=1)
    return f"did you mean '{close[0]}'?" if close else ""


def _homes(package: str, suffix: str = ".py") -> dict[str, str]:
    """The package that each plug-in lies in, by its name."""
    from importlib.metadata import entry_points  # not for --help

    group = f"brainfill.{package.rpartition('.')[2]}"
    outside = sorted({entry.value for entry in entry_points(group=group)})
    homes: dict[str, str] = {}
    for home in (package, *outside):
        for path in _folder(home).glob(f"*{suffix}"):
            if path.stem.startswith("_"):
                continue
            if path.stem in homes:
                msg = f"'{path.stem}' is the name of a plug-in in {homes[path.stem]} and in {home}"
                raise ConfigError(msg, f"rename {path}")
            homes[path.stem] = home
    return homes


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        msg = f"no registry package {package}"
        raise ConfigError(msg)
    return Path(spec.origin).parent


def _first_line(path: Path) -> str:
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return doc.partition("\n")[0]
