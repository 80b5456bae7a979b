"""`python -m brainfill.bids.supervised MODULE WORDS...`: a command that ends when the run that began it is gone.

The run holds the other end of the command's standard input. The system closes it with the run, kill -9 included, and
then the command and the programs it called are ended: nobody would collect what they find.
"""

from __future__ import annotations

import contextlib
import os
import runpy
import signal
import sys
import threading
import time

PATIENCE_S = 5.0
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows has none


def main() -> None:
    """Run a module with its words, and watch the run meanwhile."""
    # Programs that the command calls are to find an empty input, and not this one.
    run = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    threading.Thread(target=_watch, args=(run,), daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _watch(run: int) -> None:
    """Wait until the run is gone; then have all end in order, and after a while whatever they do."""
    os.read(run, 1)
    for number, pause_s in ((signal.SIGTERM, PATIENCE_S), (KILL, 0.0)):
        signal_all(os.getpid(), number)
        time.sleep(pause_s)


def signal_all(pid: int, number: int) -> None:
    """Send a signal to a command and to the programs it called, which are in the session it began."""
    with contextlib.suppress(OSError):  # it is gone
        if hasattr(os, "killpg"):
            os.killpg(pid, number)
        else:  # Windows
            os.kill(pid, number)


if __name__ == "__main__":
    main()
