"""Figures as files: PNG, SVG and PDF, whole or not at all, and the same bytes for the same figure."""

from __future__ import annotations

import io
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from convscope.errors import UsageError
from convscope.files import written_whole
from convscope.lenses.sheet.lettering import DOTS_PER_INCH

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")
_LOCK = RLock()  # Matplotlib reads how to write a file from settings that all threads share
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "convscope",
    "svg.image_inline": True,
    "pdf.fonttype": 42,  # TrueType, which journals ask for
    "pdf.compression": 6,
    "savefig.bbox": None,
    "savefig.transparent": False,
    "savefig.orientation": "portrait",
    "image.composite_image": False,
    "path.sketch": None,
    "path.effects": [],
    "axes.unicode_minus": True,
}
_METADATA = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


def save_figure(figure: Figure, path: str | Path) -> Path:
    """Writes a figure in the format that the suffix names; pixels are 1/200 inch.

    Text stays text in SVG and PDF. The same figure gives the same bytes.

    Args:
        figure: What to write; its ground is the theme's.
        path: Ends in `.png`, `.svg` or `.pdf`.

    Returns:
        The path.

    Raises:
        UsageError: For another suffix.
    """
    path = Path(path)
    check_suffix(path)
    content = figure_bytes(figure, path.suffix.lower()[1:])
    with written_whole(path) as part:
        part.write_bytes(content)
    return path


def check_suffix(path: Path) -> None:
    """Raises UsageError, naming the known suffixes, if a figure cannot be written to a path."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"A figure cannot be written to '{path.name}'.",
            f"The name must end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}.",
        )


def figure_bytes(figure: Figure, kind: str) -> bytes:
    """The bytes of a figure as `png`, `svg` or `pdf`."""
    import matplotlib as mpl

    content = io.BytesIO()
    with _LOCK, mpl.rc_context(_SETTINGS):
        figure.savefig(
            content,
            format=kind,
            dpi=DOTS_PER_INCH,
            facecolor=figure.get_facecolor(),
            edgecolor="none",
            metadata=_METADATA[kind],
        )
    return content.getvalue()
