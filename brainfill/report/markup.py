"""Pieces of a page: escaped text, tables, the frame with everything inside one file."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from string import Template
from typing import Any

from brainfill import __version__

_NARROW = 6


def frame(title: str, body: str, scripts: Sequence[str], data: str = "") -> str:
    """The whole page.

    Args:
        title: of the window; plain text.
        body: HTML.
        scripts: names of files in `web`, in order.
        data: HTML that holds nothing to see, behind the body.
    """
    return Template(part("page.html")).substitute(
        title=escape(title),
        style=part("page.css"),
        body=body,
        data=data,
        script="\n".join(part(name) for name in scripts),
        version=escape(__version__),
    )


def part(name: str) -> str:
    """The text of a file in `web`."""
    return (resources.files("brainfill.report") / "web" / name).read_text(encoding="utf-8").rstrip()


def data_uri(content: bytes, kind: str) -> str:
    """A file inside an attribute.

    >>> data_uri(b"a", "image/png")
    'data:image/png;base64,YQ=='
    """
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def table(rows: Sequence[Mapping[str, Any]], heads: Mapping[str, str], caption: str) -> str:
    """Rows as an HTML table that scrolls when it is too large; all columns but the first are numbers.

    Args:
        rows: cells by column name.
        heads: column names to show and their headings, in order.
        caption: plain text, told to screen readers.
    """
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads.values())
    lines = "".join(
        f"<tr>{''.join(f'<td>{escape(number(row.get(name)))}</td>' for name in heads)}</tr>"
        for row in rows
    )
    label = escape(caption, quote=True)
    width = "scroll" if len(heads) > _NARROW else "scroll narrow"
    return (
        f'<div class="{width}" tabindex="0" role="region" aria-label="{label}"><table><caption class="unseen">{label}'
        f"</caption><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>"
    )


def pairs(values: Mapping[str, Any]) -> str:
    """Names and values as a list of definitions."""
    items = "".join(f"<dt>{escape(n)}</dt><dd>{escape(number(v))}</dd>" for n, v in values.items())
    return f'<dl class="pairs">{items}</dl>'


def number(value: Any) -> str:  # noqa: ANN401 - any cell
    """A cell as it is shown: four significant digits, n/a for what is not known.

    >>> number(3.14159), number(None), number(12), number("a"), number(12345.6)
    ('3.142', 'n/a', '12', 'a', '12346')
    """
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "n/a"
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return str(value)
