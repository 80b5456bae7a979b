"""Make the sample scans: `python data-samples/make_samples.py [--out FOLDER]`, about a minute.

Needs the test extra (nilearn carries the ICBM152 template). Nothing is downloaded.
"""

from __future__ import annotations

import argparse
import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from generator import bids
from generator.fields import Array
from generator.lesions import draw_lesions
from generator.person import person
from generator.scan import Protocol, Scan, scan
from numpy.typing import NDArray
from scipy import ndimage

HERE = Path(__file__).parent
MANIFEST = "MANIFEST.tsv"
_COLUMNS = ("path", "bytes", "sha256", "voxels_sha256")
_MANY = {"periventricular": 10, "deep": 4, "juxtacortical": 3, "punctate": 4}
_FEWER = {"periventricular": 8, "deep": 3, "juxtacortical": 2, "punctate": 3}


@dataclass(frozen=True)
class Sample:
    """One scan and the names of its files; people and lesions follow from `seed`."""

    seed: int
    lesions: dict[str, int]
    protocol: Protocol
    image: str
    mask: str
    healthy: str | None = None


SAMPLES = {
    "sub-01": Sample(
        1,
        _MANY,
        Protocol((177, 213, 173), (1.0, 1.0, 1.0)),
        "sub-01_T1w.nii.gz",
        "sub-01_lesion_mask.nii.gz",
        "sub-01_truth_T1w.nii.gz",
    ),
    "oblique": Sample(
        1,
        _MANY,
        Protocol((167, 249, 57), (1.1, 0.9, 3.3), "LPS", (17.0, -15.0, 4.0), (1, 1, 3)),
        "oblique_T1w.nii.gz",
        "oblique_lesion_mask.nii.gz",
    ),
    "bids-01": Sample(
        1,
        _MANY,
        Protocol((89, 109, 87), (2.0, 2.0, 2.0)),
        bids.image_path("01"),
        bids.mask_path("01"),
    ),
    "bids-02": Sample(
        2,
        _FEWER,
        Protocol((97, 93, 119), (2.0, 2.0, 2.0), "LIA"),
        bids.image_path("02"),
        bids.mask_path("02"),
    ),
}


def make(name: str) -> Scan:
    """The scan of one entry of SAMPLES."""
    sample = SAMPLES[name]
    lesions = draw_lesions(sample.seed, sample.lesions)
    return scan(person(sample.seed), lesions, sample.protocol, sample.seed)


def encode(voxels: NDArray[Any], affine: Array) -> bytes:
    """A .nii.gz file that depends on the voxels alone, not on the day it is written."""
    image = nib.Nifti1Image(voxels, affine)
    image.set_qform(affine, code=1)
    image.set_sform(affine, code=1)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = b"synthetic, not a scan of a person"
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return packer.compress(image.to_bytes()) + packer.flush()


def voxels_hash(voxels: NDArray[Any]) -> str:
    """SHA-256 of the voxels in C order, little-endian: the same whatever packed the file."""
    plain = np.ascontiguousarray(voxels, dtype=voxels.dtype.newbyteorder("<"))
    return hashlib.sha256(plain.tobytes()).hexdigest()


def write_all(out: Path) -> None:
    """Write every sample, the BIDS texts and the manifest into `out`."""
    rows: list[tuple[str, ...]] = []
    people: dict[str, tuple[int, float]] = {}
    for name, sample in SAMPLES.items():
        made = make(name)
        images: dict[str, NDArray[Any]] = {sample.image: made.image, sample.mask: made.mask}
        if sample.healthy:
            # The values fit in a byte, which halves the file.
            images[sample.healthy] = made.healthy.astype(np.uint8, casting="unsafe")
        for path, voxels in images.items():
            rows.append(_write(out, path, encode(voxels, made.affine), voxels_hash(voxels)))
        count, volume = lesion_load(made)
        print(f"{name}: {count} lesions, {volume:.2f} ml")
        if name.startswith("bids-"):
            people[name.removeprefix("bids-")] = (count, volume)
    for path, text in bids.texts(people).items():
        rows.append(_write(out, path, text.encode(), "-"))
    lines = ["\t".join(row) for row in [_COLUMNS, *sorted(rows)]]
    (out / MANIFEST).write_text("\n".join(lines) + "\n", encoding="utf-8")


def lesion_load(made: Scan) -> tuple[int, float]:
    """Number of lesions and their volume [ml]."""
    count = ndimage.label(made.mask, np.ones((3, 3, 3)))[1]
    voxel_ml = abs(np.linalg.det(made.affine[:3, :3])) / 1000
    return int(count), float(made.mask.sum() * voxel_ml)


def _write(out: Path, path: str, content: bytes, voxels: str) -> tuple[str, ...]:
    target = out / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return path, str(len(content)), hashlib.sha256(content).hexdigest(), voxels


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to")
    write_all(parser.parse_args().out)
