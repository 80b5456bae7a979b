"""Hints of the commands that a run calls, for those who called `brainfill bids`."""

from __future__ import annotations

import dataclasses
import re

from brainfill.bids.config import BidsConfig

_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
# Options that are not called as their fields are.
_OTHERS = ("--thickness-set", "--no-thickness-mask", "--no-report", "--config-file")


def hint_here(hint: str) -> str:
    """A hint of a command: as it is if it names options of `bids` alone, else with where it can be followed.

    >>> hint_here("--device cpu works everywhere")
    '--device cpu works everywhere'
    >>> hint_here("--set n4.shrink=2")
    'its command stands in the log, and may be tried by itself: --set n4.shrink=2'
    """
    own = {f"--{field.name.replace('_', '-')}" for field in dataclasses.fields(BidsConfig)}
    if set(_OPTION.findall(hint)) <= {*own, *_OTHERS}:
        return hint
    return f"its command stands in the log, and may be tried by itself: {hint}"
