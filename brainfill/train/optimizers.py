"""The optimiser of most learners, and what torch does when a process makes its first."""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from brainfill.train.config import LoopConfig

_COMPILER_FOLDER = "TORCHINDUCTOR_CACHE_DIR"


def adamw(net: torch.nn.Module, config: LoopConfig) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101) over all parameters of a network."""
    return torch.optim.AdamW(
        net.parameters(), lr=config.rate, betas=(0.9, 0.99), weight_decay=config.weight_decay
    )


def load_compiler() -> None:
    """Load torch's compiler, as the first optimiser of a process does, without the folder it makes for itself."""
    if "torch._dynamo" in sys.modules:
        return
    with tempfile.TemporaryDirectory(prefix="brainfill-") as folder:
        before = os.environ.get(_COMPILER_FOLDER)
        os.environ[_COMPILER_FOLDER] = folder
        try:
            importlib.import_module("torch._dynamo")
        finally:
            del os.environ[_COMPILER_FOLDER]
            if before is not None:
                os.environ[_COMPILER_FOLDER] = before
