"""Where a network runs: what the user may choose, and what this machine has."""

from __future__ import annotations

from dataclasses import dataclass

from brainfill.core.config import MOST_SEED, check_ranges, option
from brainfill.core.errors import UnavailableError

KINDS = ("auto", "cpu", "cuda", "mps")


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Surroundings a user may choose."""

    device: str = option("auto", "where the network runs: auto, cpu, cuda (or cuda:1) or mps")
    seed: int = option(0, "start of every random draw", low=0, high=MOST_SEED)
    threads: int = option(
        0, "CPU threads of the network and of ANTs; 0 leaves it to them", low=0, high=1024
    )
    deterministic: bool = option(
        False,
        "network and ANTs in one thread, in variants that are reproducible: the same bytes every time",
    )

    def __post_init__(self) -> None:
        check_ranges(self)


def resolve_device(wanted: str) -> str:
    """The torch device for `wanted`; loads torch.

    Args:
        wanted: auto (cuda, else mps, else cpu), cpu, cuda, cuda:N or mps.

    Raises:
        UnavailableError: no such device here.
    """
    import torch

    kind, _, number = wanted.partition(":")
    if kind not in KINDS or (number and not (kind == "cuda" and number.isdecimal())):
        msg = f"unknown device '{wanted}'; known: {', '.join(KINDS)}"
        raise UnavailableError(msg, "--device auto takes the best one there is")
    cuda = torch.cuda.device_count() if torch.cuda.is_available() else 0
    mps = torch.backends.mps.is_available()
    if kind == "auto":
        kind = "cuda" if cuda else "mps" if mps else "cpu"
    if kind == "cuda":
        if int(number or 0) >= cuda:
            msg = f"no device '{wanted}': torch finds {cuda} CUDA devices on this machine"
            raise UnavailableError(msg, "--device cpu works everywhere")
        return f"cuda:{number or 0}"
    if kind == "mps" and not mps:
        msg = "no device 'mps': torch finds no Apple GPU on this machine"
        raise UnavailableError(msg, "--device cpu works everywhere")
    return kind


def describe_device(device: str) -> str:
    """A device with the name of the hardware, such as "cuda:0 (NVIDIA H100)"."""
    if not device.startswith("cuda"):
        return device
    import torch

    return f"{device} ({torch.cuda.get_device_name(device)})"
