"""Elements of kinds in a browser, on made arrays: what clicks tell, and arrays that are read and written."""

from __future__ import annotations

import io

import numpy as np
import pytest

RNG = np.random.default_rng(0)
TOKENS = ["the", "film", "was", "rather", "good"]
GRAPH = {
    "names": ["a", "b", "c", "d"],
    "edges": [[0, 1], [1, 2], [2, 3]],
    "weights": None,
    "places": [[0.1, 0.1], [0.4, 0.5], [0.6, 0.5], [0.9, 0.9]],
    "centers": [0],
    "hops": None,
    "directed": False,
    "depth": None,
    "note": "",
}
TIME = {"name": "time", "unit": "s", "length": 40, "start": 0, "step": 0.5}
SAMPLES = {
    "image": ((12, 10, 3), {"limits": [0, 1]}, [[2, 5], [3, 6]], (12, 10)),
    "text": ((5,), {"tokens": TOKENS, "target": None}, [[1, 3]], (5,)),
    "graph": ((4, 3), {"graph": GRAPH}, [[1, 2]], (4,)),
    "volume": ((9, 10, 11, 1), {}, [[2, 5], [3, 6], [4, 7]], (9, 10, 11)),
    "video": ((6, 12, 10, 1), {"axes": [TIME]}, [[2, 5], [3, 6], [4, 7]], (6, 12, 10)),
}
"""Shape, what is told besides, a field, and the shape of an attribution, by kind."""

MOUNT = """async ([script, name, shape, data, meta, field, overlay, overlayShape]) => {
  await import(new URL(script, location.href).href);
  const place = document.createElement('div');
  place.style.width = '600px';
  document.querySelector('main').replaceChildren(place);
  const element = document.createElement(name);
  window.drawn = element;
  window.picked = [];
  element.addEventListener('cs-pick', (event) => window.picked.push(event.detail.position));
  Object.assign(element, { meta: { axes: [], channels: [], tokens: null, shape, ...meta },
    arrays: { input: { shape, data: Float32Array.from(data) } }, field: null, overlay: null, hops: 1 });
  place.append(element);
  await element.updateComplete;
  await new Promise((resolve) => setTimeout(resolve, 200));
  element.field = field;
  await element.updateComplete;
  element.overlay = { shape: overlayShape, data: Float32Array.from(overlay) };
  await element.updateComplete;
  await new Promise((resolve) => setTimeout(resolve, 200));
}"""


@pytest.mark.parametrize("name", SAMPLES)
def test_a_click_picks_a_position_within_the_sample(opened, name):
    shape, told, field, overlay_shape = SAMPLES[name]
    data, overlay = RNG.normal(size=shape), RNG.normal(size=overlay_shape)
    opened.show(s=3)
    given = [f"kinds/{name}/studio.js", f"cs-input-{name}", list(shape), data.ravel().tolist(), told, field]
    opened.value(MOUNT, [*given, overlay.ravel().tolist(), list(overlay_shape)])
    target = {"text": ".token >> nth=2", "graph": ".graph"}.get(name, ".raster >> nth=0")
    box = opened.page.locator(target).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    if name == "graph":
        spot = opened.value("() => window.drawn.places[2]")
        x, y = box["x"] + spot[0], box["y"] + spot[1]
    opened.page.mouse.move(x, y)
    opened.page.mouse.click(x, y)
    (picked,) = opened.value("() => window.picked")[-1:]
    assert len(picked) == len(overlay_shape)
    assert all(0 <= part < length for part, length in zip(picked, shape, strict=False))
    if name in ("text", "graph"):
        assert picked == [2]


def test_nodes_within_reach_are_found_by_steps(opened):
    opened.show(s=3)
    found = opened.value(
        "async () => { const { distances } = await import('./kinds/graph/studio.js');"
        " const near = new Map([[0, [1]], [1, [0, 2]], [2, [1, 3]], [3, [2]]]);"
        " return [1, 2].map((hops) => [...distances(near, 4, 0, 1, hops)]); }"
    )
    assert found == [[0, 1, -1, -1], [0, 1, 2, -1]]


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i4", "i8", "f2", "f4", "f8"])
def test_arrays_are_read_as_numpy_wrote_them(opened, dtype):
    array = (RNG.normal(size=(3, 4)) * 50).astype(dtype)
    file = io.BytesIO()
    np.save(file, array)
    opened.show(s=3)
    found = opened.value(
        "async (bytes) => { const { parseNpy } = await import('./static/npy.js');"
        " const { shape, data } = parseNpy(Uint8Array.from(bytes).buffer); return [shape, [...data]]; }",
        list(file.getvalue()),
    )
    assert found[0] == [3, 4]
    np.testing.assert_array_equal(found[1], array.astype(np.float64).ravel())


def test_arrays_are_written_as_numpy_reads_them(opened):
    opened.show(s=3)
    found = opened.value(
        "async () => { const { writeNpy } = await import('./static/npy.js');"
        " return [...new Uint8Array(await writeNpy([1, 2.5, -3], [3, 1]).arrayBuffer())]; }"
    )
    array = np.load(io.BytesIO(bytes(found)), allow_pickle=False)
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, [[1], [2.5], [-3]])
