"""`brainfill masks components`: lesions of other people, where tissue allows."""

from __future__ import annotations

from typing import Annotated

import typer

from brainfill.api import MaskRequest, ReadConfig
from brainfill.cli._find import find_masks
from brainfill.cli.examples import examples
from brainfill.cli.masks._common import Brain, ImageArgument, Manner, NanToZero, Tissue, write_mask
from brainfill.cli.options import DryRun, Force, Json, OutFile, Quiet, Verbose, default, flag
from brainfill.tasks.masks.components import Config

EXAMPLES = examples(
    "brainfill masks components T1.nii.gz MASKS -o OUT.nii.gz --n 10 --tissue TISSUES.nii.gz --tissue-label 3",
)


def command(
    image: ImageArgument,
    masks: Annotated[
        str,
        typer.Argument(
            metavar="MASKS", help="folder or glob pattern of lesion masks, in any space"
        ),
    ],
    out: OutFile,
    n: Annotated[int, flag(Config, "n")] = default(Config, "n"),
    smallest_ml: Annotated[float, flag(Config, "smallest_ml")] = default(Config, "smallest_ml"),
    largest_ml: Annotated[float, flag(Config, "largest_ml")] = default(Config, "largest_ml"),
    inside: Annotated[float, flag(Config, "inside")] = default(Config, "inside"),
    turn: Annotated[bool, flag(Config, "turn")] = default(Config, "turn"),
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
    """Pick lesions by size from a folder of masks, turn them, and lay them where tissue allows."""
    config = Config(
        n=n,
        smallest_ml=smallest_ml,
        largest_ml=largest_ml,
        inside=inside,
        turn=turn,
        tries=tries,
        tissue_labels=tuple(tissue_labels),
        seed=seed,
    )
    read = ReadConfig(nan_to_zero=nan_to_zero)
    request = MaskRequest(
        "components", image, config, brain=brain, tissue=tissue, pool=find_masks(masks), read=read
    )
    write_mask(request, out, Manner(force, dry_run, as_json, quiet, verbose))
