"""torch takes the threads of the run, and afterwards those it had."""

import pytest
import torch

from brainfill.core.context import Context
from brainfill.core.threads import torch_threads


@pytest.fixture
def before():
    """torch with two threads."""
    usual = torch.get_num_threads()
    torch.set_num_threads(2)
    yield 2
    torch.set_num_threads(usual)


@pytest.mark.parametrize(
    ("ctx", "taken"),
    [
        (Context(), 2),
        (Context(threads=3), 3),
        (Context(deterministic=True), 1),
        (Context(threads=3, deterministic=True), 1),
    ],
)
def test_threads_of_the_run(before, ctx, taken):
    with torch_threads(ctx):
        assert torch.get_num_threads() == taken
    assert torch.get_num_threads() == before


def test_threads_come_back_after_a_failure(before):
    with pytest.raises(ZeroDivisionError), torch_threads(Context(threads=3)):
        raise ZeroDivisionError
    assert torch.get_num_threads() == before
