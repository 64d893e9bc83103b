"""What mattered in a search: bars with intervals, and trials by their values."""

import numpy as np
import pytest
from drawn import THEMES, assert_tidy, named, texts

from convscope.lenses.figures.importance import Bar, Panel, draw_importance
from convscope.lenses.sheet.theme import color_bytes, find_theme

BARS = [Bar("learning_rate", 0.4, 0.2, 0.7), Bar("depth", 0.05, -0.1, 0.2), Bar("pooling", -0.02, -0.1, 0.1)]
PANELS = [
    Panel(
        "learning_rate", ("0.001", "0.003", "0.01"), (0.0, 1.5, 2.0), (0.6, 0.9, 0.7), (False, True, False)
    ),
    Panel("pooling", ("average", "max"), (0, 1, 1), (0.6, 0.9, 0.7), (False, True, True)),
]


def drawn(theme="light", bars=BARS, panels=PANELS):
    return draw_importance(
        bars, panels, measure="validation accuracy", title="What mattered", lead="A lead.", theme=theme
    )


@pytest.mark.parametrize("theme", THEMES)
def test_all_numbers_and_names_are_there_and_nothing_collides(theme):
    figure = drawn(theme)
    assert_tidy(figure)
    shown = texts(figure)
    for word in (
        "learning_rate",
        "depth",
        "0.4",
        "0.05",
        "\N{MINUS SIGN}0.02",
        "0.001",
        "average",
        "0.6",
        "0.9",
    ):
        assert word in shown
    assert "Validation accuracy of each trial" in shown


def test_bars_are_as_long_as_their_values():
    figure = drawn()
    wide = {bar.name: named(figure, bar.name)[0].get_width() for bar in BARS}
    assert wide["learning_rate"] / wide["depth"] == pytest.approx(0.4 / 0.05, rel=0.02)
    assert named(figure, "pooling")[0].get_x() < named(figure, "depth")[0].get_x()


def test_the_default_has_a_color_of_its_own_and_the_best_is_highest():
    figure = drawn(panels=PANELS[:1])
    theme = find_theme("light")
    marks = [each for each in figure.axes[0].collections if len(each.get_offsets())]
    colors = [tuple(np.rint(each.get_facecolor()[0] * 255).astype(int)) for each in marks]
    assert colors == [tuple(color_bytes(theme.first)), tuple(color_bytes(theme.second))]
    others, default = (each.get_offsets() for each in marks)
    assert default[0, 1] < others[:, 1].min()  # down the sheet is down the scale
    assert others[0, 0] < default[0, 0] < others[1, 0] + 100


def test_without_anything_to_show_the_reason_is_there():
    figure = drawn(bars=[], panels=[])
    assert "A lead." in texts(figure)
    assert_tidy(figure)
