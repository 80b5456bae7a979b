"""Where unfinished files lie, and how finished ones get their place."""

from __future__ import annotations

import contextlib
import errno
import glob
import gzip
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from pathlib import Path

from brainfill.bids.records import inside
from brainfill.core.atomic import make_folder, replacing
from brainfill.core.errors import ConfigError

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
    found = Folders(out / "logs", own / "locks", work_folder(out, work_dir))
    for folder in (out, found.logs, found.locks, found.work):
        make_folder(folder, REFUSED)
    return found


def work_folder(out: Path, work_dir: str) -> Path:
    """Where unfinished files lie; datasets that share a folder for them have a folder of their own in it."""
    if not work_dir:
        return out / ".brainfill" / "work"
    mark = hashlib.sha256(bytes(out.resolve())).hexdigest()[:12]
    return Path(work_dir) / f"brainfill-{mark}"


@contextlib.contextmanager
def staged(work: Path, key: str) -> Iterator[Path]:
    """A folder for unfinished files; those that a killed run left are removed first, since the lock is ours."""
    for left in work.glob(f"{glob.escape(key)}.*"):
        shutil.rmtree(left, ignore_errors=True)
    stage = Path(tempfile.mkdtemp(prefix=f"{key}.", dir=work))
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def publish(
    stage: Path, place: Callable[[str], Path], out: Path, taken: Container[str]
) -> list[Path]:
    """Give finished files their place; those whose names are taken are left out.

    Args:
        stage: where they lie.
        place: the path that a file of a name gets.
        out: the dataset; nothing is written elsewhere.
        taken: names of other steps' outputs.

    Returns:
        the files in their place.

    Raises:
        ConfigError: a folder cannot be made, or is a link to one outside the dataset.
    """
    moves = [(p, place(p.name)) for p in sorted(stage.iterdir()) if p.name not in taken]
    for _, to in moves:
        if inside(out, to.relative_to(out).as_posix()) is None:
            msg = f"'{to.parent}' leads out of '{out}', where nothing is written"
            raise ConfigError(msg, "put a folder in place of the link")
        make_folder(to.parent, REFUSED)
        for left in to.parent.glob(f".part-????????-{glob.escape(to.name)}"):  # of a killed run
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
