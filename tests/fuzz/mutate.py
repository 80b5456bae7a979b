"""Damage done to good inputs: bytes and JSON as disks, networks, editors and other programs leave them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np

_EXTREMES = (0, 1, -1, 127, -128, 255, 32767, -32768, 65535, 2**31 - 1, -(2**31), 2**63 - 1)
_EXTREME_FLOATS = (0.0, -0.0, 1e-45, -1.0, 1e30, 3.4e38, -3.4e38, np.inf, -np.inf, np.nan)
_STRANGE: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**70,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "abc",
    "../../x",
    "\0",
    "ü" * 1000,
    "9" * 400,
    [],
    {},
    [None],
    {"": None},
    {"a": {"b": [1, {"c": "d"}]}},
)


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """Bytes with one to three damages: flipped, cut, zeroed, inserted, or an extreme number written over them.

    Damage comes near the start half of the time, where headers are.
    """
    for _ in range(int(rng.integers(1, 4))):
        data = _DAMAGES[rng.integers(len(_DAMAGES))](data, rng)
    return data


def mutated_json(plain: Any, rng: np.random.Generator) -> Any:
    """A copy of what a JSON document says, with one value replaced by another type, left out, huge or nested."""
    if isinstance(plain, dict) and plain and rng.random() < 0.85:
        key = list(plain)[rng.integers(len(plain))]
        rest = {k: v for k, v in plain.items() if k != key}
        chance = rng.random()
        if chance < 0.15:
            return rest
        if chance < 0.2:
            return {**rest, str(_strange(rng)): plain[key]}
        return {k: mutated_json(v, rng) if k == key else v for k, v in plain.items()}
    if isinstance(plain, list) and plain and rng.random() < 0.85:
        at = int(rng.integers(len(plain)))
        chance = rng.random()
        if chance < 0.15:
            return plain[:at] + plain[at + 1 :]
        if chance < 0.25:
            return plain * 1000 if len(plain) < 100 else plain + plain
        return [*plain[:at], mutated_json(plain[at], rng), *plain[at + 1 :]]
    return _strange(rng)


def _strange(rng: np.random.Generator) -> Any:
    if rng.random() < 0.1:
        nested: Any = 0
        for _ in range(int(rng.integers(1, 200))):
            nested = [nested]
        return nested
    return _STRANGE[rng.integers(len(_STRANGE))]


def _place(data: bytes, rng: np.random.Generator) -> int:
    near = min(len(data), 400) if rng.random() < 0.5 else len(data)
    return int(rng.integers(near)) if near else 0


def _flipped(data: bytes, rng: np.random.Generator) -> bytes:
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 9)) if out else 0):
        out[_place(data, rng)] ^= 1 << int(rng.integers(8))
    return bytes(out)


def _cut(data: bytes, rng: np.random.Generator) -> bytes:
    return data[: _place(data, rng)]


def _zeroed(data: bytes, rng: np.random.Generator) -> bytes:
    at, count = _place(data, rng), int(rng.integers(1, 200))
    return data[:at] + bytes(len(data[at : at + count])) + data[at + count :]


def _inserted(data: bytes, rng: np.random.Generator) -> bytes:
    at, count = _place(data, rng), int(rng.integers(1, 200))
    return data[:at] + rng.bytes(count) + data[at:]


def _extreme(data: bytes, rng: np.random.Generator) -> bytes:
    order = "<>"[rng.integers(2)]
    if rng.random() < 0.5:
        code = "fd"[rng.integers(2)]
        value: float = _EXTREME_FLOATS[rng.integers(len(_EXTREME_FLOATS))]
        number = struct.pack(order + code, value)
    else:
        bits = 8 * 2 ** int(rng.integers(4))
        code = {8: "B", 16: "H", 32: "I", 64: "Q"}[bits]
        number = struct.pack(order + code, _EXTREMES[rng.integers(len(_EXTREMES))] % 2**bits)
    at = _place(data, rng) // len(number) * len(number)  # fields of headers are aligned
    return data[:at] + number + data[at + len(number) :]


_DAMAGES: tuple[Callable[[bytes, np.random.Generator], bytes], ...] = (
    _flipped,
    _cut,
    _zeroed,
    _inserted,
    _extreme,
    _extreme,
)
