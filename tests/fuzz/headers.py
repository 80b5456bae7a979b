"""Damaged NIfTI-1, NIfTI-2 and MGH files, plain and packed, given to the readers and to `brainfill fill`.

    python tests/fuzz/headers.py --n 100000 --seed 1

prints how often each exit code came, every violation with the number of its case, and the time. A case is repeated
alone with `--only NUMBER`. What must hold of every case:

- the exit code is one of those documented, and no exception but the project's own comes out;
- an output differs from its input in voxels of the hole alone, and in the fields of the header that were put right;
- nothing is left behind but inputs and finished outputs.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import io
import logging
import sys
import tempfile
import time
import traceback
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import nibabel as nib
import numpy as np
import typer
from mutate import mutated

from brainfill.api._common import ReadConfig, read_scan
from brainfill.cli import app
from brainfill.core.errors import BrainfillError
from brainfill.io.nifti import read_mask

EXIT_CODES = (0, 2, 65, 66, 69, 75)
SHAPE = (20, 18, 16)
AFFINE = np.array([[-1.0, 0, 0, 10], [0, 1.2, 0, -12], [0, 0, 1.5, -9], [0, 0, 0, 1]])
_CLASSES = {"nifti1": nib.Nifti1Image, "nifti2": nib.Nifti2Image, "mgh": nib.MGHImage}
# Fields that may be put right: dimensions and the offset of the voxels, as ranges of bytes.
_PUT_RIGHT = {348: ((40, 56), (108, 112)), 540: ((16, 80), (168, 176))}


class Outcome(NamedTuple):
    """What came of one case: its exit code, and what was violated, if anything."""

    code: int
    violation: str = ""


def run(numbers: range, seed: int) -> tuple[Counter[int], dict[int, str]]:
    """Try cases; how often each exit code came, and the violations by the number of their case."""
    counts: Counter[int] = Counter()
    violations = {}
    good = _good_files()
    # typer would put all commands together anew in each call, which takes longer than the rest.
    once = mock.patch.object(app, "app", typer.main.get_command(app.app))
    with once, tempfile.TemporaryDirectory() as folder, _temporary_files_in(Path(folder) / "tmp"):
        for number in numbers:
            outcome = _case(Path(folder) / "case", good, np.random.default_rng((seed, number)))
            left = [p.name for p in (Path(folder) / "tmp").iterdir()]
            violation = outcome.violation or (f"temporary files stay: {left}" if left else "")
            counts[outcome.code] += 1
            if violation:
                violations[number] = violation
    return counts, violations


def _good_files() -> dict[tuple[str, str], bytes]:
    """A small head and its lesion in every format, by what they show and format."""
    away = np.linalg.norm(np.indices(SHAPE).T - np.array([9.5, 8.5, 7.5]), axis=-1).T
    noise = np.random.default_rng(0).normal(600, 20, SHAPE)
    lesion = np.zeros(SHAPE, np.uint8)
    lesion[8:10, 8:10, 7:9] = lesion[13, 9, 6:8] = 1
    head = np.where(lesion > 0, 200, np.where(away < 7, noise, 0)).astype(np.int16)
    return {
        (what, name): cls(data, AFFINE).to_bytes()
        for what, data in (("t1", head), ("mask", lesion))
        for name, cls in _CLASSES.items()
    }


def _case(folder: Path, good: dict[tuple[str, str], bytes], rng: np.random.Generator) -> Outcome:
    kind = str(rng.choice(list(_CLASSES)))
    packed = bool(rng.random() < 0.5)
    damaged = str(rng.choice(["t1", "t1", "mask", "both"]))
    suffix = ".mg" + "hz"[packed] if kind == "mgh" else ".nii" + ".gz" * packed
    paths = {what: folder / f"{what}{suffix}" for what in ("t1", "mask")}
    folder.mkdir()
    try:
        for what, path in paths.items():
            spoil = damaged in (what, "both")
            path.write_bytes(_contents(good[what, kind], packed, spoil, rng))
        with _library_lines() as lines:
            if trouble := _readers(paths):
                return Outcome(1, trouble)
            outcome = _fill(paths, folder, suffix)
        return Outcome(outcome.code, f"said without a name: {lines}") if lines else outcome
    finally:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


def _contents(good: bytes, packed: bool, spoil: bool, rng: np.random.Generator) -> bytes:
    after = packed and rng.random() < 0.3  # damage to the gzip data themselves
    data = mutated(good, rng) if spoil and not after else good
    data = gzip.compress(data, 1, mtime=0) if packed else data
    return mutated(data, rng) if spoil and after else data


def _readers(paths: dict[str, Path]) -> str:
    """What came out of the readers that is no sentence; empty if all is well."""
    return _reader(
        lambda: read_scan(paths["t1"], paths["mask"], ReadConfig(nan_to_zero=True), _nowhere)
    ) or _reader(lambda: read_mask(paths["mask"], any_label=True))


def _reader(read: Callable[[], object]) -> str:
    try:
        read()
    except BrainfillError as error:
        plain = "\n" not in str(error) and error.exit_code in EXIT_CODES
        return "" if plain else f"reader: {error}"
    except Exception:  # noqa: BLE001 - it is what is looked for
        return traceback.format_exc()
    return ""


def _fill(paths: dict[str, Path], folder: Path, suffix: str) -> Outcome:
    out, hole = folder / f"out{suffix}", folder / "hole.nii"
    words = ["fill", paths["t1"], paths["mask"], "-o", out, "--hole", hole]
    words += ["--method", "localmean", "-q"]
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    code, said = _call(list(map(str, words)))
    if code not in EXIT_CODES or "Traceback" in said:
        return Outcome(code, f"exit code {code}: {said}")
    expected = set(before) | ({out.name, hole.name, "out.json"} if code == 0 else set())
    found = {p.name for p in folder.iterdir()}
    if found != expected:
        return Outcome(code, f"found {sorted(found)}, expected {sorted(expected)}")
    if any((folder / name).read_bytes() != data for name, data in before.items()):
        return Outcome(code, "an input was changed")
    return Outcome(code, _changed_elsewhere(paths["t1"], out, hole) if code == 0 else "")


def _call(words: list[str]) -> tuple[int, str]:
    """Run the command in this process; its exit code and what it said."""
    said = io.StringIO()
    before, sys.argv = sys.argv, ["brainfill", *words]
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
            app.main()
    except SystemExit as stop:
        return int(stop.code or 0), said.getvalue()
    except BaseException:  # noqa: BLE001 - it is what is looked for
        return 1, traceback.format_exc()
    finally:
        sys.argv = before
    return 1, "the command did not exit"


def _changed_elsewhere(t1: Path, out: Path, hole: Path) -> str:
    """How the output differs from the input where it must not; empty if it does not."""
    old, new = _unpacked(t1.read_bytes()), _unpacked(out.read_bytes())
    if len(new) > len(old):
        return f"{len(new)} bytes of output for {len(old)} of input"
    array = np.frombuffer(old, np.uint8, len(new)) != np.frombuffer(new, np.uint8)
    places = np.flatnonzero(array)
    with _library_lines():
        image = nib.load(out)
    start, size = image.dataobj.offset, image.dataobj.dtype.itemsize
    header = (
        0 if out.suffix.startswith(".mg") else 540 if start >= 544 and new[4:7] == b"n+2" else 348
    )
    allowed = np.zeros(len(new), bool)
    for low, high in _PUT_RIGHT.get(header, ()):
        allowed[low:high] = True
    inside = np.asarray(nib.load(hole).dataobj).reshape(-1, order="F") > 0
    allowed[start : start + inside.size * size] = np.repeat(inside, size)
    wrong = places[~allowed[places]]
    return f"{wrong.size} bytes outside the hole differ, first at {wrong[0]}" if wrong.size else ""


def _unpacked(data: bytes) -> bytes:
    found = b""
    while data.startswith(b"\x1f\x8b"):
        machine = zlib.decompressobj(31)
        found += machine.decompress(data)
        data = machine.unused_data.lstrip(b"\0")
    return found or data


@contextlib.contextmanager
def _library_lines() -> Iterator[list[str]]:
    """What nibabel logs and Python warns of, which names no file and must not reach the user."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logger = logging.getLogger("nibabel.global")
    before, logger.handlers = logger.handlers, [handler]
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield lines
        lines += [f"{w.filename}:{w.lineno}: {w.message}" for w in caught]
    finally:
        logger.handlers = before


def _nowhere(message: str) -> None:
    pass


@contextlib.contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    folder.mkdir()
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


def _command() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--n", type=int, default=1000, help="number of cases")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--only", type=int, help="one case alone")
    a = parser.parse_args()
    numbers = range(a.first, a.first + a.n) if a.only is None else range(a.only, a.only + 1)
    began = time.monotonic()
    counts, violations = run(numbers, a.seed)
    for number, words in violations.items():
        print(f"case {number}: {words}")
    print(*(f"exit code {code}: {n}" for code, n in sorted(counts.items())), sep="\n")
    print(f"{len(violations)} violations in {len(numbers)} cases; {time.monotonic() - began:.0f} s")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(_command())
