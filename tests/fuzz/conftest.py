"""How many cases the fuzzers try: a few in the suite, many by hand (`BRAINFILL_FUZZ=100000 pytest tests/fuzz`)."""

import os

import pytest


@pytest.fixture
def cases():
    """The seeds of `cases(n)`: n, or as many as the environment says."""
    return lambda count: range(int(os.environ.get("BRAINFILL_FUZZ", count)))
