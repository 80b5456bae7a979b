"""The command `brainfill`: assembles its commands and turns errors into sentences and exit codes."""

from __future__ import annotations

import os
import sys
from pathlib import Path
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
from brainfill.cli.commands import App
from brainfill.cli.examples import examples
from brainfill.cli.pipes import check_told, mind_no_leaving
from brainfill.cli.scratch import own_temporary_folder
from brainfill.cli.shortage import shortage
from brainfill.cli.signals import ended_by_signals
from brainfill.core.checksums import forget
from brainfill.core.errors import BrainfillError, InputMissingError

app = App(
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
    data, 66 input missing, 69 model, device or memory missing, 75 some scans of a cohort not done, 128 and the
    number of the signal that ended it (130: Ctrl-C).
    """


def bids_main() -> None:
    """Run `brainfill bids`: the entry point `brainfill-bids` of containers."""
    sys.argv.insert(1, "bids")
    main()


def main() -> None:
    """Run the command line and exit."""
    mind_no_leaving()
    forget()
    # Read when torch loads: its threads sleep while they wait, and leave the processors to others.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if "_BRAINFILL_COMPLETE" in os.environ:
        # typer passes the help through rich where there is one, which costs as much time as all the rest and drops
        # what stands in brackets, such as units.
        sys.modules["rich"] = None  # type: ignore[assignment]
    with ended_by_signals(), own_temporary_folder():
        sys.exit(_run())


def _run() -> int:
    """The exit code; whatever the user can do something about is told in a sentence."""
    try:
        _check_place()
        code = _called()
        if code == 0:
            check_told()
    except BrainfillError as error:
        return _tell(error)
    except KeyboardInterrupt:
        return 130
    except (MemoryError, OSError, RuntimeError, ValueError) as error:
        sentence = shortage(error)
        if sentence is None:  # a bug, whose traceback is wanted
            raise
        return _tell(sentence)
    return code


def _called() -> int:
    """The exit code of the command that was typed."""
    try:
        app()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _check_place() -> None:
    """Refuse to work in a folder that was removed, where no relative path leads anywhere.

    Raises:
        InputMissingError: it is gone.
    """
    try:
        Path.cwd()
    except OSError as error:
        msg = f"the folder this was started in is no longer there: {error.strerror}"
        raise InputMissingError(msg, "change to a folder that is there") from error


def _tell(error: BrainfillError) -> int:
    typer.echo(f"error: {error}", err=True)
    if error.hint:
        typer.echo(f"hint: {error.hint}", err=True)
    return error.exit_code
