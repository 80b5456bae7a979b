"""`brainfill list`: what there is to choose from, found without loading any of it."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import typer

from brainfill.bundles import store
from brainfill.cli.examples import examples
from brainfill.cli.options import Json
from brainfill.core.registry import describe
from brainfill.train import recipe

_REGISTRIES = {
    "fillers": ["brainfill.fillers"],
    "painters": ["brainfill.painters"],
    "samplers": ["brainfill.diffusion.samplers"],
    "guidance": ["brainfill.diffusion.guidance"],
    "codecs": ["brainfill.diffusion.codecs"],
    "tilings": ["brainfill.diffusion.tilings"],
    "learners": ["brainfill.train.learners"],
    "families": ["brainfill.models", "brainfill.segmentation"],
    "steps": ["brainfill.preprocess.steps"],
    "strippers": ["brainfill.preprocess.strippers"],
    "tissues": ["brainfill.preprocess.tissues"],
    "backends": ["brainfill.thickness.backends"],
}

EXAMPLES = examples(
    "brainfill list models",
    "brainfill list fillers --json",
)


def command(
    what: Annotated[
        Literal[
            "models",
            "samplers",
            "guidance",
            "codecs",
            "tilings",
            "fillers",
            "painters",
            "families",
            "learners",
            "recipes",
            "steps",
            "strippers",
            "tissues",
            "backends",
        ],
        typer.Argument(help="what to list"),
    ],
    as_json: Json = False,
) -> None:
    """List the models, samplers, kinds of guidance, codecs, tilings, filling and painting methods, model families, learners, recipes of training, preprocessing steps, skull strippers, tissue segmenters or thickness backends there are."""
    found = _OTHERS[what]() if what in _OTHERS else _described(_REGISTRIES[what])
    if as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    width = max((len(name) for name in found), default=0)
    for name, words in found.items():
        typer.echo(f"{name:<{width}}  {words}")


def _described(packages: list[str]) -> dict[str, str]:
    return {name: words for package in packages for name, words in describe(package).items()}


def _models() -> dict[str, str]:
    cards = [store.read_card(store.find(name)) for name in store.names()]
    return {
        c.name: f"{store.what_it_does(c)}: {c.family}, version {c.version}, licence: {c.licence}"
        for c in cards
    }


_OTHERS = {"models": _models, "recipes": recipe.describe}
