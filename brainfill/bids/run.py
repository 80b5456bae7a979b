"""All people of a dataset, some at the same time; one that fails stops nobody else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from brainfill.bids.children import Children
from brainfill.bids.config import BidsConfig
from brainfill.bids.dataset import Dataset
from brainfill.bids.find import Case
from brainfill.bids.person import (
    BUSY,
    DONE,
    FAILED,
    KEPT,
    SKIPPED,
    STOPPED,
    Outcome,
    Run,
    run_person,
)
from brainfill.bids.stage import folders
from brainfill.core.errors import BrainfillError


class CohortError(BrainfillError):
    """Some people of a cohort failed (exit code 75)."""

    exit_code = 75


def run_people(
    cases: Sequence[Case],
    data: Dataset,
    config: BidsConfig,
    tell: Callable[[Outcome], None],
    warn: Callable[[str], None],
) -> list[Outcome]:
    """Run everybody's steps; those whom another run is at come last, and are waited for.

    Args:
        cases: everybody.
        data: the folders.
        config: what is wanted, and how many at once.
        tell: hears of everybody who is through.
        warn: receives one sentence per warning.

    Returns:
        outcomes in the order of `cases`.

    Raises:
        ConfigError: a folder of the output cannot be made.
    """
    children = Children(config.threads)
    run = Run(data, config, children, folders(data.out, config.work_dir), warn)
    found: dict[str, Outcome] = {}
    try:
        for waiting in (False, True):
            todo = [c for c in cases if found.get(c.key, Outcome(c, BUSY)).status == BUSY]
            for outcome in _each(todo, run, waiting=waiting):
                found[outcome.case.key] = outcome
                if outcome.status not in (BUSY, STOPPED):
                    tell(outcome)
                if outcome.status == FAILED and config.stop_on_first_crash:
                    return [found.get(c.key, Outcome(c, STOPPED)) for c in cases]
    finally:
        children.stop()
    return [found[c.key] for c in cases]


def summary(outcomes: Sequence[Outcome]) -> str:
    """How it went, in one line.

    >>> from pathlib import Path
    >>> from brainfill.bids.names import parse
    >>> path = Path("sub-01_T1w.nii.gz")
    >>> summary([Outcome(Case(path, parse(path)), "done")] * 2)
    '2 scans: 2 done'
    """
    counts = Counter(o.status for o in outcomes)
    words = {"kept": "done before", STOPPED: "not begun or stopped"}
    parts = [f"{n} {words.get(status, status)}" for status, n in counts.items()]
    return f"{len(outcomes)} scan{'s' if len(outcomes) != 1 else ''}: {', '.join(parts)}"


def refuse_failures(outcomes: Sequence[Outcome]) -> None:
    """Raise if not everybody is done.

    Raises:
        CohortError: names those who failed.
    """
    bad = [o.case.key for o in outcomes if o.status not in (DONE, KEPT, SKIPPED)]
    if bad:
        msg = f"{len(bad)} of {len(outcomes)} scans not done: {', '.join(bad)}"
        raise CohortError(
            msg, "see their logs in OUT_DIR/logs; the same command does only what is not done"
        )


def refuse_plan(lacking: Sequence[str], count: int) -> None:
    """Raise if some scans of a plan cannot be done.

    Raises:
        CohortError: names them.
    """
    if lacking:
        msg = f"{len(lacking)} of {count} scans cannot be done: {', '.join(lacking)}"
        raise CohortError(msg, "the plan says why, as their 'failed'")


def _each(cases: Sequence[Case], run: Run, *, waiting: bool) -> Iterator[Outcome]:
    """Outcomes as they come in; ending the iteration early ends those that run."""
    with ThreadPoolExecutor(run.config.at_once) as pool:
        ahead: set[Future[Outcome]] = {
            pool.submit(run_person, case, run, wait=waiting) for case in cases
        }
        try:
            while ahead:
                done, ahead = wait(ahead, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        finally:
            if ahead:
                pool.shutdown(wait=False, cancel_futures=True)
                run.children.stop()
