"""`brainfill bids`: a whole BIDS dataset, person by person, and the table of all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from brainfill import __version__
from brainfill.bids.config import BidsConfig
from brainfill.cli import values
from brainfill.cli._bids_arguments import bids_config
from brainfill.cli._bids_levels import run_group, run_participants, warn
from brainfill.cli.examples import examples
from brainfill.cli.options import DryRun, Json, Quiet, default, flag


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"brainfill {__version__}")
        raise typer.Exit


EXAMPLES = examples(
    "brainfill bids BIDS_DIR OUT_DIR participant --n-procs 4",
    "brainfill bids BIDS_DIR OUT_DIR participant --participant-label 01 02 -d masks=LST_AI",
    "brainfill bids BIDS_DIR OUT_DIR participant --steps preprocess,fill --output-spaces T1w MNI152NLin2009aSym",
    "brainfill bids BIDS_DIR OUT_DIR participant --steps preprocess,fill,smooth,thickness,compare",
    "brainfill bids BIDS_DIR OUT_DIR group",
)


def command(
    ctx: typer.Context,
    bids_dir: Annotated[Path, typer.Argument(help="BIDS dataset with T1w images")],
    out_dir: Annotated[Path, typer.Argument(help="folder of the results, a BIDS derivative")],
    level: Annotated[
        Literal["participant", "group"],
        typer.Argument(help="participant: fill everybody's scans; group: the table of all of them"),
    ],
    participant_label: Annotated[
        list[str], flag(BidsConfig, "participant_label", metavar="LABEL...")
    ] = default(BidsConfig, "participant_label"),
    session_label: Annotated[list[str], flag(BidsConfig, "session_label", metavar="LABEL...")] = (
        default(BidsConfig, "session_label")
    ),
    bids_filter_file: Annotated[str, flag(BidsConfig, "bids_filter_file", metavar="FILE")] = (
        default(BidsConfig, "bids_filter_file")
    ),
    derivatives: Annotated[
        list[str],
        flag(BidsConfig, "derivatives", "--derivatives", "-d", metavar="[NAME=]FOLDER..."),
    ] = default(BidsConfig, "derivatives"),
    share_masks: Annotated[bool, flag(BidsConfig, "share_masks")] = default(
        BidsConfig, "share_masks"
    ),
    label: Annotated[int | None, flag(BidsConfig, "label")] = default(BidsConfig, "label"),
    nan_to_zero: Annotated[bool, flag(BidsConfig, "nan_to_zero")] = default(
        BidsConfig, "nan_to_zero"
    ),
    assume_same_grid: Annotated[bool, flag(BidsConfig, "assume_same_grid")] = default(
        BidsConfig, "assume_same_grid"
    ),
    steps: Annotated[str, flag(BidsConfig, "steps", metavar="A,B,...")] = ",".join(
        default(BidsConfig, "steps")
    ),
    output_spaces: Annotated[list[str], flag(BidsConfig, "output_spaces", metavar="SPACE...")] = (
        default(BidsConfig, "output_spaces")
    ),
    skull_strip: Annotated[
        Literal["auto", "skip", "force"],
        flag(BidsConfig, "skull_strip", "--skull-strip", "--skull-strip-t1w"),
    ] = default(BidsConfig, "skull_strip"),
    on_empty: Annotated[Literal["copy", "skip", "fail"], flag(BidsConfig, "on_empty")] = default(
        BidsConfig, "on_empty"
    ),
    method: Annotated[str, flag(BidsConfig, "method", values=values.FILLERS)] = default(
        BidsConfig, "method"
    ),
    model: Annotated[str, flag(BidsConfig, "model", values=values.models)] = default(
        BidsConfig, "model"
    ),
    quality: Annotated[Literal["fast", "balanced", "best"], flag(BidsConfig, "quality")] = default(
        BidsConfig, "quality"
    ),
    dilate: Annotated[Any, flag(BidsConfig, "dilate", metavar="auto|MM")] = default(  # noqa: ANN401 - a number or a word
        BidsConfig, "dilate"
    ),
    smooth_if: Annotated[float, flag(BidsConfig, "smooth_if")] = default(BidsConfig, "smooth_if"),
    thickness_backend: Annotated[
        Literal["direct", "ants", "antspynet", "dldirect", "fastsurfer", "freesurfer"],
        flag(BidsConfig, "thickness_backend"),
    ] = default(BidsConfig, "thickness_backend"),
    thickness_settings: Annotated[
        list[str],
        flag(BidsConfig, "thickness_settings", "--thickness-set", metavar="KEY=VALUE..."),
    ] = default(BidsConfig, "thickness_settings"),
    thickness_mask: Annotated[bool, flag(BidsConfig, "thickness_mask")] = default(
        BidsConfig, "thickness_mask"
    ),
    report: Annotated[bool, flag(BidsConfig, "report")] = default(BidsConfig, "report"),
    random_seed: Annotated[int, flag(BidsConfig, "random_seed", "--random-seed", "--seed")] = (
        default(BidsConfig, "random_seed")
    ),
    deterministic: Annotated[bool, flag(BidsConfig, "deterministic")] = default(
        BidsConfig, "deterministic"
    ),
    device: Annotated[str, flag(BidsConfig, "device", values=values.DEVICES)] = default(
        BidsConfig, "device"
    ),
    n_procs: Annotated[int, flag(BidsConfig, "n_procs", "--n-procs", "--nprocs")] = default(
        BidsConfig, "n_procs"
    ),
    omp_nthreads: Annotated[int, flag(BidsConfig, "omp_nthreads")] = default(
        BidsConfig, "omp_nthreads"
    ),
    mem_gb: Annotated[float, flag(BidsConfig, "mem_gb", "--mem-gb", "--mem")] = default(
        BidsConfig, "mem_gb"
    ),
    work_dir: Annotated[
        str, flag(BidsConfig, "work_dir", "--work-dir", "-w", metavar="FOLDER")
    ] = default(BidsConfig, "work_dir"),
    stop_on_first_crash: Annotated[bool, flag(BidsConfig, "stop_on_first_crash")] = default(
        BidsConfig, "stop_on_first_crash"
    ),
    skip_bids_validation: Annotated[
        bool,
        flag(
            BidsConfig,
            "skip_bids_validation",
            "--skip-bids-validation",
            "--skip-bids-validator",
        ),
    ] = default(BidsConfig, "skip_bids_validation"),
    config_file: Annotated[
        Path | None,
        typer.Option("--config-file", help="TOML with these options; flags go before the file"),
    ] = None,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version."),
    ] = False,
) -> None:
    """Fill the lesions of a BIDS dataset, each scan once; the same command again does only what is not done.

    Lesion masks are found beside the T1w and in BIDS_DIR/derivatives, or where --derivatives says; several are joined.
    """
    config = bids_config(ctx, locals(), config_file)
    from brainfill.bids.dataset import open_dataset
    from brainfill.bids.find import find_cases

    data = open_dataset(
        bids_dir,
        out_dir,
        config.derivatives,
        config.bids_filter_file,
        check=not config.skip_bids_validation,
        share=config.share_masks,
    )
    cases = find_cases(data, config.participant_label, config.session_label, warn)
    if level == "group":
        run_group(cases, data, config, only_shown=dry_run, as_json=as_json)
    else:
        run_participants(cases, data, config, dry_run=dry_run, as_json=as_json, quiet=quiet)
