"""Inputs of one's own on the page: drawn by the mouse, recorded by the microphone, taken by the camera."""

from __future__ import annotations

import numpy as np
import pytest
from studio_pages import PITCH, array_in


@pytest.mark.parametrize("run", ["digits"], indirect=True)
def test_drawn_digits_are_answered_right(run, page):
    """A vertical stroke is a one, a ring a zero, by the mouse on the pad."""
    page.page.click("[data-way=draw]")
    page.page.wait_for_selector(".pad")
    page.value("() => { document.querySelector('cs-draw-pad').wide = 2.4; }")
    box = page.page.locator(".pad").bounding_box()
    turns = np.linspace(0, 2 * np.pi, 24)
    strokes = {
        "1": [(0.5, 0.12), (0.5, 0.88)],
        "0": [(0.5 + 0.2 * np.sin(turn), 0.5 - 0.36 * np.cos(turn)) for turn in turns],
    }
    for digit, places in strokes.items():
        page.page.click("text=Clear")
        spots = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]
        page.page.mouse.move(*spots[0])
        page.page.mouse.down()
        for spot in spots[1:]:
            page.page.mouse.move(*spot, steps=3)
        page.page.mouse.up()
        page.wait(f"document.querySelector('cs-prediction .answer strong')?.textContent === '{digit}'")
        page.wait("document.querySelector('cs-maps')?.own")
    assert page.address["s"].startswith("u")


@pytest.mark.parametrize("run", ["audio"], indirect=True)
def test_a_recording_of_the_microphone_is_the_tone_before_it(run, page):
    page.page.click("[data-way=record]")
    page.page.click("cs-own-input >> text=Start")
    page.page.wait_for_timeout(1200)
    page.page.click("cs-own-input >> text=Stop")
    page.wait("location.hash.includes('s=u')")
    page.wait("document.querySelector('cs-input .input-place').firstElementChild?.meta?.id?.startsWith('u')")
    element = "document.querySelector('cs-input .input-place').firstElementChild"
    waveform, rate = array_in(page, f"{element}.arrays.input"), page.value(f"() => {element}.meta.rate")
    heard = np.abs(np.fft.rfft(waveform.ravel() * np.hanning(waveform.size)))
    assert heard.argmax() * rate / waveform.size == pytest.approx(PITCH, abs=15)
    page.wait("document.querySelector('audio')?.src.includes('u1') && document.querySelector('.heard')")
    length = page.value("() => document.querySelector('audio').duration")
    assert 0.5 < length < 8
    assert page.page.locator(".heard").inner_text().endswith(f"of {length:.2f} s")


@pytest.mark.parametrize("run", ["audio"], indirect=True)
def test_a_player_goes_to_another_place_and_shows_it_on_the_waveform(run, page):
    page.wait("document.querySelector('audio')?.readyState > 0")
    page.value("() => { document.querySelector('audio').currentTime = 0.1; }")
    page.wait("document.querySelector('cs-input-audio').cursor")
    at, cursor, meta = page.value(
        "() => { const e = document.querySelector('cs-input-audio');"
        " return [document.querySelector('audio').currentTime, e.cursor[0], e.meta]; }"
    )
    assert at == pytest.approx(0.1, abs=0.01)
    assert cursor == round((at - meta["begins"]) * meta["rate"])


def test_a_picture_of_the_camera_is_answered(opened):
    """Horizontal stripes stand before it."""
    opened.show(s=3)
    opened.page.click("[data-way=camera]")
    opened.wait("document.querySelector('cs-own-input video')?.videoWidth")
    opened.page.click("text=Take the picture")
    opened.wait("location.hash.includes('s=u')")
    opened.wait("document.querySelector('cs-prediction').prediction?.label === null")
    assert opened.page.locator(".answer strong").inner_text() == "horizontal"
