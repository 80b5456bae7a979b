"""The README says what the command does."""

import re
from pathlib import Path

import pytest
from command_line import all_commands

from brainfill.core.errors import BrainfillError

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
FILL = all_commands().commands["fill"]
OPTIONS = {p.name: p for p in FILL.params if p.param_type_name == "option"}


@pytest.mark.parametrize("name", sorted(OPTIONS.keys() - {"input_", "lesion", "help"}))
def test_every_option_of_fill_is_in_the_table(name):
    longest = max(OPTIONS[name].opts, key=len)
    short = min(OPTIONS[name].opts, key=len)
    rows = [line for line in README.splitlines() if line.startswith("| `-")]
    assert any(f"`{longest}`" in row or f"`{short}`" in row for row in rows)


@pytest.mark.parametrize("name", ["method", "model", "dilate", "aggregate", "seed", "device"])
def test_defaults_in_the_table_are_true(name):
    row = next(line for line in README.splitlines() if line.startswith(f"| `--{name}`"))
    assert row.split("|")[2].strip(" `") == str(OPTIONS[name].default).removesuffix(".0")


def test_every_exit_code_is_in_the_table():
    codes = {e.exit_code for e in BrainfillError.__subclasses__()} | {0}
    assert codes <= {int(c) for c in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)}
    assert "| 128 + n |" in README


@pytest.mark.parametrize("name", ["fill", "test"])
def test_the_two_commands_are_one_line_each(name):
    marked = re.findall(rf"<!-- command: {name} -->\n```sh\n(.*?)```", README, re.DOTALL)
    assert len(marked) == 1
    assert marked[0].count("\n") == 1
    assert marked[0].startswith("python3 -m venv .venv && .venv/bin/pip install ")
