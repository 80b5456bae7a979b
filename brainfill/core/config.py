"""Frozen dataclasses as configuration: to and from plain data, strictly, with `key=value` overrides.

A field's `option()` metadata holds its help, unit and range once; the command line and the checks read it there.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from brainfill.core.errors import ConfigError
from brainfill.core.registry import did_you_mean

C = TypeVar("C")

# Limits that several settings share. ANTs takes a seed, plus one, as a signed number of 32 bits; label maps hold such.
MOST_SEED = 2**31 - 2
LOWEST_LABEL, MOST_LABEL = -(2**31), 2**31 - 1
_LONGEST_SHOWN = 80


def option(
    default: Any,  # noqa: ANN401 - the type of the field it describes
    help: str,  # noqa: A002 - the word the command line uses
    *,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
) -> Any:  # noqa: ANN401 - dataclasses.field is untyped in the same way
    """A dataclass field with its help text, unit and inclusive range."""
    metadata = {"help": help, "unit": unit, "low": low, "high": high}
    if isinstance(default, list | dict):
        return dataclasses.field(default_factory=default.copy, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def check_ranges(config: Any) -> None:  # noqa: ANN401 - any dataclass
    """Compare every number, alone, in a tuple or in a dict of numbers, with the range of its field.

    Call it from `__post_init__`. Settings nested in others check themselves.

    Raises:
        ConfigError: a value lies outside its range.
    """
    for field in dataclasses.fields(config):
        low, high = field.metadata.get("low"), field.metadata.get("high")
        for value in _numbers(getattr(config, field.name)):
            # Written so that NaN, which is never inside, is refused.
            if not (low is None or value >= low) or not (high is None or value <= high):
                msg = f"{field.name} must be {_range_text(low, high)}, got {value}"
                raise ConfigError(msg)


def _numbers(value: Any) -> Iterator[float]:  # noqa: ANN401 - whatever a field may hold
    """All numbers in a value."""
    if isinstance(value, tuple | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _numbers(part)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


def to_dict(config: Any) -> dict[str, Any]:  # noqa: ANN401 - any dataclass
    """A config as plain data that JSON can hold."""
    plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(config)))
    return plain


def from_dict(cls: type[C], values: Mapping[str, Any], where: str = "") -> C:
    """Build a config of class `cls`; unknown keys and wrong types are refused, nothing is converted.

    Raises:
        ConfigError: names the key, what was found and what was expected.
    """
    hints = typing.get_type_hints(cls)
    known = [f.name for f in dataclasses.fields(cls)]  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            msg = f"unknown setting '{where}{key}'; known: {', '.join(known)}"
            raise ConfigError(msg, did_you_mean(key, known))
    return cls(**{k: _structure(v, hints[k], f"{where}{k}") for k, v in values.items()})


def override(config: C, settings: Sequence[str]) -> C:
    """The config with `key=value` settings applied; dots reach into nested configs.

    Raises:
        ConfigError: a setting has no `=`, an unknown key or a value of the wrong type.
    """
    plain = to_dict(config)
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            msg = f"setting '{setting}' has no '='; expected key=value"
            raise ConfigError(msg)
        *path, last = key.strip().split(".")
        node = plain
        for i, part in enumerate(path):
            child = node.get(part)
            if not isinstance(child, dict):
                msg = f"unknown setting '{'.'.join(path[: i + 1])}' in '{setting}'; known: {', '.join(node)}"
                raise ConfigError(msg, did_you_mean(part, list(node)))
            node = child
        node[last] = _parse(text.strip())
    return from_dict(type(config), plain)


def _parse(text: str) -> Any:  # noqa: ANN401 - whatever the text says
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # plain text, thousands of digits, or brackets without end
        return text


def _structure(value: Any, hint: Any, where: str) -> Any:  # noqa: ANN401 - any value, any type
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint) and isinstance(value, Mapping):
        return from_dict(typing.cast("type[Any]", hint), value, f"{where}.")
    if origin in (typing.Union, types.UnionType):
        for arm in args:
            with contextlib.suppress(ConfigError):
                return _structure(value, arm, where)
    elif origin is typing.Literal and value in args:
        return value
    elif origin is tuple and isinstance(value, list | tuple):
        arms = args[:1] * len(value) if args[-1] is Ellipsis else args
        if len(arms) == len(value):
            return tuple(_structure(v, a, where) for v, a in zip(value, arms, strict=True))
    elif origin is dict and isinstance(value, Mapping):
        return {str(k): _structure(v, args[1], f"{where}.{k}") for k, v in value.items()}
    elif hint is Any or (origin is None and _is_plain(value, hint)):
        return _finite(value, where) if hint is float else value
    msg = f"'{where}' must be {_type_text(hint)}, got {_shown(value)}"
    raise ConfigError(msg)


def _finite(value: float, where: str) -> float:
    # JSON as Python reads it, and TOML, have words for what is no number and for what has no end.
    with contextlib.suppress(OverflowError):  # a whole number of hundreds of digits
        if math.isfinite(value):
            return float(value)
    msg = f"'{where}' must be a finite number, got {_shown(value)}"
    raise ConfigError(msg)


def _shown(value: Any) -> str:  # noqa: ANN401 - any value
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "..."


def _is_plain(value: Any, hint: Any) -> bool:  # noqa: ANN401 - any value, any type
    # Python calls True a whole number and 1 a number with a fraction; a config file must not.
    if hint in (int, float) and isinstance(value, bool):
        return False
    return isinstance(value, int | float if hint is float else hint)


def _type_text(hint: Any) -> str:  # noqa: ANN401 - any type
    if typing.get_origin(hint) is typing.Literal:
        return "one of " + ", ".join(str(a) for a in typing.get_args(hint))
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return " or ".join(_type_text(arm) for arm in typing.get_args(hint))
    names: dict[Any, str] = {int: "a whole number", float: "a number", bool: "true or false"}
    names |= {str: "text", types.NoneType: "nothing"}
    return names.get(hint, str(hint).replace("typing.", ""))


def _range_text(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f"between {low} and {high}"
    return f"at least {low}" if low is not None else f"at most {high}"
