"""`brainfill fill --visits`: several visits of one person, filled together."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from brainfill.api import (
    Done,
    ReadConfig,
    Request,
    fill_facts,
    page,
    run_visits,
    visits_report_parts,
)
from brainfill.cli.output import command_line, runtime, write_page
from brainfill.cli.progress import Talk
from brainfill.core.atomic import all_or_none
from brainfill.core.errors import ConfigError
from brainfill.core.inputs import is_folder
from brainfill.io.sidecar import beside, stem
from brainfill.tasks._device import RunConfig
from brainfill.tasks.fill import FillConfig, check_companions

Plan = Sequence[tuple[Request, dict[str, Path]]]


def refuse(options: Sequence[str]) -> None:
    """Refuse options that belong to a single scan.

    Raises:
        ConfigError: names the first one.
    """
    if options:
        msg = f"{options[0]} means nothing with --visits, which take T1 and mask of each visit by position"
        raise ConfigError(msg, f"leave {options[0]} out, or fill each visit on its own")


def plan(
    paths: Sequence[Path],
    out: Path | None,
    configs: tuple[FillConfig, RunConfig, ReadConfig],
    *,
    report: bool,
) -> Plan:
    """What is asked for and written for each visit; the page goes with the first.

    Raises:
        ConfigError: not a mask for every T1, fewer than two visits, a method that looks at one scan alone, or `out` is no
            folder.
    """
    check_companions(configs[0], "--visits")
    if len(paths) < 4 or len(paths) % 2:
        msg = (
            f"--visits expects T1 and mask of each of two visits or more, found {len(paths)} files"
        )
        raise ConfigError(msg, "brainfill fill --visits T1 MASK T1 MASK")
    if out is not None and not is_folder(out):
        msg = f"with --visits -o names a folder, found '{out}'"
        raise ConfigError(msg, f"create it first: mkdir -p '{out}'")
    found = []
    for number in range(0, len(paths), 2):
        t1, mask = paths[number : number + 2]
        others = [*paths[:number], *paths[number + 2 :]]
        image = (out or t1.parent) / f"{stem(t1)}_filled.nii.gz"
        outputs = {"image": image, "sidecar": beside(image, ".json")}
        outputs |= {"report": beside(image, ".html")} if report and not number else {}
        found.append((Request(t1, mask, *configs, visits=others), outputs))
    return found


def filled(plan: Plan, talk: Talk) -> list[dict[str, Any]]:
    """Fill all visits and write, all outputs or none; their records.

    Raises:
        DataError, UnavailableError, ...: as `run_visits`.
    """
    began = time.monotonic()
    done = run_visits([request for request, _ in plan], talk.progress, talk.warn)
    planned = [outputs for _, outputs in plan]
    talk.progress("writing", 0, 1)
    with all_or_none([path for outputs in planned for path in outputs.values()]):
        pairs = zip(done, planned, strict=True)
        records = [write(visit, outputs, began) for visit, outputs in pairs]
        if "report" in planned[0]:
            parts = visits_report_parts(done, records)
            write_page(page(done[0].scan.subject, parts, command_line()), planned[0]["report"])
    talk.progress("writing", 1, 1)
    for visit, facts in zip(done, records, strict=True):
        talk.detail(f"{visit.scan.subject}: {told(facts, began)}")
    return records


def write(done: Done, outputs: dict[str, Path], began: float) -> dict[str, Any]:
    """Write the filled images of one visit and its record; the record."""
    from brainfill.io.nifti import write_filled
    from brainfill.io.sidecar import write_sidecar

    original, volumes = done.scan.images["T1w"], done.result.volumes
    written = write_filled(original, volumes["filled"].data, volumes["hole"].data, outputs["image"])
    also = {
        name: write_filled(
            done.others[name].image,
            result.volumes["filled"].data,
            result.volumes["hole"].data,
            outputs[name],
        )
        for name, result in done.also.items()
    }
    facts = fill_facts(done, written, also) | runtime(began, done.request.run)
    write_sidecar(facts, outputs["sidecar"])
    return facts


def told(facts: dict[str, Any], began: float) -> str:
    """A sentence about a fill for who wants to hear more."""
    return (
        f"filled {facts['LesionCount']} lesions, {facts['LesionVolumeML']:.2f} ml, on "
        f"{facts['Device']}; {facts['VoxelsChanged']} voxels changed; {time.monotonic() - began:.2f} s"
    )
