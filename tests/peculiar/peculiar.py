"""What a test of a peculiar input says of itself, so that all of them make one readable table.

    python tests/peculiar/table.py            writes README.md in this folder

A test in this folder is a case: `@case(given, right)` says in a few words what is odd about the input and what must
come of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

F = TypeVar("F", bound=Callable[..., None])


class Case(NamedTuple):
    """One row of the table."""

    about: str
    given: str
    right: str
    test: str


CASES: list[Case] = []


def case(given: str, right: str) -> Callable[[F], F]:
    """Enter a test into the table.

    Args:
        given: the peculiarity of the input.
        right: what must come of it.
    """

    def enter(test: F) -> F:
        about = test.__module__.rpartition("test_peculiar_")[2]
        CASES.append(Case(about, given, right, test.__name__))
        return test

    return enter
