"""The steps of one person: those that are not done, each staged, put in place and recorded."""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from brainfill import __version__
from brainfill.bids import plan
from brainfill.bids.children import Children, StoppedError
from brainfill.bids.commands import command, name_outputs
from brainfill.bids.config import COMPARE, LESION, THICKNESS, BidsConfig
from brainfill.bids.dataset import Dataset
from brainfill.bids.find import Case
from brainfill.bids.idle import COPIED, is_empty, nothing_to_do
from brainfill.bids.job import Job
from brainfill.bids.lock import held
from brainfill.bids.names import printable
from brainfill.bids.pages import link_pages, pages_of
from brainfill.bids.records import FACTS, Record, StepRecord, inside, read_record
from brainfill.bids.sidecars import describe_outputs, uri
from brainfill.bids.stage import Folders, publish, staged
from brainfill.core.errors import BrainfillError, ConfigError, DataError, InputMissingError

DONE, KEPT, SKIPPED, FAILED, STOPPED, BUSY = "done", "kept", "skipped", "failed", "stopped", "busy"
# What a run names of a person: files of the last step that was asked for, by the ends of their names.
_SHOWN = {
    THICKNESS: "_desc-filled_thickness.tsv",
    COMPARE: "_desc-changeregions_thickness.tsv",
}


@dataclass(frozen=True)
class Run:
    """What all people of a run share.

    Args:
        data: the folders of the datasets.
        config: what is wanted.
        children: runs the commands.
        places: folders of what is no result.
        warn: receives one sentence per warning.
    """

    data: Dataset
    config: BidsConfig
    children: Children
    places: Folders
    warn: Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """How it went for one person.

    Args:
        case: who.
        status: done, kept (nothing was left to do), skipped, failed, stopped, or busy: another run is at it.
        message: why, if there is something to say.
        seconds: it took.
        outputs: the images or tables that were asked for, once they are there.
        hint: what can be done about a failure.
    """

    case: Case
    status: str
    message: str = ""
    seconds: float = 0.0
    outputs: tuple[Path, ...] = ()
    hint: str = ""


def run_person(case: Case, run: Run, *, wait: bool) -> Outcome:
    """Do what is left to do for a person; whatever is wrong with the person is in the outcome.

    Args:
        case: who.
        run: what is wanted, and where.
        wait: for another run that is at this person, or else say that it is.
    """
    began = time.monotonic()
    stop = (lambda: run.children.stopped) if wait else None
    log = run.places.logs / f"{case.key}_{datetime.now().astimezone():%Y%m%dT%H%M%S}.log"
    try:
        with held(run.places.locks / f"{case.key}.lock", stop=stop, warn=run.warn) as mine:
            if not mine:
                return Outcome(case, STOPPED if run.children.stopped else BUSY)
            return _run_locked(case, run, log, began)
    except OSError as error:
        return Outcome(case, FAILED, _sentence(error))
    except Exception as error:  # noqa: BLE001 - of one odd person the others shall hear nothing
        return _unexpected(case, log, error, time.monotonic() - began)


def is_done(case: Case, data: Dataset, config: BidsConfig) -> dict[str, bool]:
    """Which steps need not be run again; what was made from a step that must be is to be made anew, too.

    Raises:
        InputMissingError: a file of the person cannot be read.
    """
    record = read_record(data.out / "logs" / f"{case.key}.json")
    sums = record.checksums(case.inputs)
    done: dict[str, bool] = {}
    for step in plan.steps_of(config):
        before = all(done.get(need, True) for need in plan.all_needs(step, config))
        done[step] = before and _holds(step, record, config, sums, data.out)
    return done


def _unexpected(case: Case, log: Path, error: Exception, seconds: float) -> Outcome:
    """The outcome of a fault of ours, with what mends it in the log."""
    with contextlib.suppress(OSError), log.open("a", encoding="utf-8", errors="replace") as file:
        traceback.print_exception(error, file=file)
    message = printable(f"unexpected: {type(error).__name__}: {error}".splitlines()[0])
    return Outcome(case, FAILED, message, seconds, hint=f"report it with the log, '{log}'")


def _run_locked(case: Case, run: Run, log: Path, began: float) -> Outcome:
    record = read_record(run.places.logs / f"{case.key}.json", run.warn)
    seen = record.inputs
    try:
        status, message = _run_steps(case, run, record, log)
        linked = record.about.get("Pages") == pages_of(record)
        told = linked and record.about.get("Masks") == _masks(case, run.data)
        if status != KEPT or record.inputs != seen or not told:
            _save(record, case, DONE if status == KEPT else status, message, run)
    except StoppedError:
        return Outcome(case, STOPPED)
    except (BrainfillError, OSError) as error:
        message = _sentence(error)
        with contextlib.suppress(BrainfillError, OSError):  # the first reason is the one to tell
            _save(record, case, FAILED, message, run)
        seconds = time.monotonic() - began
        return Outcome(case, FAILED, message, seconds, hint=getattr(error, "hint", ""))
    outputs = _wanted(record, run) if status != SKIPPED else ()
    return Outcome(case, status, message, time.monotonic() - began, outputs)


