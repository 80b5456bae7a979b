"""`brainfill info`: what is installed, what was found, what to expect."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import typer

from brainfill.cli.examples import examples
from brainfill.cli.options import Json

EXAMPLES = examples("brainfill info", "brainfill info --json")


def command(as_json: Json = False) -> None:
    """Show versions, devices, models, programs of others that were found, and time and memory to expect.

    Asks no network. Checksums of models are compared with their cards. Time and memory were measured once, on the
    machine that is named. Put the output into reports of problems.
    """
    from brainfill.api import info

    facts = info()
    typer.echo(
        json.dumps(facts, indent=2, ensure_ascii=False) if as_json else "\n".join(shown(facts))
    )


def shown(facts: Mapping[str, Any]) -> list[str]:
    """The facts of `brainfill.api.info` as lines."""
    costs = facts["Costs"]
    return [
        *_block("versions", [*facts["Versions"].items(), ("platform", facts["Platform"])]),
        *_block("devices", [(d["Name"], _device(d)) for d in facts["Devices"]]),
        *_block("models", [(m["Name"], _model(m)) for m in facts["Models"]]),
        *_block("ready or not", [(p["Choice"], _program(p)) for p in facts["Programs"]]),
        f"processor seconds and most memory, by {costs['MeasuredBy']}",
        f"  on {costs['Machine']}, version {costs['Version']}, {costs['Scan']}",
        *(f"  {_cost(run)}" for run in costs["Runs"]),
    ]


def _block(title: str, rows: Sequence[tuple[str, str]]) -> list[str]:
    width = max((len(name) for name, _ in rows), default=0)
    return [title, *(f"  {name:<{width}}  {text}" for name, text in rows), ""]


def _device(device: Mapping[str, Any]) -> str:
    parts = [f"{device['Threads']} threads"] if "Threads" in device else [device["Hardware"]]
    return ", ".join(parts + ([f"{device['MemoryGiB']} GiB"] if "MemoryGiB" in device else []))


def _model(model: Mapping[str, Any]) -> str:
    if "Problem" in model:
        return f"cannot be used: {model['Problem']}"
    state = "checksum right" if model["Verified"] else "DAMAGED: checksum is not that of its card"
    return f"version {model['Version']}, {model['SizeMB']} MB, {state}, {model['Folder']}"


def _program(program: Mapping[str, Any]) -> str:
    if not program["Ready"]:
        return f"no: {program['Lacks']}"
    return f"yes: {program['Where'] or 'comes along'}"


def _cost(run: Mapping[str, Any]) -> str:
    return f"{run['ProcessorSeconds']:7.1f} s  {run['PeakMiB']:5d} MiB  {run['Command']}"
