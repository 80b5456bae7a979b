"""What every task hands back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Table = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, eq=False)
class Result:
    """Outcome of a task.

    Args:
        volumes: Volume, Mask or LabelMap by name, on the grid of the scan unless the task says otherwise.
        tables: by name; rows with the same columns.
        facts: numbers and names for the record, ready for JSON.
        files: contents of other files by name, such as transforms.
    """

    volumes: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
