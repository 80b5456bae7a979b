"""One process at a time for each person.

POSIX record locks, because the kernel takes them back from a process that is gone, kill -9 included, so that none
is ever stale; NFS passes them on between machines (from version 4 on by itself, before by its lock daemon). A file
made with O_EXCL would outlive its process, and nobody on another machine could tell.
"""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has none, and all other commands work there
    fcntl = None  # type: ignore[assignment]

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
_PAUSE_S = 0.2


@contextlib.contextmanager
def held(
    path: Path, *, stop: Callable[[], bool] | None = None, warn: Callable[[str], None] | None = None
) -> Iterator[bool]:
    """Hold the lock of a file until the block ends.

    The file stays: removing it would let two processes lock two files of one name.

    Args:
        path: made if it is not there; its folder must be.
        stop: wait for the lock until this is true; without it, do not wait.
        warn: told if the file system has no locks. The block runs all the same: outputs get their names only when they
            are complete, so that two processes would do the same work twice, and spoil nothing.

    Yields:
        whether the lock is held.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        yield _taken(descriptor, path, stop, warn)
    finally:
        os.close(descriptor)  # which gives the lock back


def _taken(
    descriptor: int,
    path: Path,
    stop: Callable[[], bool] | None,
    warn: Callable[[str], None] | None,
) -> bool:
    while (reason := _refusal(descriptor)) is not None:
        if reason in _NO_LOCKS:
            if warn:
                warn(f"'{path.parent}' has no locks: let no two runs work on it at the same time")
            return True
        if stop is None or stop():
            return False
        time.sleep(_PAUSE_S)
    os.truncate(descriptor, 0)
    os.pwrite(descriptor, f"{platform.node()} {os.getpid()}\n".encode(), 0)
    return True


def _refusal(descriptor: int) -> int | None:
    """Why the lock cannot be had now, as a number of errno; None if it is ours."""
    if fcntl is None:
        return errno.ENOLCK
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EAGAIN, *_NO_LOCKS):
            raise
        return error.errno
    return None
