"""`brainfill masks place`: lesions where those of multiple sclerosis are."""

from __future__ import annotations

from typing import Annotated

import typer

from brainfill.api import MaskRequest, ReadConfig
from brainfill.cli._find import find_masks
from brainfill.cli.examples import examples
from brainfill.cli.masks._common import Brain, ImageArgument, Manner, NanToZero, Tissues, write_mask
from brainfill.cli.options import DryRun, Force, Json, OutFile, Quiet, Verbose, default, flag
from brainfill.tasks.masks.place import Config

EXAMPLES = examples(
    "brainfill masks place T1.nii.gz -o OUT.nii.gz --n 10",
)


def command(
    image: ImageArgument,
    out: OutFile,
    n: Annotated[int | None, flag(Config, "n")] = default(Config, "n"),
    load_ml: Annotated[float | None, flag(Config, "load_ml")] = default(Config, "load_ml"),
    shapes: Annotated[
        str,
        typer.Option(
            "--shapes",
            metavar="MASKS",
            help="folder or glob pattern of lesion masks that lend their shapes, in any space; without it, lesions of "
            "up to 1 ml of 29 patients do",
        ),
    ] = "",
    ellipsoids: Annotated[bool, flag(Config, "ellipsoids")] = default(Config, "ellipsoids"),
    smallest_ml: Annotated[float, flag(Config, "smallest_ml")] = default(Config, "smallest_ml"),
    largest_ml: Annotated[float, flag(Config, "largest_ml")] = default(Config, "largest_ml"),
    inside: Annotated[float, flag(Config, "inside")] = default(Config, "inside"),
    margin_mm: Annotated[float, flag(Config, "margin_mm")] = default(Config, "margin_mm"),
    tries: Annotated[int, flag(Config, "tries")] = default(Config, "tries"),
    tissues: Tissues = None,
    brain: Brain = None,
    nan_to_zero: NanToZero = default(ReadConfig, "nan_to_zero"),
    seed: Annotated[int, flag(Config, "seed")] = default(Config, "seed"),
    threads: Annotated[int, flag(Config, "threads")] = default(Config, "threads"),
    deterministic: Annotated[bool, flag(Config, "deterministic")] = default(
        Config, "deterministic"
    ),
    force: Force = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Draw positions from a map of lesions in MNI space, and lay lesions there where tissue allows.

    The map and the lesions that come along are those of 29 patients with multiple sclerosis (Lesjak et al. 2018).
    """
    config = Config(
        n=n,
        load_ml=load_ml,
        ellipsoids=ellipsoids,
        smallest_ml=smallest_ml,
        largest_ml=largest_ml,
        inside=inside,
        margin_mm=margin_mm,
        tries=tries,
        seed=seed,
        threads=threads,
        deterministic=deterministic,
    )
    request = MaskRequest(
        "place",
        image,
        config,
        brain=brain,
        tissue=tissues,
        pool=find_masks(shapes) if shapes else (),
        read=ReadConfig(nan_to_zero=nan_to_zero),
    )
    write_mask(request, out, Manner(force, dry_run, as_json, quiet, verbose))
