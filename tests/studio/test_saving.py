"""What leaves the page: panels as SVG and PNG, their numbers as NPZ, all that is selected at once."""

from __future__ import annotations

import base64
import io
import json
from xml.etree import ElementTree as ET

import keras
import numpy as np
import pytest
from PIL import Image

from convscope import scope
from convscope.studio.saved.writing import write_page

SVG = "{http://www.w3.org/2000/svg}"
LAYER = "block1_conv"
MAPS = "cs-maps cs-save"
PANELS = {
    "inspect": ("cs-model", "cs-explain", "cs-input", "cs-prediction", "cs-maps", "cs-position"),
    "why": ("cs-attribution >> nth=0",),
    "kernels": ("cs-kernels", "cs-patches"),
    "data": ("cs-samples", "cs-confusion"),
    "projection": ("cs-projection",),
    "compare": ("cs-difference",),
    "training": ("cs-training",),
}


@pytest.fixture(scope="module")
def model(finished):
    return keras.models.load_model(finished.folder / "model.keras")


@pytest.fixture(scope="module")
def sample(studio):
    inputs, rows = studio.session.samples.rows_of("0")
    return np.asarray(inputs.take(np.array([rows[5]])))


def save(opened, menu, what):
    """Saves by a menu; returns the name and the bytes of the file."""
    opened.page.locator(f"{menu} >> button").first.click()
    with opened.page.expect_download() as waited:
        opened.page.locator(f"{menu} >> [role=menuitem] >> text={what}").click()
    with open(waited.value.path(), "rb") as file:  # noqa: PTH123 - of the browser
        return waited.value.suggested_filename, file.read()


def numbers(content):
    arrays = dict(np.load(io.BytesIO(content), allow_pickle=False))
    return arrays, json.loads(str(arrays["about"]))


@pytest.fixture
def inspected(opened):
    opened.show(s=5, l=LAYER, c=2, at="4,7")
    opened.wait("document.querySelector('cs-maps')?.own && document.querySelector('cs-position')?.position")
    opened.wait("document.querySelector('cs-prediction')?.prediction")
    return opened


def test_the_numbers_of_maps_are_those_of_scope(inspected, model, sample):
    name, content = save(inspected, MAPS, "NPZ")
    assert name == "block1_conv-sample-5.npz"
    arrays, about = numbers(content)
    recorded = np.moveaxis(scope.record(model, sample, LAYER)[LAYER].array[0], -1, 0)
    np.testing.assert_allclose(arrays["maps"], recorded, rtol=1e-5, atol=1e-6)
    assert about["arrays"]["maps"] == {"axes": ["channel", "row", "column"], "unit": "output of block1_conv"}
    assert "l=block1_conv" in about["address"]
    assert "at=4,7" in about["address"]


def test_all_that_is_selected_is_in_one_file(inspected, model, sample):
    arrays, about = numbers(save(inspected, "header.top cs-save", "NPZ")[1])
    np.testing.assert_allclose(arrays["kernels/kernels"], scope.kernels(model, LAYER).weights, rtol=1e-6)
    expected = scope.position(model, sample, LAYER, 2, (4, 7))
    assert arrays["position/value"] == pytest.approx(expected.value, abs=1e-6)
    np.testing.assert_allclose(arrays["position/products"], expected.products, atol=1e-6)
    total = arrays["position/products"].sum() + arrays["position/bias"]
    assert arrays["position/before"] == pytest.approx(total, abs=1e-5)
    assert arrays["prediction/probabilities"].sum() == pytest.approx(1, abs=1e-3)
    assert list(arrays["prediction/classes"]) == ["disc", "horizontal", "vertical"]
    assert arrays["input/input"].shape == (16, 16, 1)
    assert arrays["maps/maps"].shape == (32, 16, 16)
    assert LAYER in arrays["model/layer"]
    assert {"why/grad-cam", "why/integrated-gradients", "why/occlusion", "training/loss"} <= set(arrays)
    assert set(about["arrays"]) == set(arrays) - {"about"}
    assert about["left_out"] == []


def test_what_a_layer_does_not_have_is_named(opened):
    opened.show(s=5, l="flatten")
    opened.wait("document.querySelector('cs-prediction')?.prediction")
    arrays, about = numbers(save(opened, "header.top cs-save", "NPZ")[1])
    assert about["left_out"] == ["kernels"]
    assert not [name for name in arrays if name.startswith("kernels/")]


