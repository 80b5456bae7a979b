"""What thickness has to show: a measurement, and a comparison of two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from brainfill.report.markup import data_uri, number, table
from brainfill.report.parts import Part, Section

if TYPE_CHECKING:
    from brainfill.tasks._base import Result

_REGIONS = {
    "region": "Region",
    "hemisphere": "Side",
    "mean_mm": "Mean [mm]",
    "sd_mm": "SD [mm]",
    "volume_ml": "Volume [ml]",
}
_CHANGES = {
    "region": "Region",
    "hemisphere": "Side",
    "near_lesion": "Near a lesion",
    "before_mm": "Before [mm]",
    "after_mm": "After [mm]",
    "change_pct": "Change [%]",
    "signed_pct": "Signed [%]",
    "bias_mm": "Bias [mm]",
    "floor_pct": "Noise floor [%]",
}
_FIGURES = {
    "region-map.svg": ("Change of each region on slices and on the surface.", "Map of the regions"),
    "bland-altman.svg": ("Difference against mean (Bland and Altman).", "Bland-Altman plot"),
    "box-plots.svg": ("Thickness before and after, and its change.", "Box plots"),
}
# One plot across the whole page would have letters twice as large as those of the other figures.
_NARROW = {"bland-altman.svg": " narrow"}
_AVERAGES = {
    "GlobalMean": "change, global mean",
    "ROIAverage": "change, mean over regions",
    "NearLesion": "change near lesions",
    "FarFromLesion": "change far from lesions",
}
_CITED = {"direct": " [direct]", "ants": " [direct]"}


def thickness_part(result: Result, facts: Mapping[str, Any]) -> Part:
    """The part of a page that shows a measurement of thickness.

    Args:
        result: of the task: the table "thickness", and perhaps the file "picture", a PNG.
        facts: the record: `Backend`, and `Global` with means in mm.
    """
    means = {
        f"thickness, {name.removesuffix('_mm')}": f"{value:.2f} mm"
        for name, value in facts["Global"].items()
    }
    picture = result.files.get("picture")
    html = (
        _image(data_uri(picture, "image/png"), "Thickness of the cortex on slices")
        if picture
        else ""
    )
    html += table(list(result.tables["thickness"]), _REGIONS, "Thickness by region")
    backend = str(facts["Backend"])
    methods = (
        f"Cortical thickness was measured by the backend {backend}{_CITED.get(backend.partition('/')[0], '')} of brainfill "
        f"{facts['GeneratedBy']['Version']} [brainfill]."
    )
    return Part("thickness", means, [Section("thickness", "Thickness", html)], methods, facts)


def compare_part(result: Result, facts: Mapping[str, Any]) -> Part:
    """The part of a page that shows a comparison of thickness.

    Args:
        result: of the task: the table "regions", figures as SVG.
        facts: the record.
    """
    verdict = facts.get("Verdict", {}).get("Sentence", "")
    text = f"<p><b>{escape(verdict)}</b></p>" if verdict else ""
    figures = "".join(
        f"<figure>{_image(data_uri(result.files[name], 'image/svg+xml'), label, _NARROW.get(name, ''))}<figcaption>{caption}</figcaption></figure>"
        for name, (caption, label) in _FIGURES.items()
        if name in result.files
    )
    rows = _near_in_words(list(result.tables["regions"]), facts["People"])
    known = {name for row in rows for name, value in row.items() if value is not None}
    heads = {name: words for name, words in _CHANGES.items() if name in known}
    html = text + figures + table(rows, heads, "Change by region")
    return Part(
        "compare",
        _averages(facts) | ({"people": number(facts["People"])} if facts["People"] > 1 else {}),
        [Section("thickness-change", "Thickness change", html)],
        _methods(facts),
        facts,
    )


def _near_in_words(rows: Sequence[Mapping[str, Any]], people: int) -> list[dict[str, Any]]:
    """Rows that tell how many people have a lesion near the region; of one person, whether."""

    def told(near: int | None) -> str | None:
        if near is None:
            return None
        return f"{near} of {people}" if people > 1 else ("yes" if near else "no")

    return [{**row, "near_lesion": told(row.get("near_lesion"))} for row in rows]


def cohort_section(facts: Mapping[str, Any], address: str) -> Section:
    """What the page of a group says of thickness, and the way to the page of the comparison.

    Args:
        facts: the record of the comparison.
        address: of that page, relative to the group's; empty without one.
    """
    tiles = "".join(_tile(facts[name], words) for name, words in _averages_of(facts))
    link = f'<p><a href="{address}">Comparison over people</a></p>' if address else ""
    note = (
        f'<p class="quiet below">Mean over {number(facts["People"])} people of |x - y| / (x + y), before filling '
        "against after, with the interval of a bootstrap over people.</p>"
    )
    return Section("thickness", "Thickness change", f'<dl class="tiles">{tiles}</dl>{note}{link}')


def _tile(average: Mapping[str, Any], words: str) -> str:
    """An average; its interval is told below, where there is one."""
    low, high = average.get("IntervalPct", (None, None))
    interval = "" if low is None else f"<br>{low:.2f} to {high:.2f} %"
    return f"<div><dt>{escape(words)}{interval}</dt><dd>{average['ChangePct']:.2f} %</dd></div>"


def _averages(facts: Mapping[str, Any]) -> dict[str, str]:
    return {words: f"{facts[name]['ChangePct']:.2f} %" for name, words in _averages_of(facts)}


def _averages_of(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The averages that are known, and what they are."""
    return [(n, w) for n, w in _AVERAGES.items() if facts.get(n, {}).get("ChangePct") is not None]


def _methods(facts: Mapping[str, Any]) -> str:
    return (
        f"Thickness before and after was compared with brainfill {facts['GeneratedBy']['Version']} [brainfill]: the change of "
        "a region is |x - y| / (x + y); the global mean is the mean of both hemispheres' change and the ROI average the mean "
        "over regions, each over people, with bootstrap intervals over people. Agreement is told by limits of agreement "
        "[bland] and the intraclass correlation ICC(3,1) [icc]. Regions without thickness were skipped and counted."
    )


def _image(uri: str, label: str, kind: str = "") -> str:
    return f'<div class="paper{kind}"><img src="{uri}" alt="{escape(label, quote=True)}"></div>'
