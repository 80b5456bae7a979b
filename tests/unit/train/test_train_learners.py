"""Learners of several networks, with several optimisers and with buffers; and which learner is taken."""

import itertools

import adversarial
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from brainfill.bundles.store import load_bundle
from brainfill.core.errors import ConfigError, DataError
from brainfill.models import memory3d
from brainfill.segmentation import blocks
from brainfill.segmentation._base import Segmenter
from brainfill.train import run, trainer
from brainfill.train.labelled import LabelledPack, save_labelled
from brainfill.train.learners._base import Turn
from brainfill.train.pack import Pack, load_pack, save_pack
from brainfill.train.recipe import Recipe
from brainfill.train.run import train_run
from brainfill.train.settings import learner_of, resolved
from brainfill.train.state import RunState
from brainfill.train.trainer import learning_rate, train

SETTINGS = [
    *("model.crop_vox=[8,9,10]", "model.first_fill=harmonic", "model.unet.width=8"),
    *("train.steps=4", "train.batch=2", "train.warmup=2", "train.precision=float32"),
]


@pytest.fixture
def data(tmp_path):
    volume = np.random.default_rng(0).integers(120, 220, (12, 11, 13)).astype(np.uint8)
    save_pack(Pack(["sub-01"], [volume], [np.ones((2, 3, 2), bool)]), tmp_path / "pack.npz")
    return tmp_path / "pack.npz"


@pytest.fixture
def heads(tmp_path):
    classes = np.zeros((16, 18, 20), np.uint8)
    classes[4:12, 4:14, 4:16] = 1
    pack = LabelledPack(["sub-0"], [100 * classes + 30], [classes], [False], 2.0)
    save_labelled(pack, tmp_path / "heads.npz")
    return tmp_path / "heads.npz"


def interrupted_and_not(tmp_path, start):
    """The states of a run that was stopped after two of its four steps and continued, and of one that was not."""
    times = iter(range(0, 10_000, 40))
    start(tmp_path / "once")
    start(tmp_path / "twice", max_minutes=1, clock=lambda: next(times))
    start(tmp_path / "twice")
    return [load_file(tmp_path / f / "state.safetensors") for f in ("once", "twice")]


def two_networks(*settings):
    config = resolved("memory3d", "tiny", [*SETTINGS, *settings], adversarial)
    torch.manual_seed(0)
    return memory3d.build(config.model), config.train


def test_two_networks_with_an_optimiser_each_are_trained_and_continued_exactly(
    data, tmp_path, monkeypatch
):
    monkeypatch.setattr(run, "learner_of", lambda *_: adversarial)
    said = []

    def start(out, **options):
        ticks = itertools.count(step=11)
        options = {"clock": lambda: next(ticks), "settings": SETTINGS, "say": said.append} | options
        recipe = Recipe(family="memory3d", preset="tiny", learner="adversarial")
        train_run(recipe, data, out, **options)

    once, twice = interrupted_and_not(tmp_path, start)
    assert once.keys() == twice.keys()
    assert all(torch.equal(once[k], twice[k]) for k in once)
    # The critic has had two turns a step, which the count of steps alone does not tell.
    assert once["step.critic.0.weight"] == 4 * adversarial.CRITIC_TURNS
    assert "step.painter.last.weight" not in once
    assert any("  critic " in line and "  painter " in line for line in said)
    card = load_bundle(tmp_path / "once" / "bundle").card
    assert card.citation == "https://arxiv.org/abs/1406.2661"
    assert "--preset tiny --learner adversarial, step 4 of 4" in card.made_by
    model = load_bundle(tmp_path / "once" / "bundle").model
    for name, p in model.net.named_parameters():  # the painter's alone
        assert torch.equal(p, once[f"ema.painter.{name}"].half().float())


def test_a_gradient_that_is_not_finite_stops_the_run_and_leaves_the_weights(data):
    inpainter, config = two_networks("train.steps=1")
    learner = adversarial.build(inpainter, config, load_pack(data))

    class Rooted(adversarial.Adversarial):
        def turns(self, batch, rng):  # the loss is 0, its gradient infinity times 0
            weight = self.net["critic"][0].weight
            yield Turn(self.optimizers[0], lambda: (0 * weight).abs().sqrt().sum())

    learner = Rooted(**vars(learner))
    before = {k: p.detach().clone() for k, p in learner.net.named_parameters()}
    with pytest.raises(DataError, match="diverged: at step 0"):
        list(train(learner, config, RunState(learner.net, learner.optimizers)))
    assert all(torch.equal(p, before[k]) for k, p in learner.net.named_parameters())


def test_every_turn_moves_the_parameters_of_its_optimiser_alone(data):
    inpainter, config = two_networks("train.steps=1", "train.warmup=0")
    learner = adversarial.build(inpainter, config, load_pack(data))
    moved = []

    class Watched(adversarial.Adversarial):
        def turns(self, batch, rng):
            for turn in super().turns(batch, rng):
                before = {k: p.detach().clone() for k, p in self.net.named_parameters()}
                yield turn
                now = dict(self.net.named_parameters())
                moved.append(
                    {k.partition(".")[0] for k in now if not torch.equal(now[k], before[k])}
                )

    learner = Watched(**vars(learner))
    list(train(learner, config, RunState(learner.net, learner.optimizers)))
    assert moved == [{"critic"}, {"critic"}, {"painter"}]


