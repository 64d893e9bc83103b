import os
from pathlib import Path

import numpy as np
import pytest

from convscope.kinds.series.remaining_life.reader import read_lives
from convscope.kinds.series.remaining_life.representation import LifeRepresentation

pytestmark = pytest.mark.realdata


@pytest.fixture(scope="module", params=["FD001", "FD003"])
def engines(request):
    place = os.environ.get("CONVSCOPE_DATA")
    if not place:
        pytest.skip("CONVSCOPE_DATA is not set")
    folder = Path(place) / "cmapss"
    if not folder.is_dir():
        pytest.skip(f"{folder} is missing")
    return request.param, read_lives(folder, subset=request.param)


def test_a_hundred_engines_each_are_learned_from_and_judged_by(engines):
    name, splits = engines
    assert [len(splits[part]) for part in ("train", "validation", "test")] == [85, 15, 100]
    rows = {"FD001": (20_631, 13_096), "FD003": (24_720, 16_596)}[name]
    assert sum(map(len, [*splits.train.labels, *splits.validation.labels])) == rows[0]
    assert sum(map(len, splits.test.labels)) == rows[1]
    assert splits.warnings == ()


def test_lives_of_the_test_are_those_published(engines):
    name, splits = engines
    last = np.array([lives[-1] for lives in splits.test.labels])
    assert (last.min(), last.max()) == {"FD001": (7, 145), "FD003": (6, 145)}[name]


def test_there_is_one_operating_condition_and_what_stands_still_is_left_out(engines):
    _, splits = engines
    representation, _ = LifeRepresentation.fit(splits.train)
    assert representation.cap == 125
    assert len(representation.conditions.centres) == 1
    assert {"T2", "P2", "Nf_dmd", "PCNfR_dmd", "setting_3"} <= set(representation.variables) - set(
        representation.used
    )
    assert {"T24", "T30", "T50", "Ps30", "phi", "BPR", "W31", "W32"} <= set(representation.used)
