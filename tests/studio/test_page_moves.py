"""What follows the pointer and the keys: sums where it rests, the effective field, the divider of maps."""

from __future__ import annotations

import time

import keras
import numpy as np
import pytest

from convscope import scope

LAYER, SAMPLE = "block2_conv", 5
SHOWN = "document.querySelector('cs-position').position"


@pytest.fixture(scope="module")
def model(finished):
    return keras.models.load_model(finished.folder / "model.keras")


@pytest.fixture(scope="module")
def sample(studio):
    inputs, rows = studio.session.samples.rows_of("0")
    return np.asarray(inputs.take(np.array([rows[SAMPLE]])))


def spot(opened, channel, at):
    """The middle of a position on the screen."""
    return opened.value(
        """async ([channel, at]) => {
          const panel = document.querySelector('cs-maps');
          const { layoutOf, usualSize } = await import('./static/map-layout.js');
          const { clientWidth, clientHeight } = panel.scroller;
          const layout = layoutOf(panel.planes, panel.planes.channels, clientWidth,
            usualSize(panel.planes, clientWidth, clientHeight));
          const box = panel.scroller.getBoundingClientRect();
          const { x, y, w, h } = layout.spot(channel, at);
          return [box.left + x + w / 2, box.top + y + h / 2];
        }""",
        [channel, list(at)],
    )


def test_where_the_pointer_rests_the_sum_is_shown_and_the_chosen_one_comes_back(opened, model, sample):
    opened.show(s=SAMPLE, l=LAYER, c=1, at="2,2")
    opened.wait(f"document.querySelector('cs-maps')?.own && {SHOWN}")
    chosen = opened.value(f"() => {SHOWN}")
    opened.page.mouse.move(*spot(opened, 3, (4, 6)))
    opened.wait(f"{SHOWN}.channel === 3")
    found = opened.value(f"() => {SHOWN}")
    expected = scope.position(model, sample, LAYER, 3, (4, 6))
    assert found["at"] == [4, 6]
    assert found["sum"] == pytest.approx(float(np.dot(found["patch"], found["kernel"])), abs=1e-5)
    assert found["value"] == pytest.approx(expected.value, abs=1e-5)
    assert "under the pointer" in opened.page.locator("cs-position .panel-head").inner_text()
    assert opened.address["c"] == "1"
    opened.page.mouse.move(1270, 790)
    opened.wait(f"{SHOWN}.channel === 1")
    assert opened.value(f"() => {SHOWN}") == chosen
    assert "under the pointer" not in opened.page.locator("cs-position .panel-head").inner_text()


def test_the_effective_field_is_that_of_scope_and_follows_the_pointer(opened, model, sample):
    opened.show(s=SAMPLE, l=LAYER, c=1, at="2,2")
    opened.wait("document.querySelector('cs-maps')?.own")
    opened.page.click("text=Effective field")
    assert opened.address["weigh"] == "1"
    for channel, at in ((1, (2, 2)), (3, (4, 6))):
        opened.page.mouse.move(*(spot(opened, channel, at)))
        opened.wait(f"document.querySelector('cs-input').effective?.about.channel === {channel}")
        found = opened.value("() => { const e = document.querySelector('cs-input').effective;"
                             " return [e.array.shape, [...e.array.data], e.about.spans]; }")  # fmt: skip
        expected = scope.effective_field(model, sample, LAYER, channel, at)
        assert tuple(found[0]) == expected.values.shape
        scale = expected.values.max()
        np.testing.assert_allclose(found[1], expected.values.ravel(), atol=1e-3 * scale + 1e-9)
        assert found[2] == [list(each) for each in expected.spans]
    drawn = "document.querySelector('cs-input-image .attribution')"
    assert opened.value(f"() => !{drawn}.hidden")
    opened.page.click("text=Effective field")
    opened.wait(f"{drawn}.hidden")


@pytest.fixture
def swiped(opened):
    """Two samples under a divider."""
    opened.show(view="compare", s=SAMPLE, s2=50, l="block1_conv", c=2, way="swipe")
    opened.wait(
        "document.querySelector('cs-swipe')?.sides && document.querySelector('.swipe canvas').width > 9"
    )
    return opened


def share(opened):
    return opened.value("() => document.querySelector('cs-swipe').share")


