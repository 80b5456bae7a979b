"""Everything a training run must remember, saved as one safetensors file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from brainfill.core.atomic import replacing
from brainfill.core.errors import DataError

_ADAM, _COUNT = ("exp_avg", "exp_avg_sq"), "step"
_PEAK = "initial_lr"  # torch's own name for the rate that a schedule is relative to
_MOST_STEPS = 2**53


class RunState:
    """Networks, moving average of their weights, optimisers and step count.

    Args:
        net: all networks in training.
        optimizers: of the Adam family (all that they remember of a parameter is two moments and a count), each
            with parameters of its own.
    """

    def __init__(self, net: nn.Module, optimizers: Sequence[torch.optim.Optimizer]) -> None:
        self.net = net
        self.optimizers = optimizers
        self.ema = {name: now.clone() for name, now in net.state_dict().items()}
        self.step = 0
        for group in self._groups():
            group.setdefault(_PEAK, group["lr"])

    def _groups(self) -> list[dict[str, Any]]:
        return [group for optimizer in self.optimizers for group in optimizer.param_groups]

    def set_rates(self, rate_of: Callable[[float], float]) -> None:
        """Give every group of parameters its learning rate, from the one at its peak."""
        for group in self._groups():
            group["lr"] = rate_of(group[_PEAK])

    @torch.no_grad()
    def update_ema(self, decay: float) -> None:
        """Move the average towards the current weights; quickly at first, at `decay` later on.

        Buffers of fractions, such as a running variance, are averaged like the weights they were measured with;
        counts are copied.
        """
        decay = min(decay, (1 + self.step) / (10 + self.step))
        for name, now in self.net.state_dict().items():
            if now.is_floating_point():
                self.ema[name].lerp_(now, 1 - decay)
            else:
                self.ema[name].copy_(now)

    def averaged(self, part: nn.Module) -> dict[str, Tensor]:
        """The average of a part of the networks, by the names that tensors have in that part."""
        names = {id(t): name for name, t in self.net.state_dict(keep_vars=True).items()}
        kept = part.state_dict(keep_vars=True)
        return {name: self.ema[names[id(tensor)]] for name, tensor in kept.items()}

    def save(self, path: Path) -> None:
        """Write the complete state, so that an interruption loses nothing but unsaved steps.

        Raises:
            ConfigError: the file cannot be written.
            DataError: the training has diverged; an earlier state stays as it was.
        """
        tensors: dict[str, Tensor] = {f"ema.{k}": v for k, v in self.ema.items()}
        tensors |= {f"net.{k}": v for k, v in self.net.state_dict().items()}
        names: dict[Tensor, str] = {p: name for name, p in self.net.named_parameters()}
        for optimizer in self.optimizers:
            for p, adam in optimizer.state.items():
                tensors |= {f"{key}.{names[p]}": adam[key] for key in _ADAM}
                if adam[_COUNT] != self.step:  # of an optimiser that has more or fewer turns
                    tensors[f"{_COUNT}.{names[p]}"] = adam[_COUNT]
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
            with torch.no_grad():
                for name, now in self.net.state_dict().items():
                    now.copy_(_tensor(file, f"net.{name}", now))
                    self.ema[name].copy_(_tensor(file, f"ema.{name}", now))
            names: dict[Tensor, str] = {p: name for name, p in self.net.named_parameters()}
            for optimizer in self.optimizers:
                for p in (p for group in optimizer.param_groups for p in group["params"]):
                    if adam := _adam(file, names[p], p, step):
                        optimizer.state[p] = adam
        self.step = step


def finite(values: Tensor) -> bool:
    """Whether all values are finite numbers."""
    return bool(torch.isfinite(values).all())


def diverged(step: int) -> DataError:
    """What to say of a training whose numbers have grown beyond all bounds."""
    msg = f"the training has diverged: at step {step} its numbers are not finite any more"
    return DataError(
        msg,
        "take a lower train.rate, more steps of train.warmup, or train.precision=float32, in another folder",
    )


def _adam(file: Any, name: str, p: Tensor, step: int) -> dict[str, Tensor]:  # noqa: ANN401 - safetensors has no types
    """What an optimiser remembers of a parameter; nothing of one that it never moved."""
    stored = set(file.keys())
    if f"{_ADAM[0]}.{name}" not in stored:
        return {}
    adam = {key: _tensor(file, f"{key}.{name}", p).to(p) for key in _ADAM}
    count = torch.tensor(float(step))
    if (counted := f"{_COUNT}.{name}") in stored:
        count = _tensor(file, counted, count)
    return {_COUNT: count, **adam}


def _tensor(file: Any, name: str, like: Tensor) -> Tensor:  # noqa: ANN401 - safetensors has no types
    found: Tensor = file.get_tensor(name)
    if found.shape != like.shape or found.is_floating_point() != like.is_floating_point():
        kind = "fractions" if like.is_floating_point() else "whole numbers"
        msg = f"{name} has shape {tuple(found.shape)} and type {found.dtype}, expected {tuple(like.shape)} of {kind}"
        raise ValueError(msg)
    if not finite(found.float()):
        msg = f"{name} holds numbers that are not finite"
        raise ValueError(msg)
    return found
