"""The commands: parse, call `convscope.api`, print."""

from convscope.cli.app import main

__all__ = ["main"]
