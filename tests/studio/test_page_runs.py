"""A real run of each kind in a browser: numbers behind drawings are those of scope, sums those of NumPy."""

from __future__ import annotations

import io

import keras
import numpy as np
import pytest
from opened_studio import array_of, json_of, let_in, npy
from PIL import Image
from small_runs import RUNS, SAMPLE, SLOW
from studio_pages import array_in

from convscope import scope
from convscope.kinds.registry import kinds
from convscope.scope.geometry.geometry import geometries
from convscope.scope.graph.layer_io import input_of
from convscope.workflows.inspect.attribution import explained

DRAWN = "document.querySelector('cs-input .input-place').firstElementChild"
VIEWS = ("why", "kernels", "data", "projection", "compare", "training")


def point_at(page, channel, at):
    """Moves the pointer over the middle of a position of a map; gives what the page says lies there."""
    spot = page.value(
        """async ([channel, at]) => {
          const { layoutOf, usualSize } = await import('./static/map-layout.js');
          const { store } = await import('./static/store.js');
          const panel = document.querySelector('cs-maps');
          const { clientWidth, clientHeight } = panel.scroller;
          const layout = layoutOf(panel.planes, panel.planes.channels, clientWidth,
            usualSize(panel.planes, clientWidth, clientHeight));
          const { x, y, w, h } = layout.spot(channel, at);
          const box = panel.scroller.getBoundingClientRect();
          return [box.left + x + w / 2, box.top + y + h / 2];
        }""",
        [channel, list(at)],
    )
    page.page.mouse.move(*spot)
    page.wait("document.querySelector('cs-input .input-place').firstElementChild.field")
    hover = page.value(
        "async () => (await import('./static/store.js')).store.hover"  # layer, channel, position
    )
    return spot, hover


def fed_to(run, path):
    """What a layer is given for the sample, without the batch axis: what the layer before it puts out."""
    given = run.graph.find(path).inputs[0]
    makers = [call.path for call in run.graph.calls if given in call.outputs and call.kind == "layer"]
    if not makers:
        return np.asarray(keras.tree.flatten(run.x)[0])[0]
    return scope.record(run.model, run.x, makers)[makers[-1]].array[0]


def patch_of(fed, places):
    """What lies under a kernel: values at its places along each axis, 0 outside of the input."""
    for axis, along in enumerate(places):
        inside = np.take(fed, np.maximum(along, 0), axis=axis)
        outside = (np.asarray(along) < 0).reshape([-1 if each == axis else 1 for each in range(fed.ndim)])
        fed = np.where(outside, 0, inside)
    return fed


def check_sum(run, found, path, recorded, at, channel):
    """The numbers of a position, against NumPy and against what the layer puts out."""
    patch, kernel, products = (np.array(found[name]) for name in ("patch", "kernel", "products"))
    np.testing.assert_allclose(products, patch * kernel, rtol=1e-6, atol=1e-12)
    assert found["sum"] == pytest.approx(products.sum(), abs=1e-6)
    assert found["before"] == pytest.approx(found["sum"] + found["bias"], abs=1e-9)
    exact = recorded[(*at, channel)]
    assert found["value"] == pytest.approx(exact, rel=2e-3, abs=2e-5)
    layer = run.model.get_layer(path)
    if type(layer).__name__ not in ("Dense", "Conv1D", "Conv2D", "Conv3D"):
        return
    weights = layer.get_weights()[0]
    np.testing.assert_allclose(kernel.reshape(found["shape"]), weights[..., channel], rtol=1e-6)
    fed = fed_to(run, path)
    taken = patch_of(fed, found["places"]) if found["places"] else fed[tuple(at)]
    np.testing.assert_allclose(patch.reshape(found["shape"]), taken, rtol=1e-4, atol=1e-5)


def test_all_that_is_shown_of_a_sample_is_of_scope_and_numpy(run, page):
    check_drawing(run, page)
    check_maps(run, page)
    check_places(run, page)


