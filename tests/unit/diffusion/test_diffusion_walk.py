"""Walks: which levels, which moves, how many calls of the network."""

import json

import pytest
import torch

from brainfill.core.config import from_dict, override, to_dict
from brainfill.core.errors import ConfigError
from brainfill.diffusion.denoiser import Condition, Estimate
from brainfill.diffusion.grids import grid_levels
from brainfill.diffusion.levels import CLEAN, STEPS, ScheduleConfig, Tabulated
from brainfill.diffusion.noise import seeded_noise
from brainfill.diffusion.plans import denoise
from brainfill.diffusion.sample import sample
from brainfill.diffusion.walk import WalkConfig, build_walk

LINEAR = Tabulated("linear")
SCHEDULES = [ScheduleConfig(name=name).build() for name in ("linear", "cosine", "vp", "karras")]
X = torch.zeros(1, 1, 3)


def calls(**options):
    """How often a walk asks the network, and at which levels."""
    moves, sampler = build_walk(WalkConfig(**options), LINEAR)
    asked = []

    def denoiser(x, level, cond, *, turn=0):
        asked.append(level)
        return Estimate(x)

    sample(denoiser, X, moves, sampler, seeded_noise([0]), Condition())
    return asked


def indices(levels):
    return [round(LINEAR.time(level.ratio) * STEPS - 1, 6) for level in levels[:-1]]


@pytest.mark.parametrize("grid", ["own", "trailing", "leading", "karras", "vp"])
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("start", [1.0, 0.4])
def test_levels_fall_and_end_clean(grid, schedule, start):
    levels = grid_levels(grid, schedule, 7, start)
    assert len(levels) == 8
    assert levels[-1] == CLEAN
    ratios = [level.ratio for level in levels]
    assert ratios == sorted(set(ratios), reverse=True)


def test_a_tabulated_schedule_proposes_trailing_levels():
    for n in (1, 3, 50):
        for mine, same in zip(
            grid_levels("own", LINEAR, n), grid_levels("trailing", LINEAR, n), strict=True
        ):
            assert mine == pytest.approx(same, rel=1e-12)
    assert indices(grid_levels("trailing", LINEAR, 50)) == list(range(999, 0, -20))


def test_leading_levels_end_at_the_cleanest_that_was_taught():
    assert indices(grid_levels("leading", LINEAR, 50)) == list(range(980, -1, -20))
    assert indices(grid_levels("leading", LINEAR, 5, 0.1)) == [80, 60, 40, 20, 0]


def test_the_karras_grid_spans_what_the_network_knows():
    levels = grid_levels("karras", LINEAR, 18)
    least = levels[-2].ratio
    assert least == pytest.approx(0.0100, abs=5e-6)  # of index 0
    roots = [80 ** (1 / 7) + k / 17 * (least ** (1 / 7) - 80 ** (1 / 7)) for k in range(18)]
    assert [level.ratio for level in levels[:-1]] == pytest.approx([r**7 for r in roots])
    assert grid_levels("karras", LINEAR, 4, 0.5)[0].ratio == pytest.approx(LINEAR.level(0.5).ratio)


def test_two_levels_of_fast_wavelet_diffusion():
    far, near, clean = grid_levels("vp", LINEAR, 2)
    assert near.alpha**2 == pytest.approx(0.0787, abs=5e-5)
    assert far.alpha**2 == pytest.approx(4.3e-5, abs=5e-7)
    assert clean == CLEAN
    assert len(calls(grid="vp", steps=2, sampler="ddpm")) == 2


def test_eighteen_levels_of_heun_take_thirty_five_calls():
    asked = calls(grid="karras", steps=18, sampler="heun")
    assert len(asked) == 35
    assert asked[0].ratio == pytest.approx(80)


@pytest.mark.parametrize(
    ("steps", "jump", "repeats", "expected"),
    [(250, 10, 10, 2410), (50, 8, 10, 482), (50, 3, 3, 146)],
)
def test_repaint_has_the_calls_of_the_specification(steps, jump, repeats, expected):
    assert len(calls(plan="repaint", steps=steps, jump=jump, repeats=repeats)) == expected


def test_an_encoding_goes_up_and_down_as_often_and_ends_where_it_began():
    moves, _ = build_walk(WalkConfig(plan="encode", steps=5, grid="leading", start=0.6), LINEAR)
    assert [move.kind for move in moves] == ["encode"] * 5 + ["denoise"] * 5
    assert moves[0].now == moves[-1].then == LINEAR.level(1 / STEPS)


def test_a_partial_start_begins_at_its_level():
    moves, _ = build_walk(WalkConfig(steps=4, start=0.3), LINEAR)
    assert moves == denoise(LINEAR.levels(4, start=0.3))


def test_ratios_take_the_place_of_a_grid():
    moves, _ = build_walk(WalkConfig(steps=9, ratios=(80.0, 0.7)), LINEAR)
    assert [move.now.ratio for move in moves] == pytest.approx([80, 0.7])
    assert moves[0].now.alpha ** 2 + moves[0].now.sigma ** 2 == pytest.approx(1)
    with pytest.raises(ConfigError, match="ratios must fall"):
        WalkConfig(ratios=(0.7, 80.0))
    for options in ({"grid": "vp"}, {"start": 0.5}):
        with pytest.raises(ConfigError, match="ratios say every level"):
            WalkConfig(ratios=(3.0,), **options)


def test_the_last_moves_may_give_the_estimate_itself():
    moves, sampler = build_walk(WalkConfig(steps=5, last_x0_steps=3), LINEAR)
    assert [move.kind for move in moves] == ["denoise"] * 2 + ["estimate"] * 3
    seen = []

    def denoiser(x, level, cond, *, turn=0):
        seen.append(float(x[0, 0, 0]))
        return Estimate(torch.full_like(x, 10.0 + turn))

    y = sample(denoiser, X, moves, sampler, seeded_noise([0]), Condition())
    assert seen[3:] == [12, 13]
    assert y.unique().tolist() == [14]


def test_a_sampler_is_built_with_its_options():
    _, sampler = build_walk(WalkConfig(sampler="ddim", sampler_options={"eta": 0.5}), LINEAR)
    assert sampler.config.eta == 0.5
    with pytest.raises(ConfigError, match=r"sampler_options\.etta"):
        build_walk(WalkConfig(sampler_options={"etta": 0.5}), LINEAR)
    with pytest.raises(ConfigError, match="unknown sampler 'dimm'"):
        build_walk(WalkConfig(sampler="dimm"), LINEAR)


def test_a_walk_survives_json_and_takes_settings():
    walk = override(WalkConfig(), ["plan=repaint", "ratios=[3, 1]", "sampler_options.eta=1"])
    assert walk.ratios == (3, 1)
    assert from_dict(WalkConfig, json.loads(json.dumps(to_dict(walk)))) == walk
