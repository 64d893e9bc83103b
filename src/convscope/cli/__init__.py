"""The commands: parse, call `convscope.api`, print."""

from convscope.cli.app import app, main

__all__ = ["app", "main"]
