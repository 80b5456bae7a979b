"""What a page is put together from: sections, and the part that each step of the work has to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any


@dataclass(frozen=True)
class Section:
    """A piece of a page under a heading of its own.

    Args:
        id: where links lead to; letters, digits and hyphens, once per page.
        title: plain text.
        html: what it shows.
    """

    id: str
    title: str
    html: str


@dataclass(frozen=True, eq=False)
class Part:
    """What one step, such as a fill, has to show.

    Args:
        name: of the step, as the command is called.
        summary: figures to see at first glance: what they are, and their text.
        sections: in order.
        methods: what was done, as in a paper; "[key]" cites an entry of `REFERENCES`.
        facts: the record of the step, as it was written beside its output.
        scripts: files of `web` that the sections need.
        data: HTML behind the page that holds nothing to see, such as an image for the viewer.
    """

    name: str
    summary: Mapping[str, str] = field(default_factory=dict)
    sections: Sequence[Section] = ()
    methods: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    scripts: Sequence[str] = ()
    data: str = ""


def section_html(section: Section) -> str:
    """A section with its heading."""
    return (
        f'<section aria-labelledby="{section.id}"><h2 id="{section.id}">{escape(section.title)}</h2>'
        f"{section.html}</section>"
    )