def check_maps(run, page):
    """Maps, what the position under the pointer depends on, and its sum where it is clicked."""
    path = page.address["l"]
    array = scope.record(run.model, run.x, path)[path].array[0]
    recorded = np.moveaxis(array, -1, 0)
    steps = page.value(
        "() => { const p = document.querySelector('cs-maps').own;"
        " return { shape: [p.channels, ...p.positions], data: [...p.data],"
        " low: p.minimum, high: p.maximum }; }"
    )
    low, high = (np.array(steps[name]).reshape(-1, *[1] * (recorded.ndim - 1)) for name in ("low", "high"))
    values = low + np.array(steps["data"]).reshape(steps["shape"]) / 255 * (high - low)
    assert values.shape == recorded.shape
    assert np.all(np.abs(values - recorded) <= (high - low) / 255 / 2 + 1e-4)

    channel = min(1, len(recorded) - 1)
    at = [length // 2 for length in recorded.shape[1:]][-2:]
    spot, hover = point_at(page, channel, at)
    assert hover["channel"] == channel
    assert hover["at"][-2:] == at
    where = geometries(run.graph, input_of(run.graph, path))[path]
    field = page.value("() => document.querySelector('cs-input .input-place').firstElementChild.field")
    assert tuple(map(tuple, field)) == tuple(where.window(hover["at"]))
    said = page.page.locator("cs-maps .readout").inner_text()
    assert said.startswith(f"map {channel} at ({', '.join(map(str, hover['at']))})")

    page.page.mouse.click(*spot)
    page.wait("document.querySelector('cs-position')?.position")
    found = page.value("() => document.querySelector('cs-position').position")
    assert (found["channel"], found["at"]) == (channel, hover["at"])
    check_sum(run, found, path, array, hover["at"], channel)


def check_drawing(run, page):
    """The drawing is of the numbers that the model takes, and shows something in both themes."""
    drawn = array_in(page, "document.querySelector('cs-input .input-place').firstElementChild.arrays.input")
    shown = run.studio.session.observed(run.studio.session.models["0"], SAMPLE).shown
    np.testing.assert_allclose(drawn, np.asarray(shown, np.float64), rtol=1e-5, atol=1e-6)
    taken = [np.asarray(each)[0] for each in keras.tree.flatten(run.x)]
    assert any(np.array_equal(np.ravel(each), np.ravel(shown)) for each in taken)
    for theme in ("dark", "light"):
        page.page.emulate_media(color_scheme=theme)
        page.page.wait_for_timeout(200)
        picture = page.page.locator("cs-input .input-place").screenshot()
        with Image.open(io.BytesIO(picture)) as image:
            colors = image.convert("RGB").getcolors(1 << 24)
        ground = max(colors)[0] / sum(count for count, _ in colors)
        assert len(colors) > 8
        assert ground < 0.998  # more is drawn than the ground


def test_every_view_shows_a_run_without_a_problem(run, page):
    path = page.address["l"]
    check_attributions_and_kernels(run, page, path)
    for view in VIEWS:
        page.show(s=SAMPLE, view=view, l=path)
        page.page.wait_for_timeout(400)
        assert page.page.locator(".problem").all_inner_texts() == [], view
        page.page.set_viewport_size({"width": 360, "height": 800})
        page.page.wait_for_timeout(60)
        assert page.value("() => document.documentElement.scrollWidth") <= 360, view
        page.page.set_viewport_size({"width": 1280, "height": 900})
    page.show(s=SAMPLE, view="data")
    page.page.wait_for_selector(".sample")
    count = len(run.studio.session.samples)
    assert page.page.locator("cs-samples .panel-head .muted").inner_text().startswith(f"{count} of ")


def check_attributions_and_kernels(run, page, path):
    """They are those of scope."""
    page.show(s=SAMPLE, view="why", why="saliency", t=0)
    page.wait("document.querySelector('cs-attribution')?.values")
    seen = array_in(page, "document.querySelector('cs-attribution').values")
    expected = explained(run.model, run.graph, run.x, "saliency", target=0)[0].values
    described = run.studio.session.observed(run.studio.session.models["0"], SAMPLE).description
    joined = expected if described is None else described.joined(np.asarray(expected), added=True)
    np.testing.assert_allclose(seen, joined, rtol=1e-3, atol=1e-5)
    page.show(s=SAMPLE, view="kernels", l=path, c=0)
    if page.page.locator("cs-kernels .muted", has_text="has no kernel").count():
        return
    page.wait("document.querySelector('cs-kernels')?.dataset.painted")
    np.testing.assert_allclose(
        array_in(page, "document.querySelector('cs-kernels').weights"),
        scope.kernels(run.model, path).weights,
        rtol=1e-6,
    )


def check_places(run, page):
    """No answer names a folder of this machine."""
    told = page.value(
        """async (paths) => Promise.all(paths.map(async (path) => (await fetch(path)).text()))""",
        ["api/state", f"api/samples/{SAMPLE}/input.json", f"api/models/0/samples/{SAMPLE}/prediction"],
    )
    place = str(run.studio.session.models["0"].loaded.run.folder.parent)
    assert not [text for text in told if place in text]


def test_there_is_a_run_of_each_kind_that_has_an_element():
    shown = {kind.name for kind in kinds() if kind.studio is not None}
    assert shown == {each.kind for name, each in RUNS.items() if name not in SLOW}


@pytest.mark.slow
@pytest.mark.parametrize("run", ["image-detection", "points-detection"], indirect=True)
def test_boxes_are_drawn_where_they_are_found(run, page):
    told = page.value(
        "async (path) => (await (await fetch(path)).json())", f"api/models/0/samples/{SAMPLE}/prediction"
    )
    found = run.studio.session.models["0"]
    inputs, rows = run.studio.session.samples.rows_of("0")
    recipe, samples = found.loaded.recipe, inputs.samples.take(np.array([rows[int(SAMPLE)]]))
    expected = recipe.to_predictions(
        inputs.predict(np.array([rows[int(SAMPLE)]])), samples, found.loaded.class_names
    )
    assert len(told["marks"]) == len(told["cells"]) == len(expected)
    assert [mark["name"] for mark in told["marks"]] == [each.class_name for each in expected]
    for mark, each in zip(told["marks"], expected, strict=True):
        assert mark["score"] == pytest.approx(each.score, abs=1e-5)
        if run.name == "image-detection":  # pictures are as large as the input
            np.testing.assert_allclose(mark["box"], each.corners, atol=1e-3)
        else:
            place = found.loaded.representation.place(samples.load(0))
            np.testing.assert_allclose(mark["box"], each.values - np.append(place, np.zeros(4)), atol=1e-4)
    page.wait(f"{DRAWN}.over?.known")
    assert page.value(f"() => {DRAWN}.over.found.marks") == told["marks"]
    known = page.value(f"() => {DRAWN}.over.known.marks")
    label = run.studio.session.labeled(found, SAMPLE).label
    assert len(known) == len(label) > 0
    if run.name == "image-detection":
        np.testing.assert_allclose([each["box"] for each in known], label.corners, atol=1e-6)
    page.page.click(".over-known")
    page.wait(f"!{DRAWN}.over.known && {DRAWN}.over.found")


@pytest.mark.slow
@pytest.mark.parametrize("run", ["image-segmentation", "volume-segmentation"], indirect=True)
def test_masks_lie_over_the_input_as_they_are_found_and_known(run, page):
    page.wait(f"{DRAWN}.over?.known && {DRAWN}.over.found")
    found = array_in(page, f"{DRAWN}.over.found.mask")
    np.testing.assert_array_equal(found, np.asarray(run.model(run.x))[0].argmax(axis=-1))
    labeled = run.studio.session.labeled(run.studio.session.models["0"], SAMPLE)
    mask = labeled.label.load()
    if run.name == "image-segmentation":
        expected = mask
    else:  # the windows are of the middle, and the voxels as they are
        starts = [(side - 8) // 2 for side in mask.shape]
        expected = mask[tuple(slice(start, start + 8) for start in starts)]
    known = array_in(page, f"{DRAWN}.over.known.mask")
    np.testing.assert_array_equal(known, expected)
    painted, plane = page.value(
        f"""() => {{ const c = {DRAWN}.querySelector('canvas.classes');
          const {{ data }} = c.getContext('2d').getImageData(0, 0, c.width, c.height);
          return [[...data].filter((_, i) => i % 4 === 3).map(Boolean), {DRAWN}.place?.[0] ?? null]; }}"""
    )
    seen = found if plane is None else found[plane]
    names = run.studio.session.models["0"].loaded.class_names
    objects = np.array([name != "background" for name in names])
    np.testing.assert_array_equal(np.array(painted).reshape(seen.shape), objects[seen.astype(int)])
    share = np.mean(found != known)
    said = page.page.locator("cs-input p", has_text="Another class").inner_text()
    assert said.endswith(
        "at no position." if share == 0 else f"{100 * share:.{int(share < 0.0995)}f}% of the positions."
    )


@pytest.mark.slow
@pytest.mark.parametrize("run", ["image-segmentation"], indirect=True)
def test_of_an_input_of_ones_own_a_mask_is_found_and_none_known(run):
    with let_in(run.studio) as client:
        values = array_of(client.get(f"api/samples/{SAMPLE}/input.npy"))
        sent = {"content": npy(values), "headers": {"Content-Type": "application/x-npy"}}
        own = json_of(client.post("api/inputs", **sent))["id"]
        one, other = (
            array_of(client.get(f"api/models/0/samples/{sample}/mask.npy")) for sample in (own, SAMPLE)
        )
        told = json_of(client.get(f"api/models/0/samples/{own}/prediction"))
        assert json_of(client.get(f"api/samples/{own}/input.json"))["truth"] is None
        assert client.get(f"api/samples/{own}/mask.npy").status_code == 409
    np.testing.assert_array_equal(one, other)
    assert list(told["cells"][0]) == ["classes"]


@pytest.mark.slow
@pytest.mark.parametrize("run", ["image-detection", "points-detection"], indirect=True)
def test_boxes_of_an_input_of_ones_own_are_those_of_the_sample_that_it_repeats(run):
    with let_in(run.studio) as client:
        values = array_of(client.get(f"api/samples/{SAMPLE}/input.npy"))
        sent = {"content": npy(values), "headers": {"Content-Type": "application/x-npy"}}
        own = json_of(client.post("api/inputs", **sent))["id"]
        one, other = (
            json_of(client.get(f"api/models/0/samples/{sample}/prediction"))["marks"]
            for sample in (own, SAMPLE)
        )
    assert len(one) == len(other) > 0
    for mark, expected in zip(one, other, strict=True):
        assert mark["name"] == expected["name"]
        np.testing.assert_allclose(mark["box"], expected["box"], atol=1e-4)
