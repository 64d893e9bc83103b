"""Series and recordings on a page: small, in the page's colors, whole at any length, and escaped."""

import base64
import io
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from convscope.kinds.audio.readers.recordings import Waveform
from convscope.kinds.audio.view import VIEW as RECORDINGS
from convscope.kinds.audio.view import mel_spectrogram
from convscope.kinds.image.view import VIEW as IMAGES
from convscope.kinds.series.readers.sources import Series
from convscope.kinds.series.view import VIEW as SERIES
from convscope.lenses.pages.pages import LazyFigure
from convscope.lenses.pages.report import Mistake, ReportContent, render_report
from convscope.lenses.sheet.sheet import Sheet
from convscope.lenses.sheet.theme import find_theme
from convscope.lenses.views.plain import PLAIN
from convscope.lenses.views.timeline.thumbnails import HIGH, WIDE, spectrogram_pixels
from convscope.lenses.views.timeline.view import TimelineView

EVIL = '"><script>alert(1)</script>'
COUNTS = {"train": {"a": 1, "b": 1}}


def as_lines(values):
    return TimelineView(values).markup("")


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
    svg = as_lines(values)
    assert svg.count("<path") == min(values.shape[1], 4)
    for corners in numbers_of(svg):
        if len(corners):
            assert corners[:, 0].min() >= 0
            assert corners[:, 0].max() <= WIDE
            assert corners[:, 1].min() >= 0
            assert corners[:, 1].max() <= HIGH
    assert len(svg) < 4 * 20 * 2 * WIDE + 1500


def test_the_line_of_a_short_series_has_its_points_and_that_of_a_long_one_its_extremes():
    (corners,) = numbers_of(as_lines(np.array([[0.0], [1.0], [0.5], [0.0]])))
    assert corners[:, 1].argmin() == 1
    assert corners[0, 1] == corners[3, 1]
    values = np.zeros((100_000, 1))
    values[70_001] = 1
    (corners,) = numbers_of(as_lines(values))
    assert corners[corners[:, 1].argmin(), 0] == pytest.approx(0.7 * WIDE, abs=1)


def test_what_is_missing_breaks_the_line():
    svg = as_lines(np.array([[1.0], [2.0], [np.nan], [3.0]]))
    assert svg.count("M") == 2


def test_an_image_on_a_page_keeps_its_pixels():
    pixels = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
    for sample in (pixels, pixels[..., 0], pixels[..., :1]):
        markup = IMAGES.of_sample(sample).markup(EVIL)
        assert "<script" not in markup
        shown = Image.open(io.BytesIO(base64.b64decode(markup.partition("base64,")[2].partition('"')[0])))
        np.testing.assert_array_equal(np.asarray(shown), sample.squeeze())


def test_a_recording_becomes_a_picture_whose_tone_stays_in_its_band():
    rate = 8000
    tone = np.sin(2 * np.pi * 500 * np.arange(rate) / rate).astype(np.float32)
    picture = spectrogram_pixels(mel_spectrogram(tone[:, None], rate))
    assert (picture.dtype, picture.shape) == (np.uint8, (HIGH, WIDE, 3))
    brightest = picture.sum(axis=2, dtype=int)[:, 20:-20].argmax(axis=0)
    assert brightest.min() > HIGH / 2  # 500 Hz lies low
    assert np.ptp(brightest) <= 2


def a_page(make, views, **more):
    return render_report(
        ReportContent(
            "run",
            "series-classification",
            "fcn",
            ("a", EVIL),
            {"train": {"a": 1, EVIL: 1}},
            mistakes=[Mistake(make(), f"{EVIL}.csv", "a", EVIL, 0.9)],
            samples=[("a", [make()]), (EVIL, [make()])],
            views=views,
            **more,
        )
    )


def test_a_report_of_series_draws_lines_and_escapes_every_name():
    page = a_page(lambda: Series(np.ones((5, 2), np.float32), (EVIL, "b")), SERIES)
    assert page.count('<svg class="line"') == 3
    assert "<img" not in page
    assert "<script" not in page


def test_a_report_of_sound_shows_spectrograms():
    page = a_page(lambda: Waveform(np.zeros((4000, 2), np.float32), 8000), RECORDINGS)
    assert page.count('<img class="heard"') == 3
    assert "<script" not in page


def test_answers_that_are_drawn_have_a_section_of_their_own():
    def draw(theme):
        return Sheet(find_theme(theme)).finish(50)

    page = a_page(lambda: "text", PLAIN, answered=[LazyFigure(draw, "alarms of " + EVIL)])
    assert 'id="predictions"' in page
    assert 'href="#predictions"' in page
    assert 'id="predictions"' not in a_page(lambda: "text", PLAIN)
    assert "<script" not in page
