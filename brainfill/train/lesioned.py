"""Scans of patients in several contrasts with their lesions, in one compressed array file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
from scipy import ndimage

from brainfill.core.errors import DataError
from brainfill.core.grid import BoolArray, Box, FloatArray
from brainfill.lesions.paint import Profile, measured
from brainfill.models._brightness import normalised, tissue_level
from brainfill.train.archive import FORMAT, opened, shape_arrays, shapes_of
from brainfill.train.cases import CasePack
from brainfill.train.pack import packed_shapes

KIND, LESION = "lesioned", "lesion"
_HOW = "make it with pipelines/models/pack_lesions.py, or brainfill train pack"
_BRIGHTEST_PCT = 99.9
_AROUND_VOX = (16, 16, 16)
_SMALLEST_VOX = 10


@dataclass(frozen=True)
class LesionedPack:
    """What training of a painter of lesions draws from.

    Args:
        names: one name per scan, such as "sub-01".
        contrasts: names of the N contrasts, T1w first.
        images: uint8 (N, D, H, W) each, 1 mm, axes towards S, R and A; 0 is background and 255 the 99.9th
            percentile of the rest. A contrast that is not there, as may be where there is no lesion, is 0 everywhere.
        lesions: int16 (D, H, W) each, number of the lesion a voxel belongs to, 0 for none.
        shapes: bool (D, H, W) each, one lesion tightly cropped, 1 mm.
        spacing_mm: voxel size.
    """

    names: Sequence[str]
    contrasts: Sequence[str]
    images: Sequence[np.ndarray]
    lesions: Sequence[np.ndarray]
    shapes: Sequence[BoolArray]
    spacing_mm: ClassVar[float] = 1.0

    @cached_property
    def places(self) -> list[list[np.ndarray]]:
        """Of each scan, the voxels (n, 3) of each lesion that show tissue; looked up for every example."""
        found = []
        for image, lesions in zip(self.images, self.lesions, strict=True):
            voxels = np.argwhere((lesions > 0) & (image[0] > 0))
            numbers = lesions[tuple(voxels.T)]
            found.append([voxels[numbers == n] for n in np.unique(numbers)])
        return found

    @cached_property
    def complete(self) -> list[int]:
        """Scans that have all contrasts."""
        return [i for i, image in enumerate(self.images) if image.any(axis=(1, 2, 3)).all()]


def packed_scan(images: Sequence[FloatArray], lesions: BoolArray) -> tuple[np.ndarray, np.ndarray]:
    """One person as a pack holds it, cut to the foreground.

    Args:
        images: (X, Y, Z) each, 1 mm RAS, T1w first; a contrast that is not there is 0 everywhere.
        lesions: same shape; what lies in the background of the T1w is left out.
    """
    box = Box.around(images[0] > 0).slices
    whole = np.stack([scaled(image[box]) for image in images])
    numbered, _ = ndimage.label(lesions[box] & (whole[0] > 0), np.ones((3, 3, 3)))
    turned = np.ascontiguousarray(whole.transpose(0, 3, 1, 2))
    return turned, np.ascontiguousarray(numbered.transpose(2, 0, 1).astype(np.int16))


def profiles(pack: LesionedPack) -> list[Profile]:
    """How bright each lesion of some size is from its edge inwards, in units of the tissue around it."""
    return [measured(image, lesion) for image, lesion in _each(pack)]


def intensities(pack: LesionedPack) -> dict[str, dict[str, float]]:
    """How bright lesions are in units of the tissue around them, by contrast; every lesion counts the same.

    Returns:
        quartiles "q1", "median" and "q3", "mean", "p99", and "grain", the standard deviation within a lesion.
    """
    steps = np.arange(0.5, 100)
    seen = [(np.percentile(i[:, w], steps, axis=1), i[:, w].std(axis=1)) for i, w in _each(pack)]
    pooled = np.concatenate([values for values, _ in seen])
    grain = np.median([sd for _, sd in seen], axis=0)
    q1, median, q3, p99 = np.percentile(pooled, [25, 50, 75, 99], axis=0)
    found = {"q1": q1, "median": median, "mean": pooled.mean(axis=0), "q3": q3, "p99": p99}
    found["grain"] = grain
    return {
        contrast: {name: round(float(values[i]), 3) for name, values in found.items()}
        for i, contrast in enumerate(pack.contrasts)
    }


def _each(pack: LesionedPack) -> Iterator[tuple[FloatArray, BoolArray]]:
    """Every lesion of some size: the crop around it (N, D, H, W) in units of the tissue, and its voxels."""
    for image, lesions in zip(pack.images, pack.lesions, strict=True):
        for number, slices in enumerate(ndimage.find_objects(lesions), start=1):
            box = Box(*zip(*((s.start, s.stop) for s in slices), strict=True))
            near = box.grow(_AROUND_VOX).within(lesions.shape).slices
            lesion, others = lesions[near] == number, lesions[near] > 0
            lesion &= image[0][near] > 0
            if lesion.sum() >= _SMALLEST_VOX:
                parts = [c[near].astype(np.float32) for c in image]
                shown = [normalised(part, tissue_level(part, others)) for part in parts]
                yield np.stack(shown), lesion


def save_lesioned(pack: LesionedPack, path: Path) -> None:
    """Write a pack as a compressed .npz file."""
    about = {
        "format": FORMAT,
        "kind": KIND,
        "names": list(pack.names),
        "contrasts": list(pack.contrasts),
    }
    arrays = {"about": np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)}
    arrays |= {f"image{i}": v for i, v in enumerate(pack.images)}
    arrays |= {f"lesions{i}": v for i, v in enumerate(pack.lesions)}
    arrays |= shape_arrays(pack.shapes)
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # names do not clash


def load_lesioned(path: Path) -> LesionedPack:
    """Read a pack.

    Raises:
        InputMissingError: the file is not there.
        DataError: the file is not a pack of this kind and format, or holds nothing to learn lesions from.
    """
    with opened(path, "packed scans of patients", _HOW) as (about, file):
        count = range(len(about["names"]))
        pack = LesionedPack(
            about["names"],
            about["contrasts"],
            [file[f"image{i}"] for i in count],
            [file[f"lesions{i}"] for i in count],
            shapes_of(file),
        )
    return _checked(pack, path)


def patients_of(cases: CasePack, path: Path) -> LesionedPack:
    """Cases in three dimensions with a mask "lesion" as scans of patients; their lesions lend the shapes as well.

    Args:
        cases: those without the mask, or with an empty one, are healthy.
        path: of the pack, for messages.

    Raises:
        DataError: there is nothing in them to learn lesions from.
    """
    if flat := next((case.name for case in cases.cases if case.images.ndim != 4), ""):
        msg = f"'{path}' cannot be trained on: case '{flat}' is a picture, and lesions are painted into volumes"
        raise DataError(msg, _HOW)
    masks = [case.masks.get(LESION, np.zeros(case.images.shape[1:], bool)) for case in cases.cases]
    seen = [mask & (case.images[0] > 0) for mask, case in zip(masks, cases.cases, strict=True)]
    pack = LesionedPack(
        [case.name for case in cases.cases],
        cases.contrasts,
        [case.images for case in cases.cases],
        [ndimage.label(mask, np.ones((3, 3, 3)))[0].astype(np.int16) for mask in seen],
        [shape for mask in seen for shape in packed_shapes(mask.transpose(1, 2, 0))],
    )
    return _checked(pack, path)


def _checked(pack: LesionedPack, path: Path) -> LesionedPack:
    if problem := _problem(pack):
        msg = f"'{path}' cannot be trained on: {problem}"
        raise DataError(msg, _HOW)
    return pack


def _problem(pack: LesionedPack) -> str:
    """What speaks against training on a pack; empty if nothing does."""
    for name, image, lesions in zip(pack.names, pack.images, pack.lesions, strict=True):
        expected = (len(pack.contrasts), *lesions.shape)
        if image.shape != expected or image.dtype != np.uint8:
            return f"scan '{name}' must be uint8 of shape {expected}, found {image.dtype} of shape {image.shape}"
        if lesions.dtype != np.int16:
            return f"lesions of scan '{name}' must be int16, found {lesions.dtype}"
    for number, places in enumerate(pack.places):
        if places and number not in pack.complete:
            missing = [
                c for c, i in zip(pack.contrasts, pack.images[number], strict=True) if not i.any()
            ]
            return f"scan '{pack.names[number]}' has lesions, but no {', '.join(missing)}"
    if not any(len(voxels) >= _SMALLEST_VOX for places in pack.places for voxels in places):
        return f"it holds no lesion of at least {_SMALLEST_VOX} voxels"
    return "" if pack.shapes else "it holds no lesion shapes"


def scaled(image: FloatArray) -> np.ndarray:
    """An image of any shape as uint8, its 99.9th percentile above zero at 255; 0 and what is below stay 0."""
    shown = image[image > 0]
    top = np.percentile(shown, _BRIGHTEST_PCT) if shown.size else 1.0
    return np.asarray(np.clip(image / top * 255, 0, 255).round().astype(np.uint8))
