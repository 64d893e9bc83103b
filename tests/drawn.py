"""Reads a drawn figure: its texts, its images, and whether texts collide."""

import io

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

THEMES = ("light", "dark")


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def image(figure, name):
    """The pixels of the image whose name begins so."""
    found = [each for each in figure.axes[0].images if (each.get_gid() or "").startswith(name)]
    assert len(found) == 1, [each.get_gid() for each in figure.axes[0].images]
    return np.asarray(found[0].get_array())


def named(figure, name):
    """Everything of that name."""
    return [each for each in figure.axes[0].get_children() if (each.get_gid() or "").startswith(name)]


def bar_limits(figure):
    """The numbers at the ends of each color bar."""
    bars = [each.get_gid().split() for each in named(figure, "color bar")]
    return [(float(low), float(high)) for *_, low, high in bars]


def pixels(figure):
    """The figure as a PNG shows it, (rows, columns, 3)."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=200, facecolor=figure.get_facecolor())
    return np.asarray(Image.open(content).convert("RGB"))


def assert_tidy(figure):
    """All texts lie on the sheet, and none on another one."""
    canvas = FigureCanvasAgg(figure)
    renderer = canvas.get_renderer()
    width, height = canvas.get_width_height()
    boxes = [
        (text.get_text(), text.get_window_extent(renderer))
        for text in figure.axes[0].texts
        if text.get_text()
    ]
    for text, box in boxes:
        assert box.x0 >= 0 and box.x1 <= width, f"'{text}' leaves the sheet: {box.x0:.0f} to {box.x1:.0f}"
        assert box.y0 >= 0 and box.y1 <= height, f"'{text}' leaves the sheet upwards or downwards"
    edges = np.array([(box.x0, box.x1, box.y0, box.y1) for _, box in boxes])
    across = np.minimum.outer(edges[:, 1], edges[:, 1]) - np.maximum.outer(edges[:, 0], edges[:, 0])
    down = np.minimum.outer(edges[:, 3], edges[:, 3]) - np.maximum.outer(edges[:, 2], edges[:, 2])
    collisions = np.argwhere(np.triu((across > 1) & (down > 1), 1))
    assert not len(collisions), [(boxes[i][0], boxes[j][0]) for i, j in collisions[:5]]
