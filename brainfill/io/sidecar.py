"""The JSON beside an output: where it came from and how it was made."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from brainfill.io.atomic import replacing

_SUFFIXES = (".nii.gz", ".nii", ".mgz", ".mgh")


def stem(path: Path) -> str:
    """File name without the suffix of its image format.

    >>> stem(Path("scans/sub-01_T1w.nii.gz"))
    'sub-01_T1w'
    """
    for suffix in _SUFFIXES:
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)]
    return path.name


def beside(image: Path, suffix: str) -> Path:
    """A file with the stem of an image and another suffix.

    >>> beside(Path("a/x.nii.gz"), ".json").as_posix()
    'a/x.json'
    """
    return image.with_name(stem(image) + suffix)


def write_sidecar(facts: Mapping[str, Any], path: Path) -> None:
    """Write facts as indented JSON, completely or not at all.

    Raises:
        ConfigError: the file cannot be written.
    """
    text = json.dumps(facts, indent=2, ensure_ascii=False, allow_nan=False)
    with replacing(path) as temporary:
        # Names of files that are no text hold lone surrogates, which JSON writes as it would without `ensure_ascii`.
        temporary.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Installed versions by package name, found without importing; missing ones are left out."""
    from importlib import metadata

    found = {}
    for name in packages:
        for distribution in metadata.distributions(name=name):
            found[name] = distribution.version
            break
    return found
