import numpy as np
import pytest
import torch
from torch import nn

from brainfill.diffusion.denoiser import (
    Condition,
    Estimate,
    NetDenoiser,
    averaged,
    clipped,
    consistent,
    predicted_clean,
    preserving,
)
from brainfill.diffusion.levels import STEPS, Level, Tabulated

SCHEDULE = Tabulated("linear")
CLEAN_AND_NOISE = torch.randn(2, 3, 1, 4, 5, generator=torch.Generator().manual_seed(0)).double()
NO_CONDITION = Condition()


def exact_output(prediction, clean, noise, level):
    """What a perfect network would say."""
    return {
        "x0": clean,
        "eps": noise,
        "v": level.alpha * noise - level.sigma * clean,
    }[prediction]


class Recorder(nn.Module):
    """Says zero and remembers what it was asked."""

    def forward(self, x, t):
        self.x, self.t = x, t
        return torch.zeros_like(x[:, :1])


class Oracle(nn.Module):
    """Knows the clean image; answers in its own prediction at the level of the given index."""

    def __init__(self, clean, prediction):
        super().__init__()
        self.clean, self.prediction = clean, prediction

    def forward(self, x, t):
        level = SCHEDULE.level((float(t[0]) + 1) / STEPS)
        noise = (x - level.alpha * self.clean) / level.sigma
        return exact_output(self.prediction, self.clean, noise, level)


@pytest.mark.parametrize("prediction", ["eps", "x0", "v"])
@pytest.mark.parametrize("t", [0.01, 0.3, 0.8])
def test_every_prediction_gives_the_clean_image_back(prediction, t):
    clean, noise = CLEAN_AND_NOISE
    level = SCHEDULE.level(t)
    x = level.alpha * clean + level.sigma * noise
    output = exact_output(prediction, clean, noise, level)
    # Float64; dividing by alpha = 0.04 at t = 0.8 costs two digits at most.
    torch.testing.assert_close(
        predicted_clean(output, x, level, prediction), clean, rtol=0, atol=1e-13
    )


@pytest.mark.parametrize("prediction", ["eps", "x0", "v"])
def test_levels_of_any_scale_give_the_same_answer(prediction):
    clean, noise = CLEAN_AND_NOISE
    own = SCHEDULE.level(0.4005)
    denoiser = NetDenoiser(Oracle(clean, prediction), SCHEDULE, prediction)
    x = own.alpha * clean + own.sigma * noise
    for scale in (1 / own.alpha, 1.0, 3.0):  # the first is variance exploding, alpha = 1
        level = Level(own.alpha * scale, own.sigma * scale)
        answer = denoiser(x * scale, level, NO_CONDITION).clean
        # The index is told in float32 (1e-7 of 400), whose effect on the level is below 1e-6.
        torch.testing.assert_close(answer, clean, rtol=0, atol=1e-5)


def test_the_network_sees_its_own_scale_index_and_condition():
    net = Recorder()
    x = torch.full((2, 1, 3), 5.0)
    channels = torch.arange(12.0).reshape(2, 2, 3)
    own = SCHEDULE.level(251 / STEPS)
    exploding = Level(1.0, own.ratio)
    NetDenoiser(net, SCHEDULE, "eps")(x, exploding, Condition(channels))
    # Index 250 is what the table calls the level reached at time 251 / 1000.
    assert net.t.tolist() == pytest.approx([250, 250], abs=1e-3)
    assert net.x.shape == (2, 3, 3)
    torch.testing.assert_close(net.x[:, :1], x * own.alpha)
    assert torch.equal(net.x[:, 1:], channels)


def test_the_network_is_told_class_and_position_where_there_are_any():
    told = {}

    class Listener(nn.Module):
        def forward(self, x, t, **more):
            told.update(more)
            return x

    denoiser = NetDenoiser(Listener(), SCHEDULE, "x0")
    x, level = torch.zeros(2, 1, 3, 4, 5), SCHEDULE.level(0.5)
    denoiser(x, level, NO_CONDITION)
    assert told == {}
    label, position = torch.tensor([1, -1]), torch.arange(6.0).reshape(2, 3)
    denoiser(x, level, Condition(label=label, position=position))
    assert told == {"label": label, "position": position}


