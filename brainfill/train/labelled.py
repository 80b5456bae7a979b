"""Volumes with a class per voxel in one compressed array file, read without nibabel or pickle."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from brainfill.core.errors import DataError
from brainfill.train.archive import FORMAT, opened

KIND = "labelled"
_HOW = "make it with a script of pipelines/models, such as pack_heads.py"


@dataclass(frozen=True)
class LabelledPack:
    """What training of a segmenter draws from.

    Args:
        names: one name per volume, such as "sub-01".
        images: uint8 (D, H, W) each, axes towards S, R and A: a scan, or a map of regions that get
            random intensities.
        classes: uint8 each, same shape: the class of every voxel.
        painted: whether each image is a map of regions.
        spacing_mm: voxel size of all of them, along every axis.
    """

    names: Sequence[str]
    images: Sequence[np.ndarray]
    classes: Sequence[np.ndarray]
    painted: Sequence[bool]
    spacing_mm: float


def save_labelled(pack: LabelledPack, path: Path) -> None:
    """Write a pack as a compressed .npz file."""
    about = {
        "format": FORMAT,
        "kind": KIND,
        "names": list(pack.names),
        "painted": [bool(p) for p in pack.painted],
        "spacing_mm": pack.spacing_mm,
    }
    arrays = {"about": np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)}
    arrays |= {f"image{i}": v for i, v in enumerate(pack.images)}
    arrays |= {f"classes{i}": v for i, v in enumerate(pack.classes)}
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # names do not clash


def load_labelled(path: Path) -> LabelledPack:
    """Read a pack.

    Raises:
        InputMissingError: the file is not there.
        DataError: the file is not a pack of this format.
    """
    with opened(path, "packed training data with classes", _HOW) as (about, file):
        count = range(len(about["names"]))
        pack = LabelledPack(
            about["names"],
            [file[f"image{i}"] for i in count],
            [file[f"classes{i}"] for i in count],
            about["painted"],
            about["spacing_mm"],
        )
    for name, image, classes in zip(pack.names, pack.images, pack.classes, strict=True):
        if {image.dtype, classes.dtype} != {np.dtype(np.uint8)} or image.shape != classes.shape:
            msg = f"volume '{name}' of '{path}' must hold two uint8 arrays of one shape"
            raise DataError(msg, _HOW)
    if not pack.names:
        msg = f"'{path}' holds no volumes"
        raise DataError(msg, _HOW)
    return pack
