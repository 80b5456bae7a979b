"""The command as a whole: help, version, wrong use, errors as sentences, bugs as tracebacks."""

import pytest
import typer

from brainfill import __version__
from brainfill.cli import app as app_module
from brainfill.core.errors import ConfigError, DataError, InputMissingError, UnavailableError


def test_version(call):
    assert call("--version") == (0, f"brainfill {__version__}\n", "")


def test_no_arguments_shows_help_and_is_wrong_use(call):
    outcome = call()
    assert outcome.code == 2
    assert "fill" in outcome.out + outcome.err


@pytest.mark.parametrize(
    "command",
    [
        "fill",
        "preprocess",
        "smooth",
        "synthesize",
        "transform",
        "masks",
        "compare",
        "evaluate",
        "study",
        "train",
        "list",
    ],
)
def test_every_command_has_help(call, command):
    outcome = call(command, "--help")
    assert outcome.code == 0
    assert f" {command} [OPTIONS]" in outcome.out


def test_unknown_option_names_the_nearest(call):
    outcome = call("fill", "--seeed", 3)
    assert outcome.code == 2
    assert "--seeed" in outcome.err
    assert "--seed" in outcome.err.replace("--seeed", "")
    assert outcome.out == ""


def test_unknown_command_names_the_nearest(call):
    outcome = call("fil")
    assert outcome.code == 2
    assert "'fill'" in outcome.err


@pytest.mark.parametrize(
    ("kind", "code"),
    [(ConfigError, 2), (DataError, 65), (InputMissingError, 66), (UnavailableError, 69)],
)
def test_errors_become_two_lines_and_a_code(call, monkeypatch, kind, code):
    def refuse():
        raise kind("it is wrong", "do it right")

    monkeypatch.setattr(app_module, "app", refuse)
    assert call() == (code, "", "error: it is wrong\nhint: do it right\n")


def test_an_error_without_a_hint_is_one_line(call, monkeypatch):
    def refuse():
        raise DataError("it is wrong")

    monkeypatch.setattr(app_module, "app", refuse)
    assert call().err == "error: it is wrong\n"


def test_interruption_exits_130(call, monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr(app_module, "app", interrupt)
    assert call().code == 130


def test_a_bug_shows_its_traceback(monkeypatch):
    def stumble():
        raise ZeroDivisionError

    monkeypatch.setattr(app_module, "app", stumble)
    with pytest.raises(ZeroDivisionError):
        app_module.main()


def test_bugs_inside_commands_are_not_dressed_up():
    assert isinstance(app_module.app, typer.Typer)
    assert not app_module.app.pretty_exceptions_enable
