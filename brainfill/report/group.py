"""The page of a group: everyone with a thumbnail, what stands out, and the way to each person's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any, Literal
from urllib.parse import quote

from brainfill.report.folders import without_folders
from brainfill.report.markup import data_uri, frame, number, pairs
from brainfill.report.outliers import RULE, outliers
from brainfill.report.parts import Section, section_html
from brainfill.report.related import masks_html
from brainfill.report.strips import strip

Status = Literal["done", "unchanged", "failed"]
# Column: heading, and what it means.
MEASURES = {
    "lesion_ml": ("Lesions [ml]", "volume of the lesion mask"),
    "stripe_index": ("Stripe index", "largest of three axes; 1 is a fill without stripes"),
    "step_pct": ("Border step [%]", "brightness of fill against tissue where they meet"),
    "change_pct": ("Thickness change [%]", "whole cortex, before filling against after"),
    "near_change_pct": ("Near lesions [%]", "thickness change of the regions near lesions"),
}


@dataclass(frozen=True, kw_only=True)
class Person:
    """What the page of a group tells of one person, or of one session.

    Args:
        name: such as "sub-01 ses-2".
        status: "unchanged" when there was no lesion to fill.
        page: that person's page, relative to the page of the group; empty without one.
        thumbnail: PNG; empty without one.
        lesions: number of lesions.
        lesion_ml: their volume [ml].
        stripe_index: largest stripe index of the fill over the three axes.
        step_pct: intensity step at the border of the fill [% of the tissue around].
        change_pct: change of the mean thickness of the cortex by filling [%].
        near_change_pct: mean of that of the regions near lesions [%].
        seconds: run time.
        warnings: what was said on the way.
        error: why it failed.
        masks: names of the lesion masks that were used.
    """

    name: str
    status: Status
    page: str = ""
    thumbnail: bytes = b""
    lesions: int | None = None
    lesion_ml: float | None = None
    stripe_index: float | None = None
    step_pct: float | None = None
    change_pct: float | None = None
    near_change_pct: float | None = None
    seconds: float | None = None
    warnings: Sequence[str] = ()
    error: str = ""
    masks: Sequence[str] = ()


def group_page(
    people: Sequence[Person],
    title: str = "Group",
    facts: Mapping[str, Any] | None = None,
    sections: Sequence[Section] = (),
) -> str:
    """The page: one HTML file without any other; of paths it has the names alone.

    Args:
        people: in the order in which they are listed first.
        title: such as the name of the data set; plain text.
        facts: what else is to be told of the run, such as versions; shown as names and values.
        sections: what else is to be shown, before the list of people.
    """
    people = [
        replace(p, error=without_folders(p.error), warnings=without_folders(p.warnings))
        for p in people
    ]
    marked = marks(people)
    tiles = {
        "scans": len(people),
        "filled": sum(p.status == "done" for p in people),
        "without lesions": sum(p.status == "unchanged" for p in people),
        "failed": sum(p.status == "failed" for p in people),
        "stand out": sum(bool(m) for m in marked),
    }
    body = [
        f'<header class="top"><p class="kicker">brainfill · group</p><h1>{escape(title)}</h1>',
        '<dl class="tiles">',
        *(f"<div><dt>{name}</dt><dd>{count}</dd></div>" for name, count in tiles.items()),
        "</dl></header><main>",
        _spread(people, marked),
        *(section_html(section) for section in sections),
        _list(people, marked),
        _about(facts or {}),
        "</main>",
    ]
    return frame(f"{title} · brainfill", "\n".join(body), ["group.js"])


def marks(people: Sequence[Person]) -> list[list[str]]:
    """For each person, the names of the measures that stand out, by `RULE`."""
    found: list[list[str]] = [[] for _ in people]
    for name in MEASURES:
        values = [getattr(p, name) for p in people]
        for own, out in zip(found, outliers(values, logarithm=name == "lesion_ml"), strict=True):
            if out:
                own.append(name)
    return found


def _known(people: Sequence[Person]) -> list[str]:
    """The measures that anybody has."""
    return [name for name in MEASURES if any(getattr(p, name) is not None for p in people)]


def _spread(people: Sequence[Person], marked: Sequence[Sequence[str]]) -> str:
    """Each measure as a line of dots."""
    drawn = []
    for name, (heading, meaning) in MEASURES.items():
        known = [
            (p.name, float(value), name in m)
            for p, m in zip(people, marked, strict=True)
            if (value := getattr(p, name)) is not None
        ]
        if known:
            drawn.append(
                f"<figure><figcaption><b>{heading}</b> {meaning}</figcaption>"
                f"{strip(known, heading)}</figure>"
            )
    if not drawn:
        return ""
    return (
        '<section aria-labelledby="spread"><h2 id="spread">Spread</h2>'
        f'<div class="strips">{"".join(drawn)}</div><p class="quiet">{escape(RULE)}</p></section>'
    )


def _list(people: Sequence[Person], marked: Sequence[Sequence[str]]) -> str:
    heads = [
        "Person",
        "Status",
        "Lesions",
        *(MEASURES[name][0] for name in _known(people)),
        "Warnings",
        "Time [s]",
    ]
    head = "".join(
        f'<th scope="col"><button type="button">{escape(text)}<i aria-hidden="true"></i></button></th>'
        for text in heads
    )
    known = _known(people)
    lines = "".join(_line(p, m, known) for p, m in zip(people, marked, strict=True))
    return (
        '<section aria-labelledby="people"><h2 id="people">People</h2>'
        '<p><label class="check"><input type="checkbox" id="only"> Only those that stand out or failed</label></p>'
        '<div class="scroll" tabindex="0" role="region" aria-label="People"><table class="people">'
        f'<thead><tr><th scope="col"><span class="unseen">Picture</span></th>{head}</tr></thead><tbody>{lines}</tbody>'
        '</table></div><p id="shown" class="unseen" aria-live="polite"></p></section>'
    )


def _line(person: Person, marked: Sequence[str], known: Sequence[str]) -> str:
    name = escape(person.name)
    link = f'<a href="{escape(quote(person.page), quote=True)}">{name}</a>' if person.page else name
    picture = (
        f'<img loading="lazy" alt="" src="{data_uri(person.thumbnail, "image/png")}">'
        if person.thumbnail
        else ""
    )
    note = f'<p class="note">{escape(person.error)}</p>' if person.error else ""
    warned = "".join(f"<li>{escape(w)}</li>" for w in person.warnings)
    warnings = (
        f"<details><summary>{len(person.warnings)}</summary><ul>{warned}</ul></details>"
        if warned
        else "0"
    )
    cells = [
        _cell(link + note + masks_html(person.masks), person.name),
        _cell(f'<span class="state {person.status}">{person.status}</span>', person.status),
        _cell(number(person.lesions), person.lesions),
        *(_measure(getattr(person, key), key in marked) for key in known),
        _cell(warnings, len(person.warnings)),
        _cell(number(person.seconds), person.seconds),
    ]
    odd = ' data-odd=""' if marked or person.status == "failed" else ""
    return f"<tr{odd}><td>{picture}</td>{''.join(cells)}</tr>"


def _measure(value: float | None, odd: bool) -> str:
    sign = ' <span class="odd">stands out</span>' if odd else ""
    return _cell(("n/a" if value is None else f"{value:.3g}") + sign, value)


def _cell(html: str, value: float | str | None) -> str:
    """A cell and what it is sorted by."""
    kind = "" if isinstance(value, str) else ' class="number"'
    return f'<td{kind} data-value="{escape("" if value is None else str(value), quote=True)}">{html}</td>'


def _about(facts: Mapping[str, Any]) -> str:
    if not facts:
        return ""
    return f'<section aria-labelledby="about"><h2 id="about">About this run</h2>{pairs(facts)}</section>'
