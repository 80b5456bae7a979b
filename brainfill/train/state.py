"""Everything a training run must remember, saved as one safetensors file."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from brainfill.core.errors import DataError

_ADAM = ("exp_avg", "exp_avg_sq")


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
        """Write the complete state, so that an interruption loses nothing but unsaved steps."""
        tensors: dict[str, Tensor] = {f"ema.{k}": v for k, v in self.ema.items()}
        for name, p in self.net.named_parameters():
            tensors[f"net.{name}"] = p.detach()
            for key in _ADAM:
                if key in (adam := self.optimizer.state[p]):
                    tensors[f"{key}.{name}"] = adam[key]
        partial = path.with_name(path.name + ".partial")
        contiguous = {k: v.contiguous() for k, v in tensors.items()}
        save_file(contiguous, partial, metadata={"step": str(self.step)})
        partial.replace(path)

    def load(self, path: Path) -> None:
        """Continue from a saved state.

        Raises:
            DataError: the file is damaged, or holds another network.
        """
        try:
            self._load(path)
        except (SafetensorError, KeyError, RuntimeError, TypeError) as error:
            msg = f"cannot continue from '{path}': {error}"
            raise DataError(msg, "delete the folder of the run to start afresh") from error

    def _load(self, path: Path) -> None:
        with safe_open(path, framework="pt") as file:
            self.step = int(file.metadata()["step"])
            names = set(file.keys())
            with torch.no_grad():
                for name, p in self.net.named_parameters():
                    p.copy_(file.get_tensor(f"net.{name}"))
                    self.ema[name].copy_(file.get_tensor(f"ema.{name}"))
                    if f"exp_avg.{name}" in names:
                        adam = {k: file.get_tensor(f"{k}.{name}").to(p) for k in _ADAM}
                        self.optimizer.state[p] = {"step": torch.tensor(float(self.step)), **adam}
