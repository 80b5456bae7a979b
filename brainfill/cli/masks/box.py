"""`brainfill masks box`: filled boxes around lesions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from brainfill.api import MaskRequest, ReadConfig
from brainfill.cli.examples import examples
from brainfill.cli.masks._common import Manner, NanToZero, write_mask
from brainfill.cli.options import DryRun, Force, Json, OutFile, Quiet, Verbose, default, flag
from brainfill.tasks.masks.box import Config

EXAMPLES = examples(
    "brainfill masks box MASK.nii.gz -o OUT.nii.gz --grow-mm 6",
)


def command(
    mask: Annotated[
        Path, typer.Argument(metavar="MASK", help="lesion mask, whose grid the boxes get")
    ],
    out: OutFile,
    grow_vox: Annotated[int | None, flag(Config, "grow_vox")] = default(Config, "grow_vox"),
    grow_mm: Annotated[float | None, flag(Config, "grow_mm")] = default(Config, "grow_mm"),
    label: Annotated[int | None, flag(ReadConfig, "label")] = default(ReadConfig, "label"),
    nan_to_zero: NanToZero = default(ReadConfig, "nan_to_zero"),
    seed: Annotated[int, flag(Config, "seed")] = default(Config, "seed"),
    force: Force = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Draw a filled box around each lesion of a mask, its sides moved outwards at random."""
    config = Config(grow_vox=grow_vox, grow_mm=grow_mm, seed=seed)
    read = ReadConfig(label=label, nan_to_zero=nan_to_zero)
    request = MaskRequest("box", mask, config, mask=mask, read=read)
    write_mask(request, out, Manner(force, dry_run, as_json, quiet, verbose))
