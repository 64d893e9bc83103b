"""The studio on a small finished run, and a browser that looks at it."""

from __future__ import annotations

import os
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from small_runs import RUNS, SAMPLE, SLOW
from studio_pages import OpenedPage, page_of, write_stripes, write_tone

FLAGS = (
    "--no-sandbox",
    "--use-gl=angle",
    "--enable-unsafe-swiftshader",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)


@pytest.fixture(scope="session")
def studio(finished, pictures):
    """The studio of the finished run and its pictures, on a port of its own."""
    pytest.importorskip("starlette")
    from convscope.studio.opening import open_studio

    opened = open_studio([finished.folder], [str(pictures)], port=0, progress=lambda *_: None)
    opened.start()
    yield opened
    opened.stop()


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """Chromium, of `CHROMIUM` or of the system; its microphone hears a tone, its camera sees stripes."""
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("there is no Chromium: apt-get install chromium, or set CHROMIUM")
    folder = tmp_path_factory.mktemp("devices")
    devices = [
        f"--use-file-for-fake-audio-capture={write_tone(folder / 'tone.wav')}",
        f"--use-file-for-fake-video-capture={write_stripes(folder / 'stripes.y4m')}",
    ]
    with driver.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=[*FLAGS, *devices])
        yield opened
        opened.close()


@pytest.fixture
def opened(studio, browser):
    """A page of the studio of pictures."""
    with page_of(studio, browser) as found:
        yield found


@pytest.fixture
def offline(browser):
    """Opens a file without a network; at the end nothing may have gone wrong, and nothing been asked for."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, offline=True)
    page = context.new_page()

    def opening(path):
        opened = OpenedPage(page, path.as_uri())
        page.goto(path.as_uri())
        page.wait_for_selector("main.view > *")
        found.append(opened)
        return opened

    found = []
    yield opening
    context.close()
    for each in found:
        assert not each.said
        assert [url for url in each.asked if not url.startswith(("file:", "data:", "blob:"))] == []


@pytest.fixture(scope="session")
def client(studio):
    """A client that has exchanged a link for the cookie, as a browser does."""
    from opened_studio import let_in

    with let_in(studio) as found:
        yield found


@pytest.fixture(scope="session")
def layers(client):
    """The layers of the model by name."""
    return {row["name"]: row for row in client.get("api/models/0/layers").json()["layers"]}


def named(name):
    """A run by its name; further tasks of kinds that another run has are slow."""
    return pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name


@pytest.fixture(scope="session", params=[named(name) for name in RUNS])
def run(request, built_once):
    """A finished run of a kind in its studio, with its model and a sample as the model takes it."""
    pytest.importorskip("starlette")
    from convscope.scope.graph.graph import trace
    from convscope.scope.record import as_inputs
    from convscope.studio.opening import open_studio
    from convscope.types import no_progress

    folder = built_once(f"studio-{request.param}", RUNS[request.param].train)
    studio = open_studio([str(folder)], port=0, progress=no_progress)
    studio.start(warm=False)
    inputs, rows = studio.session.samples.rows_of("0")
    model = studio.session.models["0"].model
    x = as_inputs(model, inputs.take(np.array([rows[int(SAMPLE)]])))
    yield SimpleNamespace(name=request.param, studio=studio, x=x, model=model, graph=trace(model, x))
    studio.stop()


@pytest.fixture
def page(run, browser):
    """Its page, with the maps of the first layer of kernels, a drawing of the sample and a prediction."""
    with page_of(run.studio, browser) as opened:
        opened.page.set_viewport_size({"width": 1280, "height": 900})
        opened.show(s=SAMPLE)
        opened.wait("document.querySelector('cs-maps')?.own")
        opened.wait("document.querySelector('cs-prediction')?.prediction")
        opened.wait("document.querySelector('cs-input .input-place')?.firstElementChild?.arrays")
        yield opened
