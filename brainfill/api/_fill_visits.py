"""Filling several visits of one person, on paths or on images in memory."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from brainfill.api._common import ReadConfig, once, read_scan, structured
from brainfill.api._fill import Done, Filled, Request, check_distinct, context, in_memory
from brainfill.core.context import Progress, silent
from brainfill.core.errors import ConfigError
from brainfill.tasks._device import RunConfig
from brainfill.tasks.fill import FillConfig

if TYPE_CHECKING:
    from brainfill.api._common import Image


def fill_visits(
    visits: Sequence[tuple[Image, Image]],
    *,
    progress: Progress = silent,
    warn: Callable[[str], None] | None = None,
    **options: Any,  # noqa: ANN401 - structured strictly below
) -> list[Filled]:
    """Replace the lesions of several visits of one person, each with what the others show there.

    Args:
        visits: T1-weighted image and lesions of each: paths or nibabel images.
        progress: told how far the work has come.
        warn: receives one sentence per warning; Python warnings are issued without it.
        **options: as `fill`.

    Raises:
        ConfigError: fewer than two visits, one file given twice, or as `fill`.
        InputMissingError, DataError, UnavailableError: as `fill`.
    """
    tell = warn or (lambda message: warnings.warn(message, stacklevel=4))
    config, run, read = structured("fill_visits", (FillConfig, RunConfig, ReadConfig), options)
    requests = [
        Request(*visit, config, run, read, visits=[i for v in visits if v is not visit for i in v])
        for visit in visits
    ]
    return [in_memory(done) for done in run_visits(requests, progress, tell)]


def run_visits(
    requests: Sequence[Request], progress: Progress, warn: Callable[[str], None]
) -> list[Done]:
    """Read all visits and fill them; each warning is passed on once.

    Args:
        requests: for each visit; config, run and read of the first serve all.
        progress: told how far the work has come.
        warn: receives one sentence per warning.

    Raises:
        ConfigError, InputMissingError, DataError, UnavailableError: as `fill_visits`.
    """
    from brainfill.tasks import fill_visits as task

    if len(requests) < 2:
        msg = f"found {len(requests)} visits, expected at least 2"
        raise ConfigError(msg, "fill a single scan without --visits")
    check_distinct([request.t1 for request in requests])
    first = requests[0]
    heard: list[str] = []
    ctx = context(first.config, first.run, progress, once(warn, heard))
    progress("reading", 0, len(requests))
    scans = []
    for number, request in enumerate(requests, start=1):
        scans.append(read_scan(request.t1, request.mask, first.read, ctx.warn))
        progress("reading", number, len(requests))
    results = task.run(scans, first.config, ctx)
    return [
        Done(request, scan, result, ctx, heard)
        for request, scan, result in zip(requests, scans, results, strict=True)
    ]
