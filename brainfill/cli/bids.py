"""`brainfill bids`: a whole BIDS dataset, person by person, and the table of all of them."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shlex
import signal
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperCommand

from brainfill import __version__
from brainfill.bids.config import BidsConfig, in_order, read_toml
from brainfill.cli import values
from brainfill.cli.examples import examples
from brainfill.cli.options import DryRun, Json, Quiet, default, flag
from brainfill.core.config import from_dict, to_dict
from brainfill.core.errors import BrainfillError

if TYPE_CHECKING:
    from brainfill.bids.find import Case, Dataset
    from brainfill.bids.person import Outcome

_MANY = ("--participant-label", "--session-label", "--derivatives", "-d", "--output-spaces")
_TEXTS = ("steps",)  # given as one text with commas


def spread(words: Sequence[str]) -> list[str]:
    """Arguments as other BIDS-Apps take them: several values behind one option, and _ for -.

    >>> spread(["in", "out", "participant", "--participant_label", "01", "02", "--n_procs=2"])
    ['in', 'out', 'participant', '--participant-label', '01', '--participant-label', '02', '--n-procs=2']
    """
    found: list[str] = []
    option = ""
    for word in words:
        if word.startswith("-"):
            name, equals, value = word.partition("=")
            name = name.replace("_", "-") if name.startswith("--") else name
            option = name if name in _MANY and not equals else ""
            found += [] if option else [f"{name}{equals}{value}"]
        else:
            found += [option, word] if option else [word]
    return found


class ManyValues(TyperCommand):
    """A command whose options may take several values."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer's own type is private
        """Read the arguments as `spread` gives them."""
        return super().parse_args(ctx, spread(args))


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"brainfill {__version__}")
        raise typer.Exit


EXAMPLES = examples(
    "brainfill bids BIDS_DIR OUT_DIR participant --n-procs 4",
    "brainfill bids BIDS_DIR OUT_DIR participant --participant-label 01 02 -d masks=LST_AI",
    "brainfill bids BIDS_DIR OUT_DIR participant --steps preprocess,fill --output-spaces T1w MNI152NLin2009aSym",
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
    dilate: Annotated[int, flag(BidsConfig, "dilate")] = default(BidsConfig, "dilate"),
    smooth_if: Annotated[float, flag(BidsConfig, "smooth_if")] = default(BidsConfig, "smooth_if"),
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
    config = _config(ctx, locals(), config_file)
    from brainfill.bids.find import find_cases, open_dataset

    data = open_dataset(
        bids_dir,
        out_dir,
        config.derivatives,
        config.bids_filter_file,
        check=not config.skip_bids_validation,
    )
    cases = find_cases(data, config.participant_label, config.session_label)
    if level == "group":
        _group(cases, data, only_shown=dry_run, as_json=as_json)
    else:
        _participants(cases, data, config, dry_run=dry_run, as_json=as_json, quiet=quiet)


def _group(cases: Sequence[Case], data: Dataset, *, only_shown: bool, as_json: bool) -> None:
    from brainfill.bids.group import group_rows, write_group

    rows = group_rows(cases, data.out)
    paths = [] if only_shown else write_group(cases, rows, data)
    names = [str(p) for p in paths]
    shown = as_json or only_shown
    typer.echo(
        json.dumps({"Outputs": names, "Rows": rows}, indent=2) if shown else "\n".join(names)
    )


def _participants(
    cases: Sequence[Case],
    data: Dataset,
    config: BidsConfig,
    *,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    from brainfill.bids import plan
    from brainfill.bids.describe import describe_dataset
    from brainfill.bids.run import refuse_failures, run_people, summary

    if not all(_kept(case, data, config) for case in cases):
        plan.check(config)  # loads the method; with nothing to do the command ends at once
    if dry_run:
        typer.echo(json.dumps(_resolved(cases, data, config), indent=2))
        return
    describe_dataset(data, to_dict(config))
    with _ended_by_sigterm():
        outcomes = run_people(cases, data, config, _teller(quiet=quiet), _warn)
    if as_json:
        typer.echo(json.dumps({"Scans": [_plain(o) for o in outcomes]}, indent=2))
    elif paths := [str(p) for o in outcomes for p in o.outputs]:
        typer.echo("\n".join(paths))
    if not quiet:
        typer.echo(summary(outcomes), err=True)
    refuse_failures(outcomes)


def _config(ctx: typer.Context, flags: Mapping[str, Any], file: Path | None) -> BidsConfig:
    """What the flags say, else the file, else the defaults."""
    given = {}
    for field in dataclasses.fields(BidsConfig):
        source = ctx.get_parameter_source(field.name)
        if source is not None and source.name == "COMMANDLINE":
            given[field.name] = _value(field.name, flags[field.name])
    plain = {k: _value(k, v) for k, v in read_toml(file).items()} if file else {}
    return in_order(from_dict(BidsConfig, plain | given))


def _value(name: str, value: Any) -> Any:  # noqa: ANN401 - the field's type
    if name in _TEXTS and isinstance(value, str):
        return tuple(s.strip() for s in value.split(",") if s.strip())
    return tuple(value) if isinstance(value, list) else value


def _teller(*, quiet: bool) -> Any:  # noqa: ANN401 - takes an outcome
    def tell(outcome: Outcome) -> None:
        if quiet and outcome.status != "failed":
            return
        after = f" in {outcome.seconds:.1f} s" if outcome.status == "done" else ""
        why = f": {outcome.message}" if outcome.message else ""
        typer.echo(f"{outcome.case.key}: {outcome.status}{after}{why}", err=True)
        if outcome.hint:
            typer.echo(f"hint: {outcome.hint}", err=True)

    return tell


def _warn(message: str) -> None:
    typer.echo(f"warning: {message}", err=True)


def _plain(outcome: Outcome) -> dict[str, Any]:
    return {
        "Scan": outcome.case.key,
        "Status": outcome.status,
        "Message": outcome.message,
        "Seconds": round(outcome.seconds, 2),
        "Outputs": [str(p) for p in outcome.outputs],
    }


def _resolved(cases: Sequence[Case], data: Dataset, config: BidsConfig) -> dict[str, Any]:
    """What a run would do, and for whom."""
    return {
        "options": to_dict(config),
        "at_once": config.at_once,
        "threads_each": config.threads,
        "scans": [_planned(case, data, config) for case in cases],
    }


def _kept(case: Case, data: Dataset, config: BidsConfig) -> bool:
    from brainfill.bids.person import is_done

    try:
        return not case.lack and all(is_done(case, data, config).values())
    except BrainfillError:  # told when the person's turn comes
        return False


def _planned(case: Case, data: Dataset, config: BidsConfig) -> dict[str, Any]:
    from brainfill.bids import plan
    from brainfill.bids.person import is_done

    about: dict[str, Any] = {
        "scan": str(case.t1),
        "masks": [str(p) for p in (*case.masks, *(m for m, _ in case.template_masks))],
    }
    if case.lack:
        return about | {"failed": case.lack}
    try:
        done = is_done(case, data, config)
    except BrainfillError as error:
        return about | {"failed": str(error)}
    job = plan.Job(
        case, config, data.out, Path(config.work_dir or data.out / ".brainfill" / "work")
    )
    todo = [step for step, kept in done.items() if not kept]
    return about | {"todo": {s: shlex.join(["python", "-m", *plan.command(s, job)]) for s in todo}}


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Have the signal that schedulers send end the run as Ctrl-C does."""

    def interrupt(number: int, frame: Any) -> None:  # noqa: ANN401, ARG001 - as signal wants it
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
