"""Figures and the arrays that they show as files, whole or not at all."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

import numpy as np

from convscope.errors import UsageError
from convscope.files import write_json, written_whole
from convscope.lenses.sheet.lettering import DOTS_PER_INCH
from convscope.lenses.sheet.theme import Colors, Numbers

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")
ARRAY_SUFFIXES = (".npz", ".json")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a ZIP file can hold: the same arrays give the same bytes
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

    content = BytesIO()
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


def film_bytes(frames: Sequence[Colors], seconds: float) -> bytes:
    """Frames as an animated PNG that runs again and again.

    Args:
        frames: Each uint8 (rows, columns, 4), all of one size.
        seconds: How long each is shown.
    """
    from PIL import Image

    content = BytesIO()
    first, *others = (Image.fromarray(np.ascontiguousarray(frame)) for frame in frames)
    pause = max(round(1000 * seconds), 20)
    first.save(content, "png", save_all=True, append_images=others, duration=pause, loop=0)
    return content.getvalue()


def palette_png(figure: Figure, colors: int = 64) -> bytes:
    """The bytes of a figure as PNG of a few colors, a third of the usual size, for pages with many."""
    from PIL import Image

    content = BytesIO()
    picture = Image.open(BytesIO(figure_bytes(figure, "png"))).convert("RGB")
    picture.quantize(colors).save(content, "png", optimize=True)
    return content.getvalue()


def save_arrays(path: str | Path, arrays: Mapping[str, Numbers], about: Mapping[str, Any]) -> Path:
    """Writes arrays with what is to be known about them, whole or not at all.

    An NPZ file holds each array by its name, and `about` as the text of a JSON object. A JSON file holds
    `about` and `arrays`: by name its `shape`, `dtype` and `values` as nested lists; what is not finite is
    null. The same content gives the same bytes.

    Args:
        path: Ends in `.npz` or `.json`.
        arrays: Numbers or truth values by name.
        about: Plain values, such as the model's name and the layer's path.

    Returns:
        The path.

    Raises:
        UsageError: For another suffix, an array of objects, or the name `about` for an array of an NPZ file.

    Example:
        >>> import tempfile
        >>> path = save_arrays(Path(tempfile.mkdtemp()) / "maps.npz", {"conv": np.eye(2)}, {"model": "tiny"})
        >>> with np.load(path, allow_pickle=False) as read:
        ...     read["conv"].shape, str(read["about"])
        ((2, 2), '{"model": "tiny"}')
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in ARRAY_SUFFIXES:
        raise UsageError(
            f"Arrays cannot be written to '{path.name}'.",
            f"The name must end in {' or '.join(ARRAY_SUFFIXES)}.",
        )
    known = {name: np.asarray(array) for name, array in arrays.items()}
    for name, array in known.items():
        if array.dtype.kind not in "biufU":
            raise UsageError(
                f"The array '{name}' has type {array.dtype}, expected numbers, booleans or text."
            )
    if suffix == ".json":
        write_json(
            path, {"about": dict(about), "arrays": {name: _plain(array) for name, array in known.items()}}
        )
        return path
    if "about" in known:
        raise UsageError("An array cannot be named 'about' in an NPZ file.", "Give it another name.")
    known["about"] = np.asarray(json.dumps(dict(about), ensure_ascii=False))
    with written_whole(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in known.items():
            content = BytesIO()
            np.save(content, np.ascontiguousarray(array).reshape(array.shape), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content.getvalue())
    return path


def _plain(array: Numbers) -> dict[str, Any]:
    values: Any = array.tolist()
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        objects = array.astype(object)
        objects[~np.isfinite(array)] = None
        values = objects.tolist()
    return {"shape": list(array.shape), "dtype": str(array.dtype), "values": values}
