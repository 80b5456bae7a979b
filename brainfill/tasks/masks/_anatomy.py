"""The anatomy of a scan, for kinds of masks that heed it: brain, tissues, ventricles, and the way to MNI space."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from brainfill.core.config import option
from brainfill.core.errors import DataError
from brainfill.tasks.masks._base import MaskConfig, brain_of

if TYPE_CHECKING:
    from brainfill.core.context import Context
    from brainfill.core.volume import LabelMap, Mask, Scan, Volume
    from brainfill.lesions.anatomy import Anatomy
    from brainfill.preprocess.registration import Registration

_TISSUES = (1, 2, 3)


@dataclass(frozen=True, kw_only=True)
class AnatomyConfig(MaskConfig):
    """What kinds that register let the user choose, beside what every kind does."""

    threads: int = option(0, "CPU threads of ANTs; 0 leaves it to them", low=0, high=1024)
    deterministic: bool = option(
        False,
        "network and ANTs in one thread, in variants that are reproducible: the same bytes every time",
    )

    def surroundings(self, ctx: Context) -> Context:
        """`ctx` with the threads wished for."""
        return dataclasses.replace(ctx, threads=self.threads, deterministic=self.deterministic)


@dataclass(frozen=True, eq=False)
class Stripped:
    """A brain alone.

    Args:
        image: evenly lit, 0 outside the brain.
        brain: on its grid.
        tissues: 1 fluid, 2 grey matter, 3 white matter.
        facts: where brain and tissues come from.
    """

    image: Volume
    brain: Mask
    tissues: LabelMap
    facts: Mapping[str, Any]


def stripped(scan: Scan, ctx: Context) -> Stripped:
    """The brain of a scan and its tissues: those given, or told apart after N4. Lesions are left out of both.

    Raises:
        DataError: no brain, or labels that are not tissues.
    """
    import numpy as np

    from brainfill.core.volume import LabelMap, Scan, Volume
    from brainfill.preprocess.steps import n4
    from brainfill.preprocess.tissues.kmeans import tissues

    brain, origin = brain_of(scan, ctx)
    image = scan.images["T1w"]
    if scan.labels is not None:
        found, how = _given(scan.labels, scan.subject), "given"
        found = LabelMap(np.where(brain.data, found.data, 0), found.grid, found.names)
    else:
        alone = Scan(scan.subject, {"T1w": image}, scan.lesion, brain)
        image = n4.build(n4.Config())(alone, ctx)[0].images["T1w"]
        found, how = tissues(image, brain, ctx, scan.lesion), "three classes by brightness"
    image = Volume(np.where(brain.data, image.data, 0), image.grid)
    return Stripped(image, brain, found, {"BrainFrom": origin, "TissuesFrom": how})


def _given(labels: LabelMap, subject: str) -> LabelMap:
    import numpy as np

    found = np.unique(labels.data[labels.data != 0]).tolist()
    if found != list(_TISSUES):
        shown = ", ".join(map(str, found[:12])) + (", ..." if len(found) > 12 else "")
        msg = (
            f"the tissue for '{subject}' has the labels {shown or 'none'}, expected 1 (fluid), 2 (grey "
            "matter) and 3 (white matter)"
        )
        raise DataError(msg, "number the tissues so, or leave the option out to have them found")
    return labels


def to_template(found: Stripped, ctx: Context) -> Registration:
    """The affine mapping between a brain and MNI space."""
    from brainfill.preprocess.registration import register
    from brainfill.preprocess.template import MNI, load_template

    ctx.progress("registering to MNI space", 0, 1)
    template = load_template(MNI, ctx.read)
    done = register(
        template.image, template.brain.data, found.image, None, "affine", "balanced", ctx
    )
    ctx.progress("registering to MNI space", 1, 1)
    return done


def anatomy_in_mni(found: Stripped, registration: Registration, ctx: Context) -> Anatomy:
    """Where lesions may be in a brain, its ventricles found by those of the template.

    Raises:
        DataError: no ventricles were found.
    """
    from brainfill.core.volume import Mask
    from brainfill.lesions.anatomy import anatomy
    from brainfill.preprocess.transforms import carry
    from brainfill.preprocess.ventricles import mni_ventricles, ventricles

    there = mni_ventricles()
    grid = found.image.grid
    expected = carry(there.data, there.grid, grid, [registration.backward], "linear", ctx) > 0.5
    return anatomy(found.tissues, ventricles(found.tissues, Mask(expected, grid)))
