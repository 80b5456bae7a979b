"""Examples at the end of a command's help."""

from __future__ import annotations


def examples(*lines: str) -> str:
    r"""The text below the options of a command's help.

    Args:
        *lines: commands as they are typed; each must be one that the command line takes.

    >>> examples("brainfill list models")
    '\x08\nExamples:\n  brainfill list models'
    """
    # The backspace keeps lines as they are, instead of filling them up like a paragraph.
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
