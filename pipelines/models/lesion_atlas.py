"""Make the shipped map of lesions and library of their shapes.

    python pipelines/models/lesion_atlas.py MASKS PATIENT=T1w,MASK ... -o brainfill/lesions/ms

MASKS is a folder of lesion masks of patients who all lie alike, turned and moved to MNI space but not scaled. Of some of
them the T1w is there: each is registered (affine, lesions left out) to the template, and the mean of these mappings takes
all masks there. The map is their mean on voxels of 2 mm, smoothed, left and right averaged. Shapes are connected lesions
of 0.008 to 1 ml; larger ones are mostly confluent and fit one brain only.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, ndimage

from brainfill.core.atomic import replacing
from brainfill.core.context import Context
from brainfill.core.grid import FloatArray, Grid
from brainfill.core.touching import TOUCHING
from brainfill.core.volume import Mask
from brainfill.io.nifti import read_mask, read_volume
from brainfill.lesions.atlas import packed_map, packed_shapes
from brainfill.lesions.pool import pieces
from brainfill.preprocess.registration import register
from brainfill.preprocess.steps.reorient import reoriented_mask
from brainfill.preprocess.steps.resample import resample_to
from brainfill.preprocess.template import MNI, load_template
from brainfill.preprocess.transforms import matrix_of

SPACING_MM = 2.0
FWHM_MM = 8.0
SHAPES_ML = (0.008, 1.0)
# Voxel centres from here on, along x from the midline both ways [mm]; they hold the template's brain.
START_MM = (-77.0, -111.0, -69.0)
SHAPE = (78, 94, 80)
_MARGIN_VOX = 2


def main() -> None:
    """Read the command line, make both files, say how large they are."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("masks", type=Path)
    parser.add_argument("patients", nargs="+", help="T1w,MASK")
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    ctx = Context(threads=args.threads)
    lesions = [
        reoriented_mask(read_mask(path), "RAS") for path in sorted(args.masks.glob("*_mask.nii.gz"))
    ]
    there = mean_matrix([to_template(*map(Path, pair.split(",")), ctx) for pair in args.patients])
    print("template to patient:", there.round(4).tolist())
    affine = np.diag([SPACING_MM] * 3 + [1.0])
    affine[:3, 3] = START_MM
    grid = Grid(SHAPE, affine)
    shapes = [p.mask for m in lesions for p in pieces("", m, *SHAPES_ML)]
    for name, arrays in (
        ("map", packed_map(mean_map(lesions, there, grid), grid)),
        ("shapes", packed_shapes(shapes)),
    ):
        path = args.out / f"{name}.npz"
        save(arrays, path)
        print(f"{path}: {path.stat().st_size} bytes")
    print(f"{len(lesions)} patients, {len(shapes)} shapes")


def to_template(t1: Path, mask: Path, ctx: Context) -> FloatArray:
    """Matrix from the template to a patient [mm]."""
    template = load_template(MNI, ctx.read)
    image, lesion = read_volume(t1), read_mask(mask)
    wide = ndimage.binary_dilation(lesion.data, TOUCHING, iterations=_MARGIN_VOX)
    found = register(
        template.image,
        template.brain.data,
        image,
        Mask(wide, image.grid),
        "affine",
        "balanced",
        ctx,
    )
    return matrix_of(found.forward, ctx)


def mean_matrix(matrices: list[FloatArray]) -> FloatArray:
    """The mean of affine mappings, by their logarithms (Arsigny 2009)."""
    return np.asarray(linalg.expm(np.mean([linalg.logm(m) for m in matrices], axis=0)).real)


def mean_map(lesions: list[Mask], there: FloatArray, grid: Grid) -> FloatArray:
    """Share of patients with a lesion in each voxel, smoothed; in voxels as sharp as 2 mm allow before."""
    total = np.zeros(grid.shape, np.float32)
    for lesion in lesions:
        moved = Grid(lesion.grid.shape, np.linalg.inv(there) @ lesion.grid.affine)
        total += resample_to(lesion.data.astype(np.float32), moved, grid, 1)
    sd_vox = FWHM_MM / SPACING_MM / (2 * np.sqrt(2 * np.log(2)))
    return np.asarray(ndimage.gaussian_filter(total / len(lesions), sd_vox))


def save(arrays: Mapping[str, NDArray[np.generic]], path: Path) -> None:
    """Write arrays, compressed, completely or not at all."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)


if __name__ == "__main__":
    main()
