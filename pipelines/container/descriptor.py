"""The Boutiques descriptor of the BIDS-App, made from the options of the command itself.

python pipelines/container/descriptor.py > pipelines/container/boutiques.json
"""

from __future__ import annotations

import inspect
import json
import math
import types
import typing
from pathlib import Path
from typing import Any, Literal

import typer

from brainfill import __version__
from brainfill.cli import bids
from brainfill.cli.app import app
from brainfill.core.documents import read_json

_COSTS = Path(__file__).parents[2] / "brainfill" / "costs.json"
_NO_INPUTS = ("version",)
_ERRORS = {
    1: "a bug, a failed external program, or not enough memory",
    2: "wrong use, or an output that cannot be written",
    65: "input that cannot be used",
    66: "input that is missing or cannot be read",
    69: "no such model, device, program or weights",
    75: "some scans of the dataset were not done",
    130: "interrupted",
}


def main() -> None:
    """Print the descriptor."""
    print(json.dumps(descriptor(), indent=2))


def descriptor() -> dict[str, Any]:
    """The descriptor, by the schema of Boutiques 0.5."""
    command = typer.main.get_command(app).commands["bids"]  # type: ignore[attr-defined]
    hints = typing.get_type_hints(bids.command, include_extras=True)
    inputs = [_input(p, hints[p.name]) for p in command.params if p.name not in _NO_INPUTS]
    return {
        "name": "brainfill",
        "description": inspect.cleandoc(bids.command.__doc__ or ""),
        "tool-version": __version__,
        "schema-version": "0.5",
        "command-line": " ".join(["brainfill-bids", *(i["value-key"] for i in inputs)]),
        "container-image": {
            "type": "docker",
            "image": f"brainfill:{__version__}",
            "entrypoint": True,
        },
        "inputs": inputs,
        "output-files": [
            {
                "id": "results",
                "name": "Results",
                "description": "a BIDS derivative",
                "path-template": "[OUT_DIR]",
            }
        ],
        "error-codes": [{"code": c, "description": d} for c, d in _ERRORS.items()],
        "suggested-resources": {"cpu-cores": 1, "ram": _ram_gb()},
        "tags": {"domain": ["neuroinformatics", "mri"], "toolbox": ["BIDS App"]},
    }


def _input(param: Any, hint: Any) -> dict[str, Any]:  # noqa: ANN401 - typer's own type is private
    kind, *extras = typing.get_args(hint)
    on = kind is bool and param.default is True
    # Of what is on without being asked for, the way to turn it off.
    name = f"no_{param.name}" if on else param.name
    found = {
        "id": name,
        "name": name.replace("_", " "),
        "description": param.help,
        "value-key": f"[{name.upper()}]",
        "optional": not param.required,
        **_typed(param.name, kind, extras),
    }
    if param.param_type_name == "option":
        found["command-line-flag"] = max(param.secondary_opts if on else param.opts, key=len)
    return found


def _typed(name: str, kind: Any, extras: list[Any]) -> dict[str, Any]:  # noqa: ANN401 - any annotation
    if isinstance(kind, types.UnionType):
        kind = typing.get_args(kind)[0]
    if typing.get_origin(kind) is list:
        return {"type": "String", "list": True}
    if typing.get_origin(kind) is Literal:
        return {"type": "String", "value-choices": list(typing.get_args(kind))}
    if kind in (int, float):
        ends = {"minimum": extras[0].min, "maximum": extras[0].max}
        ends = {name: value for name, value in ends.items() if value is not None}
        return {"type": "Number", "integer": kind is int, **ends}
    # The folder of the results need not be there before.
    file = (kind is Path and name != "out_dir") or name == "bids_filter_file"
    return {"type": "Flag" if kind is bool else "File" if file else "String"}


def _ram_gb() -> int:
    return math.ceil(max(run["PeakMiB"] for run in read_json(_COSTS)["Runs"]) / 1024)


if __name__ == "__main__":
    main()