def test_optimisers_keep_the_ratio_of_their_rates(data):
    inpainter, config = two_networks("train.steps=5", "train.warmup=2")
    learner = adversarial.build(inpainter, config, load_pack(data))
    state = RunState(learner.net, learner.optimizers)
    for step, report in enumerate(train(learner, config, state)):
        assert report.rate == learning_rate(config, step)
        rates = [o.param_groups[0]["lr"] for o in learner.optimizers]
        assert rates == pytest.approx([2 * report.rate, report.rate], rel=1e-12)


class Counting:
    """A learner whose losses are known: 1, then 3, then 10 of another name."""

    def __init__(self):
        self.net = nn.BatchNorm1d(1)
        self.optimizers = [torch.optim.Adam(self.net.parameters(), lr=0.0)]

    def examples(self):
        return lambda rng: {"x": torch.zeros(1, 4)}

    def turns(self, batch, rng):
        def constant(value):
            return lambda: self.net(batch["x"]).sum() * 0 + value

        named = ((1, "a"), (3, "a"), (10, "b"))
        return [Turn(self.optimizers[0], constant(value), name) for value, name in named]


def test_a_report_holds_the_mean_of_each_loss(data):
    learner, config = Counting(), two_networks("train.steps=1")[1]
    (report,) = train(learner, config, RunState(learner.net, learner.optimizers))
    assert report.losses == {"a": 2.0, "b": 10.0}


def test_running_statistics_are_averaged_with_the_weights_and_counts_copied():
    net = nn.BatchNorm1d(1)
    state = RunState(net, [torch.optim.Adam(net.parameters())])
    net.running_mean.fill_(12.0)
    net.num_batches_tracked.fill_(5)
    state.step = 1
    state.update_ema(0.9)  # decay 2 / 11
    assert state.ema["running_mean"].item() == pytest.approx(12 * 9 / 11)
    assert state.ema["num_batches_tracked"].item() == 5


def test_a_state_with_running_statistics_comes_back(tmp_path):
    def state():
        net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
        return RunState(net, [torch.optim.Adam(net.parameters())])

    torch.manual_seed(0)
    one, other = state(), state()
    one.net(torch.randn(5, 2)).square().sum().backward()
    one.optimizers[0].step()
    one.step = 1
    one.update_ema(0.5)
    one.save(tmp_path / "state")
    other.load(tmp_path / "state")
    for kept in ("ema", "net"):
        a, b = ((s.ema if kept == "ema" else s.net.state_dict()) for s in (one, other))
        assert all(torch.equal(a[k], b[k]) and a[k].dtype == b[k].dtype for k in a)
    assert other.net[1].num_batches_tracked == 1


def test_processes_share_their_running_statistics(data, monkeypatch):
    shared = []
    monkeypatch.setattr(trainer, "rank_and_world", lambda: (0, 2))
    monkeypatch.setattr(trainer, "average", lambda tensors, world: shared.append(list(tensors)))
    learner, config = Counting(), two_networks("train.steps=1")[1]
    list(train(learner, config, RunState(learner.net, learner.optimizers)))
    assert any(t is learner.net.running_var for tensors in shared for t in tensors)


def test_a_network_with_running_statistics_is_trained_continued_and_exported(
    heads, tmp_path, monkeypatch
):
    class Normed(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.norm, self.inner = nn.BatchNorm3d(1), inner

        def forward(self, x):
            return self.inner(self.norm(x))

    untouched = blocks.build
    monkeypatch.setattr(blocks, "build", lambda c: Segmenter(c, Normed(untouched(c).net)))
    settings = ["model.crop_vox=[8,10,12]", *SETTINGS[3:]]

    def start(out, **options):
        options = {"settings": settings, "say": lambda _: None} | options
        train_run(Recipe(family="blocks", preset="tiny"), heads, out, **options)

    once, twice = interrupted_and_not(tmp_path, start)
    assert all(torch.equal(once[k], twice[k]) for k in once)
    assert once["net.norm.num_batches_tracked"] == 4
    found = load_bundle(tmp_path / "once" / "bundle").model.net.norm
    assert torch.equal(found.running_mean, once["ema.norm.running_mean"])
    assert 0 < found.running_mean < once["net.norm.running_mean"]  # the average lags behind
    assert found.num_batches_tracked == 4


def test_the_usual_learner_follows_from_the_family_and_the_data():
    names = {
        ("memory3d", None): "inpaint",
        ("memory3d", ""): "inpaint",
        ("slice2d", "lesioned"): "paint",
        ("blocks", None): "segment",
        ("blocks", "labelled"): "segment",
    }
    for (family, kind), name in names.items():
        assert learner_of(family, kind=kind).__name__ == f"brainfill.train.learners.{name}"


def test_a_learner_can_be_asked_for_by_name_if_it_trains_the_family():
    assert learner_of("memory3d", "paint").__name__.endswith(".paint")
    with pytest.raises(ConfigError, match="learner 'segment' does not train the family 'memory3d'"):
        learner_of("memory3d", "segment")
    with pytest.raises(ConfigError, match="unknown learner 'pain'") as info:
        learner_of("memory3d", "pain")
    assert "paint" in info.value.hint


def test_data_that_nothing_learns_a_family_from_are_refused(data, heads, tmp_path):
    for family, pack, kind in (("blocks", data, "scans"), ("memory3d", heads, "labelled")):
        with pytest.raises(DataError, match=f"'{family}' does not learn from .* kind '{kind}'"):
            train_run(
                Recipe(family=family, preset="tiny"), pack, tmp_path / "run", say=lambda _: None
            )
    assert not (tmp_path / "run").exists()
