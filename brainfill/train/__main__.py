"""Training from packed data where only torch, numpy, scipy and safetensors are installed.

`python -m brainfill.train PACK.npz -o RUN --family memory3d`; the same as `brainfill train` otherwise.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from brainfill.core.errors import BrainfillError
from brainfill.train.recipe import chosen
from brainfill.train.run import train_run


def main() -> int:
    """Parse the command line and train; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m brainfill.train")
    parser.add_argument("data", type=Path, help="packed training data, .npz")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--recipe")
    parser.add_argument("--family")
    parser.add_argument("--preset")
    parser.add_argument("--learner")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--max-minutes", type=float)
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="settings")
    a = parser.parse_args()
    try:
        train_run(
            chosen(a.recipe, family=a.family, preset=a.preset, learner=a.learner),
            a.data,
            a.out,
            settings=a.settings,
            device=a.device,
            max_minutes=a.max_minutes,
            dry_run=a.dry_run,
            say=lambda line: print(line, file=sys.stderr, flush=True),  # noqa: T201 - a command
        )
    except BrainfillError as error:
        hint = f"\nhint: {error.hint}" if error.hint else ""
        print(f"error: {error}{hint}", file=sys.stderr)  # noqa: T201 - a command
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
