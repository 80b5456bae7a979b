"""Everything a training run must remember, saved as one safetensors file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from brainfill.core.atomic import replacing
from brainfill.core.errors import DataError

_ADAM = ("exp_avg", "exp_avg_sq")
_MOST_STEPS = 2**53


class RunState:
    """Network, moving average of its weights, optimiser and step count.

    Args:
        net: the network in training.
        optimizer: an AdamW over all of its parameters.
    """

    def __init__(self, net: nn.Module, optimizer: torch.optim.AdamW) -> None:
        self.net = net
        self.optimizer = optimizer
        self.ema = {name: p.detach().clone() for name, p in net.named_parameters()}
        self.step = 0

    @torch.no_grad()
    def update_ema(self, decay: float) -> None:
        """Move the average towards the current weights; quickly at first, at `decay` later on."""
        decay = min(decay, (1 + self.step) / (10 + self.step))
        for name, p in self.net.named_parameters():
            self.ema[name].lerp_(p, 1 - decay)

    def save(self, path: Path) -> None:
        """Write the complete state, so that an interruption loses nothing but unsaved steps.

        Raises:
            ConfigError: the file cannot be written.
            DataError: the training has diverged; an earlier state stays as it was.
        """
        tensors: dict[str, Tensor] = {f"ema.{k}": v for k, v in self.ema.items()}
        for name, p in self.net.named_parameters():
            tensors[f"net.{name}"] = p.detach()
            for key in _ADAM:
                if key in (adam := self.optimizer.state[p]):
                    tensors[f"{key}.{name}"] = adam[key]
        if not all(finite(v) for v in tensors.values()):
            raise diverged(self.step)
        contiguous = {k: v.contiguous() for k, v in tensors.items()}
        with replacing(path) as temporary:
            # Written by us: the library's own words for a full disk name no file.
            temporary.write_bytes(save(contiguous, metadata={"step": str(self.step)}))

    def load(self, path: Path) -> None:
        """Continue from a saved state.

        Raises:
            DataError: the file is damaged, holds another network, or numbers that are not finite.
        """
        try:
            self._load(path)
        except (SafetensorError, OSError, KeyError, RuntimeError, TypeError, ValueError) as error:
            msg = f"cannot continue from '{path}': {error}"
            raise DataError(msg, "delete the folder of the run to start afresh") from error

    def _load(self, path: Path) -> None:
        with safe_open(path, framework="pt") as file:
            step = int(file.metadata()["step"])
            if not 0 <= step <= _MOST_STEPS:
                msg = f"it is said to be of step {step}"
                raise ValueError(msg)
            names = set(file.keys())
            with torch.no_grad():
                for name, p in self.net.named_parameters():
                    p.copy_(_tensor(file, f"net.{name}", p))
                    self.ema[name].copy_(_tensor(file, f"ema.{name}", p))
                    if f"exp_avg.{name}" in names:
                        adam = {k: _tensor(file, f"{k}.{name}", p).to(p) for k in _ADAM}
                        self.optimizer.state[p] = {"step": torch.tensor(float(step)), **adam}
        self.step = step


def finite(values: Tensor) -> bool:
    """Whether all values are finite numbers."""
    return bool(torch.isfinite(values).all())


def diverged(step: int) -> DataError:
    """What to say of a training whose numbers have grown beyond all bounds."""
    msg = f"the training has diverged: at step {step} its numbers are not finite any more"
    return DataError(
        msg, "take a lower train.rate, or more steps of train.warmup, in another folder"
    )


def _tensor(file: Any, name: str, like: Tensor) -> Tensor:  # noqa: ANN401 - safetensors has no types
    found: Tensor = file.get_tensor(name)
    if found.shape != like.shape or not found.is_floating_point():
        msg = f"{name} has shape {tuple(found.shape)} and type {found.dtype}, expected {tuple(like.shape)} of fractions"
        raise ValueError(msg)
    if not finite(found.float()):
        msg = f"{name} holds numbers that are not finite"
        raise ValueError(msg)
    return found
