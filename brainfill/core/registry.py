"""A folder as a registry: each module is a plug-in, named after its file.

Names and descriptions are read from file names and docstrings, so listing imports nothing.
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
    """Plug-ins of a registry package such as "brainfill.fillers", in alphabetical order."""
    return sorted(p.stem for p in _folder(package).glob("*.py") if not p.stem.startswith("_"))


def describe(package: str) -> dict[str, str]:
    """First docstring line of each plug-in, by name."""
    return {name: _first_line(_folder(package) / f"{name}.py") for name in names(package)}


def load(package: str, name: str) -> ModuleType:
    """The module of one plug-in.

    Raises:
        ConfigError: no plug-in has this name; the message lists those that exist.
    """
    known = names(package)
    if name not in known:
        kind = package.rpartition(".")[2].rstrip("s")
        msg = f"unknown {kind} '{name}'; known: {', '.join(known)}"
        raise ConfigError(msg, did_you_mean(name, known))
    return importlib.import_module(f"{package}.{name}")


def did_you_mean(name: str, known: list[str]) -> str:
    """A hint naming the closest known word, or an empty string."""
    close = get_close_matches(name, known, n=1)
    return f"did you mean '{close[0]}'?" if close else ""


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        msg = f"no registry package {package}"
        raise ConfigError(msg)
    return Path(spec.origin).parent


def _first_line(path: Path) -> str:
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return doc.partition("\n")[0]
