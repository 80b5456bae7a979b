"""`brainfill masks ellipsoids`: bumpy ellipsoids in the brain."""

from __future__ import annotations

from typing import Annotated

from brainfill.api import MaskRequest, ReadConfig
from brainfill.cli.examples import examples
from brainfill.cli.masks._common import Brain, ImageArgument, Manner, NanToZero, write_mask
from brainfill.cli.options import DryRun, Force, Json, OutFile, Quiet, Verbose, default, flag
from brainfill.tasks.masks.ellipsoids import Config

EXAMPLES = examples(
    "brainfill masks ellipsoids T1.nii.gz -o OUT.nii.gz --n 5 --radius-mm 3 12",
)


def command(
    image: ImageArgument,
    out: OutFile,
    n: Annotated[int, flag(Config, "n")] = default(Config, "n"),
    radius_mm: Annotated[
        tuple[float, float], flag(Config, "radius_mm", metavar="LOW HIGH")
    ] = default(Config, "radius_mm"),
    inside: Annotated[float, flag(Config, "inside")] = default(Config, "inside"),
    tries: Annotated[int, flag(Config, "tries")] = default(Config, "tries"),
    brain: Brain = None,
    nan_to_zero: NanToZero = default(ReadConfig, "nan_to_zero"),
    seed: Annotated[int, flag(Config, "seed")] = default(Config, "seed"),
    force: Force = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Draw bumpy ellipsoids in the brain, apart from each other."""
    config = Config(n=n, radius_mm=radius_mm, inside=inside, tries=tries, seed=seed)
    read = ReadConfig(nan_to_zero=nan_to_zero)
    request = MaskRequest("ellipsoids", image, config, brain=brain, read=read)
    write_mask(request, out, Manner(force, dry_run, as_json, quiet, verbose))
