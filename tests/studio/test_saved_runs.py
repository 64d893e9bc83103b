"""A real run of each kind as a saved page: its element draws the sample from a disk, without a network."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import numpy as np
from small_runs import SAMPLE
from studio_pages import array_in

from convscope.studio.saved.writing import write_page

DRAWN = "document.querySelector('cs-input .input-place')?.firstElementChild"


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
    assert len(list(ET.fromstring(text).iter())) > 5
    for tab in ("Why", "Kernels", "Training"):
        opened.page.click(f"nav >> text={tab}")
        opened.page.wait_for_selector(f"main.view-{tab.lower()} .panel-head")
        opened.page.wait_for_timeout(300)
