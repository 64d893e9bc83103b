"""An explanation is good to read in a terminal, as Markdown and in a browser."""

import html
import re
from html.parser import HTMLParser

import keras
import pytest
from keras import layers

from convscope.kinds.registry import build
from convscope.lenses.pages.explanation import as_html, as_markdown, as_text
from convscope.scope.describe.explanation import explain

VOID = {"meta", "link", "br", "img", "input", "col"}


@pytest.fixture(scope="module")
def compact():
    return explain(build("compact_cnn", (48, 48, 1), 7))


@pytest.fixture(scope="module")
def long():
    stack = [keras.Input((32, 32, 3))]
    for _ in range(14):
        stack += [layers.Conv2D(4, 3, padding="same"), layers.BatchNormalization(), layers.ReLU()]
    return explain(keras.Sequential([*stack, layers.GlobalAveragePooling2D(), layers.Dense(2)], name="long"))


class Checker(HTMLParser):
    """Notes open tags, to see that each is closed, and everything that a page would load."""

    def __init__(self):
        super().__init__()
        self.open, self.loaded = [], []

    def handle_starttag(self, tag, attributes):
        if tag not in VOID:
            self.open.append(tag)
        self.loaded += [value for name, value in attributes if name in ("src", "href") and value != "data:,"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_text_keeps_to_its_width(compact, width):
    lines = as_text(compact, width).splitlines()
    assert max(map(len, lines)) <= width
    assert not any(line != line.rstrip() for line in lines)


def test_text_says_everything_in_order(compact):
    text = " ".join(as_text(compact).split())
    parts = [compact.name, compact.purpose, *compact.key_points, compact.blocks[0].text]
    parts += [note.text for note in compact.notes]
    places = [text.index(" ".join(part.split())) for part in parts]
    assert places == sorted(places)
    for layer in compact.layers:
        assert layer.path in text
        assert " ".join(layer.here.split()) in text


def test_numbers_stand_in_columns(compact):
    lines = as_text(compact).splitlines()
    heading = next(line for line in lines if "parameters" in line and "field" in line)
    end = heading.index("parameters") + len("parameters")
    for layer in compact.layers:
        if layer.parameters:
            line = next(line for line in lines if line.startswith(f"{layer.path} ("))
            assert line[:end].endswith(f" {layer.parameters:,}")


def test_what_a_kind_of_layer_does_is_said_once(compact):
    text = as_text(compact)
    assert text.count("A convolution slides kernels") == 1
    assert as_html(compact).count("A convolution slides kernels") == 1


def test_repeated_blocks_of_a_long_network_get_a_line_each(long):
    text = as_text(long)
    assert len(long.layers) == 44
    assert text.count("4 kernels of 3x3 over ") == 1
    assert text.count("(like ") == 13
    shown = sum(int(number.replace(",", "")) for number in re.findall(r" (\d[\d,]*) +<?[\d.]+%  ", text))
    assert shown >= long.parameters


def test_a_short_network_is_explained_in_full(compact):
    assert "(like " not in as_text(compact)


def test_markdown_has_a_table_of_all_layers(compact):
    page = as_markdown(compact)
    assert page.startswith("# compact\\_cnn\n")
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    assert len(rows) == len(compact.layers) + 1
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1


def test_the_page_is_well_formed_and_loads_nothing(compact):
    checker = Checker()
    page = as_html(compact)
    checker.feed(page)
    assert checker.open == []
    assert checker.loaded == []
    assert "prefers-color-scheme: dark" in page
    for sentence in (compact.purpose, *compact.key_points, *(note.text for note in compact.notes)):
        assert html.escape(sentence, quote=False) in page.replace("&#39;", "'").replace("&#34;", '"')


def test_the_page_of_a_long_network_holds_all_layers_in_full(long):
    page = as_html(long)
    assert "<details>" in page
    assert all(f">{layer.path} <" in page for layer in long.layers)


def test_names_cannot_break_out():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2, name="<b>|x`\x1b[31m")], name="<script>*a*")
    explanation = explain(model)
    page = as_html(explanation)
    assert "<script>" not in page
    assert "<b>" not in page
    assert "\x1b" not in as_text(explanation)
    assert "\x1b" not in as_markdown(explanation)
    assert "\\<script\\>\\*a\\*" in as_markdown(explanation)


def test_the_same_model_gives_the_same_pages(compact):
    assert as_html(compact) == as_html(compact)
