"""`brainfill masks healthy`: healthy tissue shaped like tumours, as in BraTS."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from brainfill.api import MaskRequest, ReadConfig
from brainfill.cli._find import find_masks
from brainfill.cli.examples import examples
from brainfill.cli.masks._common import Brain, ImageArgument, Manner, NanToZero, write_mask
from brainfill.cli.options import DryRun, Force, Json, OutFile, Quiet, Verbose, default, flag
from brainfill.tasks.masks.healthy import Config

OTHERS = ("unhealthy", "union", "voided")

EXAMPLES = examples(
    "brainfill masks healthy T1.nii.gz TUMOUR.nii.gz -o OUT.nii.gz --masks TUMOURS",
)


def command(
    image: ImageArgument,
    tumour: Annotated[
        Path, typer.Argument(metavar="TUMOUR", help="tumour mask or labels; all labels count")
    ],
    out: OutFile,
    masks: Annotated[
        str, typer.Option("--masks", metavar="FOLDER", help="masks of tumours, to take shapes from")
    ],
    gap_mm: Annotated[float, flag(Config, "gap_mm")] = default(Config, "gap_mm"),
    inside: Annotated[float, flag(Config, "inside")] = default(Config, "inside"),
    smallest_ml: Annotated[float, flag(Config, "smallest_ml")] = default(Config, "smallest_ml"),
    window: Annotated[float, flag(Config, "window")] = default(Config, "window"),
    tries: Annotated[int, flag(Config, "tries")] = default(Config, "tries"),
    brain: Brain = None,
    label: Annotated[int | None, flag(ReadConfig, "label")] = default(ReadConfig, "label"),
    nan_to_zero: NanToZero = default(ReadConfig, "nan_to_zero"),
    assume_same_grid: Annotated[bool, flag(ReadConfig, "assume_same_grid")] = default(
        ReadConfig, "assume_same_grid"
    ),
    seed: Annotated[int, flag(Config, "seed")] = default(Config, "seed"),
    force: Force = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Mask healthy tissue in a scan with a tumour, as the BraTS inpainting challenge does.

    Beside the mask come OUT_unhealthy (the grown tumour), OUT_union and OUT_voided (the scan with 0 in their place).
    """
    config = Config(
        gap_mm=gap_mm,
        inside=inside,
        smallest_ml=smallest_ml,
        window=window,
        tries=tries,
        seed=seed,
    )
    read = ReadConfig(label=label, nan_to_zero=nan_to_zero, assume_same_grid=assume_same_grid)
    pool = find_masks(masks)
    request = MaskRequest("healthy", image, config, mask=tumour, brain=brain, pool=pool, read=read)
    write_mask(request, out, Manner(force, dry_run, as_json, quiet, verbose), OTHERS)
