"""The page in a browser: the numbers behind its canvases are those of scope, its sums those of NumPy."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import convscope
from convscope import scope
from convscope.scope.describe.explanation import explain

LAYER = "block1_conv"
SAMPLE = 5


@pytest.fixture(scope="module")
def model(finished):
    return keras.models.load_model(finished.folder / "model.keras")


@pytest.fixture(scope="module")
def sample(studio):
    """A sample as the model takes it, with a batch axis."""
    inputs, rows = studio.session.samples.rows_of("0")
    return np.asarray(inputs.take(np.array([rows[SAMPLE]])))


@pytest.fixture
def inspected(opened):
    """The view of maps, with all of its numbers there."""
    opened.show(s=SAMPLE, l=LAYER)
    opened.wait(
        "document.querySelector('cs-maps')?.own && document.querySelector('cs-prediction')?.prediction"
    )
    opened.wait("document.querySelector('cs-input .values')?.width > 1")
    return opened


def planes(opened):
    """Bytes and scales behind the canvas of maps."""
    found = opened.value(
        "() => { const p = document.querySelector('cs-maps').own;"
        " return {shape: [p.channels, ...p.positions], data: [...p.data], low: p.minimum, high: p.maximum}; }"
    )
    data = np.array(found["data"], np.float64).reshape(found["shape"])
    low, high = (np.array(found[name])[:, None, None] for name in ("low", "high"))
    return low + data / 255 * (high - low), np.broadcast_to(high - low, data.shape)


def test_maps_are_those_of_scope(inspected, model, sample):
    recorded = np.moveaxis(scope.record(model, sample, LAYER)[LAYER].array[0], -1, 0)
    values, ranges = planes(inspected)
    assert values.shape == recorded.shape
    assert np.all(np.abs(values - recorded) <= ranges / 255 / 2 + 1e-5)


def test_pixels_have_the_colors_of_their_values(inspected):
    """The canvas is read at the middle of some positions, and compared with the color table of the page."""
    pixels = inspected.value(
        """async () => {
          const { cssColor } = await import('./static/colors.js');
          const panel = document.querySelector('cs-maps');
          const { layoutOf, usualSize } = await import('./static/map-layout.js');
          const { clientWidth, clientHeight } = panel.scroller;
          const layout = layoutOf(panel.planes, panel.planes.channels, clientWidth,
            usualSize(panel.planes, clientWidth, clientHeight));
          const context = panel.canvas.getContext('2d');
          return [[0, 1, 1], [1, 7, 3], [2, 12, 14]].map(([channel, row, column]) => {
            const { x, y, w, h } = layout.spot(channel, [row, column]);
            const seen = [...context.getImageData(Math.floor(x + w / 2), Math.floor(y + h / 2), 1, 1).data];
            const value = panel.planes.value(channel, [row, column]);
            const said = cssColor(value, panel.planes.scale(channel, 'layer'), 'light');
            return [seen.slice(0, 3), said.match(/\\d+/g).map(Number)];
          });
        }"""
    )
    for seen, said in pixels:
        assert np.abs(np.array(seen) - said).max() <= 1


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colors_are_those_of_the_figures(opened, theme):
    """Both interpolate: the page between 33 colors, the figures between 256."""
    from convscope.lenses.sheet.theme import Scale, find_theme

    opened.show(s=SAMPLE, l=LAYER)
    for kind, low, high in (("sequential", 0.0, 1.0), ("diverging", -1.0, 1.0)):
        numbers = np.linspace(low, high, 41)
        seen = opened.value(
            "async ([numbers, scale, theme]) => { const { cssColor } = await import('./static/colors.js');"
            " return numbers.map((value) => cssColor(value, scale, theme).match(/\\d+/g).map(Number)); }",
            [numbers.tolist(), {"low": low, "high": high, "kind": kind}, theme],
        )
        drawn = Scale(find_theme(theme), low, high, kind).colors(numbers)[:, :3].astype(int)
        assert np.abs(np.array(seen) - drawn).max() <= 5


def pointed(opened, channel, at, action="move"):
    """Moves the pointer over a position of a map."""
    spot = opened.value(
        """async ([channel, at]) => {
          const panel = document.querySelector('cs-maps');
          const { layoutOf, usualSize } = await import('./static/map-layout.js');
          const { clientWidth, clientHeight } = panel.scroller;
          const layout = layoutOf(panel.planes, panel.planes.channels, clientWidth,
            usualSize(panel.planes, clientWidth, clientHeight));
          const box = panel.scroller.getBoundingClientRect();
          const { x, y, w, h } = layout.spot(panel.channels.indexOf(channel), at);
          return [box.left + x + w / 2, box.top + y + h / 2];
        }""",
        [channel, at],
    )
    getattr(opened.page.mouse, action)(*spot)


@pytest.mark.parametrize("at", [(0, 0), (6, 9), (15, 15)])
def test_the_field_that_lights_up_is_that_of_scope(inspected, model, sample, at):
    pointed(inspected, 1, at)
    inspected.wait("document.querySelector('cs-input').field")
    window = scope.record(model, sample, LAYER)[LAYER].geometry.window(at)
    assert inspected.value("() => document.querySelector('cs-input').field") == [
        list(ends) for ends in window
    ]
    shaded = inspected.value(
        """() => { const c = document.querySelector('cs-input .field'); const d = c.getContext('2d');
          const [[top], [left]] = document.querySelector('cs-input').field;
          const [h, w] = [c.height / 16, c.width / 16];
          const alpha = (row, column) => d.getImageData((column + 0.5) * w, (row + 0.5) * h, 1, 1).data[3];
          return [alpha(top + 0.5, left + 0.5), alpha((top + 8) % 16, (left + 8) % 16)]; }"""
    )
    assert shaded[0] == 0
    assert shaded[1] > 100


def test_a_click_takes_a_position_apart(inspected, model, sample):
    pointed(inspected, 2, (4, 7), "click")
    inspected.wait("document.querySelector('cs-position').position")
    found = inspected.value("() => document.querySelector('cs-position').position")
    assert (found["channel"], found["at"]) == (2, [4, 7])
    expected = scope.position(model, sample, LAYER, 2, (4, 7))
    np.testing.assert_allclose(found["patch"], expected.patch.ravel(), rtol=1e-6)
    np.testing.assert_allclose(found["kernel"], expected.kernel.ravel(), rtol=1e-6)
    total = float(np.sum(np.array(found["patch"]) * np.array(found["kernel"])))
    assert found["sum"] == pytest.approx(total, abs=1e-5)
    assert found["before"] == pytest.approx(found["sum"] + found["bias"], abs=1e-9)
    assert found["value"] == pytest.approx(max(found["before"], 0), abs=1e-6)
    shown = inspected.page.locator(".equation td").all_inner_texts()
    numbers = [float(text.replace("\N{MINUS SIGN}", "-")) for text in shown]
    assert numbers[0] + numbers[1] == pytest.approx(numbers[2], abs=2e-4)
    assert numbers[3] == pytest.approx(expected.value, abs=1e-4)


def test_keys_move_the_position_and_the_address_holds_it(inspected):
    inspected.page.focus(".maps-scroll")
    inspected.page.keyboard.press("Enter")
    inspected.page.keyboard.press("ArrowRight")
    inspected.page.keyboard.press("ArrowDown")
    inspected.page.keyboard.press("PageDown")
    assert inspected.address["at"] == "9,9"
    assert inspected.address["c"] == "1"
    inspected.page.reload()
    inspected.wait("document.querySelector('cs-position')?.position")
    assert inspected.value("() => document.querySelector('cs-position').position.at") == [9, 9]


def test_the_explanation_of_the_layer_stands_beside_it(inspected, model):
    said = " ".join(inspected.page.locator("cs-explain").inner_text().split())
    (row,) = (layer for layer in explain(model).layers if layer.path == LAYER)
    assert row.here in said
    assert row.about in said


def test_back_undoes_the_choice_of_a_layer(inspected):
    inspected.page.click(".layer-row [title=block2_conv]")
    assert inspected.address["l"] == "block2_conv"
    inspected.page.go_back()
    inspected.wait("location.hash.includes('l=block1_conv')")
    assert inspected.page.locator("cs-maps h2").inner_text() == LAYER


def test_the_prediction_is_that_of_the_run(inspected, finished, pictures):
    """With its calibration, as `predict` says it."""
    name = inspected.page.locator(".sample-name").inner_text()
    (row,) = convscope.predict(finished.folder, [pictures / name]).rows
    found = inspected.value("() => document.querySelector('cs-prediction').prediction.probabilities")
    np.testing.assert_allclose(found, list(row.probabilities.values()), atol=1e-3)
    texts = inspected.page.locator("cs-prediction .bar-name").all_inner_texts()
    assert [text.replace("●", "").strip() for text in texts] == list(row.probabilities)


def test_an_order_by_strength_puts_the_strongest_map_first(inspected, model, sample):
    inspected.page.select_option("cs-maps select >> nth=0", "strength")
    recorded = scope.record(model, sample, LAYER)[LAYER].array[0]
    order = inspected.value("() => document.querySelector('cs-maps').channels")
    strengths = np.abs(recorded).mean((0, 1))[order]
    assert sorted(order) == list(range(recorded.shape[-1]))
    assert strengths[0] >= strengths[-1]


def test_a_layer_that_nothing_is_known_of_says_what_to_do(opened):
    opened.show(s=SAMPLE, l="flatten")
    opened.wait("document.querySelector('cs-maps')")
    assert opened.page.locator("cs-position").inner_text()
