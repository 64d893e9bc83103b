"""A real run of each kind as a saved page: its element draws the sample from a disk, without a network."""

from __future__ import annotations

import base64
import io
from xml.etree import ElementTree as ET

import numpy as np
from PIL import Image
from small_runs import SAMPLE
from studio_pages import array_in

from convscope.studio.saved.writing import write_page

SVG = "{http://www.w3.org/2000/svg}"
DRAWN = "document.querySelector('cs-input .input-place')?.firstElementChild"


def is_drawn(root):
    """Whether a drawing has lines, or words besides its title, or a picture of more than one color."""
    pictures = [
        np.asarray(
            Image.open(io.BytesIO(base64.b64decode(each.get("href").partition(",")[2]))).convert("RGB")
        )
        for each in root.iter(f"{SVG}image")
    ]
    seen = any(len(np.unique(picture)) > 2 for picture in pictures)
    return seen or bool(list(root.iter(f"{SVG}path"))) or len(list(root.iter(f"{SVG}text"))) > 4


def test_a_saved_run_of_each_kind_shows_what_the_studio_shows(run, offline, tmp_path):
    opened = offline(write_page(run.studio.session, tmp_path, f"s={SAMPLE}"))
    opened.wait("document.querySelector('cs-maps')?.own")
    opened.wait("document.querySelector('cs-prediction')?.prediction")
    opened.wait(f"{DRAWN}?.arrays")
    element = run.studio.session.models["0"].element.name
    assert (
        opened.value("() => document.querySelector('cs-input .input-place').firstElementChild.localName")
        == element
    )
    drawn = array_in(opened, "document.querySelector('cs-input .input-place').firstElementChild.arrays.input")
    shown = run.studio.session.observed(run.studio.session.models["0"], SAMPLE).shown
    np.testing.assert_allclose(drawn, np.where(np.isfinite(shown), shown, np.nan), rtol=1e-5, atol=1e-6)
    text = opened.value(
        """async () => { const { figureOf } = await import('convscope/static/figure/figure.js');
          const about = { title: '', description: '' };
          return (await figureOf(document.querySelector('cs-input'), about)).text; }"""
    )
    assert is_drawn(ET.fromstring(text))
    for tab in ("Why", "Kernels", "Training"):
        opened.page.click(f"nav >> text={tab}")
        opened.page.wait_for_selector(f"main.view-{tab.lower()} .panel-head")
        opened.page.wait_for_timeout(300)
