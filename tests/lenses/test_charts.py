"""Charts are well-formed, the same every time, colored by the page, and survive any name and number."""

import math
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convscope.lenses.sheet import charts

ROW = {"epoch": 1, "loss": 1.5, "accuracy": 0.4, "val_loss": 1.6, "val_accuracy": 0.35}
BINS = [
    {"lower": i / 15, "upper": (i + 1) / 15, "count": 4 * i, "confidence": (i + 0.5) / 15, "accuracy": i / 15}
    for i in range(15)
]


def parsed(svg):
    named = svg.replace("<svg ", '<svg xmlns:xlink="xlink" ', 1)
    return ElementTree.fromstring(named)


def texts(svg):
    return [element.text for element in parsed(svg).iter("text")]


def drawings():
    history = [ROW | {"epoch": epoch, "val_loss": 2 / epoch} for epoch in range(1, 9)]
    return [
        charts.curve(history, "loss"),
        charts.curve(history, "accuracy"),
        charts.confusion([[5, 1], [2, 3]], ["cat", "dog"]),
        charts.reliability(BINS),
    ]


def test_every_chart_takes_its_colors_from_the_page():
    for svg in drawings():
        parsed(svg)
        assert "var(--ink)" in svg or "var(--muted)" in svg
        assert "#0102" not in svg
        assert "http" not in svg
        assert 'role="img" aria-label="' in svg


def test_the_same_numbers_give_the_same_bytes():
    assert drawings() == drawings()


def test_drawing_leaves_matplotlib_as_it_was():
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    drawings()
    assert dict(mpl.rcParams) == before


def test_a_curve_names_both_lines_and_marks_the_best_epoch():
    history = [ROW | {"epoch": epoch, "val_loss": abs(epoch - 3) + 1.0} for epoch in range(1, 7)]
    assert {"train", "validation", "epoch"} <= set(texts(charts.curve(history, "loss")))


@pytest.mark.parametrize(
    ("metric", "best"), [("loss", 3), ("rmse", 3), ("perplexity", 3), ("accuracy", 1), ("f1", 1)]
)
def test_the_ring_stands_where_a_metric_is_best(metric, best, monkeypatch):
    rings = []
    original = charts._mark_best

    def marked(axes, *arguments, lowest):
        original(axes, *arguments, lowest=lowest)
        rings.append(axes.lines[-1].get_xdata()[0])

    monkeypatch.setattr(charts, "_mark_best", marked)
    values = (5.0, 4.0, 1.0, 2.0)
    history = [
        {"epoch": epoch, metric: value, f"val_{metric}": value} for epoch, value in enumerate(values, 1)
    ]
    charts.curve(history, metric)
    assert rings == [best]


@pytest.mark.parametrize(
    "history",
    [
        [ROW],
        [{"epoch": 1, "loss": 2.0}],
        [ROW, ROW | {"epoch": 2, "loss": math.nan, "val_loss": math.nan}],
        [ROW | {"val_loss": math.nan, "loss": math.nan}],
        [{key: str(value) for key, value in ROW.items()}, {"epoch": "2", "loss": "1.0", "val_loss": ""}],
    ],
)
def test_a_curve_is_drawn_from_whatever_epochs_there_are(history):
    assert "epoch" in texts(charts.curve(history, "loss"))


def test_a_small_confusion_matrix_shows_share_and_count():
    written = texts(charts.confusion([[3, 1], [0, 1000]], ["cat", "dog"]))
    assert {"75%", "3", "25%", "1", "100%", "1,000", "cat", "dog", "true", "predicted"} <= set(written)
    assert "0" not in written


def test_a_share_that_rounds_to_nothing_is_not_called_nothing():
    assert "<1%" in texts(charts.confusion([[999, 1], [0, 5]], ["cat", "dog"]))


@pytest.mark.parametrize("size", [1, 2, 7, 13, 60, 130, 400])
def test_any_number_of_classes_can_be_drawn(size):
    names = [f"class {i}" for i in range(size)]
    svg = charts.confusion([[int(i == j) for j in range(size)] for i in range(size)], names)
    named = [text for text in texts(svg) if text.startswith("class")]
    assert len(named) == 2 * size if size <= 60 else 20 <= len(named) < 2 * size


def test_a_class_without_samples_is_an_empty_row():
    assert "100%" in texts(charts.confusion([[2, 0], [0, 0]], ["cat", "dog"]))


def test_an_empty_reliability_diagram_is_drawn():
    assert "confidence" in texts(charts.reliability([each | {"count": 0} for each in BINS]))


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        "$x_{1}$",
        "猫 🐈",
        "\ud800",
        "a\x00b\nc",
        "&amp;",
        'id="q"',
        "#010200",
        "",
    ],
)
def test_a_name_is_text_and_nothing_else(name):
    svg = charts.confusion([[1, 0], [0, 1]], [name, "dog"])
    assert "<script" not in svg
    svg.encode("utf-8")
    if name.isprintable() and 0 < len(name) <= 22:
        assert name in texts(svg)


@given(st.text(max_size=40))
@settings(deadline=None, max_examples=25)
def test_any_name_at_all_is_drawn(name):
    parsed(charts.confusion([[1, 0], [0, 1]], [name, "dog"]))
