"""How many CPU threads torch takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from brainfill.core.context import Context


@contextmanager
def torch_threads(ctx: Context) -> Iterator[None]:
    """Have torch take the threads of the run, and afterwards those it had.

    Where the same bytes are wanted every time it is one: the last digits of a sum depend on how it is shared out.

    Args:
        ctx: `threads`, 0 for those torch has; `deterministic`.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(ctx.threads_taken or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
