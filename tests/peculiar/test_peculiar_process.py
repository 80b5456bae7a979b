"""Names, places, streams, numbers and shells as they come, for every command alike."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from command_line import all_commands
from peculiar import case

from brainfill.cli.shortage import shortage
from brainfill.core.errors import DataError, ShortageError

FILL = ("fill", "t1.nii.gz", "mask.nii.gz", "--method", "localmean")


@pytest.fixture
def scans(save, head, tmp_path, monkeypatch):
    """A small piece of the head with its lesion, as t1.nii.gz and mask.nii.gz in the folder one works in."""
    where = tuple(slice(i - 12, i + 12) for i in np.argwhere(head.mask).mean(axis=0).astype(int))
    save("t1.nii.gz", head.t1[where], head.affine)
    save("mask.nii.gz", head.mask[where], head.affine)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def brainfill(*words, shell="", **variables):
    """The command in a process of its own."""
    return subprocess.run(
        ["sh", "-c", f'"$@" {shell}', "sh", sys.executable, "-m", "brainfill", *words],
        env=os.environ | variables,
        capture_output=True,
        check=False,
    )


GOOD_NAMES = {
    "a blank": "my scan",
    "a quote": 'o\'brien "x"',
    "a new line": "two\nlines",
    "a glob": "[a-z]*?",
    "a dollar": "$HOME `id` ;rm",
    "letters of other scripts": "Zażółć 脳 مخ",
    "a tab": "a\tb",
    "a percent sign": "50%d{x}",
    "255 bytes": "x" * (255 - len("_filled.nii.gz") - len(".part-12345678-")),
}


@pytest.mark.parametrize("name", GOOD_NAMES.values(), ids=GOOD_NAMES)
@case(
    "scan whose name holds blanks, quotes, new lines, globs, other scripts, or is very long",
    "filled",
)
def test_names_of_any_letters(call, scans, name):
    t1 = (scans / "t1.nii.gz").rename(scans / f"{name}.nii.gz")
    outcome = call("fill", t1, "mask.nii.gz", "--method", "localmean", "--report")
    assert outcome.code == 0, outcome.err
    out = scans / f"{name}_filled.nii.gz"
    assert outcome.out == f"{out}\n"
    assert json.loads((scans / f"{name}_filled.json").read_text())["Sources"]


@case("scan whose name begins with a dash, after `--`", "filled")
def test_a_leading_dash(call, scans):
    (scans / "t1.nii.gz").rename(scans / "-o.nii.gz")
    outcome = call("fill", "--method", "localmean", "--", "-o.nii.gz", "mask.nii.gz")
    assert outcome.code == 0, outcome.err
    assert (scans / "-o_filled.nii.gz").exists()


@case("file name with a byte of Latin-1", "filled; stdout has the same bytes, the record is JSON")
def test_a_name_that_is_no_text(scans):
    name = os.fsdecode(b"ren\xe9.nii.gz")
    (scans / "t1.nii.gz").rename(scans / name)
    done = brainfill(*("fill", name, "mask.nii.gz", "--method", "localmean", "--report"))
    assert done.returncode == 0, done.stderr
    assert done.stdout == b"ren\xe9_filled.nii.gz\n"
    record = json.loads((scans / os.fsdecode(b"ren\xe9_filled.json")).read_text(encoding="utf-8"))
    assert name in json.dumps(record, ensure_ascii=False)
    (scans / os.fsdecode(b"ren\xe9_filled.html")).read_text(encoding="utf-8")


@pytest.mark.parametrize("locale", [{"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}], ids=str)
@case("names in UTF-8 where the locale is C, or streams are ASCII", "filled")
def test_a_poor_locale(scans, locale):
    (scans / "t1.nii.gz").rename(scans / "é脳.nii.gz")
    done = brainfill(*("fill", "é脳.nii.gz", "mask.nii.gz", "--method", "localmean"), **locale)
    assert done.returncode == 0, done.stderr
    assert (scans / "é脳_filled.nii.gz").exists()
    record = (scans / "é脳_filled.json").read_text(encoding="utf-8")
    assert "é脳.nii.gz" in record


def leaves(command, words=()):
    inner = getattr(command, "commands", {})
    if not inner or command.invoke_without_command:
        yield words, command
    for name, below in inner.items():
        yield from leaves(below, (*words, name))


PATHS = [
    pytest.param(words, parameter, id=" ".join((*words, parameter.opts[0])))
    for words, command in leaves(all_commands())
    for parameter in command.params
    if "Path" in str(getattr(getattr(parameter, "type_descriptor", None), "annotation", ""))
]


@pytest.mark.parametrize(("words", "parameter"), PATHS)
@case('shell variable that is not set, as any path of any command: `fill "" MASK`', "a sentence")
def test_an_empty_path(call, words, parameter):
    option = parameter.opts[0]
    given = [option, ""] if option.startswith("-") else [""]
    outcome = call(*words, *given)
    assert outcome.code == 2
    assert " is empty\nhint: perhaps a shell variable that is not set was meant\n" in outcome.err
    if option.startswith("--"):
        assert " is empty\n" in call(*words, f"{option}=").err


def test_paths_of_all_commands_are_walked():
    assert len(PATHS) > 50


@case('option that may be empty: `--sampler ""`', "taken as its help says")
def test_an_empty_option_that_means_something(call, scans):
    outcome = call("fill", "t1.nii.gz", "mask.nii.gz", "--sampler", "", "--dry-run")
    assert outcome.code == 0, outcome.err


@case("folder one works in was removed", "a sentence, exit code 66")
def test_the_folder_is_gone(scans):
    (scans / "gone").mkdir()
    words = ["sh", "-c", 'cd gone; rmdir ../gone; "$@"', "sh", sys.executable, "-m", "brainfill"]
    done = subprocess.run([*words, *FILL], capture_output=True, text=True, check=False)
    assert done.returncode == 66
    assert done.stderr.startswith("error: the folder this was started in is no longer there")


@case("named pipe as input", "a sentence, exit code 66; nobody waits")
def test_a_pipe_as_input(call, scans):
    os.mkfifo(scans / "pipe.nii.gz")
    outcome = call("fill", "pipe.nii.gz", "mask.nii.gz", "--method", "localmean")
    assert outcome.code == 66
    assert "'pipe.nii.gz' is a pipe or a device, expected a file" in outcome.err


@pytest.mark.parametrize("name", ["pipe.nii.gz", "null.nii.gz"])
@case(
    "named pipe or device as output, with --force", "a sentence, exit code 2; it stays what it is"
)
def test_a_pipe_as_output(call, scans, name):
    os.mkfifo(scans / "pipe.nii.gz")
    (scans / "null.nii.gz").symlink_to("/dev/null")
    outcome = call(*FILL, "-o", name, "--force")
    assert outcome.code == 2
    assert f"cannot write '{name}': it is a device or a pipe, expected a file" in outcome.err
    assert (scans / "pipe.nii.gz").is_fifo()
    assert (scans / "null.nii.gz").is_char_device()


@case(
    "another run writes the same output meanwhile, without --force",
    "the later one is told; nothing is lost",
)
def test_two_at_once(call, scans, monkeypatch):
    from brainfill.io import nifti

    write = nifti.write_bytes

    def meanwhile(*arguments, **options):
        write(*arguments, **options)
        (scans / "o.nii.gz").write_bytes(b"of another run")
        (scans / "o.json").write_bytes(b"of another run")

    monkeypatch.setattr(nifti, "write_bytes", meanwhile)
    outcome = call(*FILL, "-o", "o.nii.gz")
    assert outcome.code == 2
    assert "error: 'o.nii.gz' was written by another run meanwhile" in outcome.err
    assert (scans / "o.nii.gz").read_bytes() == b"of another run"
    assert (scans / "o.json").read_bytes() == b"of another run"
    assert not list(scans.glob(".part-*"))


@case("settings `nan`, `Infinity`, `1e300`, 400 digits", "a sentence, exit code 2")
def test_numbers_without_end(call, scans):
    for value in ("NaN", "Infinity", "1e300", "9" * 400):
        outcome = call(*FILL, "--set", f"near_mm={value}")
        assert outcome.code == 2
        assert "near_mm" in outcome.err
        outcome = call(
            "preprocess", "t1.nii.gz", "-o", "d", "--steps", "pad", "--set", f"pad.value={value}"
        )
        assert outcome.code == 2
        assert "value" in outcome.err


@case(
    "seed of 2^31 - 1, which ANTs cannot take",
    "a sentence, exit code 2; the largest below is taken",
)
def test_the_largest_seed(call, scans):
    assert call(*FILL, "--seed", 2**31 - 1).code == 2
    assert call(*FILL, "--seed", 2**31 - 2, "-o", "o.nii.gz").code == 0


@case("config file of `bids` with `nan` or `inf`", "a sentence, exit code 2")
def test_toml_without_end(call, tmp_path):
    (tmp_path / "raw").mkdir()
    for value in ("nan", "inf", "-inf"):
        (tmp_path / "c.toml").write_text(f"mem-gb = {value}")
        outcome = call(
            *("bids", tmp_path / "raw", tmp_path / "out", "participant"),
            *("--config-file", tmp_path / "c.toml"),
        )
        assert outcome.code == 2
        assert "mem_gb" in outcome.err


PROGRAMS = {
    "without the right to be run": ("#!/bin/sh\n", 0o644, 69, "may not be run"),
    "for another machine": ("\x7fELF\x00", 0o755, 1, "cannot be run: Exec format error"),
    "whose interpreter is missing": ("#!/no/such\n", 0o755, 1, "cannot be run"),
    "that says what is no text": (
        "#!/bin/sh\nprintf '\\377\\376' >&2; exit 3\n",
        0o755,
        1,
        "failed with exit code 3",
    ),
}


@pytest.mark.parametrize(("text", "mode", "code", "words"), PROGRAMS.values(), ids=PROGRAMS)
@case("program of FSL that may not or cannot be run, or says what is no text", "a sentence")
def test_odd_programs(scans, tmp_path, text, mode, code, words):
    from brainfill.core.errors import BrainfillError
    from brainfill.core.external import find_program, run_program

    program = tmp_path / "bet"
    program.write_text(text)
    program.chmod(mode)
    with pytest.raises(BrainfillError, match=words) as error:
        run_program(find_program(str(program), "FSL", "go on"), [], tmp_path, "out", "go on")
    assert error.value.exit_code == code


SHORT = {
    "numpy": (
        MemoryError("Unable to allocate 7.28 TiB for an array with shape (1000000, 1000000)"),
        "7.28 TiB",
    ),
    "torch": (
        RuntimeError(
            "DefaultCPUAllocator: can't allocate memory: you tried to allocate 4000 bytes. Error code 12"
        ),
        "4000 bytes",
    ),
    "CUDA": (
        RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has"),
        "20.00 MiB",
    ),
    "ITK": (RuntimeError("std::bad_alloc"), "some more"),
    "the system": (OSError(12, "Cannot allocate memory"), "some more"),
}


@pytest.mark.parametrize(("error", "asked"), SHORT.values(), ids=SHORT)
@case(
    "memory that does not suffice, as numpy, torch, CUDA, ITK and the system say it",
    "a sentence with what was asked for, exit code 69",
)
def test_no_memory(call, monkeypatch, error, asked):
    from brainfill.cli import app as module

    def refuse():
        raise error

    monkeypatch.setattr(module, "app", refuse)
    outcome = call()
    assert outcome.code == 69
    assert f"error: not enough memory: asked for {asked}" in outcome.err
    assert "hint: " in outcome.err


def test_other_errors_are_no_shortage():
    assert shortage(ValueError("bad shape")) is None
    assert shortage(FileNotFoundError(2, "No such file")) is None
    assert shortage(DataError("an image of the memory task")) is None
    assert isinstance(shortage(RuntimeError("can't start new thread")), ShortageError)


@case("less memory than the voxels take (`ulimit -v`)", "a sentence, exit code 69; nothing is left")
def test_less_memory_than_it_takes(call, scans, monkeypatch):
    from brainfill.fillers import localmean

    def greedy(*arguments):
        np.ones((2**21, 2**21, 2**10))

    monkeypatch.setattr(localmean, "build", lambda config: greedy)
    outcome = call(*FILL, "-o", "o.nii.gz")
    assert outcome.code == 69
    assert "error: not enough memory: asked for 32.0 PiB for an array" in outcome.err
    assert not list(scans.glob("*o.*"))
