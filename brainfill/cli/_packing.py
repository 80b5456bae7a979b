"""Scans and lesion masks on disk into one packed training file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from brainfill.cli._find import find_masks
from brainfill.core.context import Context
from brainfill.core.errors import ConfigError, DataError, InputMissingError
from brainfill.core.registry import did_you_mean
from brainfill.io.sidecar import stem

if TYPE_CHECKING:
    from brainfill.core.volume import Volume

SCANS = ("sub-*/anat/*_T1w.nii*", "sub-*/ses-*/anat/*_T1w.nii*")
# Voxels this close to 1 mm are used as they are.
_SAME_SPACING = 0.02


@dataclass(frozen=True)
class Sources:
    """Files that training data are made from.

    Args:
        scans: T1-weighted images.
        lesions: masks whose lesions serve as shapes; they need not belong to the scans.
    """

    scans: Sequence[Path]
    lesions: Sequence[Path]


def find_sources(data: Path, lesions: str = "", exclude: Sequence[str] = ()) -> Sources:
    """The scans of a BIDS folder or of a manifest, and lesion masks.

    Args:
        data: BIDS folder, or a .tsv with a column `image` and perhaps one `lesions`, whose paths
            are relative to it.
        lesions: folder or glob pattern of masks, in addition to the manifest's.
        exclude: people left out, such as "sub-01".

    Raises:
        InputMissingError: `data` is not there, or no image or mask is found.
        ConfigError: nobody of a name in `exclude` is there.
    """
    if data.is_dir():
        scans = sorted(p for pattern in SCANS for p in data.glob(pattern))
        masks: list[Path] = []
    else:
        scans, masks = _manifest(data)
    kept = _without(scans, exclude)
    if not kept:
        msg = f"no T1-weighted image in '{data}'; expected {' or '.join(SCANS)}"
        raise InputMissingError(msg, "give a BIDS folder, or a .tsv with a column 'image'")
    return Sources(kept, masks + (find_masks(lesions) if lesions else []))


def pack_sources(sources: Sources, out: Path, say: Callable[[str], None]) -> dict[str, int]:
    """Read, turn to RAS, bring to 1 mm and write all sources as one packed file.

    Returns:
        How many volumes and lesion shapes it holds.

    Raises:
        DataError: an image or a mask cannot be used.
        ConfigError: the file cannot be written.
    """
    import numpy as np

    from brainfill.core.atomic import replacing
    from brainfill.core.volume import Volume
    from brainfill.io.nifti import read_mask, read_volume
    from brainfill.train.pack import Pack, packed_shapes, packed_volume, save_pack

    volumes, shapes = [], []
    for path in sources.scans:
        say(f"packing {path.name}")
        volumes.append(packed_volume(at_one_mm(read_volume(path)).data))
    for path in sources.lesions:
        say(f"packing {path.name}")
        mask = read_mask(path)
        marked = Volume(mask.data.astype(np.float32), mask.grid)
        shapes += packed_shapes(at_one_mm(marked).data > 0.5)
    pack = Pack([_person(p) for p in sources.scans], volumes, shapes)
    with replacing(out) as temporary:
        save_pack(pack, temporary)
    say(f"packed {len(volumes)} volumes and {len(shapes)} lesion shapes into '{out}'")
    return {"Volumes": len(volumes), "LesionShapes": len(shapes)}


def at_one_mm(volume: Volume) -> Volume:
    """The image turned to RAS and brought to voxels of 1 mm."""
    import numpy as np

    from brainfill.core.volume import Scan
    from brainfill.preprocess._base import chain
    from brainfill.preprocess.steps import reorient, resample

    steps = [reorient.build(reorient.Config())]
    if not np.allclose(volume.grid.spacing(), 1.0, rtol=_SAME_SPACING):
        steps.append(resample.build(resample.Config(spacing_mm=1.0)))
    scan, _ = chain(steps, Scan("training data", {"T1w": volume}), Context())
    return scan.images["T1w"]


def _manifest(path: Path) -> tuple[list[Path], list[Path]]:
    from brainfill.io.tables import read_table

    rows = read_table(path)
    if rows and "image" not in rows[0]:
        msg = f"table '{path}' has the columns {', '.join(rows[0])}, expected one named image"
        raise DataError(msg, "name the column with the paths of the scans 'image'")
    columns = [
        [path.parent / row[name] for row in rows if row.get(name, "n/a") not in ("", "n/a")]
        for name in ("image", "lesions")
    ]
    for file in columns[0] + columns[1]:
        if not file.is_file():
            msg = f"'{file}', named in '{path}', does not exist"
            raise InputMissingError(msg, "paths in a manifest are relative to its folder")
    return columns[0], columns[1]


def _without(scans: Sequence[Path], exclude: Sequence[str]) -> list[Path]:
    people = {_person(p).split("_")[0] for p in scans}
    unwanted = {name if name.startswith("sub-") else f"sub-{name}" for name in exclude}
    for name in sorted(unwanted - people):
        msg = f"--exclude {name}: no such person among {len(people)}"
        raise ConfigError(msg, did_you_mean(name, sorted(people)))
    return [p for p in scans if _person(p).split("_")[0] not in unwanted]


def _person(path: Path) -> str:
    """Such as "sub-01" or "sub-01_ses-02"; the stem of files named otherwise."""
    parts = [part for part in stem(path).split("_") if part.startswith(("sub-", "ses-"))]
    return "_".join(parts) or stem(path)
