"""What a run was begun with, kept in its folder so that it is continued in the same way."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from brainfill.core.atomic import make_folder, replacing
from brainfill.core.config import from_dict
from brainfill.core.documents import read_json
from brainfill.core.errors import ConfigError
from brainfill.train.settings import RunConfig

_RECORD = "run.json"


def claim(out: Path, plain: dict[str, Any], config: RunConfig) -> None:
    """Record the settings of a new run; refuse to continue a run with other ones.

    The number of steps may change, so that a run can be prolonged, and that of workers, which does
    not change results.

    Args:
        out: folder of the run.
        plain: everything to record.
        config: the settings in it.

    Raises:
        ConfigError: a run with other settings is there, or the folder cannot be written.
    """
    path = out / _RECORD
    if path.is_file() and not _same(read_json(path), plain, config):
        msg = f"'{out}' holds a run with other settings"
        raise ConfigError(msg, f"give another folder, or the settings in '{path}'")
    make_folder(out, "choose another folder with -o")
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(plain, indent=2) + "\n", encoding="utf-8")


def _same(recorded: dict[str, Any], plain: dict[str, Any], config: RunConfig) -> bool:
    """Whether a recorded run is this one; what an earlier version did not record was as it is by default."""
    recorded = {"learner": plain["learner"], **recorded}
    if any(
        recorded.get(key) != plain[key] for key in ("family", "preset", "learner", "data_sha256")
    ):
        return False
    try:
        model = from_dict(type(config.model), recorded["model"])
        train = from_dict(type(config.train), recorded["train"])
    except (ConfigError, KeyError, TypeError):
        return False
    train = replace(train, steps=config.train.steps, workers=config.train.workers)
    return bool(model == config.model and train == config.train)
