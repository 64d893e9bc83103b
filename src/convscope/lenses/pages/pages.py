"""One self-contained HTML page of figures with headings and text, for light and dark screens."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from convscope.files import written_whole
from convscope.lenses.pages.templates import find_template
from convscope.lenses.sheet.figure_files import figure_bytes
from convscope.lenses.sheet.theme import DARK, LIGHT

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.text import Text


@dataclass(frozen=True)
class LazyFigure:
    """A figure that is drawn when it is needed, in either theme.

    Args:
        draw: Gets `light` or `dark` and draws the figure.
        label: What it shows, for those who cannot see it.
        caption: A line below it.
        markup: Gives elements of HTML that say the same on a page, where words stay words; all in them is
            escaped. Empty where the figure is to be drawn.
        terminal: Gives lines for a terminal that say the same, each with a heading.
        films: Gets `light` or `dark` and gives what moves besides, each an animated PNG by a name that is
            part of a file's.
    """

    draw: Callable[[str], Figure]
    label: str
    caption: str = ""
    markup: Callable[[], str] | None = None
    terminal: Callable[[], Sequence[tuple[str, Text]]] | None = None
    films: Callable[[str], Mapping[str, bytes]] | None = None


@dataclass(frozen=True)
class Section:
    """A part of a page.

    Args:
        heading: Its heading.
        text: Its paragraphs.
        pictures: Its figures, below the text.
    """

    heading: str
    text: Sequence[str] = ()
    pictures: Sequence[LazyFigure] = ()


@dataclass(frozen=True)
class Drawn:
    """A figure in both themes, as addresses that hold it, and what moves besides by its name."""

    light: str
    dark: str
    width: int
    height: int
    label: str
    caption: str
    markup: str = ""
    films: Mapping[str, str] = field(default_factory=dict)


def write_page(path: str | Path, title: str, sections: Sequence[Section], *, lead: str = "") -> Path:
    """Writes the page, whole or not at all; it loads nothing from the network.

    Args:
        path: The file.
        title: Its title and first heading.
        sections: What stands on it, in order.
        lead: A line below the title.

    Returns:
        The path.
    """
    path = Path(path)
    page = render_page(title, sections, lead=lead).encode("utf-8", "backslashreplace")
    with written_whole(path) as part:
        part.write_bytes(page)
    return path


def render_page(title: str, sections: Sequence[Section], *, lead: str = "") -> str:
    """Returns the page that `write_page` writes; every text in it is escaped."""
    content = [
        {
            "heading": each.heading,
            "text": each.text,
            "pictures": [drawn(picture) for picture in each.pictures],
        }
        for each in sections
    ]
    return find_template("page.html.j2").render(
        title=title, lead=lead, sections=content, light=LIGHT, dark=DARK
    )


def drawn(picture: LazyFigure) -> Drawn:
    """Draws a figure in both themes, or writes what says the same."""
    written = "" if picture.markup is None else picture.markup()
    if written:
        from markupsafe import Markup

        made = Markup(written)  # noqa: S704 - escaped where it was made
        return Drawn("", "", 0, 0, picture.label, picture.caption, made)
    figures = [picture.draw(theme) for theme in (LIGHT.name, DARK.name)]
    width, height = (round(96 * inches) for inches in figures[0].get_size_inches())
    light, dark = (_address(figure) for figure in figures)
    films = {} if picture.films is None else picture.films(LIGHT.name)
    moving = {name: _data_address(film, "image/apng") for name, film in films.items()}
    return Drawn(light, dark, width, height, picture.label, picture.caption, films=moving)


def _address(figure: Figure) -> str:
    """A figure as a `data:` address."""
    return _data_address(figure_bytes(figure, "svg"), "image/svg+xml")


def _data_address(content: bytes, form: str) -> str:
    return f"data:{form};base64,{base64.b64encode(content).decode('ascii')}"
