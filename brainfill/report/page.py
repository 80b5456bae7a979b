"""The page of a person: the parts of the work put together, with what they share."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import replace
from html import escape
from typing import Any

from brainfill.report.folders import without_folders
from brainfill.report.markup import frame, pairs
from brainfill.report.parts import Part, Section, section_html
from brainfill.report.references import cited, linked
from brainfill.report.related import PLACE

MOST_BYTES = 6_000_000
_LONG = 12  # characters of a figure in the summary, above which it is set smaller


def page(title: str, parts: Sequence[Part], command: Sequence[str] = ()) -> str:
    """One HTML file with everything in it; of paths it has the names alone.

    Args:
        title: whose page it is; plain text.
        parts: what was done, in order; sections of one id are shown once, the first of them.
        command: the words of the command line; left out if there was none.
    """
    parts = [
        replace(
            part,
            summary=without_folders(part.summary),
            methods=without_folders(part.methods),
            facts=without_folders(part.facts),
        )
        for part in parts
    ]
    sections: dict[str, Section] = {}
    for section in (s for part in parts for s in part.sections):
        sections.setdefault(section.id, section)
    last = [_methods(parts), _record(parts, command)]
    shown = [*sections.values(), *(s for s in last if s.html)]
    names = " + ".join(part.name for part in parts)
    body = [
        '<header class="top">',
        f'<p class="kicker">brainfill · {escape(names)}</p><h1>{escape(title)}</h1>',
        _summary(parts),
        _warnings(parts),
        PLACE,
        "</header>",
        _navigation(shown),
        "<main>",
        *(section_html(section) for section in shown),
        "</main>",
    ]
    scripts = dict.fromkeys(["page.js", *(name for part in parts for name in part.scripts)])
    data = "\n".join(part.data for part in parts if part.data)
    return frame(f"{title} · brainfill {names}", "\n".join(body), list(scripts), data)


def _summary(parts: Sequence[Part]) -> str:
    tiles = {name: text for part in parts for name, text in part.summary.items()}
    drawn = "".join(
        f"<div><dt>{escape(name)}</dt><dd{_size(text)}>{escape(text)}</dd></div>"
        for name, text in tiles.items()
    )
    return f'<dl class="tiles">{drawn}</dl>' if drawn else ""


def _size(text: str) -> str:
    return ' class="long"' if len(text) > _LONG else ""


def _warnings(parts: Sequence[Part]) -> str:
    said = dict.fromkeys(w for part in parts for w in part.facts.get("Warnings", []))
    if not said:
        return '<p class="calm">No warnings.</p>'
    items = "".join(f"<li>{escape(w)}</li>" for w in said)
    return f'<div class="alert" role="note"><h2>Warnings</h2><ul>{items}</ul></div>'


def _navigation(sections: Sequence[Section]) -> str:
    links = "".join(f'<li><a href="#{s.id}">{escape(s.title)}</a></li>' for s in sections)
    return f'<nav aria-label="Sections"><ol>{links}</ol></nav>'


def _methods(parts: Sequence[Part]) -> Section:
    text, references = cited("\n".join(part.methods for part in parts if part.methods))
    paragraphs = "".join(f"<p>{escape(line)}</p>" for line in text.split("\n") if line)
    listed = "".join(f"<li>{linked(reference)}</li>" for reference in references)
    html = f'{paragraphs}<ol class="refs">{listed}</ol>' if paragraphs else ""
    return Section("methods", "Methods", html)


def _record(parts: Sequence[Part], command: Sequence[str]) -> Section:
    """How to do the same again: command, versions, and the whole record."""
    html = []
    if command:
        html.append(
            f"<h3>Command</h3><pre><code>{escape(shlex.join(without_folders(command)))}</code></pre>"
        )
    versions: dict[str, Any] = {}
    for part in parts:
        made = part.facts.get("GeneratedBy", {})
        versions |= {made["Name"]: made["Version"]} if "Version" in made else {}
        versions |= part.facts.get("Versions", {})
    if versions:
        html.append(f"<h3>Versions</h3>{pairs(versions)}")
    for part in parts:
        if part.facts:
            text = escape(json.dumps(dict(part.facts), indent=2, ensure_ascii=False))
            html.append(
                f"<details><summary>Record of {escape(part.name)}</summary><pre><code>{text}</code></pre></details>"
            )
    return Section("record", "Record", "".join(html))
