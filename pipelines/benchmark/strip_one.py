"""Find the brain in one image by a named way, and write its mask.

python pipelines/benchmark/strip_one.py builtin T1.nii.gz MASK.nii.gz
"""

from __future__ import annotations

import argparse
from pathlib import Path

from brainfill.core.config import override
from brainfill.core.context import Context
from brainfill.core.registry import load
from brainfill.io.nifti import read_volume, write_map


def main() -> None:
    """Read the command line, strip, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("way", help="module of brainfill.preprocess.strippers")
    parser.add_argument("image", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", dest="settings")
    args = parser.parse_args()
    way = load("brainfill.preprocess.strippers", args.way)
    image = read_volume(args.image)
    brain = way.build(override(way.Config(), args.settings))(image, Context())
    write_map(image, brain.data, args.out)


if __name__ == "__main__":
    main()
