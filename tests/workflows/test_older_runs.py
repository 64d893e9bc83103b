"""A run that was written before kinds had folders of their own still opens, predicts and is evaluated."""

import json
from pathlib import Path

import numpy as np
from conftest import write_pictures

import convscope

RUN = Path(__file__).parent / "run_of_format_1"


def test_a_run_of_the_first_format_is_evaluated_as_it_was(tmp_path):
    stored = json.loads((RUN / "metrics.json").read_text("utf-8"))["test"]
    found = convscope.evaluate(RUN, write_pictures(tmp_path / "shapes")).to_json()
    assert found["accuracy"] == stored["accuracy"]
    # All of this data is judged, of which a tenth was the test split of the training.
    assert np.array_equal(found["confusion"], 10 * np.array(stored["confusion"]))


def test_it_is_explained_and_looked_into(tmp_path):
    data = write_pictures(tmp_path / "shapes")
    assert [layer.type for layer in convscope.explain(RUN).layers].count("Conv2D") >= 2
    assert convscope.look(RUN, data / "disc" / "00.png").arrays
