"""The other views of the page, narrow screens, screen readers."""

from __future__ import annotations

import csv
from pathlib import Path

import keras
import numpy as np
import pytest

from convscope import scope

LAYER = "block1_conv"
VIEWS = ("inspect", "why", "kernels", "data", "projection", "compare", "training")
AXE = Path(__file__).parent / "vendor/node_modules/axe-core/axe.min.js"


@pytest.fixture(scope="module")
def model(finished):
    return keras.models.load_model(finished.folder / "model.keras")


@pytest.fixture(scope="module")
def sample(studio):
    inputs, rows = studio.session.samples.rows_of("0")
    return np.asarray(inputs.take(np.array([rows[3]])))


def test_attributions_are_those_of_scope(opened, model, sample):
    opened.show(view="why", s=3, why="saliency", t=1)
    opened.wait("document.querySelector('cs-attribution')?.values")
    found = opened.value("() => [...document.querySelector('cs-attribution').values.data]")
    expected = scope.attribute(model, sample, "saliency", target=1)[0].values
    np.testing.assert_allclose(found, expected.ravel(), atol=1e-5 + 1e-3 * np.abs(expected).max())


def test_a_place_under_the_pointer_is_marked_in_all_attributions(opened):
    opened.show(view="why", s=3, why="saliency,grad-cam")
    opened.wait("[...document.querySelectorAll('cs-attribution')].filter((each) => each.values).length === 2")
    first = opened.page.locator("cs-attribution .raster").first.bounding_box()
    opened.page.mouse.move(first["x"] + first["width"] * 0.3, first["y"] + first["height"] * 0.6)
    cursors = opened.value(
        "() => [...document.querySelectorAll('cs-input-image')].map((each) => each.cursor)"
    )
    assert len(cursors) == 2
    assert cursors[0] == cursors[1] is not None


def test_kernels_are_those_of_scope(opened, model):
    opened.show(view="kernels", s=3, l=LAYER)
    opened.wait("document.querySelector('cs-kernels')?.dataset.painted")
    found = opened.value(
        "() => { const w = document.querySelector('cs-kernels').weights; return [w.shape, [...w.data]]; }"
    )
    expected = scope.kernels(model, LAYER).weights
    assert tuple(found[0]) == expected.shape
    np.testing.assert_allclose(found[1], expected.ravel(), rtol=1e-6)


