"""The Boutiques descriptor: valid, and true to the command."""

import importlib.util
import json
import shlex

import pytest
from command_line import all_commands
from image import FOLDER

from brainfill.cli._bids_arguments import spread
from brainfill.core.errors import BrainfillError


@pytest.fixture(scope="module")
def maker():
    spec = importlib.util.spec_from_file_location("descriptor", FOLDER / "descriptor.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def boutiques():
    return json.loads((FOLDER / "boutiques.json").read_text(encoding="utf-8"))


def test_the_descriptor_is_that_of_the_options(maker, boutiques):
    assert boutiques == maker.descriptor(), "run pipelines/container/descriptor.py again"


def test_the_descriptor_is_valid(boutiques):
    from boutiques.validator import DescriptorValidationError, validate_descriptor

    assert validate_descriptor(boutiques)
    first, *rest = boutiques["inputs"]
    broken = boutiques | {"inputs": [{k: v for k, v in first.items() if k != "type"}, *rest]}
    with pytest.raises(DescriptorValidationError):
        validate_descriptor(broken)


def test_flags_of_the_descriptor_are_those_of_the_command(maker):
    command = all_commands().commands["bids"]
    known = {o for p in command.params for o in (*p.opts, *p.secondary_opts)}
    found = maker.descriptor()
    assert {f for i in found["inputs"] if (f := i.get("command-line-flag"))} <= known
    assert [i["id"] for i in found["inputs"] if not i["optional"]] == [
        "bids_dir",
        "out_dir",
        "level",
    ]
    codes = {e.exit_code for e in BrainfillError.__subclasses__()} | {75, 130}
    assert {e["code"] for e in found["error-codes"]} == codes


def test_a_call_by_the_descriptor_is_understood(maker):
    values = {"bids_dir": "/data", "out_dir": "/out", "level": "participant"}
    values |= {"participant_label": "01 02", "dilate": "2", "no_report": True, "steps": "fill"}
    found = maker.descriptor()
    line = found["command-line"]
    for entry in found["inputs"]:
        flag, value = entry.get("command-line-flag", ""), values.get(entry["id"])
        words = "" if value is None else flag if value is True else f"{flag} {value}"
        line = line.replace(entry["value-key"], words)
    name, *words = shlex.split(line)
    assert name == "brainfill-bids"
    given = all_commands().commands["bids"].make_context("bids", spread(words)).params
    assert list(given["participant_label"]) == ["01", "02"]
    assert (str(given["bids_dir"]), given["dilate"], given["report"]) == ("/data", 2, False)
