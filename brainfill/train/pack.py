"""Training volumes and lesion shapes in one compressed array file, read without nibabel or pickle."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from brainfill.core.errors import DataError
from brainfill.core.grid import BoolArray, Box, FloatArray
from brainfill.train.archive import FORMAT, opened, shape_arrays, shapes_of

_BRIGHTEST_PCT = 99.9
_SHAPE_VOXELS = (8, 20_000)
_HOW = "make it with: brainfill train pack DATA -o PACK.npz"
BRIGHT = 130  # white matter and brighter, of 255


@dataclass(frozen=True)
class Pack:
    """What training draws from.

    Args:
        names: one name per volume, such as "sub-01".
        volumes: uint8 (D, H, W) each, 1 mm, axes towards S, R and A; 0 is background and 255 the
            99.9th percentile of the rest.
        shapes: bool (D, H, W) each, one lesion tightly cropped, 1 mm.
    """

    names: Sequence[str]
    volumes: Sequence[np.ndarray]
    shapes: Sequence[BoolArray]
    spacing_mm: ClassVar[float] = 1.0


def packed_volume(image: FloatArray) -> np.ndarray:
    """One 1 mm RAS image (X, Y, Z) as uint8 (D, H, W), cut to its foreground.

    Raises:
        DataError: the image holds nothing above zero.
    """
    if not (image > 0).any():
        msg = "cannot pack an image without any value above zero"
        raise DataError(msg)
    image = image[Box.around(image > 0).slices]
    top = np.percentile(image[image > 0], _BRIGHTEST_PCT)
    scaled = np.clip(image / top * 255, 0, 255).round().astype(np.uint8)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1))


def packed_shapes(lesions: BoolArray) -> list[BoolArray]:
    """The connected lesions of a 1 mm RAS mask (X, Y, Z), each tightly cropped, (D, H, W)."""
    from scipy import ndimage

    labels, _ = ndimage.label(lesions, np.ones((3, 3, 3)))
    shapes = []
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        shape = labels[box] == label
        if _SHAPE_VOXELS[0] <= shape.sum() <= _SHAPE_VOXELS[1]:
            shapes.append(np.ascontiguousarray(shape.transpose(2, 0, 1)))
    return shapes


def save_pack(pack: Pack, path: Path) -> None:
    """Write a pack as a compressed .npz file."""
    about = {"format": FORMAT, "names": list(pack.names), "shapes": len(pack.shapes)}
    arrays: dict[str, np.ndarray] = {
        "about": np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    }
    arrays |= {f"volume{i}": v for i, v in enumerate(pack.volumes)}
    arrays |= shape_arrays(pack.shapes)
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # names do not clash


def load_pack(path: Path) -> Pack:
    """Read a pack.

    Raises:
        InputMissingError: the file is not there.
        DataError: the file is not a pack of this format.
    """
    with opened(path, "packed training data", _HOW) as (about, file):
        names = about["names"]
        volumes = [file[f"volume{i}"] for i in range(len(names))]
        shapes = shapes_of(file)
    for name, volume in zip(names, volumes, strict=True):
        if volume.dtype != np.uint8 or volume.ndim != 3 or not (volume >= BRIGHT).any():
            msg = (
                f"volume '{name}' of '{path}' must be uint8 in three dimensions with tissue of "
                f"{BRIGHT} or more, found {volume.dtype} of shape {volume.shape}"
            )
            raise DataError(msg, _HOW)
    if not volumes:
        msg = f"'{path}' holds no volumes"
        raise DataError(msg, _HOW)
    return Pack(names, volumes, shapes)
