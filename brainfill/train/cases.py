"""Images in two or three dimensions with what is known of each, in one compressed array file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from brainfill.core.errors import DataError
from brainfill.core.grid import BoolArray
from brainfill.train.archive import FORMAT, opened

KIND = "cases"
_HOW = "make it with: brainfill train pack TABLE.tsv -o PACK.npz"
_TEXTS = ("name", "person", "site", "label")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One image and what is known of it.

    Args:
        images: uint8 (N, H, W) or (N, D, H, W) in N contrasts; 0 is background, and a contrast that is not there is 0
            everywhere. Volumes have 1 mm voxels, axes towards S, R and A; pictures have rows from the top.
        masks: bool, the shape of one contrast, by name.
        name: such as "sub-01_ses-02".
        person: who is shown, perhaps in several cases.
        site: where it was taken.
        label: class of the whole image; "" if there is none.
        value: a number that belongs to the whole image, such as an age; None if there is none.
    """

    images: np.ndarray
    masks: Mapping[str, BoolArray]
    name: str
    person: str = ""
    site: str = ""
    label: str = ""
    value: float | None = None


@dataclass(frozen=True)
class CasePack:
    """Cases in the same contrasts.

    Args:
        contrasts: their names, such as "T1w".
        cases: at least one.
    """

    contrasts: Sequence[str]
    cases: Sequence[Case]


def save_cases(pack: CasePack, path: Path) -> None:
    """Write a pack as a compressed .npz file."""
    known = [
        {key: getattr(case, key) for key in (*_TEXTS, "value")} | {"masks": list(case.masks)}
        for case in pack.cases
    ]
    about = {"format": FORMAT, "kind": KIND, "contrasts": list(pack.contrasts), "cases": known}
    arrays: dict[str, np.ndarray] = {
        "about": np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    }
    for i, case in enumerate(pack.cases):
        arrays[f"image{i}"] = case.images
        arrays |= {f"mask{i}.{k}": mask for k, mask in enumerate(case.masks.values())}
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # names do not clash


def load_cases(path: Path) -> CasePack:
    """Read a pack.

    Raises:
        InputMissingError: the file is not there.
        DataError: the file is not a pack of this kind and format, or what it holds does not fit together.
    """
    with opened(path, "packed images with what is known of them", _HOW) as (about, file):
        known = about["cases"]
        pack = CasePack(about["contrasts"], [_case(i, k, file) for i, k in enumerate(known)])
    if problem := _problem(pack):
        msg = f"'{path}' cannot be used: {problem}"
        raise DataError(msg, _HOW)
    return pack


def _case(number: int, known: Mapping[str, Any], file: Mapping[str, Any]) -> Case:
    masks = {name: file[f"mask{number}.{k}"] for k, name in enumerate(known["masks"])}
    rest = {key: known[key] for key in (*_TEXTS, "value")}
    return Case(images=file[f"image{number}"], masks=masks, **rest)


def _problem(pack: CasePack) -> str:
    """What speaks against a pack; empty if nothing does."""
    for case in pack.cases:
        image = case.images
        if image.dtype != np.uint8 or image.ndim not in (3, 4) or len(image) != len(pack.contrasts):
            return (
                f"case '{case.name}' must be uint8 of {len(pack.contrasts)} contrasts in two or three dimensions, "
                f"found {image.dtype} of shape {image.shape}"
            )
        for name, mask in case.masks.items():
            if mask.dtype != bool or mask.shape != image.shape[1:]:
                return (
                    f"mask '{name}' of case '{case.name}' must be flags of shape {image.shape[1:]}"
                )
        if not all(isinstance(getattr(case, key), str) for key in _TEXTS):
            return f"case '{case.name}' has a name, person, site or label that is no text"
        value = case.value
        if value is not None and not (isinstance(value, int | float) and math.isfinite(value)):
            return f"the value of case '{case.name}' must be a finite number"
    return "" if pack.cases else "it holds no cases"
