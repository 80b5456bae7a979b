"""Pages for the browser: a person's, of the phantom, and a group's."""

import numpy as np
from report_cases import FILL_FACTS, filled

from brainfill.core.context import Context
from brainfill.core.grid import Grid
from brainfill.core.volume import Mask, Scan, Volume
from brainfill.report.fill import fill_part
from brainfill.report.group import Person, group_page
from brainfill.report.page import page


def person_page():
    """The fill of a shaded ball with one lesion, a darker ball."""
    grid = Grid(
        (40, 44, 38),
        np.diag([-1.0, 1, 1, 1])
        + np.array([[0, 0, 0, 20], [0, 0, 0, -22], [0, 0, 0, -19], [0] * 4]),
    )
    xyz = grid.to_world(np.argwhere(np.ones(grid.shape, bool)).astype(float)).reshape(
        *grid.shape, 3
    )
    ball = np.linalg.norm(xyz / (16, 18, 15), axis=-1) < 1
    lesion = np.linalg.norm(xyz - (5, 3, 2), axis=-1) < 4
    values = np.where(ball, 500 + 8 * xyz[..., 0] + 5 * xyz[..., 1], 0)
    image = Volume(np.where(lesion, 150, values), grid)
    scan, result = filled(
        Scan("sub-01", {"T1w": image}, Mask(lesion, grid), Mask(ball, grid)), sd=True
    )
    part = fill_part(scan, result, FILL_FACTS, Context())
    return page(scan.subject, [part], ["brainfill", "fill", "T1.nii.gz", "MASK.nii.gz"])


def people_page():
    """Nine people: the last failed, the one before has stripes."""
    people = [
        Person(
            name=f"sub-{i}", status="done", lesion_ml=(7 * i) % 8 + 1.0, stripe_index=1 + i / 100
        )
        for i in range(1, 8)
    ]
    people.append(
        Person(name="sub-8", status="done", page="sub-8.html", lesion_ml=4.5, stripe_index=2.5)
    )
    people.append(Person(name="sub-10", status="failed", error="the lesion mask is empty"))
    return group_page(people, "MS")
