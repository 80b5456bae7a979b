"""A bar where a terminal watches, plain lines elsewhere."""

import os
import sys

import pytest
from terminals import seen_by_a_terminal

from brainfill.cli import progress
from brainfill.cli.progress import talking

RUN = """
from brainfill.cli.progress import talking
with talking(quiet=False, verbose=True) as talk:
    for done in range(4):
        talk.progress("sampling", done, 3)
    talk.warn("mind the gap [sic]")
    talk.detail("done at last")
"""


def bar(**environment):
    """What a terminal receives from `RUN`."""
    words = [sys.executable, "-c", RUN]
    received, code = seen_by_a_terminal(words, **({"COLUMNS": "120"} | environment))
    assert code == 0
    return received


def test_a_terminal_sees_a_bar_and_whole_sentences():
    received = bar()
    assert "\x1b[" in received
    assert "3/3" in received
    assert "warning: mind the gap [sic]" in received
    assert "done at last" in received


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_plain_terminal_sees_lines(environment):
    received = bar(**environment).replace("\r\n", "\n")
    assert received == "sampling\nwarning: mind the gap [sic]\ndone at last\n"


def test_each_stage_is_one_line(capsys):
    with talking(quiet=False, verbose=False) as talk:
        for done in range(3):
            talk.progress("reading", done, 2)
            talk.progress("filling", done, 2)
        talk.detail("unsaid")
    assert capsys.readouterr() == ("", "reading\nfilling\n")


def test_quiet_keeps_warnings(capsys):
    with talking(quiet=True, verbose=False) as talk:
        talk.progress("reading", 0, 1)
        talk.detail("unsaid")
        talk.warn("heard")
    assert capsys.readouterr() == ("", "warning: heard\n")


def test_nothing_is_shown_where_nobody_watches(monkeypatch):
    monkeypatch.setattr(progress.sys, "stderr", open(os.devnull, "w"))  # noqa: PTH123, SIM115
    assert not progress._shows_bars()
    progress.sys.stderr.close()
