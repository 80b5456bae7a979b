"""What was done for a person: a JSON written last, so that a repeated run does only the rest."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from brainfill.bundles.store import sha256
from brainfill.core.documents import read_json
from brainfill.core.errors import BrainfillError, InputMissingError
from brainfill.io.sidecar import write_sidecar

# A file changed twice within the resolution of its time stamp looks unchanged; coarse file systems count in 2 s.
_SETTLED_S = 3.0


@dataclass(frozen=True)
class StepRecord:
    """One finished step.

    Args:
        fingerprint: of all that decides its outcome.
        outputs: sizes [bytes] by path in the output dataset.
        seconds: it took.
        facts: figures for the table of the group.
    """

    fingerprint: str
    outputs: Mapping[str, int]
    seconds: float
    facts: Mapping[str, Any] = field(default_factory=dict)

    def holds(self, fingerprint: str, root: Path) -> bool:
        """Whether it is this very step, and all it wrote is still there; pages get links after they are written."""
        found = {path: _size(root / path) for path in self.outputs}
        whole = (
            found[path] == size or (path.endswith(".html") and found[path])
            for path, size in self.outputs.items()
        )
        return self.fingerprint == fingerprint and all(whole)


@dataclass
class Record:
    """All that is known of a person.

    Args:
        path: of the file.
        about: what the table of the group says of the person: labels, status, message.
        inputs: size, time and checksum of files, by path.
        steps: finished ones.
    """

    path: Path
    about: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    steps: dict[str, StepRecord] = field(default_factory=dict)

    def save(self) -> None:
        """Write it, completely or not at all.

        Raises:
            ConfigError: the file cannot be written.
        """
        steps = {name: vars(step) for name, step in self.steps.items()}
        write_sidecar({**self.about, "Inputs": self.inputs, "Steps": steps}, self.path)

    def checksums(self, paths: Iterable[Path]) -> list[str]:
        """SHA-256 of files; those whose size and time of change are as recorded are not read again.

        Raises:
            InputMissingError: a file cannot be read.
        """
        self.inputs = {str(p): _look(p, self.inputs.get(str(p), {})) for p in paths}
        return [seen["sha256"] for seen in self.inputs.values()]


def read_record(path: Path) -> Record:
    """The record in a file; an empty one if there is none, or if it is of another form."""
    try:
        plain = read_json(path)
        steps = {name: StepRecord(**step) for name, step in plain.pop("Steps").items()}
        return Record(path, inputs=plain.pop("Inputs"), steps=steps, about=plain)
    except (BrainfillError, KeyError, TypeError, AttributeError):
        return Record(path)


def fingerprint(**parts: Any) -> str:  # noqa: ANN401 - whatever JSON can hold
    """A checksum of all that decides what a step gives."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _look(path: Path, known: Mapping[str, Any]) -> dict[str, Any]:
    try:
        now = path.stat()
        seen = {"size": now.st_size, "mtime_ns": now.st_mtime_ns}
        if seen == {key: known.get(key) for key in seen}:
            return dict(known)
        settled = time.time() - now.st_mtime > _SETTLED_S
        return seen | {"mtime_ns": seen["mtime_ns"] if settled else None, "sha256": sha256(path)}
    except OSError as error:
        msg = f"'{path}' cannot be read: {error.strerror}"
        raise InputMissingError(msg, "check the path and its permissions") from error


def _size(path: Path) -> int | None:
    try:
        return os.stat(path).st_size  # noqa: PTH116 - a broken link is no output
    except OSError:
        return None
