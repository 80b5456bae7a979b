"""No number without both limits: every setting of every command and plug-in is walked."""

import dataclasses
import importlib
import math
import pkgutil
import typing
from types import UnionType

import pytest

import brainfill
from brainfill.core.config import from_dict
from brainfill.core.errors import ConfigError


def numeric(hint):
    """Whether values of a type hold numbers."""
    if typing.get_origin(hint) is typing.Literal:
        return False
    parts = [p for p in typing.get_args(hint) if p is not Ellipsis]
    return any(numeric(p) for p in parts) if parts else hint in (int, float)


def settings():
    """Every field that `option()` made and that holds numbers, with its class and its type."""
    for module in pkgutil.walk_packages(brainfill.__path__, "brainfill."):
        if module.name.endswith("__main__"):
            continue
        for config in vars(importlib.import_module(module.name)).values():
            if not dataclasses.is_dataclass(config) or config.__module__ != module.name:
                continue
            options = [f for f in dataclasses.fields(config) if "low" in f.metadata]
            hints = typing.get_type_hints(config) if options else {}
            for field in options:
                if numeric(hints[field.name]):
                    name = f"{module.name}.{config.__name__}.{field.name}"
                    yield pytest.param(config, field, hints[field.name], id=name)


ALL = list(settings())


def wrapped(value, hint):
    """A number as a value of a type: alone, in a list as long as it must be, in a dict."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        return [wrapped(value, args[0])] * (1 if args[-1] is Ellipsis else len(args))
    if origin is dict:
        return {"a": wrapped(value, args[1])}
    if origin in (typing.Union, UnionType):
        return wrapped(value, next(a for a in args if numeric(a)))
    return value


def whole(hint):
    """Whether the numbers are whole ones."""
    args = [p for p in typing.get_args(hint) if p is not Ellipsis]
    return any(whole(p) for p in args) if args else hint is int


def test_the_walk_finds_settings_of_all_kinds():
    found = {p.id for p in ALL}
    assert {
        "brainfill.tasks._device.RunConfig.seed",
        "brainfill.bids.config.BidsConfig.mem_gb",
        "brainfill.preprocess.steps.pad.Config.value",
        "brainfill.fillers.localmean.Config.near_mm",
        "brainfill.diffusion.samplers.ddim.Config.eta",
        "brainfill.tasks.masks.box.Config.grow_mm",
        "brainfill.train.config.TrainConfig.rate",
        "brainfill.bundles.store.Card.lesions",
    } <= found
    assert len(found) > 200


@pytest.mark.parametrize(("config", "field", "hint"), ALL)
def test_every_number_has_both_limits(config, field, hint):
    low, high = field.metadata["low"], field.metadata["high"]
    assert low is not None
    assert high is not None
    assert math.isfinite(low)
    assert low < high
    assert math.isfinite(high)


@pytest.mark.parametrize(("config", "field", "hint"), ALL)
def test_what_lies_outside_the_limits_is_refused(config, field, hint):
    low, high = field.metadata["low"], field.metadata["high"]
    outside = [math.floor(low) - 1, math.ceil(high) + 1, 10**400]
    if not whole(hint):
        outside += [math.nan, math.inf, -math.inf, 1e300]
    for value in outside:
        with pytest.raises(ConfigError, match=field.name):
            from_dict(config, {field.name: wrapped(value, hint)})


@pytest.mark.parametrize(("config", "field", "hint"), ALL)
def test_python_is_told_the_same(config, field, hint):
    # Without the check of types that a file or --set goes through.
    value = wrapped(math.nan, hint)
    with pytest.raises(ConfigError, match=field.name):
        config(**{field.name: tuple(value) if isinstance(value, list) else value})
