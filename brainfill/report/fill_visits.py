"""Visits of one person that were filled together, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from brainfill.core.volume import Mask
from brainfill.report.fill_others import pair
from brainfill.report.film import Point, inner_point
from brainfill.report.parts import Part, Section

if TYPE_CHECKING:
    from brainfill.core.volume import Scan
    from brainfill.tasks._base import Result


@dataclass(frozen=True, eq=False)
class Visit:
    """One visit: its scan, what was made of it, and the record of that."""

    scan: Scan
    result: Result
    facts: Mapping[str, Any]


def visits_part(visits: Sequence[Visit], shown: int) -> Part:
    """The part of a page that shows all visits at one place of the brain.

    Args:
        visits: in order.
        shown: the visit whose largest lesion is the place; its record stands elsewhere on the page.
    """
    labels = visits[shown].result.volumes["labels"]
    at_mm = inner_point(Mask(labels.data == 1, labels.grid))
    figures = []
    for number, visit in enumerate(visits, start=1):
        volumes = visit.result.volumes
        place = moved(at_mm, visits[shown].facts, visit.facts)
        image, name = visit.scan.images["T1w"], f"Visit {number}: {visit.scan.subject}"
        figures.append(pair(image, volumes["filled"], volumes["hole"], place, name))
    others = [dict(visit.facts) for i, visit in enumerate(visits) if i != shown]
    return Part(
        "visits",
        {"visits": str(len(visits))},
        [Section("visits", "Visits", "".join(figures))],
        "The visits were registered rigidly to the first by ANTs, and each was filled with what the others show in its lesions.",
        {"Visits": others, "Warnings": [w for facts in others for w in facts.get("Warnings", [])]},
    )


def moved(at_mm: Point, source: Mapping[str, Any], target: Mapping[str, Any]) -> Point:
    """A world position of one visit in another, by their records [mm]."""
    to_first, back = (np.array(facts["ToFirstVisit"]) for facts in (source, target))
    x, y, z, _ = (np.linalg.inv(back) @ to_first @ [*at_mm, 1]).tolist()
    return x, y, z
