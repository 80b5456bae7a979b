"""`brainfill masks circles`: discs on slices, or lesions half of the time."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from brainfill.api import MaskRequest, ReadConfig
from brainfill.cli._find import find_masks
from brainfill.cli.examples import examples
from brainfill.cli.masks._common import Brain, ImageArgument, Manner, NanToZero, Tissue, write_mask
from brainfill.cli.options import DryRun, Force, Json, OutFile, Quiet, Verbose, default, flag
from brainfill.tasks.masks.circles import Config

EXAMPLES = examples(
    "brainfill masks circles T1.nii.gz -o OUT.nii.gz",
    "brainfill masks circles T1.nii.gz -o OUT.nii.gz --lesions MASKS",
)


def command(
    image: ImageArgument,
    out: OutFile,
    plane: Annotated[Literal["axial", "coronal", "sagittal"], flag(Config, "plane")] = default(
        Config, "plane"
    ),
    same_centre: Annotated[
        bool, flag(Config, "same_centre", "--same-centre/--own-centres")
    ] = default(Config, "same_centre"),
    depth_mm: Annotated[float, flag(Config, "depth_mm")] = default(Config, "depth_mm"),
    lesions: Annotated[
        str,
        typer.Option(
            "--lesions", metavar="FOLDER|FILE", help="lesion masks that lie where the scan does"
        ),
    ] = "",
    share_circles: Annotated[float, flag(Config, "share_circles")] = default(
        Config, "share_circles"
    ),
    smallest_ml: Annotated[float, flag(Config, "smallest_ml")] = default(Config, "smallest_ml"),
    tries: Annotated[int, flag(Config, "tries")] = default(Config, "tries"),
    tissue: Tissue = None,
    tissue_labels: Annotated[list[int], flag(Config, "tissue_labels", "--tissue-label")] = default(
        Config, "tissue_labels"
    ),
    brain: Brain = None,
    nan_to_zero: NanToZero = default(ReadConfig, "nan_to_zero"),
    seed: Annotated[int, flag(Config, "seed")] = default(Config, "seed"),
    force: Force = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Draw a disc on each of a run of slices; with --lesions, half of the time some lesions instead."""
    config = Config(
        plane=plane,
        same_centre=same_centre,
        depth_mm=depth_mm,
        share_circles=share_circles,
        smallest_ml=smallest_ml,
        tissue_labels=tuple(tissue_labels),
        tries=tries,
        seed=seed,
    )
    pool = find_masks(lesions) if lesions else []
    read = ReadConfig(nan_to_zero=nan_to_zero)
    request = MaskRequest(
        "circles", image, config, brain=brain, tissue=tissue, pool=pool, read=read
    )
    write_mask(request, out, Manner(force, dry_run, as_json, quiet, verbose))
