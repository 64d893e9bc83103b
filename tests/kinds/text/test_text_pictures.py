"""Texts in pictures: readable in every script, tidy at every length, and without the padding behind them."""

import itertools

import numpy as np
import pytest
from drawn import THEMES, assert_tidy, bar_limits, image, named, texts
from sample_texts import CJK, TEXTS, has_cjk

from convscope.errors import UsageError
from convscope.kinds.text.drawing.texts import as_terminal
from convscope.kinds.text.drawing.tokens import lay_out, token_values
from convscope.kinds.text.translation.attention import draw_alignment
from convscope.kinds.text.view import TokensView
from convscope.lenses.figures.attribution import draw_attributions, overlays_of
from convscope.lenses.figures.maps import draw_comparison, draw_maps
from convscope.lenses.sheet.glyphs import families_of, is_drawn, note_on_missing, parts_of
from convscope.lenses.sheet.lettering import printable, runs_right_to_left
from convscope.lenses.sheet.theme import LIGHT
from convscope.lenses.views.layer_maps import LayerMaps
from convscope.lenses.views.view import Sample
from convscope.scope.attribution.methods import Attribution

PADDING = 4
EVIL = "<script>alert(1)</script>"


def text(name, target=None):
    tokens = TEXTS[name]
    return Sample(TokensView(len(tokens) + PADDING, tokens, target), f"{name}.csv#1")


def written(sample, attributions):
    return sample.view.overlay_markup(overlays_of(attributions))


def layers_of(sample, channels=20, seed=0):
    rng, length = np.random.default_rng(seed), sample.view.length
    maps = rng.normal(0, 1, (length, channels))
    maps[len(sample.view.tokens) :] = 1000  # what stands at padding must never be seen
    return [
        LayerMaps("embedding", "a table", maps, (1,), (1.0,)),
        LayerMaps("pool", "the largest of each", np.abs(maps[0]), (None,), None),
    ]


def attribution(values, method="integrated-gradients", signed=True):
    return Attribution(
        method, "embedding", "out", 1, 0.9, np.asarray(values, np.float32), signed, {"steps": 64.0}
    )


@pytest.mark.parametrize("name", TEXTS)
def test_maps_of_any_text_are_drawn_tidily(name):
    sample = text(name)
    for theme in THEMES:
        assert_tidy(draw_maps(sample, layers_of(sample), channels=6, theme=theme))


def test_padding_is_neither_drawn_nor_does_it_choose_channels_or_colors():
    sample = text("short")
    layers = layers_of(sample)
    figure = draw_maps(sample, layers[:1], channels=3)
    kept = layers[0].maps[: len(sample.view.tokens)]
    strongest = np.argsort(-np.abs(kept).mean(0), kind="stable")[:3]
    assert bar_limits(figure) == [(kept[:, strongest].min(), kept[:, strongest].max())]
    said = texts(figure)
    assert [token for token in sample.view.tokens if token not in said] == []


