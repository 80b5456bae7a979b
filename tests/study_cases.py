"""Cases for reader studies: a ball with round lesions of known places, in two contrasts, in memory and on disk."""

import nibabel as nib
import numpy as np

from brainfill.core.grid import Grid
from brainfill.core.volume import Mask, Volume
from brainfill.study.questions import Case

# Centre [mm] and radius [mm]; all apart from each other.
REAL = {(11, 0, 0): 4.5, (-11, 4, 0): 4.0, (0, -12, 4): 3.5, (4, 11, -7): 3.0}
SYNTHETIC = {(0, 3, 11): 3.8}
GRID = Grid(
    (40, 42, 38), np.array([[-1.2, 0, 0, 23.4], [0, 1.2, 0, -24.6], [0, 0, 1.3, -24], [0, 0, 0, 1]])
)


def balls(grid, places):
    """Voxels within the radius of any of the places."""
    xyz = grid.to_world(np.argwhere(np.ones(grid.shape, bool)).astype(float))
    near = [np.linalg.norm(xyz - centre, axis=1) < radius for centre, radius in places.items()]
    return np.any(near, axis=0).reshape(grid.shape)


def head(grid, contrast, seed=0):
    """A ball of 22 mm with noise; its lesions are dark in T1w and bright in FLAIR."""
    value = np.where(balls(grid, {(0, 0, 0): 22}), 600.0, 0)
    value += np.random.default_rng(seed).normal(0, 15, grid.shape) * (value > 0)
    value[balls(grid, REAL | SYNTHETIC)] += {"T1w": -250, "FLAIR": 300}[contrast]
    return Volume(value, grid)


def case(name="one", grid=GRID, real=REAL, synthetic=SYNTHETIC, contrasts=("T1w", "FLAIR"), seed=0):
    """A case in memory; a kind of lesions without places is None."""
    images = {contrast: head(grid, contrast, seed) for contrast in contrasts}
    masks = [Mask(balls(grid, places), grid) if places else None for places in (real, synthetic)]
    return Case(name, images, *masks)


def save_cases(folder, names):
    """Cases on disk, and their table; its path."""
    rows = ["case\tt1w\tflair\treal\tsynthetic"]
    for seed, name in enumerate(names):
        made = case(name, seed=seed)
        parts = {"t1w": made.images["T1w"], "flair": made.images["FLAIR"]}
        parts |= {"real": made.real, "synthetic": made.synthetic}
        files = {part: f"{name}_{part}.nii.gz" for part in parts}
        for part, volume in parts.items():
            dtype = np.uint8 if volume.data.dtype == bool else np.int16
            nib.save(nib.Nifti1Image(volume.data.astype(dtype), GRID.affine), folder / files[part])
        rows.append("\t".join([name, *files.values()]))
    (folder / "cases.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder / "cases.tsv"
