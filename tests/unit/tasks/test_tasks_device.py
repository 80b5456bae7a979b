"""Which device a network gets."""

import pytest
import torch

from brainfill.core.errors import ConfigError, UnavailableError
from brainfill.tasks._device import RunConfig, describe_device, resolve_device


@pytest.fixture
def machine(monkeypatch):
    """Pretend to have some CUDA devices, and perhaps an Apple GPU."""

    def has(cuda=0, *, mps=False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return has


@pytest.mark.parametrize(
    ("cuda", "mps", "wanted", "expected"),
    [
        (0, False, "auto", "cpu"),
        (0, True, "auto", "mps"),
        (2, True, "auto", "cuda:0"),
        (2, False, "cuda", "cuda:0"),
        (2, False, "cuda:1", "cuda:1"),
        (2, False, "cpu", "cpu"),
        (0, True, "mps", "mps"),
    ],
)
def test_found(machine, cuda, mps, wanted, expected):
    machine(cuda, mps=mps)
    assert resolve_device(wanted) == expected


@pytest.mark.parametrize("wanted", ["cuda", "cuda:2", "mps", "gpu", "cuda:x", "cpu:1", ""])
def test_not_there(machine, wanted):
    machine(0 if wanted == "cuda" else 2)
    with pytest.raises(UnavailableError, match="device") as refusal:
        resolve_device(wanted)
    assert refusal.value.exit_code == 69
    assert refusal.value.hint


def test_hardware_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Abacus 9")
    assert describe_device("cuda:0") == "cuda:0 (Abacus 9)"
    assert describe_device("cpu") == "cpu"


def test_ranges():
    with pytest.raises(ConfigError, match="seed"):
        RunConfig(seed=-1)