def test_a_cell_of_the_confusion_matrix_filters_the_samples(opened, studio):
    opened.show(view="data", s=3)
    opened.page.wait_for_selector(".matrix td button")
    counts = [int(text or 0) for text in opened.page.locator(".matrix td button").all_inner_texts()]
    assert sum(counts) == len(studio.session.samples)
    largest = int(np.argmax(counts))
    opened.page.locator(".matrix td button").nth(largest).click()
    opened.wait(f"document.querySelectorAll('.sample').length === {min(counts[largest], 120)}")
    assert opened.address["label"] == str(largest // 3)
    opened.page.locator(".sample").first.click()
    opened.wait("document.querySelector('cs-maps')?.own")


def test_the_curves_are_those_of_the_history(opened, finished):
    opened.show(view="training", s=3)
    opened.page.wait_for_selector(".charts canvas")
    with (finished.folder / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    found = opened.value("() => document.querySelector('cs-training').history.series.val_loss")
    np.testing.assert_allclose(found, [float(row["val_loss"]) for row in rows])


def test_a_lasso_around_all_points_chooses_all_samples(opened, studio):
    opened.show(view="projection", s=3, l="classes")
    opened.wait(
        "document.querySelector('cs-projection')?.found && document.querySelector('.space-place canvas')"
    )
    opened.page.click("text=Lasso")
    box = opened.page.locator(".space-place").bounding_box()
    corners = [
        (2, 2),
        (box["width"] - 2, 2),
        (box["width"] - 2, box["height"] - 2),
        (2, box["height"] - 2),
        (2, 2),
    ]
    opened.page.mouse.move(box["x"] + 2, box["y"] + 2)
    opened.page.mouse.down()
    for x, y in corners:
        opened.page.mouse.move(box["x"] + x, box["y"] + y, steps=3)
    opened.page.mouse.up()
    assert opened.value("() => document.querySelector('cs-projection').chosen.length") == len(
        studio.session.samples
    )


def test_two_samples_are_subtracted(opened, model, studio):
    opened.show(view="compare", s=3, s2=50, l=LAYER)
    opened.wait("document.querySelector('cs-difference')?.planes")
    inputs, rows = studio.session.samples.rows_of("0")
    both = scope.record(model, np.asarray(inputs.take(np.array([rows[3], rows[50]]))), LAYER)[LAYER].array
    expected = np.moveaxis(both[0] - both[1], -1, 0)
    low, high = opened.value(
        "() => { const p = document.querySelector('cs-difference').planes; return [p.minimum, p.maximum]; }"
    )
    reach = np.ptp(both) / 255 + 1e-4
    np.testing.assert_allclose(low, expected.min((1, 2)), atol=reach)
    np.testing.assert_allclose(high, expected.max((1, 2)), atol=reach)


def test_a_drawing_is_answered_at_once(opened):
    """Horizontal stripes, drawn by the pointer, are what the model says of stripes that are horizontal."""
    opened.show(s=3, l=LAYER)
    opened.page.click("[data-way=draw]")
    opened.page.wait_for_selector(".pad")
    opened.value("() => { document.querySelector('cs-draw-pad').wide = 3; }")
    box = opened.page.locator(".pad").bounding_box()
    step = box["height"] / 16
    for row in (1.5, 7.5, 13.5):
        opened.page.mouse.move(box["x"] + 1, box["y"] + row * step)
        opened.page.mouse.down()
        opened.page.mouse.move(box["x"] + box["width"] - 1, box["y"] + row * step, steps=8)
        opened.page.mouse.up()
    opened.wait("location.hash.includes('s=u')")
    opened.wait("document.querySelector('cs-prediction').prediction?.predicted === 1")
    assert opened.page.locator(".answer strong").inner_text() == "horizontal"


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_is_wider_than_the_screen(opened, view):
    opened.show(view=view, s=3, l=LAYER)
    for width in (360, 1280, 3840):
        opened.page.set_viewport_size({"width": width, "height": 800})
        opened.page.wait_for_timeout(200)
        assert opened.value("() => document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_serious(opened, view, theme):
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm install --no-package-lock in tests/studio/vendor")
    opened.page.emulate_media(color_scheme=theme)
    opened.show(view=view, s=3, l=LAYER, c=1, at="4,4")
    opened.page.wait_for_timeout(1500)
    opened.value(AXE.read_text(encoding="utf-8"))
    found = opened.value("() => axe.run({ resultTypes: ['violations'] })")["violations"]
    serious = [
        (each["id"], [node["html"][:120] for node in each["nodes"][:3]])
        for each in found
        if each["impact"] in ("serious", "critical")
    ]
    assert not serious


def test_a_layer_that_the_model_does_not_have_gives_way_to_its_first(opened):
    opened.show(view="inspect", s=0, l="nolayer")
    opened.wait("location.hash.includes('l=block1_conv')")
    opened.wait("document.querySelector('cs-maps')?.planes || document.querySelector('cs-maps canvas')")


def test_samples_are_filtered_by_confidence(opened, studio):
    opened.show(view="data")
    opened.wait("document.querySelector('.sample')")
    confidences = studio.session.predicted["0"].confidences
    most = int(100 * np.median(confidences))
    opened.page.get_by_label("Most confidence in percent").fill(str(most))
    opened.page.keyboard.press("Tab")
    opened.wait(f"location.hash.includes('high={most / 100:g}')")
    count = int(np.sum(confidences <= most / 100))
    opened.page.wait_for_selector(rf"cs-samples .panel-head >> text=/\b{count} of \d/")
    assert 0 < count < len(confidences)


def test_paper_is_light_and_has_no_controls(opened):
    opened.page.emulate_media(color_scheme="dark", media="print")
    opened.show(s=3, l=LAYER)
    opened.wait("document.querySelector('cs-maps')?.own")
    ground, nav = opened.value(
        "() => [getComputedStyle(document.body).backgroundColor,"
        " getComputedStyle(document.querySelector('.top nav')).display]"
    )
    assert (ground, nav) == ("rgb(255, 255, 255)", "none")
    height, whole = opened.value(
        "() => { const { bottom } = document.querySelector('cs-maps').getBoundingClientRect();"
        " return [document.documentElement.scrollHeight, bottom]; }"
    )
    assert whole <= height


def test_a_server_that_is_gone_is_said_in_plain_words(opened):
    opened.show(s=3, l=LAYER)
    opened.wait("document.querySelector('cs-maps')?.own")
    opened.page.context.set_offline(True)
    opened.page.click("nav >> text=Kernels")
    said = opened.page.locator("main .problem").first
    said.wait_for()
    assert said.inner_text().startswith("The server does not answer.")
    assert "module" not in opened.page.locator("main").inner_text()
    opened.said.clear()  # the browser notes each request that failed


def test_the_theme_that_was_chosen_stays(opened):
    opened.show(s=3, l=LAYER)
    opened.page.click("text=Dark")
    assert opened.value("() => getComputedStyle(document.body).backgroundColor") == "rgb(19, 20, 22)"
    opened.page.reload()
    opened.page.wait_for_selector("cs-maps")
    assert opened.value("() => document.documentElement.dataset.theme") == "dark"
