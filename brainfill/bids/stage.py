"""Where unfinished files lie, and how finished ones get their place."""

from __future__ import annotations

import contextlib
import errno
import gzip
import shutil
import tempfile
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from pathlib import Path

from brainfill.core.atomic import make_folder, replacing

REFUSED = "choose another OUT_DIR, or ask for access"


@dataclass(frozen=True)
class Folders:
    """Where a run keeps what is no result.

    Args:
        logs: records and logs.
        locks: one file per person.
        work: unfinished files.
    """

    logs: Path
    locks: Path
    work: Path


def folders(out: Path, work_dir: str) -> Folders:
    """The folders of a run, made if they are not there.

    Raises:
        ConfigError: one cannot be made.
    """
    own = out / ".brainfill"
    found = Folders(out / "logs", own / "locks", Path(work_dir) if work_dir else own / "work")
    for folder in (out, found.logs, found.locks, found.work):
        make_folder(folder, REFUSED)
    return found


@contextlib.contextmanager
def staged(work: Path, key: str) -> Iterator[Path]:
    """A folder for unfinished files; those that a killed run left are removed first, since the lock is ours."""
    for left in work.glob(f"{key}.*"):
        shutil.rmtree(left, ignore_errors=True)
    stage = Path(tempfile.mkdtemp(prefix=f"{key}.", dir=work))
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def publish(
    stage: Path, place: Callable[[str], Path], key: str, taken: Container[str]
) -> list[Path]:
    """Give finished files their place; those whose names are taken are left out.

    Args:
        stage: where they lie.
        place: the path that a file of a name gets.
        key: of the person.
        taken: names of other steps' outputs.

    Returns:
        the files in their place.
    """
    moves = [(p, place(p.name)) for p in sorted(stage.iterdir()) if p.name not in taken]
    for folder in {to.parent for _, to in moves}:
        make_folder(folder, REFUSED)
        for left in folder.glob(f".part-*-{key}_*"):  # of a killed run
            left.unlink(missing_ok=True)
    for path, to in moves:
        _move(path, to)
    return [to for _, to in moves]


def _move(path: Path, to: Path) -> None:
    try:
        path.replace(to)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with replacing(to) as temporary:
            shutil.copyfile(path, temporary)


def copy_image(path: Path, to: Path) -> None:
    """Copy an image, packing it if it was not packed."""
    with replacing(to) as temporary:
        if path.name.endswith(".gz"):
            shutil.copyfile(path, temporary)
        else:
            temporary.write_bytes(gzip.compress(path.read_bytes(), mtime=0))
