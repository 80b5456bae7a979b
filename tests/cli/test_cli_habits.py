"""What holds for every command, those to come included: examples that can be typed, --json, no colours."""

import json
import shlex
import sys

import pytest
from bids_cases import make_dataset
from cli_files import save
from command_line import all_commands
from terminals import seen_by_a_terminal

ROOT = all_commands()


def below(command, words=()):
    """All commands and groups of commands, by what is typed."""
    found = {" ".join(words): command}
    for name, inner in getattr(command, "commands", {}).items():
        found |= below(inner, (*words, name))
    return found


ALL = below(ROOT)
# Groups only hold commands, except those that do something when called alone.
LEAVES = {
    n: c for n, c in ALL.items() if not hasattr(c, "commands") or (n and c.invoke_without_command)
}


def examples_of(command):
    head, *lines = (command.epilog or "").splitlines()[1:] or [""]
    assert head == "Examples:", "give the command an epilog made by examples()"
    return [line.strip() for line in lines]


def parsed(line):
    """The words of the command that a line calls, with all arguments read but nothing done."""
    name, *words = shlex.split(line)
    assert name == "brainfill"
    context = ROOT.make_context(name, words)
    called = []
    while words := [*context._protected_args, *context.args]:
        name, command, words = context.command.resolve_command(context, words)
        called.append(name)
        context = command.make_context(name, words, parent=context)
        if not hasattr(command, "commands"):
            break
    return " ".join(called)


def test_commands_are_found():
    assert {"fill", "masks box", "study score", "train", "train pack", "bids"} <= LEAVES.keys()
    assert not {"", "masks", "evaluate", "study"} & LEAVES.keys()


@pytest.mark.parametrize("name", ALL)
def test_examples_can_be_typed(name):
    lines = examples_of(ALL[name])
    assert lines
    if name in LEAVES:
        assert all(parsed(line) == name for line in lines)


@pytest.mark.parametrize("line", [line for c in ALL.values() for line in examples_of(c)])
def test_every_example_is_understood(line):
    assert line == "brainfill fill --help" or parsed(line) in LEAVES


def test_an_example_that_nobody_can_type_is_noticed():
    with pytest.raises(Exception, match="--sampels"):
        parsed("brainfill fill T1.nii.gz MASK.nii.gz --sampels 3")


@pytest.mark.parametrize("name", ALL)
def test_help_ends_with_the_examples_line_by_line(call, name):
    shown = call(*name.split(), "--help").out.splitlines()
    lines = examples_of(ALL[name])
    assert [line.strip() for line in shown[-len(lines) :]] == lines
    assert shown[-len(lines) - 1].strip() == "Examples:"


@pytest.mark.parametrize("name", LEAVES)
def test_every_command_prints_json(name):
    options = {o for p in LEAVES[name].params for o in p.opts}
    assert "--json" in options


@pytest.mark.parametrize("name", ALL)
def test_help_needs_no_colours(name):
    assert ALL[name].rich_markup_mode is None


@pytest.mark.parametrize("words", [["--help"], ["fil"], ["fill", "no.nii", "no.nii"]], ids=" ".join)
def test_no_colour_where_none_is_wanted(words):
    command = [sys.executable, "-m", "brainfill", *words]
    received, _ = seen_by_a_terminal(command, both=True, NO_COLOR="1")
    assert received
    assert "\x1b" not in received


def one_object(outcome):
    """What was printed, which must be one JSON object and nothing else."""
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    assert isinstance(found, dict)
    return found


def test_json_of_a_dataset(call, tmp_path):
    make_dataset(tmp_path / "raw", labels=("01",))
    words = ["bids", tmp_path / "raw", tmp_path / "out"]
    fast = ("--method", "localmean", "--omp-nthreads", "1", "--no-report")
    (scan,) = one_object(call(*words, "participant", *fast, "--json"))["Scans"]
    assert (scan["Scan"], scan["Status"]) == ("sub-01", "done")
    group = one_object(call(*words, "group", "--json"))
    assert group["Outputs"] == [str(tmp_path / f"out/group_T1w.{e}") for e in ("tsv", "html")]
    assert [row["scan"] for row in group["Rows"]] == ["sub-01"]
    assert one_object(call(*words, "group", "--dry-run"))["Outputs"] == []


def test_json_of_packing(call, files, tmp_path):
    table, out = tmp_path / "people.tsv", tmp_path / "packed.npz"
    table.write_text(f"image\tlesions\n{files.t1}\t{files.mask}\n")
    found = one_object(call("train", "pack", table, "-o", out, "--json"))
    assert found["Output"] == str(out)
    assert found["Volumes"] == 1
    assert found["LesionShapes"] >= 1


def test_json_of_training(call, tmp_path, monkeypatch):
    from brainfill.train import run

    monkeypatch.setattr(run, "train_run", lambda *_, **__: tmp_path / "run/bundle")
    packed = tmp_path / "p.npz"
    packed.touch()
    words = ["train", "--data", packed, "-o", tmp_path / "run", "--device", "cpu"]
    found = one_object(call(*words, "--preset", "tiny", "--json"))
    assert (found["Output"], found["Preset"]) == (str(tmp_path / "run/bundle"), "tiny")


def test_a_dry_run_of_training_prints_its_settings(call, tmp_path):
    packed = tmp_path / "p.npz"
    words = ["train", "--data", packed, "-o", tmp_path / "run", "--family", "slice2d"]
    found = one_object(call(*words, "--preset", "tiny", "--dry-run"))
    assert found["family"] == "slice2d"
    assert not (tmp_path / "run").exists()


def test_json_of_a_transformed_image(call, files, tmp_path):
    identity = tmp_path / "id.txt"
    identity.write_text(
        "#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\n"
        "Parameters: 1 0 0 0 1 0 0 0 1 0 0 0\nFixedParameters: 0 0 0\n"
    )
    out = tmp_path / "moved.nii.gz"
    words = ["transform", files.t1, "--like", files.t1, "--transform", identity, "-o", out]
    assert one_object(call(*words, "--json"))["Output"] == str(out)


def test_json_of_preprocessing(call, files, tmp_path, head):
    scan = save(tmp_path / "sub-02_T1w.nii.gz", head)
    words = ["preprocess", scan, "-o", tmp_path / "out", "--steps", "clip"]
    found = one_object(call(*words, "--json"))
    assert all(path.startswith(str(tmp_path / "out")) for path in found["Outputs"])
