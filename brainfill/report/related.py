"""Links between the pages of one scan; they are put in when all pages are there."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from urllib.parse import quote

_BEGIN, _END = "<!-- related -->", "<!-- /related -->"
PLACE = _BEGIN + _END


def with_related(
    page: str, links: Sequence[tuple[str, str]], here: str, masks: Sequence[str] = ()
) -> str:
    """A page with links to the other pages of its scan and its masks, instead of those it may have.

    Args:
        page: HTML with the place for them.
        links: what each page shows, as plain text, and its address relative to this one, in order.
        here: address of this page, which is named and not linked.
        masks: names of the lesion masks that were used, as plain text.

    >>> with_related(f"<header>{PLACE}</header>", [("Fill", "a.html")], "a.html")
    '<header><!-- related --><!-- /related --></header>'
    """
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        return page
    return f"{before}{begin}{_list(links, here)}{masks_html(masks)}{end}{after}"


def masks_html(masks: Sequence[str]) -> str:
    """A line that names the masks of a scan.

    >>> masks_html(["a.nii", "b.nii"])
    '<p class="masks">Lesion masks: a.nii, b.nii</p>'
    """
    if not masks:
        return ""
    return f'<p class="masks">Lesion mask{"s" if len(masks) > 1 else ""}: {escape(", ".join(masks))}</p>'


def _list(links: Sequence[tuple[str, str]], here: str) -> str:
    if len(links) < 2:
        return ""
    items = "".join(f"<li>{_item(text, address, here)}</li>" for text, address in links)
    return f'<div class="related" role="navigation" aria-label="Pages of this scan"><ul>{items}</ul></div>'


def _item(text: str, address: str, here: str) -> str:
    if address == here:
        return f'<span aria-current="page">{escape(text)}</span>'
    return f'<a href="{escape(quote(address), quote=True)}">{escape(text)}</a>'
