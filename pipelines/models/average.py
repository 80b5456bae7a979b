"""Average the weights of bundles of one network, whose later ones began with the earlier.

    python pipelines/models/average.py RUN1/bundle RUN2/bundle -o AVERAGE

The mean of weights errs less than either set where they err differently: Wortsman et al. 2022,
https://arxiv.org/abs/2203.05482.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from brainfill.bundles.store import load_bundle, save_bundle


def main() -> None:
    """Read the command line, average, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundles", type=Path, nargs="+", help="folders of bundles")
    parser.add_argument("-o", "--out", type=Path, required=True)
    args = parser.parse_args()
    loaded = [load_bundle(folder) for folder in args.bundles]
    states = [bundle.model.net.state_dict() for bundle in loaded]
    mean = {name: torch.stack([s[name] for s in states]).mean(dim=0) for name in states[0]}
    last = loaded[-1]
    save_bundle(args.out, last.model, mean, last.card, f"# {args.out.name}\n")
    print(args.out)


if __name__ == "__main__":
    main()
