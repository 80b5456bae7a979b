"""Files that commands find by folder or pattern."""

from __future__ import annotations

from pathlib import Path

from brainfill.core.errors import InputMissingError

_ENDINGS = (".nii", ".nii.gz", ".mgz")


def find_masks(lesions: str) -> list[Path]:
    """The masks of a folder, of a glob pattern, or a single one, in alphabetical order.

    Raises:
        InputMissingError: there is none.
    """
    import glob

    folder = Path(lesions)
    if folder.is_file():
        return [folder]
    # Path.glob refuses patterns that begin at the root.
    pattern = str(folder / "*") if folder.is_dir() else lesions
    found = map(Path, glob.glob(pattern, recursive=True))  # noqa: PTH207
    masks = sorted(p for p in found if p.name.lower().endswith(_ENDINGS))
    if not masks:
        msg = f"no lesion mask at '{lesions}'; expected files ending in {', '.join(_ENDINGS)}"
        raise InputMissingError(msg, "give a folder of masks, or a glob pattern in quotes")
    return masks
