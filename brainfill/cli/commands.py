"""What every command minds: words that a shell left empty, and hints that can be followed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

from brainfill.cli.hints import followable
from brainfill.core.errors import BrainfillError, ConfigError

F = TypeVar("F", bound=Callable[..., Any])


class Command(TyperCommand):
    """A command that takes no empty words, and whose hints name its own options."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer's own type is private
        """Read the arguments."""
        refuse_empty(self, ctx, args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - as above
        """Run it."""
        try:
            return super().invoke(ctx)
        except BrainfillError as error:
            own = [word for p in self.params for word in (*p.opts, *p.secondary_opts)]
            error.hint = followable(error.hint, own)
            raise


class Group(TyperGroup):
    """A group of commands, some of which do something themselves."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - as above
        """Read the arguments."""
        refuse_empty(self, ctx, args)
        return super().parse_args(ctx, args)


class App(typer.Typer):
    """Commands that all take no empty words."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - those of typer
        super().__init__(cls=Group, **options)

    def command(self, name: str | None = None, **options: Any) -> Callable[[F], F]:  # noqa: ANN401 - as above
        """As typer's."""
        return super().command(name, **{"cls": Command, **options})


def refuse_empty(command: Any, ctx: Any, args: Sequence[str]) -> None:  # noqa: ANN401 - as above
    """Refuse an argument or option that is given and empty, unless its help says what that means.

    A path of no letters would be the current folder.

    Raises:
        ConfigError: names it.
    """
    if "" not in args and not any(word.endswith("=") for word in args):
        return
    given, _, order = command.make_parser(ctx).parse_args(args=list(args))
    for parameter in order:
        value = given.get(parameter.name)
        words = value if isinstance(value, list | tuple) else (value,)
        if "" in words and "empty is" not in (getattr(parameter, "help", "") or ""):
            name = " / ".join(parameter.opts) if parameter.opts[0].startswith("-") else ""
            msg = f"{name or parameter.metavar or parameter.name.upper()} is empty"
            raise ConfigError(msg, "perhaps a shell variable that is not set was meant")
