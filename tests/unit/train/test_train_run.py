"""Training runs: interrupted and continued, refused, exported, and the arithmetic of a step."""

import json
import math
import os
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from brainfill.bundles.store import load_bundle, sha256
from brainfill.core.errors import ConfigError, DataError, InputMissingError
from brainfill.models import memory3d, slice2d
from brainfill.train import trainer
from brainfill.train.batches import draw_batches
from brainfill.train.config import TrainConfig
from brainfill.train.learners import inpaint
from brainfill.train.pack import Pack, load_pack, save_pack
from brainfill.train.recipe import Recipe
from brainfill.train.run import train_run
from brainfill.train.settings import resolved
from brainfill.train.state import RunState
from brainfill.train.trainer import arithmetic, learning_rate, train

TINY = ["model.crop_vox=[8,9,10]", "model.first_fill=harmonic", "model.unet.width=8"]
SHORT = [*TINY, "train.steps=4", "train.batch=2", "train.warmup=2"]


@pytest.fixture
def data(tmp_path):
    volume = np.random.default_rng(0).integers(120, 220, (12, 11, 13)).astype(np.uint8)
    pack = Pack(["sub-01", "sub-07"], [volume, volume[::-1]], [np.ones((2, 3, 2), bool)])
    save_pack(pack, tmp_path / "pack.npz")
    return tmp_path / "pack.npz"


@pytest.fixture
def start(data, tmp_path):
    """Starts or continues the run in a folder; what it said."""

    def run(folder, settings=SHORT, family="memory3d", preset="tiny", **options):
        said = []
        options = {"data": data, "settings": settings, "say": said.append} | options
        recipe = Recipe(family=family, preset=preset)
        bundle = train_run(recipe, out=tmp_path / folder, **options)
        assert bundle == tmp_path / folder / "bundle"
        return said

    return run


def ticking(seconds):
    """A clock that moves on by `seconds` whenever it is read."""
    times = iter(range(0, 10**9, seconds))
    return lambda: next(times)


def files(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    "settings",
    [
        [],
        ["train.precision=float32", "train.reuse=2", "train.pool=3"],
        ["model.unet.dropout=0.3"],
    ],
    ids=["plain", "reuse", "dropout"],
)
def test_a_run_that_was_interrupted_and_continued_equals_one_that_was_not(
    start, tmp_path, settings
):
    settings = SHORT + settings
    start("once/run", settings)
    said = start("twice/run", settings, max_minutes=1, clock=ticking(40))
    assert said[-1] == "time is up at step 2; the same command continues"
    assert ", from step 2" in start("twice/run", settings)[1]
    once, twice = (load_file(tmp_path / f / "run" / "state.safetensors") for f in ("once", "twice"))
    assert once.keys() == twice.keys()
    assert all(torch.equal(once[k], twice[k]) for k in once)
    assert {k.partition(".")[0] for k in once} == {"net", "ema", "exp_avg", "exp_avg_sq"}
    assert files(tmp_path / "once" / "run") == files(tmp_path / "twice" / "run")


def test_seeds_make_runs_of_their_own(start, tmp_path):
    start("a", [*SHORT, "train.steps=1"])
    start("b", [*SHORT, "train.steps=1", "train.seed=1"])
    a, b = (load_file(tmp_path / f / "state.safetensors") for f in "ab")
    assert not torch.equal(a["net.first.weight"], b["net.first.weight"])


def test_a_finished_run_is_exported_again_and_no_more(start, tmp_path):
    start("run")
    before = files(tmp_path / "run")
    (tmp_path / "run" / "bundle" / "config.json").unlink()
    assert ", from step 4" in start("run")[1]
    assert files(tmp_path / "run") == before


def test_a_run_may_be_prolonged_and_get_other_workers(start, tmp_path):
    start("run", [*SHORT, "train.steps=1"])
    more = [*SHORT, "train.steps=2", "train.workers=1"]
    assert ", from step 1" in start("run", more)[1]
    card = load_bundle(tmp_path / "run" / "bundle").card
    assert "step 2 of 2, batch 2" in card.made_by
    kept = json.loads((tmp_path / "run" / "run.json").read_text())["train"]
    assert (kept["steps"], kept["workers"]) == (2, 1)


