"""Defaults, help and ranges live once, in the configs; every command is walked to prove it."""

import dataclasses
import typing

import pytest
from command_line import all_commands

from brainfill.api import ReadConfig
from brainfill.bids.config import BidsConfig
from brainfill.cli.train import TrainOptions
from brainfill.core import registry
from brainfill.tasks._device import RunConfig
from brainfill.tasks.compare import CompareConfig
from brainfill.tasks.fill import FILLERS, MODEL_OPTIONS, FillConfig
from brainfill.tasks.preprocess import PreprocessConfig
from brainfill.tasks.smooth import SmoothConfig
from brainfill.tasks.synthesize import SynthesizeConfig
from brainfill.tasks.transform import TransformConfig

# Which configs stand behind the options of which command.
CONFIGS = {
    "fill": (FillConfig, RunConfig, ReadConfig),
    "preprocess": (PreprocessConfig, RunConfig, ReadConfig),
    "synthesize": (SynthesizeConfig, RunConfig, ReadConfig),
    "smooth": (SmoothConfig, ReadConfig),
    "compare": (CompareConfig, ReadConfig),
    "train": (TrainOptions, RunConfig),
    "transform": (TransformConfig,),
    "bids": (BidsConfig,),
}
RENAMED = {"settings": "set_"}
# Given as an output file, by --sd OUT.
NOT_OPTIONS = {
    ("fill", "sd"),
    *(("train", name) for name in ("seed", "threads", "deterministic")),
    ("preprocess", "steps"),  # given as one text
    ("smooth", "sigma_mm"),
    ("bids", "steps"),
}
# Options that say what to read and write, or how to talk.
OF_THE_COMMAND = {
    *(
        "t1",
        "mask",
        "images",
        "input_",
        "lesion",
        "out",
        "sd",
        "hole",
        "labels",
        "flair",
        "t2",
        "also_fill",
        "visits",
        "report",
        "force",
        "dry_run",
        "as_json",
    ),
    *("verbose", "quiet", "help", "data", "lesions", "exclude"),
    *("before", "after", "pairs", "lesion", "null"),
    *("bids_dir", "out_dir", "level", "steps", "config_file", "version"),
    *("flair", "flair_out", "t2", "t1ce", "work", "image", "like", "transforms", "threads"),
}
FIELDS = [
    pytest.param(command, config, field, id=f"{command}-{field.name}")
    for command, configs in CONFIGS.items()
    for config in configs
    for field in dataclasses.fields(config)
    if (command, field.name) not in NOT_OPTIONS
]


def parameters(command):
    found = all_commands().commands[command]
    return {p.name: p for p in found.params}


@pytest.mark.parametrize(("command", "config", "field"), FIELDS)
def test_option_is_that_of_the_config(command, config, field):
    option = parameters(command)[RENAMED.get(field.name, field.name)]
    default = option.default() if callable(option.default) else option.default
    assert (tuple(default) if isinstance(default, list) else default) == field.default
    assert option.help.startswith(field.metadata["help"])
    assert field.metadata["unit"] in option.help


@pytest.mark.parametrize(("command", "config", "field"), FIELDS)
def test_ranges_are_those_of_the_config(call, command, config, field):
    flag = "--" + field.name.replace("_", "-")
    for value, step in ((field.metadata["low"], -1), (field.metadata["high"], 1)):
        if value is not None:
            outcome = call(command, flag, value + step)
            assert outcome.code == 2
            assert flag in outcome.err


def numbers():
    """Every option of every command that takes numbers, and the command's name."""
    below = [("", all_commands())]
    for name, command in below:
        below += [(f"{name} {n}".strip(), c) for n, c in getattr(command, "commands", {}).items()]
        for parameter in command.params:
            kind = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
            if kind in (int, float) or {int, float} & set(typing.get_args(kind)):
                yield pytest.param(name, parameter, id=f"{name} {parameter.opts[0]}")


@pytest.mark.parametrize(("command", "parameter"), list(numbers()))
def test_every_number_has_both_limits_and_the_help_shows_them(call, command, parameter):
    assert parameter.min is not None
    assert parameter.max is not None
    shown = " ".join(call(*command.split(), "--help").out.split())
    assert f"{parameter.min}<=x<={parameter.max}" in shown


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999", "9" * 400])
@pytest.mark.parametrize(
    "words",
    [
        ["smooth", "a.nii", "--only-if"],
        ["compare", "a.tsv", "b.tsv", "--near-mm"],
        ["masks", "box", "a.nii", "--grow-mm"],
    ],
)
def test_no_number_without_end(call, words, value, tmp_path):
    outcome = call(*words, value, "-o", tmp_path / "o.nii")
    assert outcome.code == 2
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize("command", CONFIGS)
def test_no_option_lives_outside_the_configs(command):
    fields = {f.name for config in CONFIGS[command] for f in dataclasses.fields(config)}
    known = {RENAMED.get(name, name) for name in fields} | OF_THE_COMMAND
    assert set(parameters(command)) <= known


def test_task_and_diffusion_filler_agree_on_shared_defaults():
    task = {f.name: f.default for f in dataclasses.fields(FillConfig)}
    plugin = {
        f.name: f.default for f in dataclasses.fields(registry.load(FILLERS, "diffusion").Config)
    }
    assert {name: task[name] for name in MODEL_OPTIONS} == {
        name: plugin[name] for name in MODEL_OPTIONS
    }


def test_bids_and_fill_agree_on_shared_defaults():
    fill = {f.name: f for f in dataclasses.fields(FillConfig)}
    shared = [f for f in dataclasses.fields(BidsConfig) if f.name in fill and f.name != "steps"]
    assert {f.name for f in shared} == {"method", "model", "quality", "dilate"}
    for field in shared:
        assert (field.default, dict(field.metadata)) == (
            fill[field.name].default,
            dict(fill[field.name].metadata),
        )


@pytest.mark.parametrize("config", [FillConfig, RunConfig, ReadConfig, TrainOptions, BidsConfig])
def test_every_field_has_help(config):
    assert all(f.metadata["help"] for f in dataclasses.fields(config))