def test_a_strip_has_the_colors_of_its_tokens():
    sample = text("short")
    layer = layers_of(sample)[0]
    figure = draw_maps(sample, [layer], channels=[7])
    strip = image(figure, "maps embedding")
    low, high = bar_limits(figure)[0]
    from convscope.lenses.sheet.theme import Scale

    expected = Scale(LIGHT, low, high, "diverging").colors(layer.maps[:, 7])
    spots = lay_out(sample.view.tokens, 1148).rows[0]
    for spot in spots:
        np.testing.assert_array_equal(strip[9, spot.left + spot.wide // 2], expected[spot.number])


def test_what_runs_from_right_to_left_begins_at_the_right():
    for name in ("arabic", "hebrew"):
        lines = lay_out(TEXTS[name], 1148)
        lefts = [spot.left for spot in lines.rows[0]]
        assert lines.right_to_left
        assert lefts == sorted(lefts, reverse=True)
        assert lefts[-1] == 0
    assert not lay_out(TEXTS["short"], 1148).right_to_left
    assert runs_right_to_left("(2024) שלום")
    assert not runs_right_to_left("film שלום")


def test_long_texts_are_wrapped_and_cut_with_a_note():
    lines = lay_out(TEXTS["long"], 1148, most=3)
    assert len(lines.rows) == 3
    assert lines.shown + lines.left_out == len(TEXTS["long"])
    assert lines.notes == (f"the first {lines.shown} of {len(TEXTS['long'])} tokens",)
    for row in lines.rows:
        assert all(a.left + a.wide == b.left for a, b in itertools.pairwise(row))
        assert row[-1].left + row[-1].wide <= 1148
    assert [spot.number for row in lines.rows for spot in row] == list(range(lines.shown))


def test_maps_of_other_lengths_are_brought_to_the_tokens():
    halves = np.arange(3.0)[None]
    np.testing.assert_array_equal(token_values(halves, 6, 6, (0, 1))[0], [0, 0, 1, 1, 2, 2])
    unpadded = np.arange(4.0)[None]
    np.testing.assert_array_equal(token_values(unpadded, 6, 6, (1 / 6, 5 / 6))[0], [0, 0, 1, 2, 3, 3])


def test_letters_of_other_scripts_find_their_font():
    assert families_of("plain") == ("DejaVu Sans",)
    if not has_cjk():
        pytest.skip("no installed font has Chinese letters; fonts-noto-cjk has")
    assert len(families_of("".join(CJK))) == 2
    assert printable("".join(CJK)) == "".join(CJK)
    assert note_on_missing(CJK) == ""


def test_letters_that_no_font_has_are_marked_and_it_is_said_what_to_install():
    letter = "\U00018b00"  # Khitan, which few machines can write
    if is_drawn(letter):
        pytest.skip("an installed font has even Khitan")
    assert printable(f"a {letter}") == "a \N{REPLACEMENT CHARACTER}"
    assert "Khitan" in note_on_missing(["a", letter])
    sample = Sample(TokensView(2, ("a", letter)))
    assert any("Khitan" in said for said in texts(draw_maps(sample, [LayerMaps("m", "", np.ones((2, 1)))])))


def test_emoji_are_whole_however_many_signs_they_are_made_of():
    parts = parts_of(" ".join(TEXTS["emoji"]))
    emoji = [part for part, whole in parts if whole]
    if not emoji:
        pytest.skip("no font of colored emoji is installed; fonts-noto-color-emoji is one")
    assert emoji == [TEXTS["emoji"][i] for i in (2, 3, 5)]
    sample = text("emoji")
    assert len(named(draw_maps(sample, layers_of(sample)[:1]), "emoji")) == 3


@pytest.mark.parametrize("name", TEXTS)
def test_attributions_of_any_text_are_drawn_and_written(name):
    sample = text(name)
    values = np.random.default_rng(0).normal(0, 1, sample.view.length)
    found = [attribution(values), attribution(np.abs(values), "grad-cam", False)]
    for theme in THEMES:
        assert_tidy(draw_attributions(sample, found, theme=theme))
    assert written(sample, found).count('dir="auto"') == 2
    assert len(as_terminal(sample.view.tokens, values).spans) <= len(sample.view.tokens)


def test_tokens_have_the_colors_of_their_values_on_every_surface():
    sample = text("short")
    values = np.zeros(sample.view.length)
    values[3], values[4] = 2.0, -1.0
    figure = draw_attributions(sample, [attribution(values)])
    assert image(figure, "token 3")[0, 0].tolist() != image(figure, "token 0")[0, 0].tolist()
    line = as_terminal(sample.view.tokens, values)
    assert [line.plain[span.start : span.end].strip() for span in line.spans] == ["n't", "bad"]
    assert line.plain.split() == list(sample.view.tokens)


def test_a_token_from_outside_is_escaped_on_a_page_and_plain_in_the_terminal():
    sample = Sample(TokensView(2, (EVIL, "\x1b[31mred")))
    page = written(sample, [attribution([1, 2])])
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "\x1b" not in as_terminal(sample.view.tokens, np.array([1.0, 2.0])).plain


def test_texts_are_compared_on_one_scale():
    samples = [text(name) for name in ("short", "arabic", "one")]
    maps = [layers_of(sample, seed=i)[0] for i, sample in enumerate(samples)]
    figure = draw_comparison(samples, maps, channels=4)
    assert_tidy(figure)
    assert len(set(bar_limits(figure))) == 1


@pytest.mark.parametrize(("source", "target"), [("short", "arabic"), ("arabic", "emoji"), ("long", "long")])
def test_any_alignment_is_drawn_tidily(source, target):
    source, target = TEXTS[source], TEXTS[target]
    weights = np.random.default_rng(0).dirichlet(np.ones(len(source) + 2), len(target) + 1)
    for theme in THEMES:
        draw_alignment(source, target, weights, theme=theme, caption="decoder1_attention")


def test_an_alignment_shows_its_weights_cell_by_cell():
    weights = np.array([[0.0, 1.0], [1.0, 0.0], [0.5, 0.5]])
    figure = draw_alignment(("a", "b"), ("x", "y", "z"), weights)
    assert_tidy(figure)
    drawn = image(figure, "alignment")
    high, wide = drawn.shape[0] // 3, drawn.shape[1] // 2
    cells = drawn[high // 2 :: high, wide // 2 :: wide, :3].astype(int).sum(-1)
    np.testing.assert_array_equal(cells.argmin(1)[:2], [1, 0])
    assert cells[2, 0] == cells[2, 1]


def test_an_alignment_that_does_not_fit_its_words_is_refused():
    with pytest.raises(UsageError, match="3 target and 2 source"):
        draw_alignment(("a", "b"), ("x", "y", "z"), np.ones((2, 2)))
    with pytest.raises(UsageError, match="needs tokens"):
        draw_alignment((), ("x",), np.ones((1, 1)))
