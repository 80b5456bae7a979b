"""Write the table of peculiar inputs, README.md in this folder, from the tests themselves."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

HERE = Path(__file__).parent
TOP = """# Peculiar inputs

What real files are like, and what must come of them. Each row is a test; `python tests/peculiar/table.py` writes this page.
"""


def table() -> str:
    """The page: one table for each file of tests."""
    for folder in (HERE, HERE.parent):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
    from peculiar import CASES

    for path in sorted(HERE.glob("test_peculiar_*.py")):
        importlib.import_module(path.stem)
    # pytest may have imported the same tests under another name.
    rows = sorted(set(CASES), key=CASES.index)
    parts = [TOP]
    for about in sorted({row.about for row in rows}):
        parts.append(
            f"\n## {about.replace('_', ' ').capitalize()}\n\n| input | what must come of it | test |\n|---|---|---|\n"
        )
        parts += [f"| {r.given} | {r.right} | `{r.test}` |\n" for r in rows if r.about == about]
    return "".join(parts)


if __name__ == "__main__":
    (HERE / "README.md").write_text(table(), encoding="utf-8")
