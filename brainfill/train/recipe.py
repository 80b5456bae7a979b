"""Recipes: named settings of a model, its training and its use, from TOML files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brainfill.core.config import check_ranges, from_dict, option
from brainfill.core.documents import read_toml
from brainfill.core.errors import ConfigError, InputMissingError
from brainfill.core.registry import did_you_mean, paths

_RECIPES, _SUFFIX = "brainfill.recipes", ".toml"
_LONGEST_CHAIN = 8


@dataclass(frozen=True, kw_only=True)
class ModelChoice:
    """Which model is trained."""

    family: str = option("pseudo3d", "model family; see: brainfill list families")
    preset: str = option("small", "size of the model: tiny, small or paper")
    learner: str = option(
        "",
        "how it learns; by default what suits the family and the data; see: brainfill list learners",
    )


@dataclass(frozen=True, kw_only=True)
class Recipe(ModelChoice):
    """What is trained, and how."""

    name: str = option("", "of the file; none for what options of the command line say")
    about: str = option("", "what the trained model does")
    source: str = option("", "paper that it follows")
    parameters: int = option(0, "of the network", low=0, high=1_000_000_000)
    model: dict[str, Any] = option({}, "settings of the model, as changes of the preset")
    train: dict[str, Any] = option({}, "settings of training")
    walk: dict[str, Any] = option(
        {}, "from noise to image, unless something else is asked for; goes to the card"
    )

    def __post_init__(self) -> None:
        check_ranges(self)

    def settings(self) -> list[str]:
        """Such as `train.steps=1000`."""
        return [*_flat(self.model, "model"), *_flat(self.train, "train")]


def _flat(table: Mapping[str, Any], where: str) -> Iterator[str]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{where}.{key}")
        else:
            yield f"{where}.{key}={json.dumps(value)}"


def names() -> list[str]:
    """Recipes that come with the package, or with one that has an entry point `brainfill.recipes`."""
    return list(paths(_RECIPES, _SUFFIX))


def describe() -> dict[str, str]:
    """What each recipe makes, by name."""
    return {name: read(name).about for name in names()}


def read(name: str) -> Recipe:
    """A recipe by its name, or by the path of a file that ends in .toml.

    Raises:
        ConfigError: there is no such recipe, or it has keys or types that recipes have not.
        InputMissingError, DataError: its file cannot be read.
    """
    plain = _tables(name, 0)
    return from_dict(Recipe, {**plain, "name": Path(name).stem}, where=f"recipe {name}: ")


def chosen(recipe: str | None, **options: str | None) -> Recipe:
    """The recipe of a name, or one made of the options of a command line; None is what was not given.

    Raises:
        ConfigError: both are given, or there is no such recipe.
    """
    given = {key: value for key, value in options.items() if value is not None}
    if recipe is None:
        return Recipe(**given)  # type: ignore[arg-type]  # options that are text
    if given:
        msg = f"the recipe '{recipe}' says which {' and '.join(given)} to take"
        raise ConfigError(msg, "leave out " + " and ".join(f"--{key}" for key in given))
    return read(recipe)


def _tables(name: str, depth: int) -> dict[str, Any]:
    """The tables of a recipe, over those of the one that it is like."""
    if depth > _LONGEST_CHAIN:
        msg = f"recipe '{name}' is like others without end"
        raise ConfigError(msg, "see the key 'like' of each")
    plain = read_toml(_file(name))
    like = plain.pop("like", None)
    return plain if like is None else _merged(_tables(str(like), depth + 1), plain)


def _file(name: str) -> Path:
    if name in (known := paths(_RECIPES, _SUFFIX)):
        return known[name]
    if not name.endswith(_SUFFIX):
        msg = f"unknown recipe '{name}'; known: {', '.join(known)}"
        raise ConfigError(
            msg, did_you_mean(name, list(known)) or "or give the path of a .toml file"
        )
    if not Path(name).is_file():
        msg = f"no recipe at '{name}'"
        raise InputMissingError(msg, "check the path, or see: brainfill list recipes")
    return Path(name)


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Both tables; where both have a value, that of `above`."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        both = isinstance(value, Mapping) and isinstance(under, Mapping)
        merged[key] = _merged(under, value) if both else value  # type: ignore[arg-type]  # both are
    return merged
