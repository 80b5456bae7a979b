"""Every option that a hint names is one of the command that says it."""

import ast
from pathlib import Path

import pytest
from command_line import all_commands

import brainfill
from brainfill.bids.hints import hint_here
from brainfill.cli.hints import followable, named_options

ROOT = Path(brainfill.__file__).parent


def commands(command, name=""):
    """Every command with its options, by its name such as "masks box"."""
    if hasattr(command, "commands"):
        for word, inner in command.commands.items():
            yield from commands(inner, f"{name} {word}".strip())
    else:
        yield name, {o for p in command.params for o in (*p.opts, *p.secondary_opts)}


OPTIONS = dict(commands(all_commands()))


def texts(node, names):
    """All pieces of text in an expression, those of constants of its module included."""
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value
        elif isinstance(part, ast.Name) and not isinstance(
            names.get(part.id), (ast.Call, type(None))
        ):
            yield from texts(names[part.id], {})


def hints():
    """Hints that name options, with the path of their module: what errors are given beside their message."""
    for path in sorted(ROOT.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assigned = [n for n in ast.walk(tree) if isinstance(n, ast.Assign)]
        names = {t.id: n.value for n in assigned for t in n.targets if isinstance(t, ast.Name)}
        for call in (n for n in ast.walk(tree) if isinstance(n, ast.Call)):
            called = getattr(call.func, "id", getattr(call.func, "attr", ""))
            given = [*call.args[1:2], *(k.value for k in call.keywords if k.arg == "hint")]
            if called.endswith("Error") or any(k.arg == "hint" for k in call.keywords):
                for node in given:
                    hint = "".join(texts(node, names))
                    if named_options(hint):
                        yield path.relative_to(ROOT).as_posix(), hint


HINTS = list(dict.fromkeys(hints()))


def owners(module):
    """Commands whose module, or whose task, this is."""
    folder, *rest = Path(module).with_suffix("").parts
    name = " ".join(rest) if folder in ("cli", "tasks") else folder if folder == "bids" else ""
    return [command for command in OPTIONS if command == name]


def test_there_are_hints():
    assert len(HINTS) > 40
    assert {"io/nifti.py", "cli/output.py", "bids/dataset.py"} <= {module for module, _ in HINTS}


@pytest.mark.parametrize(("module", "hint"), HINTS)
def test_some_command_can_follow_a_hint(module, hint):
    able = [name for name, options in OPTIONS.items() if named_options(hint) <= options]
    assert able, f"{module}: no command has all of {named_options(hint)}"


@pytest.mark.parametrize(("module", "hint"), [pair for pair in HINTS if owners(pair[0])])
def test_the_command_of_a_hint_can_follow_it(module, hint):
    for name in owners(module):
        assert named_options(hint) <= OPTIONS[name], name


@pytest.mark.parametrize("command", ["fill", "bids", "evaluate fill", "preprocess", "compare"])
@pytest.mark.parametrize("option", ["--label", "--nan-to-zero", "--assume-same-grid"])
def test_commands_that_read_masks_have_the_options_that_help(command, option):
    assert option in OPTIONS[command]


def test_bids_knows_its_own_options():
    for option in OPTIONS["bids"] - {"--version", "--json", "--quiet", "--dry-run"}:
        if option.startswith("--") and hint_here(option) != option:
            # Written in another way, as other BIDS-Apps do.
            assert option in {
                *("--mem", "--nprocs", "--seed", "--skip-bids-validator", "--skull-strip-t1w"),
            }


def test_a_hint_that_cannot_be_followed_is_not_said(call, tmp_path):
    import nibabel as nib
    import numpy as np

    image = nib.Nifti1Image(np.full((4, 4, 4), np.nan, np.float32), np.eye(4))
    nib.save(image, tmp_path / "nan.nii")
    outcome = call("masks", "circles", tmp_path / "nan.nii", "-o", tmp_path / "m.nii")
    assert "hint: --nan-to-zero reads them as 0" in outcome.err
    assert "--nan-to-zero" in followable("--nan-to-zero reads them as 0", OPTIONS["fill"])
    for name, options in OPTIONS.items():
        shown = followable("--nan-to-zero reads them as 0", options)
        assert bool(shown) is ("--nan-to-zero" in options), name
