"""The pages of one scan: which there are, and the links between them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from brainfill.bids.config import COMPARE, FILL, PREPROCESS, THICKNESS, UNFILLED
from brainfill.bids.records import Record, inside
from brainfill.core.atomic import replacing
from brainfill.report.related import with_related

_TITLES = {
    FILL: "Fill",
    PREPROCESS: "Preprocessing",
    UNFILLED: "Thickness before",
    THICKNESS: "Thickness after",
    COMPARE: "Thickness change",
}
_CHANGES = {"GlobalMean": "global mean", "NearLesion": "near lesions"}


def pages_of(record: Record) -> list[list[str]]:
    """What each page shows, and its file in the output dataset, that of the fill first."""
    return [
        [_title(step, record), path]
        for step in _TITLES
        if step in record.steps
        for path in record.steps[step].outputs
        if path.endswith(".html")
    ]


def link_pages(record: Record, out: Path, masks: Sequence[str] = ()) -> None:
    """Have every page of a scan link to the others and name the masks; pages that somebody removed are left out.

    Args:
        record: of the scan.
        out: the dataset.
        masks: the lesion masks that were joined.

    Raises:
        ConfigError, OSError: a page cannot be read or written.
    """
    links = [
        (title, path)
        for title, path in pages_of(record)
        if (place := inside(out, path)) and place.is_file()
    ]
    names = [mask.removeprefix("bids:") for mask in masks]
    for _, path in links:
        before = (out / path).read_text(encoding="utf-8")
        after = with_related(before, links, path, names)
        if after != before:
            with replacing(out / path) as temporary:
                temporary.write_text(after, encoding="utf-8")


def _title(step: str, record: Record) -> str:
    facts = record.steps[step].facts
    changes = {words: facts.get(name, {}).get("ChangePct") for name, words in _CHANGES.items()}
    told = ", ".join(f"{words} {pct:.2f} %" for words, pct in changes.items() if pct is not None)
    return f"{_TITLES[step]}: {told}" if told else _TITLES[step]