@pytest.mark.parametrize(
    "other",
    [
        {"settings": [*SHORT, "train.batch=1"]},
        {"settings": [*SHORT, "train.masks.circles=1"]},
        {"settings": [*SHORT, "model.residual_scale=0.2"]},
        {"preset": "small"},
        {"family": "slice2d"},
    ],
)
def test_other_settings_in_the_same_folder_are_refused(start, tmp_path, other):
    start("run", [*SHORT, "train.steps=1"])
    before = files(tmp_path / "run")
    with pytest.raises(ConfigError, match=r"run' holds a run with other settings") as info:
        start("run", **other)
    assert "run.json" in info.value.hint
    assert files(tmp_path / "run") == before


def test_other_data_in_the_same_folder_is_refused(start, data, tmp_path):
    start("run", [*SHORT, "train.steps=1"])
    pack = load_pack(data)
    save_pack(Pack(pack.names[:1], pack.volumes[:1], pack.shapes), tmp_path / "other.npz")
    with pytest.raises(ConfigError, match="holds a run with other settings"):
        start("run", data=tmp_path / "other.npz")


def test_a_damaged_state_is_named(start, tmp_path):
    start("run", [*SHORT, "train.steps=1"])
    state = tmp_path / "run" / "state.safetensors"
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(DataError, match=r"cannot continue from '.*state.safetensors'"):
        start("run")


