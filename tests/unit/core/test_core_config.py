import json
from dataclasses import FrozenInstanceError, dataclass
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brainfill.core.config import check_ranges, from_dict, option, override, to_dict
from brainfill.core.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Inner:
    depth: int = option(3, "levels", low=1, high=9)
    share: float = option(0.5, "a share", low=0.0, high=1.0)

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True, kw_only=True)
class Outer:
    inner: Inner = option(Inner(), "the rest")
    flag: bool = option(False, "yes or no")
    text: str = option("", "words")
    mode: Literal["fast", "slow"] = option("fast", "how")
    size: tuple[int, int, int] = option((1, 2, 3), "three numbers", unit="voxels")
    mult: tuple[int, ...] = option((1, 2), "any number of numbers", low=1)
    extra: dict[str, Any] = option({}, "anything")
    shares: dict[str, float] = option({}, "numbers by name")
    limit: float | None = option(None, "no limit when empty", low=0.0)
    level: float | Literal["low", "high"] = option(
        "low", "a number, or what it is called", high=2.0
    )

    def __post_init__(self) -> None:
        check_ranges(self)


def test_to_dict_is_plain_and_comes_back_equal():
    config = Outer(inner=Inner(depth=5), mult=(4,), extra={"a": [1, {"b": None}]}, limit=2.0)
    plain = json.loads(json.dumps(to_dict(config)))
    assert plain["mult"] == [4]
    assert from_dict(Outer, plain) == config


@given(
    depth=st.integers(1, 9),
    share=st.floats(0, 1),
    flag=st.booleans(),
    text=st.text(),
    size=st.tuples(*[st.integers()] * 3),
    mult=st.lists(st.integers(1)),
    shares=st.dictionaries(st.text(), st.floats(allow_nan=False, allow_infinity=False)),
)
def test_any_config_survives_json(depth, share, flag, text, size, mult, shares):
    inner = Inner(depth=depth, share=share)
    config = Outer(inner=inner, flag=flag, text=text, size=size, mult=tuple(mult), shares=shares)
    assert from_dict(Outer, json.loads(json.dumps(to_dict(config)))) == config


def test_unknown_key_is_refused_with_the_closest_known_one():
    with pytest.raises(ConfigError, match=r"unknown setting 'flagg'; known: inner, flag") as info:
        from_dict(Outer, {"flagg": True})
    assert info.value.hint == "did you mean 'flag'?"
    with pytest.raises(ConfigError, match=r"unknown setting 'inner\.dept'") as info:
        from_dict(Outer, {"inner": {"dept": 2}})
    assert info.value.hint == "did you mean 'depth'?"


def test_unknown_key_far_from_all_others_has_no_hint():
    with pytest.raises(ConfigError) as info:
        from_dict(Outer, {"zzzzzz": 1})
    assert info.value.hint == ""


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"inner": {"depth": 2.7}}, "'inner.depth' must be a whole number, got 2.7"),
        ({"inner": {"depth": 2.0}}, "'inner.depth' must be a whole number, got 2.0"),
        ({"inner": {"depth": True}}, "'inner.depth' must be a whole number, got True"),
        ({"inner": {"depth": "3"}}, "'inner.depth' must be a whole number, got '3'"),
        ({"inner": {"share": True}}, "'inner.share' must be a number, got True"),
        ({"inner": {"share": "0.5"}}, "'inner.share' must be a number, got '0.5'"),
        ({"inner": {"share": None}}, "'inner.share' must be a number, got None"),
        ({"inner": 3}, "'inner' must be "),
        ({"flag": 1}, "'flag' must be true or false, got 1"),
        ({"flag": "yes"}, "'flag' must be true or false, got 'yes'"),
        ({"text": 4}, "'text' must be text, got 4"),
        ({"mode": "medium"}, "'mode' must be one of fast, slow, got 'medium'"),
        ({"mode": ["fast"]}, "'mode' must be one of fast, slow"),
        ({"limit": "low"}, "'limit' must be a number or nothing, got 'low'"),
        ({"level": "mid"}, "'level' must be a number or one of low, high, got 'mid'"),
        ({"size": [1, 2]}, "'size' must be tuple"),
        ({"size": [1, 2, 3.5]}, "'size' must be a whole number, got 3.5"),
        ({"size": "123"}, "'size' must be tuple"),
        ({"mult": 3}, "'mult' must be tuple"),
        ({"extra": [1]}, "'extra' must be dict"),
        ({"shares": {"a": "b"}}, "'shares.a' must be a number, got 'b'"),
        ({"limit": "none"}, "'limit' must be a number or nothing, got 'none'"),
    ],
)
def test_a_wrong_type_is_named_and_never_converted(values, sentence):
    with pytest.raises(ConfigError) as info:
        from_dict(Outer, values)
    assert sentence in str(info.value)


