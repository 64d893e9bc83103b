"""The Numenta Anomaly Benchmark as it is published: every series, every window, and what perfection is."""

import os
from pathlib import Path

import pytest

from convscope.kinds.series.anomaly.metrics import normalized, raw_score, worth
from convscope.kinds.series.anomaly.reader import Wanted, read_streams
from convscope.kinds.series.anomaly.windows import probation

pytest.importorskip("pandas")
DATA = Path(os.environ.get("CONVSCOPE_DATA", "nowhere"), "nab")
pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is not there; CONVSCOPE_DATA names its folder"),
]


@pytest.fixture(scope="module")
def splits():
    return read_streams(DATA, wanted=Wanted(lead=0))


def test_all_series_and_windows_are_there_and_every_window_is_judged(splits):
    windows = [label.windows for label in splits.test.labels]
    assert (len(windows), sum(map(len, windows))) == (58, 116)
    assert not any(label.windows for split in (splits.train, splits.validation) for label in split.labels)


def test_what_is_learned_from_is_the_probation(splits):
    for i in range(len(splits.test)):
        learned = len(splits.train.samples.load(i)) + len(splits.validation.samples.load(i))
        assert learned == probation(learned + len(splits.test.samples.load(i)))


def test_silence_is_0_and_the_first_row_of_each_window_100(splits):
    raw = {"silence": 0.0, "perfection": 0.0}
    for i, label in enumerate(splits.test.labels):
        each = worth(len(splits.test.samples.load(i)), label.windows)
        raw["silence"] += raw_score(each, [])
        raw["perfection"] += raw_score(each, [first for first, _ in label.windows])
    assert normalized(raw["silence"], 116) == pytest.approx(0)
    assert normalized(raw["perfection"], 116) == pytest.approx(100)
