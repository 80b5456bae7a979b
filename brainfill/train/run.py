"""One training run in a folder: started, continued by the same command, exported as a bundle."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from brainfill import __version__
from brainfill.bundles.store import (
    Card,
    find,
    load_bundle,
    package_of,
    save_bundle,
    sha256,
)
from brainfill.core.atomic import make_folder, replacing
from brainfill.core.config import option, override, to_dict
from brainfill.core.context import ignore
from brainfill.core.documents import read_json
from brainfill.core.errors import ConfigError
from brainfill.core.registry import load
from brainfill.models._inpainter import Inpainter
from brainfill.nets.unet import count_parameters
from brainfill.segmentation._base import Segmenter
from brainfill.train.archive import kind_of
from brainfill.train.config import SegmentConfig, TrainConfig
from brainfill.train.labelled import LabelledPack, load_labelled
from brainfill.train.lesioned import KIND as LESIONED
from brainfill.train.lesioned import LesionedPack, intensities, load_lesioned
from brainfill.train.pack import Pack, load_pack
from brainfill.train.state import RunState
from brainfill.train.trainer import (
    Report,
    any_process,
    arithmetic,
    is_main_process,
    join_workers,
    leave_workers,
    new_state,
    train,
    train_segmenter,
)

CONFIG, STATE, BUNDLE = "run.json", "state.safetensors", "bundle"
_SAVE_EVERY_S = 120.0
_SAY_EVERY_S = 10.0


@dataclass(frozen=True)
class RunConfig:
    """All settings of a run, written beside its weights."""

    model: Any = field(metadata={"help": "the family's configuration"})
    train: TrainConfig | SegmentConfig = option(TrainConfig(), "how it is trained")


def train_run(
    family: str,
    preset: str,
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
        family: module of brainfill.models or brainfill.segmentation.
        preset: one of its PRESETS.
        data: packed training data (.npz); for a segmenter, with a class per voxel; for a painter of lesions, of
            patients.
        out: folder of the run; a run that is already there is continued.
        settings: `train.steps=1000` or `model.unet.width=24`.
        device: torch device; every process launched by torchrun takes its own.
        max_minutes: stop after this time, whatever the step.
        dry_run: say what would be done and do nothing.
        say: receives lines for the user.
        clock: seconds since any moment.

    Returns:
        The folder of the exported bundle.

    Raises:
        ConfigError: unknown preset or setting, a run of another configuration is in `out`, or it cannot be written.
        InputMissingError: no packed data.
        DataError: the data or what is left of a run are damaged, or the training diverges.
    """
    config = resolved(family, preset, settings)
    plain = {"family": family, "preset": preset, "brainfill": __version__, **to_dict(config)}
    if dry_run:
        say(json.dumps(plain, indent=2))
        return out / BUNDLE
    pack = _pack_for(config, data)
    device = join_workers(device, config.train.batch)
    if is_main_process():
        say(json.dumps(plain, indent=2))
        _claim(out, plain | {"data_sha256": sha256(data)})
    else:
        say = ignore
    torch.manual_seed(config.train.seed)
    model = load(package_of(family), family).build(config.model)
    if config.train.begin:
        _begin_with(model, config.train.begin)
    model.net.to(device)
    state = new_state(model, config.train)
    if (out / STATE).is_file():
        state.load(out / STATE)
    millions = count_parameters(model.net) / 1e6
    say(
        f"{millions:.2f} M parameters in {arithmetic(config.train.precision, torch.device(device))} on {device}, "
        f"{len(pack.names)} volumes, from step {state.step}"
    )

    began = spoke = saved = clock()
    first_step, losses = state.step, list[float]()
    for report in _reports(model, pack, config.train, state):
        losses.append(report.loss)
        now = clock()
        if now - spoke > _SAY_EVERY_S:
            rate = (report.step - first_step) / (now - began)
            mean = sum(losses) / len(losses)
            say(
                f"step {report.step}/{config.train.steps}  loss {mean:.4f}  "
                f"{rate:.2f} steps/s  {rate * config.train.batch:.1f} crops/s"
            )
            spoke, losses = now, []
        if now - saved > _SAVE_EVERY_S and is_main_process():
            state.save(out / STATE)
            saved = now
        if max_minutes is not None and any_process(now - began > 60 * max_minutes, device):
            say(f"time is up at step {report.step}; the same command continues")
            break
    if is_main_process():
        state.save(out / STATE)
        export(out, family, preset, config, state, model, pack)
    leave_workers()
    return out / BUNDLE