def test_a_whole_number_may_stand_for_a_number_and_becomes_one():
    share = from_dict(Inner, {"share": 1}).share
    assert share == 1.0
    assert type(share) is float
    assert from_dict(Outer, {"limit": None}).limit is None
    assert from_dict(Outer, {"limit": 3.5}).limit == 3.5


def test_a_prefix_tells_where_a_key_was_found():
    with pytest.raises(ConfigError, match=r"'card\.depth' must be"):
        from_dict(Inner, {"depth": "x"}, where="card.")


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Inner(depth=0), "depth must be between 1 and 9, got 0"),
        (lambda: Inner(depth=10), "depth must be between 1 and 9, got 10"),
        (lambda: Inner(share=1.01), r"share must be between 0.0 and 1.0, got 1.01"),
        (lambda: Inner(share=float("nan")), r"share must be between 0.0 and 1.0, got nan"),
        (lambda: Outer(limit=-1.0), r"limit must be at least 0.0, got -1.0"),
        (lambda: Outer(mult=(2, 0, 5)), r"mult must be at least 1, got 0"),
    ],
)
def test_a_value_outside_its_range_is_refused(make, sentence):
    with pytest.raises(ConfigError, match=sentence):
        make()


def test_ends_of_a_range_belong_to_it():
    assert (Inner(depth=1).depth, Inner(depth=9).depth) == (1, 9)


def test_override_reaches_into_nested_configs_and_parses_values():
    settings = ["inner.depth=7", "flag=true", "text=a=b", "mode = slow", "size=[7, 8, 9]"]
    config = override(Outer(), [*settings, "extra.eta=0.25", "limit=null", "inner.share=1e-1"])
    assert config.inner == Inner(depth=7, share=0.1)
    assert (config.flag, config.text, config.mode, config.size) == (True, "a=b", "slow", (7, 8, 9))
    assert config.extra == {"eta": 0.25}


def test_override_leaves_the_given_config_alone():
    before = Outer()
    override(before, ["inner.depth=7", "extra.a=1"])
    assert before == Outer()
    with pytest.raises(FrozenInstanceError):
        before.flag = True


def test_the_last_of_several_settings_wins():
    assert override(Inner(), ["depth=2", "depth=4"]).depth == 4


@pytest.mark.parametrize(
    ("setting", "sentence", "hint"),
    [
        ("depth", "setting 'depth' has no '='; expected key=value", ""),
        ("inner.dept=3", "unknown setting 'inner.dept'", "did you mean 'depth'?"),
        ("iner.depth=3", "unknown setting 'iner' in 'iner.depth=3'", "did you mean 'inner'?"),
        ("flag.depth=3", "unknown setting 'flag' in 'flag.depth=3'", "did you mean 'flag'?"),
        ("inner.depth=2.7", "'inner.depth' must be a whole number, got 2.7", ""),
        ("inner.depth=", "'inner.depth' must be a whole number, got ''", ""),
        ("inner.share=NaN", "'inner.share' must be a finite number, got nan", ""),
        ("inner.depth=12", "depth must be between 1 and 9, got 12", ""),
        ("=3", "unknown setting ''", ""),
    ],
)
def test_a_bad_setting_is_explained(setting, sentence, hint):
    with pytest.raises(ConfigError) as info:
        override(Outer() if "." in setting or setting == "=3" else Inner(), [setting])
    assert sentence in str(info.value)
    assert info.value.hint == hint


def test_mutable_defaults_are_not_shared():
    assert Outer().extra is not Outer().extra


@pytest.mark.parametrize(("text", "level"), [("high", "high"), ("1.5", 1.5), ("1", 1.0)])
def test_a_number_or_its_name_may_be_set(text, level):
    assert override(Outer(), [f"level={text}"]).level == level
    with pytest.raises(ConfigError, match=r"level must be at most 2\.0, got 3"):
        override(Outer(), ["level=3"])
