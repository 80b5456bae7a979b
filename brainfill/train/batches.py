"""Batches of training examples, prepared in other processes and each used a few times.

A first fill by patches takes longer than a training step, so examples are worth keeping for a while.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from brainfill.train.config import LoopConfig
from brainfill.train.learners._base import Example


@dataclass(frozen=True)
class _Examples(Dataset[Example]):
    """Endless examples by number, so that worker processes can share the work."""

    draw: Callable[[np.random.Generator], Example]
    seed: int
    rank: int

    def __getitem__(self, number: int) -> Example:
        return self.draw(np.random.default_rng([self.seed, self.rank, 0, number]))


def draw_batches(
    draw: Callable[[np.random.Generator], Example],
    config: LoopConfig,
    size: int,
    rank: int,
    first_step: int,
) -> Iterator[Example]:
    """Examples of each step from `first_step` on, each of their parts stacked to (size, ...).

    Step s draws from the last `config.pool` of the first `pool + s * size / reuse` examples: which
    examples it sees depends on the seed, the rank and the step alone, whoever prepared them.
    """
    keep = max(config.pool, size)
    made = first_step * size // config.reuse
    loader = iter(
        DataLoader(
            _Examples(draw, config.seed, rank),
            batch_size=None,
            sampler=itertools.count(made),
            num_workers=config.workers,
            prefetch_factor=8 if config.workers else None,
        )
    )
    pool: deque[Example] = deque(maxlen=keep)
    for step in itertools.count(first_step):
        while made < keep + step * size // config.reuse:
            # A copy of our own: what comes from another process holds one of few file handles.
            pool.append({name: part.clone() for name, part in next(loader).items()})
            made += 1
        rng = np.random.default_rng([config.seed, rank, 2, step])
        chosen = rng.choice(keep, size, replace=False)
        taken = [pool[i] for i in chosen.tolist()]
        yield {name: torch.stack([example[name] for example in taken]) for name in taken[0]}
