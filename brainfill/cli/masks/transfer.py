"""`brainfill masks transfer`: the lesions of a patient, carried to another brain."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from brainfill.api import MaskRequest, PatientImages, ReadConfig
from brainfill.cli.examples import examples
from brainfill.cli.masks._common import Brain, Manner, NanToZero, Tissues, write_mask
from brainfill.cli.options import DryRun, Force, Json, OutFile, Quiet, Verbose, default, flag
from brainfill.tasks.masks.transfer import Config

EXAMPLES = examples(
    "brainfill masks transfer PATIENT_T1.nii.gz PATIENT_MASK.nii.gz T1.nii.gz -o OUT.nii.gz",
)


def command(
    patient: Annotated[
        Path, typer.Argument(metavar="PATIENT_T1", help="T1-weighted image of the patient")
    ],
    lesions: Annotated[Path, typer.Argument(metavar="LESION_MASK", help="lesions of the patient")],
    target: Annotated[
        Path,
        typer.Argument(metavar="TARGET_T1", help="T1-weighted image whose grid the mask gets"),
    ],
    out: OutFile,
    flair: Annotated[
        Path | None,
        typer.Option("--flair", help="FLAIR of the patient, if the lesions were drawn on its grid"),
    ] = None,
    naive: Annotated[bool, flag(Config, "naive")] = default(Config, "naive"),
    effort: Annotated[Literal["fast", "balanced", "best"], flag(Config, "effort")] = default(
        Config, "effort"
    ),
    reach_mm: Annotated[float, flag(Config, "reach_mm")] = default(Config, "reach_mm"),
    tries: Annotated[int, flag(Config, "tries")] = default(Config, "tries"),
    tissues: Tissues = None,
    brain: Brain = None,
    patient_tissues: Annotated[
        Path | None, typer.Option("--patient-tissues", help="as --tissues, of the patient's T1")
    ] = None,
    patient_brain: Annotated[
        Path | None, typer.Option("--patient-brain", help="as --brain, of the patient's T1")
    ] = None,
    label: Annotated[int | None, flag(ReadConfig, "label")] = default(ReadConfig, "label"),
    nan_to_zero: NanToZero = default(ReadConfig, "nan_to_zero"),
    assume_same_grid: Annotated[bool, flag(ReadConfig, "assume_same_grid")] = default(
        ReadConfig, "assume_same_grid"
    ),
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
    """Carry the lesions of a patient to another brain, one by one, to places like those they have.

    Each keeps its volume, and its distances to ventricles and grey matter as far as possible; it lies in white matter,
    and touches grey matter only if it did so in the patient. The .tsv has a row for each lesion, those left out too.
    """
    config = Config(
        naive=naive,
        effort=effort,
        reach_mm=reach_mm,
        tries=tries,
        seed=seed,
        threads=threads,
        deterministic=deterministic,
    )
    request = MaskRequest(
        "transfer",
        target,
        config,
        brain=brain,
        tissue=tissues,
        patient=PatientImages(patient, lesions, flair, patient_brain, patient_tissues),
        read=ReadConfig(label=label, nan_to_zero=nan_to_zero, assume_same_grid=assume_same_grid),
    )
    write_mask(request, out, Manner(force, dry_run, as_json, quiet, verbose))
