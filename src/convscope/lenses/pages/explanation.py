"""An explanation of a model as text for a terminal, as Markdown, and as one self-contained HTML page."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from convscope.lenses.pages.explanation_rows import ExplanationRow, rows
from convscope.lenses.pages.templates import find_template
from convscope.phrasing import large, plural, values

if TYPE_CHECKING:
    from convscope.scope.describe.explanation import Explanation

_HEADINGS = ("output", "parameters", "", "mult-adds", "", "field", "stride")
_FIRST_TO_GO = (6, 4, 2, 3, 0, 5)  # columns that narrow terminals do without, in this order
_NARROWEST = 40
_LEAST_NAME = 24


def as_text(explanation: Explanation, width: int = 100) -> str:
    """Writes an explanation for a terminal.

    Blocks that repeat in a long network are explained once; those after it get a line each.

    Args:
        explanation: The model explained.
        width: Characters per line; at least 40. Long names may reach beyond.

    Returns:
        Lines that end in a newline.
    """
    width = max(width, _NARROWEST)
    title = f"{explanation.name} ({explanation.type})"
    lines = [title, "=" * min(len(title), width), *_wrapped(explanation.purpose, width)]
    for heading, sentences in _lists(explanation):
        lines += ["", heading, ""]
        for sentence in sentences:
            lines += _wrapped(sentence, width, "  - ", "    ")
    lines += ["", "Layer by layer", "", *_layers(rows(explanation), width)]
    return "\n".join(_printable(line.rstrip()) for line in lines) + "\n"


def _lists(explanation: Explanation) -> Iterator[tuple[str, Sequence[str]]]:
    """The parts of an explanation that are lists of sentences; empty ones left out."""
    parts = (
        ("Summary", explanation.key_points),
        ("Repeated blocks", [series.text for series in explanation.blocks]),
        ("Review", [note.text for note in explanation.notes]),
    )
    yield from ((heading, sentences) for heading, sentences in parts if sentences)


def _layers(entries: Sequence[ExplanationRow], width: int) -> list[str]:
    """Each layer: a line of numbers in columns, and below it what it does."""
    widths = [
        max(map(len, column)) for column in zip(_HEADINGS, *(row.cells for row in entries), strict=True)
    ]
    for column in _FIRST_TO_GO:
        if sum(each + 2 for each in widths if each) + _LEAST_NAME > width:
            widths[column] = 0
    name = width - sum(each + 2 for each in widths if each)
    lines = [" " * name + _columns(_HEADINGS, widths)]
    for row in entries:
        if lines[-1] and not row.folded and len(lines) > 1:
            lines.append("")
        head = f"{row.name} ({row.type})"
        if len(head) > name:
            lines.append(row.name)
            head = f"  ({row.type})" if len(row.type) + 4 <= name else ""
        lines.append(f"{head:<{name}}{_columns(row.cells, widths)}")
        if row.text:
            lines += _wrapped(row.text, width, "    ", "    ")
        if not row.folded:
            lines.append("")
    return lines


def _columns(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Cells at the right of their columns; those of width 0 are left out."""
    return "".join(f"  {cell:>{width}}" for cell, width in zip(cells, widths, strict=True) if width)


def _wrapped(text: str, width: int, first: str = "", other: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=other,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _printable(line: str) -> str:
    """Without what a terminal would obey, should a name hold it."""
    return "".join(letter if letter.isprintable() else "?" for letter in line)


def as_markdown(explanation: Explanation) -> str:
    """Writes an explanation as Markdown: the same as `as_text`, with the layers in a table."""
    lines = [f"# {_plain(explanation.name)}", "", _plain(explanation.purpose)]
    for heading, sentences in _lists(explanation):
        lines += ["", f"## {heading}", "", *(f"- {_plain(sentence)}" for sentence in sentences)]
    entries = rows(explanation)
    lines += [
        "",
        "## Layer by layer",
        "",
        "| Layer | Type | Output | Parameters | | Multiply-adds | | Receptive field | Stride |",
    ]
    lines.append("|---|---|--:|--:|--:|--:|--:|--:|--:|")
    lines += [
        f"| {' | '.join(_plain(cell) for cell in (row.name, row.type, *row.cells))} |" for row in entries
    ]
    lines.append("")
    lines += [f"- **{_plain(row.name)}**: {_plain(row.text)}" for row in entries if row.text]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Text in which nothing is taken for Markdown."""
    marked = "".join(f"\\{letter}" if letter in "\\`*_[]<>#|" else letter for letter in text)
    return " ".join(_printable(marked).split())


def as_html(explanation: Explanation) -> str:
    """Writes an explanation as one HTML page that needs no network; every name in it is escaped."""
    return find_template("explanation.html.j2").render(
        explanation=explanation,
        lists=list(_lists(explanation)),
        rows=rows(explanation, fold=False),
        folded=rows(explanation),
        layers=plural(len(explanation.layers), "layer"),
        cost="unknown" if explanation.multiply_adds is None else large(explanation.multiply_adds),
        input=" and ".join(values(shape) for _, shape in explanation.inputs),
        output=" and ".join(values(shape) for _, shape in explanation.outputs),
    )