def test_a_condition_is_cut_along_the_slices():
    channels, label = torch.arange(12.0).reshape(1, 2, 6, 1, 1), torch.tensor([1])
    position = torch.arange(6.0)[None]
    cut = Condition(channels, label, position).cut(slice(2, 4))
    assert cut.channels.flatten().tolist() == [2, 3, 8, 9]
    assert cut.position.tolist() == [[2, 3]]
    assert cut.label is label
    assert Condition().cut(slice(1)) == Condition()


def test_the_answer_has_the_type_of_x():
    class Half(nn.Module):
        def forward(self, x, t):
            return torch.ones_like(x, dtype=torch.bfloat16)

    x = torch.zeros(1, 1, 2)
    answer = NetDenoiser(Half(), SCHEDULE, "x0")(x, SCHEDULE.level(0.5), NO_CONDITION).clean
    assert answer.dtype == torch.float32


def test_preserving_keeps_the_ratio():
    level = preserving(Level(1.0, 2.0))
    assert level.ratio == pytest.approx(2)
    assert np.hypot(*level) == pytest.approx(1)


def constant(value):
    return lambda x, level, cond, *, turn=0: Estimate(torch.full_like(x, value + turn))


def test_clipped_passes_the_estimate_through():
    denoiser = clipped(constant(7.0), lambda x: x.clamp(-1, 1))
    assert denoiser(torch.zeros(1, 1, 2), SCHEDULE.level(1), NO_CONDITION).clean.tolist() == [
        [[1, 1]]
    ]


def test_averaged_is_the_mean_and_hands_the_turn_on():
    denoiser = averaged([constant(0.0), constant(1.0), constant(5.0)])
    x = torch.ones(1, 1, 2)
    assert denoiser(x, SCHEDULE.level(1), NO_CONDITION, turn=4).clean.tolist() == [[[6, 6]]]
    assert torch.equal(x, torch.ones(1, 1, 2))


def test_a_learned_variance_is_the_second_half_of_the_outputs():
    class Two(nn.Module):
        def forward(self, x, t):
            return torch.cat([torch.full_like(x, 0.3), torch.full_like(x, -0.5)], dim=1)

    x = torch.ones(2, 1, 3)
    denoiser = NetDenoiser(Two(), SCHEDULE, "x0", learned_variance=True)
    clean, share = denoiser(x, SCHEDULE.level(0.5), NO_CONDITION)
    assert torch.equal(clean, torch.full_like(x, 0.3))
    assert torch.equal(
        share, torch.full_like(x, 0.25)
    )  # -1 is the smallest variance, 1 the largest
    clipped_share = clipped(denoiser, lambda x: x.clamp(0, 0.1))(
        x, SCHEDULE.level(0.5), NO_CONDITION
    )
    assert torch.equal(clipped_share.share, share)


def test_a_network_without_one_leaves_it_open():
    said = NetDenoiser(Oracle(CLEAN_AND_NOISE[0], "x0"), SCHEDULE, "x0")(
        CLEAN_AND_NOISE[1], SCHEDULE.level(0.5), NO_CONDITION
    )
    assert said.share is None


def test_a_consistent_denoiser_keeps_x_at_the_least_noise_and_listens_at_the_most():
    x = torch.full((1, 1, 2), 3.0)
    denoiser = consistent(constant(7.0), data_sd=0.5, least_ratio=0.002)
    least = preserving(Level(1.0, 0.002))
    torch.testing.assert_close(denoiser(x * least.alpha, least, NO_CONDITION).clean, x)
    assert float(denoiser(x, Level(1.0, 0.502), NO_CONDITION).clean[0, 0, 0]) == pytest.approx(
        3 / 2 + 7 / 2**0.5
    )
    most = denoiser(x, Level(1.0, 1e4), NO_CONDITION, turn=1).clean
    torch.testing.assert_close(most, torch.full_like(x, 8.0), rtol=1e-6, atol=1e-6)