def resolved(family: str, preset: str, settings: Sequence[str]) -> RunConfig:
    """The configuration of a preset after `settings`.

    Raises:
        ConfigError: unknown family, preset, key, or a value of the wrong type.
    """
    package = package_of(family)
    presets: dict[str, Any] = load(package, family).PRESETS
    if preset not in presets:
        msg = f"family '{family}' has no preset '{preset}'; known: {', '.join(presets)}"
        raise ConfigError(msg)
    model: Any = presets[preset]
    segments = package == "brainfill.segmentation"
    training: TrainConfig | SegmentConfig = SegmentConfig() if segments else TrainConfig()
    given: dict[str, list[str]] = {"model": [], "train": []}
    for setting in settings:
        part, _, rest = setting.partition(".")
        if part not in given:
            msg = f"setting '{setting}' must begin with 'model.' or 'train.'"
            raise ConfigError(msg, "for example train.steps=1000")
        given[part].append(rest)
    # Together, since some settings are allowed with others only.
    return RunConfig(override(model, given["model"]), override(training, given["train"]))


def export(
    out: Path,
    family: str,
    preset: str,
    config: RunConfig,
    state: RunState,
    model: Inpainter | Segmenter,
    pack: Pack | LabelledPack | LesionedPack,
) -> None:
    """Write the averaged weights of a run as a bundle in its folder."""
    made_by = (
        f"brainfill {__version__}: train --family {family} --preset {preset}, step {state.step} "
        f"of {config.train.steps}, batch {config.train.batch}"
    )
    card = Card(
        name=out.name,
        family=family,
        made_by=made_by,
        spacing_mm=pack.spacing_mm,
        data=f"{len(pack.names)} scans: {', '.join(pack.names)}",
        lesions=intensities(pack) if isinstance(pack, LesionedPack) else {},
    )
    about = f"# {out.name}\n\n{made_by}\n"
    save_bundle(out / BUNDLE, model, state.ema, card, about)


def _pack_for(config: RunConfig, data: Path) -> Pack | LabelledPack | LesionedPack:
    """Training data of the kind that the run needs.

    Raises:
        InputMissingError: the file is not there.
        DataError: it holds data of another kind.
        ConfigError: it holds other contrasts than the model wants.
    """
    if isinstance(config.train, SegmentConfig):
        return load_labelled(data)
    pack: Pack | LesionedPack
    if kind_of(data) == LESIONED:
        pack = load_lesioned(data)
        held = list(pack.contrasts)
    else:
        pack, held = load_pack(data), ["T1w"]
    if held != (wanted := list(config.model.contrasts)):
        msg = f"'{data}' holds {', '.join(held)}, the model wants {', '.join(wanted)}"
        raise ConfigError(msg, f"take other data, or --set 'model.contrasts={json.dumps(held)}'")
    if isinstance(pack, Pack) and not config.model.conditional:
        msg = f"a model that redraws whole images learns from patients, and '{data}' holds none"
        raise ConfigError(msg, "leave out model.conditional=false, or pack patients' lesions")
    return pack


def _begin_with(model: Inpainter | Segmenter, name: str) -> None:
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


def _reports(
    model: Any,  # noqa: ANN401 - an Inpainter or a Segmenter
    pack: Any,  # noqa: ANN401 - Pack or LabelledPack
    config: TrainConfig | SegmentConfig,
    state: RunState,
) -> Iterator[Report]:
    if isinstance(config, SegmentConfig):
        return train_segmenter(model, pack, config, state)
    return train(model, pack, config, state)


def _claim(out: Path, plain: dict[str, Any]) -> None:
    """Record the settings of a new run; refuse to continue a run with other ones.

    The number of steps may change, so that a run can be prolonged, and that of workers, which does
    not change results.
    """
    path = out / CONFIG
    now = json.loads(json.dumps(plain))
    if path.is_file() and _settings(read_json(path)) != _settings(now):
        msg = f"'{out}' holds a run with other settings"
        raise ConfigError(msg, f"give another folder, or the settings in '{path}'")
    make_folder(out, "choose another folder with -o")
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(plain, indent=2) + "\n", encoding="utf-8")


def _settings(run: dict[str, Any]) -> dict[str, Any]:
    """What must not change in a run that is continued."""
    training = run.get("train")
    if isinstance(training, dict):
        # Runs of earlier versions may lack one.
        training = {k: v for k, v in training.items() if k not in ("steps", "workers")}
    return {k: v for k, v in run.items() if k != "brainfill"} | {"train": training}
