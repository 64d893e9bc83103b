"""The studio on a small finished run, and a browser that looks at it."""

from __future__ import annotations

import os
import shutil
import time

import pytest

FLAGS = (
    "--no-sandbox",
    "--use-gl=angle",
    "--enable-unsafe-swiftshader",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)
SECONDS = 60


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
def browser():
    """Chromium, of `CHROMIUM` or of the system."""
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("there is no Chromium: apt-get install chromium, or set CHROMIUM")
    with driver.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield opened
        opened.close()


class OpenedPage:
    """A page of the studio, with all that its console said and all that it asked for."""

    def __init__(self, page, base):
        self.page = page
        self.base = base
        self.said = []
        self.asked = []
        page.set_default_timeout(1000 * SECONDS)
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))

    def _listen(self, message):
        """Notes errors; that the page before this one has no icon is none of it."""
        if message.type == "error" and not message.location.get("url", "").endswith("/favicon.ico"):
            self.said.append(message.text)

    def show(self, **selection):
        """Opens a selection anew, and waits until its panels are there."""
        address = "&".join(f"{name}={value}" for name, value in selection.items())
        self.page.goto("about:blank")
        self.page.goto(f"{self.base}#{address}")
        self.page.wait_for_selector("main.view > *")
        return self

    def wait(self, expression):
        """Waits until JavaScript gives something true; asked from outside, as the policy bars eval."""
        end = time.monotonic() + SECONDS
        while not self.page.evaluate(f"() => Boolean({expression})"):
            assert time.monotonic() < end, f"never true: {expression}"
            self.page.wait_for_timeout(40)

    def value(self, expression, argument=None):
        """What JavaScript gives."""
        return self.page.evaluate(expression, argument)

    @property
    def address(self):
        """The selection in the address, by name."""
        parts = self.page.url.partition("#")[2].split("&")
        return dict(part.split("=", 1) for part in parts if part)


@pytest.fixture
def opened(studio, browser):
    """A page that is let in; at the end, nothing may have gone wrong on it and nothing have left."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="light")
    page = context.new_page()
    page.goto(studio.link())
    page.wait_for_selector("cs-studio")
    base = page.url.split("#")[0].split("?")[0]
    found = OpenedPage(page, base)
    yield found
    context.close()
    outside = [url for url in found.asked if not url.startswith((base, "data:", "blob:", "about:"))]
    assert not found.said
    assert not outside


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
