"""What `brainfill bids` does at each level, and what it says."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from brainfill.bids.config import BidsConfig
from brainfill.core.config import to_dict
from brainfill.core.errors import BrainfillError

if TYPE_CHECKING:
    from brainfill.bids.dataset import Dataset
    from brainfill.bids.find import Case
    from brainfill.bids.person import Outcome


def run_group(
    cases: Sequence[Case], data: Dataset, config: BidsConfig, *, only_shown: bool, as_json: bool
) -> None:
    """The tables and pages of the group.

    Raises:
        InputMissingError: nobody was run yet.
        BrainfillError: people cannot be compared, or a file cannot be written.
    """
    from brainfill.bids.group import group_rows, write_group

    rows = group_rows(cases, data.out, warn)
    if only_shown:
        typer.echo(json.dumps({"Outputs": [], "Rows": rows}, indent=2))
        return
    paths = write_group(cases, rows, data, config, warn)
    names = [str(p) for p in paths]
    shown = {"Outputs": names, "Rows": rows}
    typer.echo(json.dumps(shown, indent=2) if as_json else "\n".join(names))


def run_participants(
    cases: Sequence[Case],
    data: Dataset,
    config: BidsConfig,
    *,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Everybody's steps.

    Raises:
        ConfigError, UnavailableError: nobody can be run like this.
        CohortError: some people failed, or would.
    """
    from brainfill.bids import plan
    from brainfill.bids.describe import describe_dataset
    from brainfill.bids.run import refuse_failures, refuse_plan, run_people, summary

    if not all(_kept(case, data, config) for case in cases):
        plan.check(config)  # loads the method; with nothing to do the command ends at once
    if dry_run:
        resolved = _resolved(cases, data, config)
        typer.echo(json.dumps(resolved, indent=2))
        both = zip(cases, resolved["scans"], strict=True)
        refuse_plan([case.key for case, planned in both if "failed" in planned], len(cases))
        return
    describe_dataset(data, to_dict(config))
    outcomes = run_people(cases, data, config, _teller(quiet=quiet), warn)
    if as_json:
        typer.echo(json.dumps({"Scans": [_plain(o) for o in outcomes]}, indent=2))
    elif paths := [str(p) for o in outcomes for p in o.outputs]:
        typer.echo("\n".join(paths))
    if not quiet:
        typer.echo(summary(outcomes), err=True)
    refuse_failures(outcomes)


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


def warn(message: str) -> None:
    """Say a warning on stderr."""
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
    except (BrainfillError, OSError):  # told when the person's turn comes
        return False


def _planned(case: Case, data: Dataset, config: BidsConfig) -> dict[str, Any]:
    from brainfill.bids.commands import command
    from brainfill.bids.job import Job
    from brainfill.bids.person import is_done
    from brainfill.bids.stage import work_folder

    about: dict[str, Any] = {
        "scan": str(case.t1),
        "masks": [str(p) for p in case.all_masks],
    }
    if case.lack:
        return about | {"failed": case.lack}
    try:
        done = is_done(case, data, config)
    except (BrainfillError, OSError) as error:
        return about | {"failed": str(error)}
    job = Job(case, config, data.out, work_folder(data.out, config.work_dir))
    todo = [step for step, kept in done.items() if not kept]
    return about | {"todo": {s: shlex.join(["python", "-m", *command(s, job)]) for s in todo}}
