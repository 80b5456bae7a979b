"""Pages about what was done, as HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from brainfill.core.context import Context, ignore

if TYPE_CHECKING:
    from brainfill.api._fill import Done
    from brainfill.api._preprocess import PreprocessRequest
    from brainfill.report.parts import Part
    from brainfill.tasks._base import Result


def fill_report_part(done: Done, facts: Mapping[str, Any]) -> Part:
    """What a finished fill has to show on a page.

    Args:
        done: the fill.
        facts: its record, as from `fill_facts`.
    """
    from brainfill.report.fill import fill_part

    also = {name: (done.others[name].image, result) for name, result in done.also.items()}
    return fill_part(done.scan, done.result, facts, done.ctx, also)


def visits_report_parts(done: Sequence[Done], records: Sequence[Mapping[str, Any]]) -> list[Part]:
    """What visits that were filled together have to show on one page: the first with lesions in full, and all side by side.

    Args:
        done: the fill of each visit.
        records: of each, as from `fill_facts`.
    """
    from brainfill.report.fill_visits import Visit, visits_part

    first = next(i for i, visit in enumerate(done) if visit.result.volumes["hole"].data.any())
    visits = [
        Visit(visit.scan, visit.result, facts) for visit, facts in zip(done, records, strict=True)
    ]
    return [fill_report_part(done[first], records[first]), visits_part(visits, first)]


def preprocess_report_part(
    request: PreprocessRequest, result: Result, facts: Mapping[str, Any]
) -> Part:
    """What preprocessing has to show on a page; the scan is read again.

    Args:
        request: what was asked for.
        result: of `run_preprocess`.
        facts: its record.
    """
    from brainfill.api._common import read_scan
    from brainfill.io.nifti import read_volume
    from brainfill.preprocess.template import load_template
    from brainfill.report.preprocess import preprocess_part
    from brainfill.tasks.preprocess import plan

    # What there is to warn of was said when the files were read the first time.
    scan = read_scan(request.t1, request.mask, request.read, ignore)
    register = dict(plan(request.config)).get("register")
    ctx = Context(read=read_volume)
    template = load_template(register.template, ctx.read) if register else None
    return preprocess_part(scan, result, facts, template)


def page(title: str, parts: Sequence[Part], command: Sequence[str] = ()) -> str:
    """One HTML file from the parts; see `brainfill.report.page.page`."""
    from brainfill.report import page as pages

    return pages.page(title, parts, command)
