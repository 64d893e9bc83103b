"""A browser for `studio.py`, and how many frames a second it draws."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Frame, Page, sync_playwright

FLAGS = (
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
)
"""WebGL by the processor, also for pages that refuse a slow one."""
SECONDS = 4.0
COUNT = """() => { window.frames_seen = 0; window.frames_last = performance.now(); const next = () => {
  window.frames_seen += 1; window.frames_last = performance.now(); requestAnimationFrame(next); };
  requestAnimationFrame(next); }"""


@contextmanager
def browser() -> Iterator[Browser]:
    """Chromium, of `CHROMIUM` or of the system."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        raise SystemExit("There is no Chromium. Install it, or set CHROMIUM.")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            yield opened
        finally:
            opened.close()


def waited(page: Page | Frame, expression: str, seconds: float = 180.0) -> float:
    """What JavaScript gives, once it is true; asked from outside, as the policy of the page bars eval."""
    end = time.monotonic() + seconds
    while not (found := page.evaluate(f"() => {expression}")):
        if time.monotonic() > end:
            raise SystemExit(f"never true: {expression}")
        page.wait_for_timeout(30)
    return float(found)


def frames_while(page: Page, act: Callable[[int], None]) -> float:
    """Frames a second that the page draws while something is done again and again, counted from 0."""
    page.evaluate(COUNT)
    begun = page.evaluate("() => performance.now()")
    end, times = time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        act(times)
        times += 1
    seen, last = page.evaluate("() => [window.frames_seen, window.frames_last]")
    return 1000 * float(seen) / (float(last) - begun)


def frames_while_dragged(page: Page, x: float, y: float) -> float:
    """Frames a second while the pointer drags from a point, to and fro."""
    page.mouse.move(x, y)
    page.mouse.down()

    def move(step: int) -> None:
        page.mouse.move(x + 60 * ((step // 20) % 2) + step % 20, y + step % 20)

    rate = frames_while(page, move)
    page.mouse.up()
    return rate
