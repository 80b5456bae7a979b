"""One training run in a folder: started, continued by the same command, exported as a bundle."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from brainfill import __version__
from brainfill.bundles.store import (
    Card,
    Model,
    find,
    load_bundle,
    package_of,
    save_bundle,
    sha256,
)
from brainfill.core.config import from_dict, to_dict
from brainfill.core.context import ignore
from brainfill.core.errors import ConfigError
from brainfill.core.registry import load
from brainfill.diffusion.walk import SAMPLERS, WalkConfig
from brainfill.nets.unet import count_parameters
from brainfill.train.archive import kind_of
from brainfill.train.config import LoopConfig
from brainfill.train.learners._base import Learner, Pack
from brainfill.train.optimizers import load_compiler
from brainfill.train.processes import any_process, is_main_process, join_workers, leave_workers
from brainfill.train.recipe import Recipe
from brainfill.train.record import claim
from brainfill.train.settings import RunConfig, learner_of, resolved
from brainfill.train.state import RunState
from brainfill.train.trainer import Report, arithmetic, train

STATE, BUNDLE = "state.safetensors", "bundle"
_SAVE_EVERY_S = 120.0
_SAY_EVERY_S = 10.0


def train_run(
    recipe: Recipe,
    data: Path,
    out: Path,
    *,
    settings: Sequence[str] = (),
    device: str = "cpu",
    max_minutes: float | None = None,
    dry_run: bool = False,
    say: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
) -> Path:
    """Train, or continue to train, until the last step or until time is up; then export.

    Args:
        recipe: what is trained.
        data: packed training data (.npz), of the kind that the learner reads.
        out: folder of the run; a run that is already there is continued.
        settings: `train.steps=1000` or `model.unet.width=24`, over those of the recipe.
        device: torch device; every process launched by torchrun takes its own.
        max_minutes: stop after this time, whatever the step.
        dry_run: say what would be done and do nothing.
        say: receives lines for the user.
        clock: seconds since any moment.

    Returns:
        The folder of the exported bundle.

    Raises:
        ConfigError: unknown learner, preset or setting, a run of another configuration is in `out`, or it cannot be
            written.
        InputMissingError: no packed data.
        DataError: the data or what is left of a run are damaged, or the training diverges.
    """
    # A dry run needs no data.
    kind = None if dry_run and not data.is_file() else kind_of(data)
    module = learner_of(recipe.family, recipe.learner, kind)
    config = resolved(recipe.family, recipe.preset, [*recipe.settings(), *settings], module)
    walk_of(recipe)  # a mistake in it is best found before the training
    plain = _plain(recipe, module, config)
    if dry_run:
        say(json.dumps(plain, indent=2))
        return out / BUNDLE
    pack: Pack = module.read(data, config.model)
    device = join_workers(device, config.train.batch)
    if is_main_process():
        say(json.dumps(plain, indent=2))
        claim(out, plain | {"data_sha256": sha256(data)}, config)
    else:
        say = ignore
    learner, state = _begun(module, recipe.family, config, pack, device)
    if (out / STATE).is_file():
        state.load(out / STATE)
    millions = count_parameters(learner.net) / 1e6
    say(
        f"{millions:.2f} M parameters in {arithmetic(config.train.precision, torch.device(device))} on {device}, "
        f"{len(pack.names)} volumes, from step {state.step}"
    )
    for seconds in _followed(learner, config.train, state, out / STATE, say, clock):
        if max_minutes is not None and any_process(seconds > 60 * max_minutes, device):
            say(f"time is up at step {state.step}; the same command continues")
            break
    if is_main_process():
        state.save(out / STATE)
        export(out / BUNDLE, recipe, config.train, state, learner, pack)
    leave_workers()
    return out / BUNDLE


def walk_of(recipe: Recipe) -> WalkConfig:
    """How a model is used that a recipe makes.

    Raises:
        ConfigError: walks have no such options, or there is no such sampler.
    """
    walk = from_dict(WalkConfig, recipe.walk, where=f"recipe {recipe.name}: walk.")
    load(SAMPLERS, walk.sampler)
    return walk


def _plain(recipe: Recipe, module: ModuleType, config: RunConfig) -> dict[str, Any]:
    """What is recorded of a run."""
    named = {"recipe": recipe.name} if recipe.name else {}
    return {
        **named,
        "family": recipe.family,
        "preset": recipe.preset,
        "learner": module.__name__.rpartition(".")[2],
        "brainfill": __version__,
        **to_dict(config),
    }


def _begun(
    module: ModuleType, family: str, config: RunConfig, pack: Pack, device: str
) -> tuple[Learner, RunState]:
    """The learner and a state at step 0, its weights drawn from the seed or taken from a bundle."""
    load_compiler()
    torch.manual_seed(config.train.seed)
    model = load(package_of(family), family).build(config.model)
    if config.train.begin:
        _begin_with(model, config.train.begin)
    learner: Learner = module.build(model, config.train, pack)
    learner.net.to(device)
    return learner, RunState(learner.net, learner.optimizers)


def _followed(
    learner: Learner,
    config: LoopConfig,
    state: RunState,
    path: Path,
    say: Callable[[str], None],
    clock: Callable[[], float],
) -> Iterator[float]:
    """Take the steps, say how they go, and save the state now and then; the seconds since the start, after each."""
    began = spoke = saved = clock()
    first_step, heard = state.step, list[Report]()
    for report in train(learner, config, state):
        heard.append(report)
        now = clock()
        if now - spoke > _SAY_EVERY_S:
            rate = (report.step - first_step) / (now - began)
            say(
                f"step {report.step}/{config.steps}  {_means(heard)}  "
                f"{rate:.2f} steps/s  {rate * config.batch:.1f} crops/s"
            )
            spoke, heard = now, []
        if now - saved > _SAVE_EVERY_S and is_main_process():
            state.save(path)
            saved = now
        yield now - began


def export(
    folder: Path,
    recipe: Recipe,
    config: LoopConfig,
    state: RunState,
    learner: Learner,
    pack: Pack,
) -> None:
    """Write the averaged weights of a run as a bundle, named after the folder of the run."""
    name, walk = folder.parent.name, walk_of(recipe)
    made_by = (
        f"brainfill {__version__}: train {_asked(recipe)}, step {state.step} of {config.steps}, "
        f"batch {config.batch}"
    )
    card = Card(
        name=name,
        family=recipe.family,
        made_by=made_by,
        spacing_mm=pack.spacing_mm,
        sampler=walk.sampler,
        steps=walk.steps,
        walk={k: v for k, v in recipe.walk.items() if k not in ("sampler", "steps")},
        data=f"{len(pack.names)} scans: {', '.join(pack.names)}",
        **learner.facts(),
    )
    weights = state.averaged(learner.model.net)
    save_bundle(folder, learner.model, weights, card, f"# {name}\n\n{made_by}\n")


def _asked(recipe: Recipe) -> str:
    """The options that name a recipe."""
    if recipe.name:
        return f"--recipe {recipe.name}"
    learner = f" --learner {recipe.learner}" if recipe.learner else ""
    return f"--family {recipe.family} --preset {recipe.preset}{learner}"


def _begin_with(model: Model, name: str) -> None:
    """Give the network the weights of a shipped model or of a bundle's folder.

    Raises:
        ConfigError: they are those of another network.
    """
    folder = find(name)
    try:
        model.net.load_state_dict(load_bundle(folder).model.net.state_dict())
    except RuntimeError as error:
        msg = f"the run cannot begin with '{name}', which holds another network"
        raise ConfigError(msg, "leave train.begin out, or take the same model settings") from error


def _means(reports: Sequence[Report]) -> str:
    """The mean of every loss, such as "loss 0.5"."""
    parts = []
    for name in reports[0].losses:
        mean = sum(report.losses[name] for report in reports) / len(reports)
        parts.append(f"{name} {mean:.4f}")
    return "  ".join(parts)
