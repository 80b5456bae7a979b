import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brainfill.core.errors import ConfigError
from brainfill.diffusion.levels import CLEAN, STEPS, Karras, Level, ScheduleConfig, Tabulated

TABULATED = ("linear", "cosine", "vp")
ALL = [pytest.param(ScheduleConfig(name=name).build(), id=name) for name in (*TABULATED, "karras")]
TIMES = st.floats(1e-3, 1.0)


def alpha_bar(name, index):
    """A of METHODS 1.1 at a 0-based index."""
    return Tabulated(name).level((index + 1) / STEPS).alpha ** 2


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (0, 0.9999),
        (40, 0.979767),
        (100, 0.895142),
        (250, 0.521423),
        (400, 0.193572),
        (500, 0.0777967),
        (750, 3.30016e-3),
        (999, 4.03583e-5),
    ],
)
def test_linear_has_the_values_of_the_specification(index, expected):
    # The sheet prints six digits, so half of the last one is allowed.
    assert alpha_bar("linear", index) == pytest.approx(expected, rel=5e-6)


def test_linear_crosses_the_ratios_of_the_specification():
    linear = Tabulated("linear")
    assert linear.level(1.0).ratio == pytest.approx(157.4, abs=0.05)
    # "Near t = 130" and "near t = 258": within one index.
    assert linear.time(math.sqrt(1 / 5)) * STEPS - 1 == pytest.approx(130, abs=1)
    assert linear.time(1.0) * STEPS - 1 == pytest.approx(258, abs=1)


@pytest.mark.parametrize("index", [0, 1, 10, 250, 500, 900, 998])
def test_cosine_has_its_closed_form(index):
    def shape(u):
        return math.cos((u + 0.008) / 1.008 * math.pi / 2) ** 2

    # The product of 1 - beta telescopes; rounding of 1000 float64 products stays below 1e-9.
    expected = shape((index + 1) / STEPS) / shape(0)
    assert alpha_bar("cosine", index) == pytest.approx(expected, rel=1e-9)


def test_cosine_never_reaches_pure_noise():
    # Unclipped it would end at 0, where the clean image cannot be recovered.
    assert alpha_bar("cosine", 999) == pytest.approx(alpha_bar("cosine", 998) * 1e-3, rel=1e-9)


@pytest.mark.parametrize("index", [0, 1, 250, 500, 999])
def test_vp_has_its_closed_form(index):
    u = 1e-3 + (1 - 1e-3) * (index + 1) / STEPS
    # b0 = 0.1, b1 = 20: log A(u) = -0.5 u^2 (b1 - b0) - u b0.
    expected = math.exp(-0.5 * u * u * 19.9 - 0.1 * u)
    assert alpha_bar("vp", index) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", TABULATED)
def test_between_two_indices_log_a_is_linear(name):
    low, high = alpha_bar(name, 300), alpha_bar(name, 301)
    assert alpha_bar(name, 300.25) == pytest.approx(low**0.75 * high**0.25, rel=1e-9)


@pytest.mark.parametrize("name", TABULATED)
@given(t=st.floats(0, 1))
def test_variance_is_preserved(name, t):
    level = Tabulated(name).level(t)
    assert level.alpha**2 + level.sigma**2 == pytest.approx(1, abs=1e-12)


def test_karras_runs_between_its_ends_along_the_published_curve():
    levels = Karras(0.01, 80).levels(18)
    assert levels[0].sigma == pytest.approx(80)
    assert levels[-2].sigma == pytest.approx(0.01)
    assert levels[-1] == CLEAN
    assert {level.alpha for level in levels} == {1.0}
    # Karras et al. 2022, equation 5, written from the noisy end.
    for i, level in enumerate(levels[:-1]):
        root = 80 ** (1 / 7) + i / 17 * (0.01 ** (1 / 7) - 80 ** (1 / 7))
        assert level.sigma == pytest.approx(root**7, rel=1e-9)


def test_karras_with_one_step_starts_at_the_noisy_end():
    assert Karras(0.01, 80).levels(1) == [Level(1.0, pytest.approx(80)), CLEAN]


@pytest.mark.parametrize("schedule", ALL)
@given(t=TIMES)
def test_time_is_the_inverse_of_level(schedule, t):
    # Near t = 1e-3 the ratio of "linear" comes from 1 - 0.9999: 1e-12 of relative rounding there.
    assert schedule.time(schedule.level(t).ratio) == pytest.approx(t, abs=1e-9)


@pytest.mark.parametrize("schedule", ALL)
def test_time_is_clamped_to_the_schedule(schedule):
    assert schedule.time(1e9) == 1.0
    assert schedule.time(0.0) == 0.0


@pytest.mark.parametrize("schedule", ALL)
@given(times=st.lists(TIMES, min_size=2, max_size=5, unique=True))
def test_noise_grows_with_time(schedule, times):
    ratios = [schedule.level(t).ratio for t in sorted(times)]
    assert np.all(np.diff(ratios) >= 0)


@pytest.mark.parametrize("schedule", ALL)
@pytest.mark.parametrize("n", [1, 2, 10, 50])
@pytest.mark.parametrize("start", [1.0, 0.4])
def test_levels_fall_from_the_start_to_the_clean_image(schedule, n, start):
    levels = schedule.levels(n, start)
    assert len(levels) == n + 1
    assert levels[0].ratio == pytest.approx(schedule.level(start).ratio)
    assert levels[-1] == CLEAN
    assert np.all(np.diff([level.ratio for level in levels]) < 0)


def test_levels_of_a_table_end_each_equal_stretch():
    # Ten steps of a thousand: indices 999, 899, ..., 99.
    found = [level.alpha**2 for level in Tabulated("linear").levels(10)[:-1]]
    assert found == pytest.approx([alpha_bar("linear", i) for i in range(999, 0, -100)])


@pytest.mark.parametrize("schedule", ALL)
def test_time_zero_is_clean(schedule):
    assert schedule.level(0) == CLEAN
    assert schedule.level(0).ratio == 0


def test_signal_to_noise_ratio():
    assert Level(0.6, 0.3).snr == pytest.approx(4)
    assert Level(0.6, 0.3).ratio == pytest.approx(0.5)
    assert CLEAN.snr == math.inf


def test_schedule_config_checks_its_values():
    with pytest.raises(ConfigError, match="sigma_min must be between"):
        ScheduleConfig(sigma_min=0.0)
    with pytest.raises(ConfigError, match=r"sigma_min .* must be below sigma_max"):
        ScheduleConfig(name="karras", sigma_min=2.0, sigma_max=1.0)


def test_the_shared_table_cannot_be_edited():
    level = Tabulated("vp").level(0.5)
    assert isinstance(level.alpha, float)
    assert Tabulated("vp").level(0.5) == level
