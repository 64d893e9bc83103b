"""How `--help` and listings look: two columns without boxes."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from cyclopts.help import HelpEntry, HelpPanel
    from rich.console import Console, ConsoleOptions

WIDEST_LABEL = 26
WIDEST_LINE = 100
Row = tuple[str, str]


def print_columns(console: Console, title: str, rows: Iterable[Row]) -> None:
    """Prints rows of a label and a text below a blank line and a title; a label too wide has its own line."""
    listed = list(rows)
    width = min(WIDEST_LABEL, max((len(label) for label, _ in listed), default=0))
    indent = " " * (width + 4)
    console.print(Text(f"\n{title}:", style="bold"))
    for label, text in listed:
        room = max(20, min(console.width, WIDEST_LINE) - len(indent))
        lines = [line for part in text.splitlines() or [""] for line in _wrapped(part, room)]
        if len(label) > width:
            lines.insert(0, "")
        first = Text(f"  {label:<{width}}  ".rstrip() if not lines[0] else f"  {label:<{width}}  {lines[0]}")
        first.stylize("cyan", 2, 2 + len(label))
        console.print(first, soft_wrap=True)
        for line in lines[1:]:
            console.print(Text(f"{indent}{line}"), soft_wrap=True)


def print_list(console: Console, title: str, lines: Iterable[str]) -> None:
    """Prints lines below a blank line and a title."""
    console.print(Text(f"\n{title}:", style="bold"))
    for line in lines:
        folded = textwrap.fill(
            line, min(console.width, WIDEST_LINE), initial_indent="  ", subsequent_indent="    "
        )
        console.print(Text(folded), soft_wrap=True)


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]


def with_facts(text: str, choices: Iterable[str], default: str | None) -> str:
    """Help of an option with its choices and its default in parentheses."""
    facts = ", ".join(choices)
    more = [*([facts] if facts else []), *([] if default is None else [f"default: {default}"])]
    return f"{text} ({'; '.join(more)})" if more else text


@dataclass(frozen=True)
class Columns:
    """Formats the help of a command.

    Args:
        hidden: Options that the parser and shell completion know, and the help does not show.
    """

    hidden: frozenset[str] = frozenset()

    def __call__(self, console: Console, options: ConsoleOptions, panel: HelpPanel) -> None:
        """Prints one group of commands or parameters."""
        shown = [entry for entry in panel.entries if not self.hidden & set(entry.positive_names)]
        if shown:
            print_columns(console, str(panel.title), map(_row, shown))

    def render_usage(self, console: Console, options: ConsoleOptions, usage: object) -> None:
        """Prints the usage line."""
        if usage:
            console.print(Text(str(usage).strip(), style="bold"), soft_wrap=True)

    def render_description(self, console: Console, options: ConsoleOptions, description: object) -> None:
        """Prints what the command does."""
        text = _text(description).strip()
        if text:
            console.print(Text(f"\n{textwrap.fill(text, min(console.width, WIDEST_LINE))}"))


def _row(entry: HelpEntry) -> Row:
    names = ", ".join((*entry.positive_shorts, *entry.positive_names))
    if entry.negative_names:
        names = names.replace("--", "--[no-]", 1)
    value = "" if entry.positional_label else entry.metavar
    label = " ".join(part for part in (entry.positional_label or names, value) if part)
    text = " ".join(_text(entry.description).split()).removesuffix(".")
    default = None if entry.default in (None, "False", "True") else str(entry.default)
    return label, with_facts(text, entry.choices or (), default)


def _text(description: object) -> str:
    """Plain text of a description, which may be wrapped for rendering."""
    return "" if description is None else str(getattr(description, "primary_renderable", description))