def test_a_drawing_has_one_picture_for_each_map_in_its_own_pixels(inspected):
    name, content = save(inspected, MAPS, "SVG")
    root = ET.fromstring(content)
    assert name.endswith(".svg")
    assert "block1_conv" in root.findtext(f"{SVG}title")
    assert "l=block1_conv" in root.findtext(f"{SVG}desc")
    pictures = list(root.iter(f"{SVG}image"))
    assert len(pictures) == 32
    seen = pixels(pictures[2])
    drawn = inspected.value(
        """async () => { const { bytesAsColors } = await import('./static/planes.js');
          const p = document.querySelector('cs-maps').planes; const c = bytesAsColors(p, 2, 'layer', 'light');
          const bytes = [...p.data.subarray(2 * p.size, 3 * p.size)];
          return bytes.map((byte) => [c[byte] & 255, (c[byte] >> 8) & 255]); }"""
    )
    np.testing.assert_array_equal(seen[..., :2].reshape(-1, 2), drawn)
    assert "32 maps of 16\N{MULTIPLICATION SIGN}16" in " ".join(
        text.text or "" for text in root.iter(f"{SVG}text")
    )


def pixels(picture):
    address = picture.get("href")
    assert address.startswith("data:image/png;base64,")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))).convert("RGB"))


def test_a_picture_is_the_drawing_twice_as_large(inspected):
    drawing = ET.fromstring(save(inspected, "cs-position cs-save", "SVG")[1])
    picture = Image.open(io.BytesIO(save(inspected, "cs-position cs-save", "PNG")[1]))
    assert picture.size == (2 * int(drawing.get("width")), 2 * int(drawing.get("height")))
    colors = np.asarray(picture.convert("RGB"))
    assert tuple(colors[0, 0]) == (255, 255, 255)
    assert len(np.unique(colors.reshape(-1, 3), axis=0)) > 20


@pytest.mark.parametrize("view", PANELS)
def test_every_panel_is_a_drawing(opened, view):
    opened.show(view=view, s=5, s2=9, l=LAYER, c=2, at="4,7", why="saliency")
    for panel in PANELS[view]:
        opened.page.wait_for_selector(f"{panel} >> cs-save")
        root = ET.fromstring(save(opened, f"{panel} >> cs-save >> nth=0", "SVG")[1])
        assert int(root.get("width")) > 100
        assert int(root.get("height")) > 50
        assert [text.text for text in root.iter(f"{SVG}text")]
        assert not list(root.iter(f"{SVG}foreignObject"))
        assert "Save" not in [text.text for text in root.iter(f"{SVG}text")]


def test_a_saved_page_gives_the_same_numbers(studio, offline, tmp_path, model, sample):
    opened = offline(write_page(studio.session, tmp_path, "s=5&l=block1_conv&c=2&at=4,7"))
    opened.wait("document.querySelector('cs-maps')?.own")
    arrays, _ = numbers(save(opened, "header.top cs-save", "NPZ")[1])
    recorded = np.moveaxis(scope.record(model, sample, LAYER)[LAYER].array[0], -1, 0)
    np.testing.assert_allclose(arrays["maps/maps"], recorded, rtol=1e-5, atol=1e-6)
    assert ET.fromstring(save(opened, MAPS, "SVG")[1]).get("width")


def test_texts_and_whole_numbers_are_written_as_numpy_reads_them(opened):
    opened.show(s=3)
    found = opened.value(
        """async () => { const { writeNpz } = await import('./static/npz.js');
          const arrays = {
            'a/b': { data: ['é', '😀β', ''], shape: [3], dtype: 'U' },
            n: { data: [7], shape: [], dtype: 'i4' },
            u: { data: [1, 255], shape: [1, 2], dtype: 'u1' },
            f: { data: [0.5, NaN], shape: [2], dtype: 'f8' },
          };
          return [...new Uint8Array(await writeNpz(arrays).arrayBuffer())]; }"""
    )
    arrays = dict(np.load(io.BytesIO(bytes(found)), allow_pickle=False))
    assert list(arrays["a/b"]) == ["é", "😀β", ""]
    assert arrays["n"] == 7
    assert arrays["n"].shape == ()
    assert arrays["u"].tolist() == [[1, 255]]
    np.testing.assert_array_equal(arrays["f"], [0.5, np.nan])
