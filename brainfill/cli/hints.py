"""Hints that can be followed: code that several commands share names options that not all of them have."""

from __future__ import annotations

import re
from collections.abc import Collection

_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*[a-z]")


def named_options(hint: str) -> set[str]:
    """Options that a hint asks for; those behind the name of another command are that command's.

    >>> sorted(named_options("give one with --label, or see brainfill info --json"))
    ['--label']
    """
    return set(_OPTION.findall(hint.partition("brainfill ")[0]))


def followable(hint: str, options: Collection[str]) -> str:
    """The hint without the parts, between semicolons, that ask for an option that is none of these.

    >>> followable("say which with --label", ["--label"]), followable("say which with --label", ["--json"])
    ('say which with --label', '')
    >>> followable("all it said is in 'x.log'; or take another --backend", ["--json"])
    "all it said is in 'x.log'"
    """
    parts = [part for part in hint.split("; ") if named_options(part) <= set(options)]
    return "; ".join(parts)
