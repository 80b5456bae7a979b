import torch

from brainfill.diffusion.ensemble import aggregate, spread
from brainfill.diffusion.noise import seeded_noise


def draw(seeds, times=1, shape=(2, 3, 4)):
    noise = seeded_noise(seeds)
    return torch.stack([noise(torch.empty(len(seeds), *shape)) for _ in range(times)])


def test_each_item_has_its_own_stream_whatever_its_companions():
    together = draw([5, 8, 13], times=3)
    for i, seed in enumerate([5, 8, 13]):
        assert torch.equal(together[:, i], draw([seed], times=3)[:, 0])
    assert torch.equal(draw([13, 5], times=3), together[:, [2, 0]])


def test_draws_differ_between_seeds_and_between_calls():
    first, second = draw([1, 2], times=2)
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first, second)


def test_other_random_numbers_do_not_matter_and_are_not_disturbed():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    before = draw([3])
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(draw([3]), before)


def test_noise_is_standard_normal_and_takes_the_type_of_the_tensor():
    values = draw([0], shape=(20_000,))
    # 20,000 draws: standard errors 0.007 of the mean and 0.005 of the deviation; four of each.
    assert abs(float(values.mean())) < 0.028
    assert abs(float(values.std()) - 1) < 0.02
    single = seeded_noise([4])(torch.empty(1, 5))
    double = seeded_noise([4])(torch.empty(1, 5, dtype=torch.float64))
    assert double.dtype == torch.float64
    assert torch.equal(double, single.double())


def test_median_of_an_even_number_is_between_the_middle_two():
    samples = torch.tensor([[4.0, 1.0], [1.0, 1.0], [2.0, 7.0], [9.0, 3.0]])
    assert aggregate(samples, "median").tolist() == [3.0, 2.0]
    assert aggregate(samples[:3], "median").tolist() == [2.0, 1.0]
    assert aggregate(samples, "mean").tolist() == [4.0, 3.0]
    assert aggregate(samples, "first").tolist() == [4.0, 1.0]


def test_one_sample_is_its_own_aggregate_without_spread():
    sample = torch.tensor([[1.0, -2.0]])
    for how in ("mean", "median", "first"):
        assert torch.equal(aggregate(sample, how), sample[0])
    assert spread(sample).tolist() == [0.0, 0.0]


def test_spread_has_one_less_in_the_denominator():
    # Deviations -1, 0, 1: 2 / (3 - 1) = 1.
    assert spread(torch.tensor([[1.0], [2.0], [3.0]])).tolist() == [1.0]