def test_the_divider_follows_pointer_touch_and_keys(swiped):
    box = swiped.page.locator(".swipe").bounding_box()
    middle = box["y"] + box["height"] / 2
    swiped.page.mouse.move(box["x"] + box["width"] / 2, middle)
    swiped.page.mouse.down()
    swiped.page.mouse.move(box["x"] + box["width"] * 0.25, middle, steps=4)
    swiped.page.mouse.up()
    assert share(swiped) == pytest.approx(0.25, abs=0.01)
    assert float(swiped.address["swipe"]) == pytest.approx(0.25, abs=0.01)
    swiped.value(
        """([x, y]) => { const place = document.querySelector('.swipe');
          const touch = { pointerType: 'touch', pointerId: 1, buttons: 1, bubbles: true,
            clientX: x, clientY: y };
          const told = (kind) => place.dispatchEvent(new PointerEvent(kind, touch));
          place.setPointerCapture = () => {};
          told('pointerdown'); told('pointerup'); }""",
        [box["x"] + box["width"] * 0.75, middle],
    )
    assert share(swiped) == pytest.approx(0.75, abs=0.01)
    swiped.page.focus(".swipe")
    swiped.page.keyboard.press("ArrowLeft")
    assert share(swiped) == pytest.approx(0.73, abs=0.01)
    swiped.page.keyboard.press("Home")
    swiped.wait("document.querySelector('.swipe').getAttribute('aria-valuenow') === '0'")
    swiped.page.keyboard.press("End")
    swiped.wait("document.querySelector('.swipe').getAttribute('aria-valuenow') === '100'")
    swiped.page.reload()
    swiped.wait("document.querySelector('cs-swipe')?.share === 1")


def test_each_side_of_the_divider_has_the_colors_of_its_values(swiped):
    """Left those of A, right those of B, by the scale of both."""
    found = swiped.value(
        """async () => {
          const { cssColor } = await import('./static/colors.js');
          const panel = document.querySelector('cs-swipe');
          const canvas = document.querySelector('.swipe canvas');
          const context = canvas.getContext('2d');
          const [rows, columns] = panel.sides[0].positions;
          const [h, w] = [canvas.height / rows, canvas.width / columns];
          const pairs = [];
          for (const [row, column] of [[2, 1], [8, 6], [9, 9], [12, 14]]) {
            const side = column < columns / 2 ? panel.sides[0] : panel.sides[1];
            const [x, y] = [Math.floor((column + 0.5) * w), Math.floor((row + 0.5) * h)];
            const value = side.value(panel.channel, [row, column]);
            const said = cssColor(value, side.scale(panel.channel, 'layer'), 'light');
            const seen = [...context.getImageData(x, y, 1, 1).data].slice(0, 3);
            pairs.push([seen, said.match(/\\d+/g).map(Number)]);
          }
          return [pairs, panel.sides.map(({ low, high }) => [low, high]), panel.channel];
        }"""
    )
    pairs, (a, b), channel = found
    assert channel == 2
    assert a == b
    for seen, said in pairs:
        assert np.abs(np.array(seen) - said).max() <= 1


def test_maps_that_do_not_lie_over_each_other_are_not_swiped(opened):
    opened.show(view="compare", s=SAMPLE, l="block1_conv", l2=LAYER, way="swipe")
    opened.wait("document.querySelector('cs-swipe')?.sides")
    said = opened.page.locator("cs-swipe").inner_text()
    assert "do not lie over each other" in said
    opened.page.click("text=Difference")
    opened.page.wait_for_selector("cs-difference")
    assert opened.address["way"] == "difference"


def test_a_long_tsne_is_stopped_by_a_button(opened, studio):
    """It waits for its turn here, as it would behind another one."""
    placer = studio.session.placer
    with placer._turn:
        opened.show(view="projection", s=SAMPLE, l="classes", proj="tsne")
        opened.page.click("text=Stop t-SNE")
        opened.wait("location.hash.includes('proj=pca')")
        end = time.monotonic() + 30
        while any("tsne" in key for key in placer._wanted) and time.monotonic() < end:
            opened.page.wait_for_timeout(20)
        assert not any("tsne" in key for key in placer._wanted)
    opened.wait("document.querySelector('cs-projection').found")
    assert opened.page.locator("text=Stop t-SNE").count() == 0
