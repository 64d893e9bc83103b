"""Series and recordings on a page: small, in the page's colours, whole at any length, and escaped."""

import re
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from convscope.kinds.audio.readers.recordings import Waveform
from convscope.kinds.series.readers.sources import Series
from convscope.lenses.pages.pages import Picture
from convscope.lenses.pages.report import Mistake, ReportContent, render_report
from convscope.lenses.sheet.sheet import Sheet
from convscope.lenses.sheet.theme import find_theme
from convscope.lenses.views.thumbnails import HIGH, WIDE, as_lines, as_pixels

EVIL = '"><script>alert(1)</script>'
COUNTS = {"train": {"a": 1, "b": 1}}


@dataclass(frozen=True)
class Lines:
    values: np.ndarray
    variables: tuple = ("a",)


def numbers_of(svg):
    """The corners of each path."""
    return [
        np.array(re.findall(r"(-?[\d.]+),(-?[\d.]+)", path), float)
        for path in re.findall(r' d="([^"]*)"', svg)
    ]


@given(
    arrays(
        np.float32,
        array_shapes(min_dims=2, max_dims=2, max_side=8),
        elements=st.one_of(st.floats(-(2.0**127), 2.0**127, width=32), st.just(np.nan), st.just(np.inf)),
    ),
    st.integers(1, 900),
)
def test_any_series_stays_within_its_frame(some, length):
    values = np.resize(some, (length, some.shape[1]))
    svg = as_lines(Lines(values))
    assert svg.count("<path") == min(values.shape[1], 4)
    for corners in numbers_of(svg):
        if len(corners):
            assert corners[:, 0].min() >= 0
            assert corners[:, 0].max() <= WIDE
            assert corners[:, 1].min() >= 0
            assert corners[:, 1].max() <= HIGH
    assert len(svg) < 4 * 20 * 2 * WIDE + 1500


def test_the_line_of_a_short_series_has_its_points_and_that_of_a_long_one_its_extremes():
    (corners,) = numbers_of(as_lines(Lines(np.array([[0.0], [1.0], [0.5], [0.0]]))))
    assert corners[:, 1].argmin() == 1
    assert corners[0, 1] == corners[3, 1]
    values = np.zeros((100_000, 1))
    values[70_001] = 1
    (corners,) = numbers_of(as_lines(Lines(values)))
    assert corners[corners[:, 1].argmin(), 0] == pytest.approx(0.7 * WIDE, abs=1)


def test_what_is_missing_breaks_the_line():
    svg = as_lines(Lines(np.array([[1.0], [2.0], [np.nan], [3.0]])))
    assert svg.count("M") == 2


def test_other_samples_are_no_lines():
    assert as_lines(np.zeros((4, 4), np.uint8)) == ""
    assert as_lines("a text") == ""


def test_a_recording_becomes_a_picture_whose_tone_stays_in_its_band():
    rate = 8000
    tone = np.sin(2 * np.pi * 500 * np.arange(rate) / rate).astype(np.float32)
    picture = as_pixels(Waveform(tone[:, None], rate))
    assert (picture.dtype, picture.shape) == (np.uint8, (HIGH, WIDE, 3))
    brightest = picture.sum(axis=2, dtype=int)[:, 20:-20].argmax(axis=0)
    assert brightest.min() > HIGH / 2  # 500 Hz lies low
    assert np.ptp(brightest) <= 2
    gray = np.zeros((4, 4), np.uint8)
    assert as_pixels(gray) is gray


def a_page(make, **more):
    return render_report(
        ReportContent(
            "run",
            "series-classification",
            "fcn",
            ("a", EVIL),
            {"train": {"a": 1, EVIL: 1}},
            mistakes=[Mistake(make(), f"{EVIL}.csv", "a", EVIL, 0.9)],
            samples=[("a", [make()]), (EVIL, [make()])],
            **more,
        )
    )


def test_a_report_of_series_draws_lines_and_escapes_every_name():
    page = a_page(lambda: Series(np.ones((5, 2), np.float32), (EVIL, "b")))
    assert page.count('<svg class="line"') == 3
    assert "<img" not in page
    assert "<script" not in page


def test_a_report_of_sound_shows_spectrograms():
    page = a_page(lambda: Waveform(np.zeros((4000, 2), np.float32), 8000))
    assert page.count('<img class="heard"') == 3
    assert "<script" not in page


def test_answers_that_are_drawn_have_a_section_of_their_own():
    def draw(theme):
        return Sheet(find_theme(theme)).finish(50)

    page = a_page(lambda: "text", answered=[Picture(draw, "alarms of " + EVIL)])
    assert 'id="answers"' in page
    assert 'href="#answers"' in page
    assert 'id="answers"' not in a_page(lambda: "text")
    assert "<script" not in page
