"""What the machine lacks, told in a sentence: memory, room for temporary files, files and processes that may be open."""

from __future__ import annotations

import errno
import re

from brainfill.core.errors import BrainfillError, ConfigError, ShortageError

# numpy, torch on the CPU, CUDA; ITK tells no number.
_ASKED = re.compile(
    r"[Uu]nable to allocate (.+)|tried to allocate ([\d.]+ ?\w+)|allocat\w* (\d+ bytes)"
)
_FAILED = re.compile(
    r"bad_alloc|alloc_failed|array is too big|(not enough|out of|allocate|insufficient) memory|(unable|tried) to allocate|failed to allocate",
    re.IGNORECASE,
)
_HINT = "close other programs, run fewer things at once, or take a machine with more memory"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
_USED_UP = (errno.EMFILE, errno.ENFILE, errno.EAGAIN)


def shortage(error: BaseException) -> BrainfillError | None:
    """The sentence for an error that is no fault of the input or of this package; None for any other.

    Args:
        error: as numpy, torch, ITK or the system raised it.
    """
    text = str(error)
    no_memory = isinstance(error, OSError) and error.errno == errno.ENOMEM
    if isinstance(error, MemoryError) or no_memory or _is_allocation(error, text):
        found = _ASKED.search(text)
        asked = next((part for part in found.groups() if part), "") if found else "some more"
        return ShortageError(f"not enough memory: asked for {asked}, which there is not", _HINT)
    if isinstance(error, OSError) and error.errno in _FULL:
        where = f"'{error.filename}'" if error.filename else "a file"
        return ConfigError(
            f"cannot write {where}: {error.strerror}",
            "make room; temporary files go where TMPDIR says",
        )
    if (isinstance(error, OSError) and error.errno in _USED_UP) or "start new thread" in text:
        what = error.strerror if isinstance(error, OSError) else text
        return ShortageError(
            f"the system gives no more files, threads or processes: {what}",
            "run fewer things at once, or raise the limits (ulimit -n, ulimit -u)",
        )
    return None


def _is_allocation(error: BaseException, text: str) -> bool:
    return isinstance(error, RuntimeError | ValueError) and bool(_FAILED.search(text))
