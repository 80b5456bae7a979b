"""A terminal that watches a command."""

import os
import subprocess


def seen_by_a_terminal(command, *, both=False, **environment):
    """What a terminal receives from the command's stderr, and with `both` from its stdout; and the exit code."""
    ours, theirs = os.openpty()
    env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM")}
    child = subprocess.Popen(
        command,
        stdout=theirs if both else None,
        stderr=theirs,
        env=env | {"TERM": "xterm-256color"} | environment,
    )
    os.close(theirs)
    received = b""
    try:
        while block := os.read(ours, 4096):
            received += block
    except OSError:  # Linux says so when the other end has closed
        pass
    os.close(ours)
    return received.decode(), child.wait()