def _run_steps(case: Case, run: Run, record: Record, log: Path) -> tuple[str, str]:
    """Run what does not hold; the status of the person and why.

    Raises:
        BrainfillError, OSError: the person cannot be done.
    """
    if case.lack:
        raise InputMissingError(case.lack, case.hint)
    config = run.config
    sums = record.checksums(case.inputs)
    ran = False
    steps = plan.steps_of(config)
    for step in steps:
        _check_needs(step, case, run, [*steps, *record.steps])
    for step in steps:
        if not _holds(step, record, config, sums, run.data.out):
            _forget_after(step, record, config, run.data.out)
            _run_step(step, case, run, record, log, sums)
            ran = True
        if step == LESION and is_empty(record) and config.on_empty != "copy":
            message = f"the lesion mask of '{case.t1.name}' is empty"
            if config.on_empty == "fail":
                raise DataError(message, "--on-empty copy or skip goes on")
            return SKIPPED, message
    message = COPIED if is_empty(record) else ""
    known = record.about.get("Status") == DONE and record.about.get("Message") == message
    return (KEPT if known and not ran else DONE), message


def _check_needs(step: str, case: Case, run: Run, there: Iterable[str]) -> None:
    """Refuse a step whose inputs nobody makes.

    Raises:
        ConfigError: says which step would.
    """
    if missing := [need for need in plan.needs(step, run.config) if need not in there]:
        msg = f"the step '{step}' needs '{missing[0]}', which was not done for '{case.key}'"
        raise ConfigError(msg, f"--steps {missing[0]},{step}")


def _run_step(step: str, case: Case, run: Run, record: Record, log: Path, sums: list[str]) -> None:
    """Run one step: in a stage first; then its files get their place, and at last the record names them."""
    began, out = time.monotonic(), run.data.out
    _check_needs(step, case, run, record.steps)
    record.about.pop("Pages", None)  # those of this step know nothing of the others yet
    with staged(run.places.work, case.key) as stage:
        job = Job(case, run.config, out, stage)
        facts = nothing_to_do(step, job, record)
        if facts is None:
            facts = run.children.call(command(step, job), log)
        if step == LESION:
            facts = {**facts, "Warnings": [*facts.get("Warnings", []), *case.notes]}
        name_outputs(step, job)
        lesion = record.steps[LESION].facts if LESION in record.steps else facts
        describe_outputs(stage, case, run.data, stripped=bool(lesion["SkullStripped"]))
        others = [s.outputs for name, s in record.steps.items() if name != step]
        # Of the products of preprocess, the lesion mask is there already, the same on the same grid.
        taken = {Path(path).name for outputs in others for path in outputs}
        made = publish(stage, job.place, out, taken)
    outputs = {p.relative_to(out).as_posix(): p.stat().st_size for p in made}
    if step in record.steps:
        _remove(set(record.steps[step].outputs) - set(outputs), out)
    before = [record.steps[s].fingerprint for s in plan.needs(step, run.config)]
    mark = plan.print_of(step, run.config, sums, before)
    kept = {name: facts[name] for name in FACTS if name in facts}
    record.steps[step] = StepRecord(mark, outputs, round(time.monotonic() - began, 2), kept)
    record.save()


def _holds(step: str, record: Record, config: BidsConfig, sums: list[str], out: Path) -> bool:
    before = [record.steps[s].fingerprint for s in plan.needs(step, config) if s in record.steps]
    if step not in record.steps or len(before) < len(plan.needs(step, config)):
        return False
    outputs = record.steps[step].outputs
    # A scan that is copied has no page.
    wanted = config.report and step in plan.REPORTED and not is_empty(record)
    if wanted and not any(path.endswith(".html") for path in outputs):
        return False
    return record.steps[step].holds(plan.print_of(step, config, sums, before), out)


def _forget_after(step: str, record: Record, config: BidsConfig, out: Path) -> None:
    """Take back what was made from the former outcome of a step: it would pass for made from the new one."""
    gone = [later for later in record.steps if step in plan.all_needs(later, config)]
    for later in gone:
        _remove(record.steps.pop(later).outputs, out)
    if gone:
        record.save()


def _save(record: Record, case: Case, status: str, message: str, run: Run) -> None:
    """Have the person's pages know each other, and write down how it went."""
    entities = case.name.entities
    masks = _masks(case, run.data)
    link_pages(record, run.data.out, masks)
    record.about = {
        "Scan": case.key,
        "Participant": f"sub-{entities['sub']}",
        "Session": f"ses-{entities['ses']}" if "ses" in entities else None,
        "Status": status,
        "Message": message,
        "Masks": masks,
        "Pages": pages_of(record),
        "GeneratedBy": {"Name": "brainfill", "Version": __version__},
    }
    record.save()


def _masks(case: Case, data: Dataset) -> list[str]:
    """The masks that were used for a scan, as BIDS writes them."""
    return [uri(str(path), data) for path in case.all_masks]


def _wanted(record: Record, run: Run) -> tuple[Path, ...]:
    """The images, or the table, of the last step that was asked for."""
    step = plan.steps_of(run.config)[-1]
    paths = [run.data.out / p for p in record.steps[step].outputs]
    end = _SHOWN.get(step, "_T1w.nii.gz")
    return tuple(p for p in paths if p.name.endswith(end) and "biasfield" not in p.name)


def _remove(outputs: Iterable[str], out: Path) -> None:
    for path in outputs:
        if place := inside(out, path):
            place.unlink(missing_ok=True)


def _sentence(error: Exception) -> str:
    if not isinstance(error, OSError):
        return str(error)
    where = f"'{error.filename}': " if error.filename else ""
    return f"{where}{error.strerror or error}"
