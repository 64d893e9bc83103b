"""A page of a studio that is driven, and what stands before its browser's microphone and camera."""

from __future__ import annotations

import time
import wave
from contextlib import contextmanager

import numpy as np

SECONDS = 60
PITCH = 1000
"""Of the tone before the microphone, in Hz."""


def write_tone(path):
    """Two seconds of a tone, which a microphone hears again and again."""
    rate = 48_000
    tone = np.sin(2 * np.pi * PITCH * np.arange(2 * rate) / rate)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(np.rint(20_000 * tone).astype("<i2").tobytes())
    return path


def write_stripes(path, side=128):
    """A film of horizontal stripes, as the small pictures have them, which a camera sees again and again."""
    rows = np.arange(side) * 16 // side // 3 % 2
    gray = np.where(rows == 0, 180, 60).astype(np.uint8)[:, None].repeat(side, axis=1)
    parts = [gray.tobytes(), bytes([128]) * (side * side // 4), bytes([128]) * (side * side // 4)]
    head = f"YUV4MPEG2 W{side} H{side} F10:1 Ip A1:1 C420jpeg\n".encode()
    path.write_bytes(head + 4 * (b"FRAME\n" + b"".join(parts)))
    return path


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


@contextmanager
def page_of(studio, browser):
    """A page that is let in; at the end, nothing may have gone wrong on it and nothing have left."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="light")
    context.grant_permissions(["microphone", "camera"])
    page = context.new_page()
    page.goto(studio.link())
    page.wait_for_selector("cs-studio")
    base = page.url.split("#")[0].split("?")[0]
    own = (base, "data:", "blob:", "about:")
    context.route(lambda url: not url.startswith(own), lambda route: route.abort())
    found = OpenedPage(page, base)
    yield found
    context.close()
    assert not found.said, found.said
    assert not [url for url in found.asked if not url.startswith(own)]


def array_in(page, expression):
    """An array of the page, `{shape, data}`."""
    shape, data = page.value(
        f"() => {{ const a = {expression};"
        " return [a.shape, [...a.data].map((v) => Number.isFinite(v) ? v : null)]; }"
    )
    return np.array([np.nan if value is None else value for value in data], np.float64).reshape(shape)
