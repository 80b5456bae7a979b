"""Exact versions of everything an image holds, from what pip would install.

    pip install --dry-run --ignore-installed --report REPORT.json .
    python pipelines/container/lock.py REPORT.json > pipelines/container/requirements-cuda.txt

On Linux (x86_64) with the Python of the Dockerfile. For the CPU, pip needs `--extra-index-url` with the address below,
and a constraint `torch==VERSION+cpu`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

_CPU = "https://download.pytorch.org/whl/cpu"


def main() -> None:
    """Read the report, print the versions."""
    report = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    found = {p["metadata"]["name"].lower(): p["metadata"]["version"] for p in report["install"]}
    found.pop("brainfill")
    python = report["environment"]["python_version"]
    print(f"# Written by pipelines/container/lock.py, for Python {python} on Linux, x86_64.")
    if found["torch"].endswith("+cpu"):
        print(f"--extra-index-url {_CPU}")
    for name in sorted(found):
        print(f"{name}=={found[name]}")


if __name__ == "__main__":
    main()
