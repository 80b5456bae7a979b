"""All settings of a run: which learner, of what model, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from brainfill.bundles.store import package_of
from brainfill.core.config import option, override
from brainfill.core.errors import ConfigError, DataError
from brainfill.core.registry import load, names
from brainfill.train.config import LoopConfig

LEARNERS = "brainfill.train.learners"


@dataclass(frozen=True)
class RunConfig:
    """All settings of a run, written beside its weights."""

    model: Any = field(metadata={"help": "the family's configuration"})
    train: LoopConfig = option(LoopConfig(), "how it is trained; the learner's configuration")


def learner_of(family: str, asked: str = "", kind: str | None = None) -> ModuleType:
    """The learner that trains a family.

    Args:
        family: module of one of the registries of families.
        asked: name of the learner; "" is the usual one for the family and the data.
        kind: of the data; None where there are none yet, and the first of the usual ones is taken.

    Raises:
        ConfigError: no learner has this name, or it trains other families.
        DataError: nothing learns this family from such data.
    """
    package = package_of(family)
    load(package, family)  # an unknown one is best named as such
    if asked:
        learner = load(LEARNERS, asked)
        if package != learner.FAMILIES:
            msg = f"the learner '{asked}' does not train the family '{family}'"
            raise ConfigError(msg, "see: brainfill list learners")
        return learner
    known = [load(LEARNERS, name) for name in names(LEARNERS)]
    usual = [
        m for m in known if m.USUAL and package == m.FAMILIES and (kind is None or kind in m.DATA)
    ]
    if not usual:
        msg = f"the family '{family}' does not learn from data of the kind '{kind or 'scans'}'"
        raise DataError(msg, "see: brainfill list learners")
    return usual[0]


def resolved(
    family: str, preset: str, settings: Sequence[str], learner: ModuleType | None = None
) -> RunConfig:
    """The configuration of a preset after `settings`.

    Args:
        family: module of one of the registries of families.
        preset: one of its PRESETS.
        settings: `train.steps=1000` or `model.unet.width=24`.
        learner: gives the settings of training; None is the usual one.

    Raises:
        ConfigError: unknown family, preset, key, or a value of the wrong type.
    """
    learner = learner or learner_of(family)
    presets: dict[str, Any] = load(package_of(family), family).PRESETS
    if preset not in presets:
        msg = f"family '{family}' has no preset '{preset}'; known: {', '.join(presets)}"
        raise ConfigError(msg)
    model: Any = presets[preset]
    given: dict[str, list[str]] = {"model": [], "train": []}
    for setting in settings:
        part, _, rest = setting.partition(".")
        if part not in given:
            msg = f"setting '{setting}' must begin with 'model.' or 'train.'"
            raise ConfigError(msg, "for example train.steps=1000")
        given[part].append(rest)
    # Together, since some settings are allowed with others only.
    return RunConfig(override(model, given["model"]), override(learner.Config(), given["train"]))
