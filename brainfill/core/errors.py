"""Exceptions a user may meet; each carries a hint and the exit code of the command line."""

from __future__ import annotations


class BrainfillError(Exception):
    """Base of everything brainfill raises on purpose.

    Args:
        message: what is wrong, with which file, what was found and what was expected.
        hint: what the user can do about it; empty when there is nothing useful to say.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class ConfigError(BrainfillError):
    """An option, a config file or an output location cannot be used (exit code 2)."""

    exit_code = 2


class DataError(BrainfillError):
    """The values of an input cannot be used: empty mask, NaN, many frames (exit code 65)."""

    exit_code = 65


class GeometryError(DataError):
    """Two inputs are not in the same place, or a grid makes no sense (exit code 65)."""


class InputMissingError(BrainfillError):
    """An input file is not there or cannot be read (exit code 66)."""

    exit_code = 66


class UnavailableError(BrainfillError):
    """A program, package or set of weights is missing (exit code 69)."""

    exit_code = 69


class ShortageError(UnavailableError):
    """The machine has not enough memory, or allows no more files or processes (exit code 69)."""


class ExternalError(BrainfillError):
    """A called program failed (exit code 1); the hint names its log."""