def test_a_batch_that_cannot_be_divided_among_processes_is_refused(start, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(ConfigError, match="2 crops cannot be divided among 3 processes"):
        start("run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("pool", "continues"), [(0, True), (3, False)])
def test_what_an_earlier_version_did_not_record_was_as_it_is_by_default(
    start, tmp_path, pool, continues
):
    settings = [*SHORT, "train.steps=1", f"train.pool={pool}"]
    start("run", settings)
    path = tmp_path / "run" / "run.json"
    plain = json.loads(path.read_text())
    for part, name in (("train", "workers"), ("train", "pool"), ("model", "trust")):
        plain[part].pop(name)
    plain.pop("learner")
    path.write_text(json.dumps(plain))
    if continues:
        assert ", from step 1" in start("run", settings)[1]
    else:
        with pytest.raises(ConfigError, match="holds a run with other settings"):
            start("run", settings)


EARLIER = Path(__file__).parent / "earlier_run"
EARLIER_SETTINGS = [
    *("train.steps=4", "train.batch=2", "train.warmup=2", "train.precision=float32"),
    *(
        "model.unet.width=2",
        "model.unet.mult=[1]",
        "model.unet.groups=1",
        "model.crop_vox=[4,9,10]",
    ),
]


def test_a_run_begun_before_there_were_learners_continues(start, data, tmp_path):
    # Stopped after step 2 of 4, by the last version that did not record the learner.
    (tmp_path / "run").mkdir()
    plain = json.loads((EARLIER / "run.json").read_text()) | {"data_sha256": sha256(data)}
    (tmp_path / "run" / "run.json").write_text(json.dumps(plain))
    shutil.copy(EARLIER / "state.safetensors", tmp_path / "run")
    earlier = load_file(EARLIER / "state.safetensors")

    config = resolved("slice2d", "tiny", EARLIER_SETTINGS)
    learner = inpaint.build(slice2d.build(config.model), config.train, load_pack(data))
    state = RunState(learner.net, learner.optimizers)
    state.load(EARLIER / "state.safetensors")
    assert state.step == 2
    state.save(tmp_path / "again.safetensors")
    again = load_file(tmp_path / "again.safetensors")
    assert again.keys() == earlier.keys()
    assert all(torch.equal(again[k], earlier[k]) for k in earlier)
    assert {float(adam["step"]) for adam in learner.optimizers[0].state.values()} == {2.0}

    assert ", from step 2" in start("run", EARLIER_SETTINGS, family="slice2d")[1]
    assert "step 4 of 4" in load_bundle(tmp_path / "run" / "bundle").card.made_by


def test_a_dry_run_shows_the_settings_and_writes_nothing(start, tmp_path):
    said = start("run", [*SHORT, "train.rate=0.001"], data=tmp_path / "none.npz", dry_run=True)
    shown = json.loads("".join(said))
    assert (shown["family"], shown["preset"]) == ("memory3d", "tiny")
    assert shown["model"]["crop_vox"] == [8, 9, 10]
    assert shown["train"]["rate"] == 0.001
    assert sorted(p.name for p in tmp_path.iterdir()) == ["pack.npz"]


@pytest.mark.parametrize("content", [None, b"text"], ids=["missing", "text"])
def test_a_run_that_finds_no_data_does_not_take_the_folder(start, tmp_path, content):
    wrong = tmp_path / "wrong.npz"
    if content:
        wrong.write_bytes(content)
    with pytest.raises(DataError if content else InputMissingError, match=r"wrong\.npz"):
        start("run", data=wrong)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("preset", "settings", "sentence", "hint"),
    [
        ("huge", [], "'memory3d' has no preset 'huge'; known: tiny, small, paper", ""),
        ("tiny", ["steps=3"], "'steps=3' must begin with 'model.' or 'train.'", "train.steps=1000"),
        ("tiny", ["train.step=3"], "unknown setting 'step'", "did you mean 'steps'?"),
        ("tiny", ["train.steps=2.5"], "'steps' must be a whole number, got 2.5", ""),
        ("tiny", ["train.steps=0"], "steps must be between 1 and 1000000000, got 0", ""),
        ("tiny", ["train.steps"], "setting 'steps' has no '='", ""),
        ("tiny", ["model.unet.wide=9"], r"unknown setting 'unet\.wide'", "did you mean 'width'?"),
        ("tiny", ["train.augment.blur=2"], "blur must be between 0.0 and 1.0, got 2", ""),
    ],
)
def test_presets_and_settings_that_do_not_exist_are_refused(preset, settings, sentence, hint):
    with pytest.raises(ConfigError, match=sentence) as info:
        resolved("memory3d", preset, settings)
    assert hint in info.value.hint


def test_an_unknown_family_is_refused():
    with pytest.raises(ConfigError, match="unknown model 'memory'; known: memory3d, ") as info:
        resolved("memory", "tiny", [])
    assert info.value.hint == "did you mean 'memory3d'?"


def test_later_settings_win():
    config = resolved("memory3d", "tiny", ["train.steps=3", "model.unet.width=4", "train.steps=5"])
    assert (config.train.steps, config.model.unet.width) == (5, 4)


def test_the_exported_bundle_holds_the_averaged_weights_and_names_the_people(start, tmp_path):
    start("fill-probe", [*SHORT, "train.steps=2"])
    folder = tmp_path / "fill-probe"
    bundle = load_bundle(folder / "bundle")
    assert bundle.card.name == "fill-probe"
    assert bundle.card.data == "2 scans: sub-01, sub-07"
    assert "train --family memory3d --preset tiny, step 2 of 2, batch 2" in bundle.card.made_by
    assert bundle.model.config == resolved("memory3d", "tiny", SHORT).model
    state = load_file(folder / "state.safetensors")
    for name, p in bundle.model.net.named_parameters():
        assert torch.equal(p, state[f"ema.{name}"].half().float())
    assert "# fill-probe" in (folder / "bundle" / "README.md").read_text()


def test_progress_is_said_every_ten_seconds(start):
    said = start("run", clock=ticking(6))
    # Read once at the start and once after each of four steps, which end at 6, 12, 18 and 24 s.
    assert [line.partition("  ")[0] for line in said[2:]] == ["step 2/4", "step 4/4"]
    assert said[2].endswith("0.17 steps/s  0.3 crops/s")


def test_the_state_is_saved_every_two_minutes(start, tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(RunState, "save", lambda state, path: saved.append(state.step))
    start("run", clock=ticking(70))
    assert saved == [2, 4, 4]


def test_a_saved_state_leaves_no_partial_file(start, tmp_path):
    start("run", [*SHORT, "train.steps=1"])
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == [
        "bundle",
        "run.json",
        "state.safetensors",
    ]


def test_the_learning_rate_rises_in_a_line_and_falls_in_half_a_cosine():
    config = TrainConfig(rate=2.0, warmup=10, steps=110)
    rates = [learning_rate(config, step) for step in range(110)]
    assert rates[0] == pytest.approx(0.2)
    assert rates[4] == pytest.approx(1.0)
    assert rates[9] == rates[10] == pytest.approx(2.0)
    assert rates[35] == pytest.approx(2 * (0.01 + 0.99 * (1 + math.sqrt(0.5)) / 2))
    assert rates[60] == pytest.approx(2 * (0.01 + 0.99 / 2))
    assert learning_rate(config, 110) == learning_rate(config, 500) == pytest.approx(0.02)
    assert all(a > b for a, b in pairwise(rates[10:]))


def test_the_learning_rate_without_warm_up_begins_at_the_peak():
    assert learning_rate(TrainConfig(rate=3.0, warmup=0), 0) == 3.0
    assert learning_rate(TrainConfig(rate=3.0, warmup=4, steps=2), 1) == 1.5


def test_the_average_follows_quickly_at_first_and_slowly_later():
    net = nn.Linear(1, 1, bias=False)
    net.weight.data.fill_(1.0)
    state = RunState(net, [torch.optim.AdamW(net.parameters())])
    net.weight.data.fill_(12.0)
    state.step = 1
    state.update_ema(0.9)  # decay 2 / 11
    assert state.ema["weight"].item() == pytest.approx(1 * 2 / 11 + 12 * 9 / 11)
    state.ema["weight"].fill_(1.0)
    state.step = 1000
    state.update_ema(0.9)  # 1001 / 1010 is above 0.9
    assert state.ema["weight"].item() == pytest.approx(1 * 0.9 + 12 * 0.1)
    assert net.weight.item() == 12.0


def tiny_network(*settings):
    config = resolved("memory3d", "tiny", [*TINY, *settings])
    torch.manual_seed(0)
    return memory3d.build(config.model), config.train


def begun(inpainter, config, data):
    """The learner of a network, and a run of it at step 0."""
    learner = inpaint.build(inpainter, config, load_pack(data))
    return learner, RunState(learner.net, learner.optimizers)


def train_from_scratch(inpainter, config, data):
    learner, state = begun(inpainter, config, data)
    return train(learner, config, state)


def test_one_example_is_learnt_by_heart(data, monkeypatch):
    # At the noisiest level alone, where almost nothing of the answer shows in what the network sees.
    inpainter, config = tiny_network(
        "train.steps=30", "train.batch=1", "train.warmup=3", "train.rate=0.01", "train.noisiest=1"
    )
    learner, state = begun(inpainter, config, data)
    one = next(draw_batches(learner.examples(), config, 1, 0, 0))

    def again(*_):
        while True:
            yield one

    monkeypatch.setattr(trainer, "draw_batches", again)
    losses = [report.losses["loss"] for report in train(learner, config, state)]
    assert len(losses) == 30
    assert losses[0] == pytest.approx(1, abs=0.1)  # the first fill
    assert np.mean(losses[-5:]) < 0.5


def test_every_step_is_reported_with_its_number_and_rate(data):
    inpainter, config = tiny_network("train.steps=3", "train.batch=1", "train.warmup=2")
    learner, state = begun(inpainter, config, data)
    for step, report in enumerate(train(learner, config, state)):
        assert report.step == state.step == step + 1
        assert (
            report.rate
            == learning_rate(config, step)
            == learner.optimizers[0].param_groups[0]["lr"]
        )
        assert math.isfinite(report.losses["loss"])
    assert state.step == 3


def test_every_step_moves_the_average(data):
    settings = ["train.steps=3", "train.batch=1", "train.warmup=0", "train.rate=0.1"]
    inpainter, config = tiny_network(*settings, "train.ema=0.2")
    learner, state = begun(inpainter, config, data)
    weights, expected = inpainter.net.last.weight, inpainter.net.last.weight.detach().clone()
    steps = train(learner, config, state)
    for decay in (2 / 11, 0.2, 0.2):  # 0.2 is below 3 / 12 and 4 / 13
        next(steps)
        expected = decay * expected + (1 - decay) * weights.detach()
        torch.testing.assert_close(state.ema["last.weight"], expected)
    assert not torch.equal(expected, weights)


def test_the_gradient_is_cut_to_its_largest_norm(data):
    inpainter, config = tiny_network("train.steps=1", "train.batch=1", "train.clip=0.001")
    list(train_from_scratch(inpainter, config, data))
    norms = [p.grad.norm() for p in inpainter.net.parameters()]
    assert float(torch.stack(norms).norm()) == pytest.approx(0.001, rel=1e-3)


def test_times_are_spread_over_the_levels_and_some_are_the_noisiest(data, monkeypatch):
    inpainter, config = tiny_network("train.steps=40", "train.batch=10", "train.noisiest=0.3")
    seen = []

    def remember(self, image, first, hole, t, noise, ring):
        seen.append(t.numpy())
        return next(iter(self.net.parameters())).sum() * 0

    def empty(*_):
        while True:
            yield dict.fromkeys(("image", "hole", "first"), torch.zeros(10, 1, 2, 2, 2))

    monkeypatch.setattr(type(inpainter), "loss", remember)
    monkeypatch.setattr(trainer, "draw_batches", empty)
    list(train_from_scratch(inpainter, config, data))
    times = np.array(seen)
    assert times.min() > 0
    assert times.max() == 1
    # 400 draws: SD 0.023 of the share; four of it.
    assert (times == 1).mean() == pytest.approx(0.3, abs=0.092)
    slices = np.arange(10) / 10
    rest = times < 1
    assert np.all((times > slices)[rest])
    assert np.all((times <= slices + 0.1 + 1e-9)[rest])


def gradient_of(rank, settings, data, monkeypatch):
    """What one of two processes would give to the average in its first step."""
    found = {}

    inpainter, config = tiny_network(*settings)
    names = [name for name, _ in inpainter.net.named_parameters()]

    def remember(tensors, world):
        assert world == 2
        if tensors:  # gradients; this network has no buffers
            found.update(zip(names, (t.clone() for t in tensors), strict=True))

    monkeypatch.setattr(trainer, "rank_and_world", lambda: (rank, 2))
    monkeypatch.setattr(trainer, "average", remember)
    next(train_from_scratch(inpainter, config, data))
    return found


def test_two_processes_train_one_network_on_the_mean_of_their_gradients(
    data, tmp_path, monkeypatch
):
    run = tmp_path / "run"
    settings = [
        *("train.steps=1", "train.batch=2", "train.precision=float32"),
        *("train.clip=1e6", "train.noisiest=0"),
    ]
    arguments = [data, "-o", run, "--family", "memory3d", "--preset", "tiny"]
    for setting in TINY + settings:
        arguments += ["--set", setting]
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    done = subprocess.run(
        [sys.executable, *launcher, "-m", "brainfill.train", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(p.name for p in run.iterdir()) == ["bundle", "run.json", "state.safetensors"]
    assert "step 1 of 1" in load_bundle(run / "bundle").card.made_by

    state = load_file(run / "state.safetensors")
    one, two = (gradient_of(rank, settings, data, monkeypatch) for rank in (0, 1))
    assert not torch.allclose(one["last.weight"], two["last.weight"], rtol=0.1)
    for name in one:  # the moving mean of AdamW begins at zero and forgets a tenth
        expected = 0.1 * (one[name] + two[name]) / 2
        torch.testing.assert_close(state[f"exp_avg.{name}"], expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(("native", "means"), [(True, "bfloat16"), (False, "float32")])
def test_half_precision_is_taken_where_the_processor_has_it(monkeypatch, native, means):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: native)
    assert arithmetic("auto", torch.device("cpu")) == means
    assert arithmetic("float32", torch.device("cpu")) == "float32"
    assert arithmetic("bfloat16", torch.device("cpu")) == "bfloat16"


def test_a_run_says_its_arithmetic(start):
    said = start("run", [*SHORT, "train.precision=bfloat16"])
    assert any("parameters in bfloat16 on cpu" in line for line in said)
