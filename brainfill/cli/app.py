"""The command `brainfill`: assembles its commands and turns errors into sentences and exit codes."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from brainfill import __version__
from brainfill.cli import (
    bids,
    compare,
    evaluate,
    fill,
    info,
    masks,
    preprocess,
    robustness,
    smooth,
    study,
    synthesize,
    thickness,
    train,
    transform,
)
from brainfill.cli import list as list_
from brainfill.cli._bids_arguments import ManyValues
from brainfill.cli._folders import spare_the_home_folder
from brainfill.cli.examples import examples
from brainfill.cli.pipes import mind_no_leaving
from brainfill.core.errors import BrainfillError

app = typer.Typer(
    name="brainfill",
    no_args_is_help=True,
    epilog=examples(
        "brainfill fill T1.nii.gz MASK.nii.gz",
        "brainfill fill --help",
        "brainfill info",
    ),
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich would triple the time of --help
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("fill", epilog=fill.EXAMPLES)(fill.command)
app.command("preprocess", epilog=preprocess.EXAMPLES)(preprocess.command)
app.command("smooth", epilog=smooth.EXAMPLES)(smooth.command)
app.command("synthesize", epilog=synthesize.EXAMPLES)(synthesize.command)
app.command("thickness", epilog=thickness.EXAMPLES)(thickness.command)
app.command("transform", epilog=transform.EXAMPLES)(transform.command)
app.add_typer(masks.app, name="masks")
app.command("compare", epilog=compare.EXAMPLES)(compare.command)
app.command("robustness", epilog=robustness.EXAMPLES)(robustness.command)
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(study.app, name="study")
app.add_typer(train.app, name="train")
app.command("bids", cls=ManyValues, epilog=bids.EXAMPLES)(bids.command)
app.command("info", epilog=info.EXAMPLES)(info.command)
app.command("list", epilog=list_.EXAMPLES)(list_.command)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"brainfill {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_show_version, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Replace brain lesions in T1-weighted MRI by plausible healthy tissue.

    Research use only; not a medical device. Exit codes: 0 done, 1 bug, 2 wrong use, 65 unusable
    data, 66 input missing, 69 model or device missing, 75 some scans of a cohort not done, 130 interrupted.
    """


def bids_main() -> None:
    """Run `brainfill bids`: the entry point `brainfill-bids` of containers."""
    sys.argv.insert(1, "bids")
    main()


def main() -> None:
    """Run the command line and exit."""
    mind_no_leaving()
    spare_the_home_folder()
    if "_BRAINFILL_COMPLETE" in os.environ:
        # typer passes the help through rich where there is one, which costs as much time as all the rest and drops
        # what stands in brackets, such as units.
        sys.modules["rich"] = None  # type: ignore[assignment]
    try:
        app()
    except BrainfillError as error:
        typer.echo(f"error: {error}", err=True)
        if error.hint:
            typer.echo(f"hint: {error.hint}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
