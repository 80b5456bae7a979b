"""The folders of a run: the dataset, those that hold masks, and the one for results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from brainfill.bids.names import short_keys
from brainfill.core.documents import read_json
from brainfill.core.errors import ConfigError, DataError, InputMissingError
from brainfill.core.registry import did_you_mean

DESCRIPTION = "dataset_description.json"


@dataclass(frozen=True)
class Dataset:
    """Where things are.

    Args:
        raw: the BIDS folder.
        out: where results go.
        derivatives: datasets with masks, by name.
        t1w: which T1w images are wanted, by entity.
        lesion: which masks are wanted; the usual forms if empty.
        named: whether the user named the derivatives, so that masks there that say nothing more are lesions.
        share: whether a mask without session is of all sessions of the person.
    """

    raw: Path
    out: Path
    derivatives: Mapping[str, Path]
    t1w: Mapping[str, Any] = field(default_factory=dict)
    lesion: Mapping[str, Any] = field(default_factory=dict)
    named: bool = False
    share: bool = False


def open_dataset(
    raw: Path,
    out: Path,
    derivatives: Sequence[str],
    filter_file: str,
    *,
    check: bool,
    share: bool = False,
) -> Dataset:
    """The folders of a run, looked at.

    Args:
        raw: BIDS folder.
        out: output folder; need not exist.
        derivatives: FOLDER or NAME=FOLDER; without any, all in `raw`/derivatives.
        filter_file: path of a JSON, or "".
        check: whether `raw` must have a description.
        share: whether a mask without session is of all sessions of a person.

    Raises:
        ConfigError: the output would go into a dataset of another kind, or a filter is unknown.
        InputMissingError: a folder or file is not there.
    """
    if not raw.is_dir():
        msg = f"BIDS folder '{raw}' {'is not a folder' if raw.exists() else 'does not exist'}"
        raise InputMissingError(msg, "check the path")
    if check and not _has_description(raw):
        msg = f"'{raw}' is no BIDS dataset: it has no {DESCRIPTION}"
        raise InputMissingError(msg, "check the path, or insist with --skip-bids-validation")
    if raw.resolve() == out.resolve():
        msg = f"OUT_DIR is BIDS_DIR, '{raw}'"
        raise ConfigError(msg, f"for example '{raw / 'derivatives' / 'brainfill'}'")
    filters = read_json(Path(filter_file)) if filter_file else {}
    for part in filters:
        if part not in ("t1w", "lesion"):
            msg = f"'{filter_file}' filters '{part}'; expected t1w and lesion"
            raise ConfigError(msg, did_you_mean(part, ["t1w", "lesion"]))
    wanted = {part: short_keys(filters.get(part, {}), part) for part in ("t1w", "lesion")}
    named = _named(derivatives) if derivatives else _beside(raw)
    apart = {name: path for name, path in named.items() if path.resolve() != out.resolve()}
    return Dataset(
        raw, out, apart, wanted["t1w"], wanted["lesion"], named=bool(derivatives), share=share
    )


def _named(derivatives: Sequence[str]) -> dict[str, Path]:
    found = {}
    for text in derivatives:
        name, equals, path = text.partition("=")
        folder = Path(path if equals else text)
        if not folder.is_dir():
            msg = f"derivatives '{folder}' {'is not a folder' if folder.exists() else 'does not exist'}"
            raise InputMissingError(msg, "--derivatives FOLDER, or NAME=FOLDER")
        found[name if equals else folder.name] = folder
    return found


def _beside(raw: Path) -> dict[str, Path]:
    """Datasets in the derivatives folder, but our own earlier results."""
    folders = [p for p in sorted((raw / "derivatives").glob("*")) if p.is_dir()]
    return {p.name: p for p in folders if not _is_ours(p)}


def _is_ours(folder: Path) -> bool:
    try:
        return names_us(read_json(folder / DESCRIPTION)) if _has_description(folder) else False
    except (InputMissingError, DataError):
        return False


def names_us(description: Mapping[str, Any]) -> bool:
    """Whether a description of a dataset says that brainfill made it."""
    made_by = description.get("GeneratedBy")
    makers = made_by if isinstance(made_by, list) else []
    return any(isinstance(m, dict) and m.get("Name") == "brainfill" for m in makers)


def _has_description(folder: Path) -> bool:
    return (folder / DESCRIPTION).is_file()  # a pipe would be waited for
