"""The sampling loop and the projector, with stubs in place of networks."""

import pytest
import torch

from brainfill.diffusion.denoiser import Condition, Estimate
from brainfill.diffusion.levels import CLEAN, Level, Tabulated
from brainfill.diffusion.noise import seeded_noise
from brainfill.diffusion.plans import Move, denoise, repaint
from brainfill.diffusion.projectors import KeepKnown
from brainfill.diffusion.sample import renoise, sample

LEVELS = Tabulated("linear").levels(4)
X = torch.zeros(1, 1, 3)


class Diary:
    """A sampler and a denoiser that write down what happens."""

    def __init__(self):
        self.lines = []

    def reset(self):
        self.lines.append("reset")

    def step(self, denoise, x, now, then, noise):
        denoise(x, now)
        return x + 1

    def __call__(self, x, level, cond, *, turn=0):
        self.lines.append((turn, level, cond))
        return Estimate(x)


def test_the_loop_hands_on_turn_level_and_condition():
    diary, cond = Diary(), Condition(torch.ones(1))
    x = sample(diary, X, denoise(LEVELS), diary, seeded_noise([0]), cond)
    assert diary.lines == ["reset", *((i, LEVELS[i], cond) for i in range(4))]
    assert x.tolist() == [[[4, 4, 4]]]
    assert X.tolist() == [[[0, 0, 0]]]


def test_fresh_noise_resets_the_sampler_and_does_not_ask_the_network():
    diary = Diary()
    plan = repaint(LEVELS, jump=2, repeats=2)
    assert sum(move.kind == "renoise" for move in plan) == 2
    sample(diary, X, plan, diary, seeded_noise([0]), Condition())
    asked = [line[0] for line in diary.lines if line != "reset"]
    assert asked == [i for i, move in enumerate(plan) if move.kind == "denoise"]
    assert diary.lines.count("reset") == 1 + 2


def test_the_projector_gets_the_level_reached_and_watch_its_result():
    seen, diary = [], Diary()

    def projector(x, level, noise):
        seen.append(level)
        return x * 10

    watched = []
    sample(
        diary, X + 1, denoise(LEVELS), diary, seeded_noise([0]), Condition(), projector,
        lambda turn, x: watched.append((turn, float(x[0, 0, 0]))),
    )  # fmt: skip
    assert seen == LEVELS[1:]
    assert watched == [(0, 20.0), (1, 210.0), (2, 2110.0), (3, 21110.0)]


@pytest.mark.parametrize(
    ("now", "then"),
    [(LEVELS[2], LEVELS[1]), (Level(1, 0.5), Level(1, 2.0)), (CLEAN, LEVELS[3])],
)
def test_renoise_leads_from_one_level_to_the_other(now, then):
    # The mean must scale by alpha and the variance end at sigma^2: x = now.alpha + now.sigma * z.
    n = 40_000
    noise = seeded_noise([1])
    x = now.alpha + now.sigma * noise(torch.empty(1, n))
    y = renoise(x, now, then, noise)
    # Standard errors of 40,000 draws: sigma / 200 of the mean, sigma / 283 of the deviation.
    assert float(y.mean()) == pytest.approx(then.alpha, abs=4 * then.sigma / 200)
    assert float(y.std()) == pytest.approx(then.sigma, rel=4 / 283)


def test_renoise_between_equal_levels_changes_nothing():
    x = torch.ones(1, 5)
    assert torch.equal(renoise(x, LEVELS[1], LEVELS[1], seeded_noise([0])), x)


HOLE = torch.tensor([[[0.0, 1.0, 1.0]]])
KNOWN = torch.tensor([[[7.0, 123.0, -5.0]]])


def test_keep_known_is_exact_at_the_clean_level():
    x = KeepKnown(KNOWN, HOLE)(X + 2, CLEAN, seeded_noise([0]))
    assert x.tolist() == [[[7, 2, 2]]]


def test_keep_known_puts_known_values_at_the_same_level():
    level = LEVELS[1]
    expected = level.alpha * 7 + level.sigma * float(seeded_noise([3])(X)[0, 0, 0])
    x = KeepKnown(KNOWN, HOLE)(X + 2, level, seeded_noise([3]))
    assert x[0, 0].tolist() == pytest.approx([expected, 2, 2])


def test_keep_known_without_noise_keeps_them_clean_and_draws_nothing():
    def no_noise(like):
        raise AssertionError

    x = KeepKnown(KNOWN, HOLE, noisy=False)(X + 2, LEVELS[0], no_noise)
    assert x.tolist() == [[[7, 2, 2]]]


def test_known_values_are_back_after_every_plan():
    diary = Diary()
    for plan in (denoise(LEVELS), repaint(LEVELS, jump=1, repeats=3)):
        x = sample(diary, X, plan, diary, seeded_noise([0]), Condition(), KeepKnown(KNOWN, HOLE))
        assert float(x[0, 0, 0]) == 7
        assert isinstance(plan[0], Move)
