"""What was done for a person: a JSON written last, so that a repeated run does only the rest."""

from __future__ import annotations

import hashlib
import json
import stat
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from brainfill.bids.config import LESION
from brainfill.bundles.store import sha256
from brainfill.core.context import ignore
from brainfill.core.documents import read_json
from brainfill.core.errors import BrainfillError, DataError, InputMissingError
from brainfill.io.sidecar import write_sidecar

# A file changed twice within the resolution of its time stamp looks unchanged; coarse file systems count in 2 s.
_SETTLED_S = 3.0
_ANEW = "the same command without this file does the scan anew"
_MOST = 1e15  # no size or figure is larger


def _is_figure(value: Any) -> bool:  # noqa: ANN401 - whatever JSON can hold
    """Whether it is a number that can be told; written so that NaN is none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _MOST


def _is_figure_or_none(value: Any) -> bool:  # noqa: ANN401
    return value is None or _is_figure(value)


def _is_count(value: Any) -> bool:  # noqa: ANN401
    return _is_figure(value) and isinstance(value, int) and value >= 0


def _is_time_or_none(value: Any) -> bool:  # noqa: ANN401
    """Whether it is a time [ns] as file systems count it, from 1970 on or back."""
    return value is None or (isinstance(value, int) and abs(value) < 2**63)


def _is_text(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, bool)


def _is_texts(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _is_pages(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, list) and all(_is_texts(each) for each in value)


def _has_figure(key: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and _is_figure_or_none(value.get(key))


# What the table of the group, or a later step, wants to know of a step, and what it must be.
FACTS: Mapping[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("LesionVoxels", "LesionCount", "FilledVoxels", "VoxelsChanged"), _is_count),
    **dict.fromkeys(("LesionVolumeML",), _is_figure),
    **dict.fromkeys(("LargestStripeIndex", "BorderStepPct"), _is_figure_or_none),
    **dict.fromkeys(("SkullStripped", "Smoothed"), _is_flag),
    "Warnings": _is_texts,
    "Global": _has_figure("mean_mm"),
    **dict.fromkeys(
        ("GlobalMean", "ROIAverage", "NearLesion", "FarFromLesion"), _has_figure("ChangePct")
    ),
}
# Without these the later steps of a scan cannot be run.
_NEEDED = {LESION: ("LesionVoxels", "SkullStripped")}
_ABOUT = {"Status": _is_text, "Message": _is_text, "Pages": _is_pages, "Masks": _is_texts}
_STEP = {"fingerprint": _is_text, "seconds": _is_figure}
_INPUT = {"size": _is_count, "mtime_ns": _is_time_or_none, "sha256": _is_text}


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
        found = {path: _size(root, path) for path in self.outputs}
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


def read_record(path: Path, warn: Callable[[str], None] = ignore) -> Record:
    """The record in a file; an empty one if there is none, or if it is of another form.

    Args:
        path: of the file.
        warn: told about one of another form, as hands and other versions leave them.
    """
    if not path.exists():
        return Record(path)
    try:
        return _record(path, read_json(path) if path.is_file() else {})
    except BrainfillError as error:
        warn(f"{error}; the record says nothing")
        return Record(path)


def inside(root: Path, path: str) -> Path | None:
    """The file of an output in its dataset; None if links lead out of it.

    Args:
        root: the dataset.
        path: relative to it.
    """
    place = root / path
    return place if place.parent.resolve().is_relative_to(root.resolve()) else None


def _record(path: Path, plain: dict[str, Any]) -> Record:
    """A record from what its file says.

    Raises:
        DataError: names the first value of another type than the record would have.
    """
    about = dict(plain)
    inputs, steps = (_mapping(about.pop(name, None), name, path) for name in ("Inputs", "Steps"))
    _check({key: holds for key, holds in _ABOUT.items() if key in about}, about, "", path)
    try:  # it will be written again
        json.dumps(plain, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        msg = f"'{path}' holds what no record can: {error}"
        raise DataError(msg, _ANEW) from error
    for name, seen in inputs.items():
        _check(_INPUT, _mapping(seen, f"Inputs.{name}", path), f"Inputs.{name}.", path)
    found = {name: _step(name, step, path) for name, step in steps.items()}
    return Record(path, about, inputs, found)


def _step(name: str, plain: Any, path: Path) -> StepRecord:  # noqa: ANN401 - whatever JSON can hold
    where = f"Steps.{name}"
    step = _mapping(plain, where, path)
    _check(_STEP, step, f"{where}.", path)
    outputs = _mapping(step.get("outputs"), f"{where}.outputs", path)
    for output, size in outputs.items():
        if not (_is_count(size) and _is_inside(output)):
            raise _other(path, f"{where}.outputs")
    facts = _mapping(step.get("facts", {}), f"{where}.facts", path)
    known = {key: holds for key, holds in FACTS.items() if key in facts}
    _check(known | {key: FACTS[key] for key in _NEEDED.get(name, ())}, facts, f"{where}.", path)
    return StepRecord(step["fingerprint"], outputs, step["seconds"], facts)


def _is_inside(output: str) -> bool:
    """Whether a path of a record can be one in a dataset, and not one that leads out of it."""
    path = PurePosixPath(output)
    plain = bool(path.parts) and output.isprintable() and "\\" not in output
    return plain and not path.is_absolute() and ".." not in path.parts


def _mapping(value: Any, where: str, path: Path) -> dict[str, Any]:  # noqa: ANN401
    if not isinstance(value, dict):
        raise _other(path, where)
    return value


def _check(
    types: Mapping[str, Callable[[Any], bool]], plain: Mapping[str, Any], where: str, path: Path
) -> None:
    for key, holds in types.items():
        if not holds(plain.get(key)):
            raise _other(path, f"{where}{key}")


def _other(path: Path, where: str) -> DataError:
    msg = f"'{path}' is no record of this version: its '{where}' is missing or of another type"
    return DataError(msg, _ANEW)


def fingerprint(**parts: Any) -> str:  # noqa: ANN401 - whatever JSON can hold
    """A checksum of all that decides what a step gives."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _look(path: Path, known: Mapping[str, Any]) -> dict[str, Any]:
    try:
        now = path.stat()
        if not stat.S_ISREG(now.st_mode):  # a pipe would be waited for without end
            msg = f"'{path}' cannot be read: it is no file, but a folder, pipe or device"
            raise InputMissingError(msg, "put the image itself there")
        seen = {"size": now.st_size, "mtime_ns": now.st_mtime_ns}
        if seen == {key: known.get(key) for key in seen}:
            return dict(known)
        settled = time.time() - now.st_mtime > _SETTLED_S
        return seen | {"mtime_ns": seen["mtime_ns"] if settled else None, "sha256": sha256(path)}
    except OSError as error:
        msg = f"'{path}' cannot be read: {error.strerror}"
        raise InputMissingError(msg, "check the path and its permissions") from error


def _size(root: Path, path: str) -> int | None:
    """Bytes of an output; None if it is not there, or elsewhere."""
    try:
        place = inside(root, path)
        return place.stat().st_size if place else None
    except OSError:
        return None
