"""What a shell offers when TAB is pressed after an option; found without loading anything heavy."""

from __future__ import annotations

from collections.abc import Callable

from brainfill.bundles import store
from brainfill.core.registry import describe
from brainfill.train import recipe

Values = Callable[[str], list[tuple[str, str]]]


def plugins(*packages: str, others: tuple[str, ...] = ()) -> Values:
    """The names in registry packages such as "brainfill.fillers", with their descriptions, and other words.

    Where nothing fits, shells offer files.
    """

    def complete(incomplete: str) -> list[tuple[str, str]]:
        known = dict.fromkeys(others, "")
        for package in packages:
            known |= {name.replace("_", "-"): about for name, about in describe(package).items()}
        return _beginning(incomplete, known)

    return complete


def models(incomplete: str) -> list[tuple[str, str]]:
    """The shipped models."""
    cards = [store.read_card(store.find(name)) for name in store.names()]
    return _beginning(incomplete, {card.name: store.what_it_does(card) for card in cards})


def recipes(incomplete: str) -> list[tuple[str, str]]:
    """The recipes that come with the package."""
    return _beginning(incomplete, recipe.describe())


def words(*known: str) -> Values:
    """These words."""

    def complete(incomplete: str) -> list[tuple[str, str]]:
        return _beginning(incomplete, dict.fromkeys(known, ""))

    return complete


def _beginning(incomplete: str, known: dict[str, str]) -> list[tuple[str, str]]:
    return [(name, about) for name, about in known.items() if name.startswith(incomplete)]


FILLERS = plugins("brainfill.fillers")
PAINTERS = plugins("brainfill.painters")
SAMPLERS = plugins("brainfill.diffusion.samplers")
STRIPPERS = plugins("brainfill.preprocess.strippers", others=("auto", "none"))
FAMILIES = plugins("brainfill.models", "brainfill.segmentation")
LEARNERS = plugins("brainfill.train.learners")
PRESETS = words("tiny", "small", "paper")
DEVICES = words("auto", "cpu", "cuda", "mps")
