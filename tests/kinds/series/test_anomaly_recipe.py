"""Anomalies of series: the same scores in a file and in a stream, from nothing but the past and no label."""

import csv
import io
import json
from pathlib import Path

import keras
import numpy as np
import pytest
from interrupting import assert_ended_cleanly, interrupted_follow
from small_series import CASES, write_watched

import convscope
from convscope.data.snapshot import DataSnapshot
from convscope.errors import RunError, UsageError
from convscope.kinds.registry import build
from convscope.kinds.series.anomaly.detector import Detector
from convscope.kinds.series.anomaly.incremental_forecaster import IncrementalForecaster
from convscope.kinds.series.anomaly.metrics import AnomalyMetrics
from convscope.kinds.series.anomaly.predictions import AlarmPrediction
from convscope.kinds.series.anomaly.stream import AnomalyStream
from convscope.kinds.series.detect import detect
from convscope.types import no_progress
from convscope.workflows.predict import Predictor

pytest.importorskip("pandas")

SETTINGS = {**CASES["series-anomaly"].settings, "epochs": 1}


@pytest.fixture(scope="module", params=["causal_forecaster", "conv_autoencoder"])
def run(request, tmp_path_factory):
    """A finished run of each architecture."""
    folder = tmp_path_factory.mktemp("watched")
    data = write_watched(folder / "data")
    return convscope.train(data, out=folder / "run", architecture=request.param, **SETTINGS)


def data_of(run):
    return run.record()["data"]["path"]


def scored(run, path, **options):
    """Scores of all rows of a file and of each variable, and whether they are alarms."""
    rows = convscope.predict(run.folder, [path], every=True, **options).rows
    return np.array([row.score for row in rows]), [row.to_json() for row in rows]


def streamed(run, lines, **options):
    return list(AnomalyStream(Predictor(run, **options).fitted).follow(lines))


def lines_of(run):
    with Path(data_of(run)).open(encoding="utf-8") as file:
        return file.readlines()


def test_a_stream_gets_the_scores_of_the_file(run):
    told = streamed(run, lines_of(run))
    scores, rows = scored(run, data_of(run))
    np.testing.assert_allclose([row.score for row in told], scores, atol=1e-5)
    for one, other in zip(told, rows, strict=True):
        assert (one.alarm, one.begins) == (other["alarm"], other["begins"])
        assert list(one.scores.values()) == pytest.approx(list(other["scores"].values()), abs=1e-5)
    assert sum(row.begins for row in told) >= 2


def test_a_score_depends_on_nothing_that_comes_later(run, tmp_path):
    lines = lines_of(run)
    (tmp_path / "begun.csv").write_text("".join(lines[:500]), "utf-8")
    whole, _ = scored(run, data_of(run))
    begun, _ = scored(run, tmp_path / "begun.csv")
    np.testing.assert_allclose(begun, whole[:499], atol=1e-9)


def test_columns_that_the_training_did_not_have_are_said_to_be_ignored(run, tmp_path):
    header, *rows = [line.rstrip() for line in lines_of(run)][:300]
    more = "\n".join([f"{header},humidity", *(f"{row},5" for row in rows)])
    (tmp_path / "more.csv").write_text(more, "utf-8")
    said = []
    Predictor(run, say=said.append).predict([str(tmp_path / "more.csv")], no_progress)
    assert "Warning: columns that the training data did not have are ignored: 'humidity'" in said


def test_labels_change_nothing_that_is_learned_or_scored(run, tmp_path):
    marked = [line.rstrip().rpartition(",") for line in lines_of(run)]
    plain = "\n".join(line for line, _, _ in marked)
    (tmp_path / "watched.csv").write_text(plain, "utf-8")
    options = {**SETTINGS, "architecture": run.record()["architecture"]}
    without = convscope.train(
        tmp_path / "watched.csv", out=tmp_path / "run", recipe="series-anomaly", **options
    )
    assert without.calibration() == run.calibration()
    np.testing.assert_array_equal(scored(without, data_of(run))[0], scored(run, data_of(run))[0])
    judged = without.metrics()["test"]
    assert (judged["known"], judged["windows"], judged["nab_score"]) == (False, None, None)
    assert judged["alarms"] == run.metrics()["test"]["alarms"]


def test_alarms_are_intervals_with_times_and_the_variable_that_caused_them(run):
    rows = convscope.predict(run.folder, [data_of(run)]).rows
    spike = next(row for row in rows if row.start <= 1421 <= row.end + 1)
    assert spike.variable == "flow"
    assert spike.shares["flow"] > 0.5
    assert spike.start_time.startswith("2026-03-01")
    scores, _ = scored(run, data_of(run))
    for row in rows:
        assert row.score == pytest.approx(scores[row.start - 1 : row.end].max())
        assert sum(row.shares.values()) == pytest.approx(1)


def test_fewer_false_alarms_are_asked_for_and_fewer_alarms_come(run):
    alarms = [
        sum(
            row.start is not None
            for row in convscope.predict(run.folder, [data_of(run)], false_alarms=rate).rows
        )
        for rate in (100.0, 1.0, 1e-6)
    ]
    assert alarms[0] > alarms[1] >= alarms[2]
    assert convscope.evaluate(run.folder).threshold == pytest.approx(3 - np.log10(3))


def test_a_series_without_an_alarm_says_so(run, tmp_path):
    (tmp_path / "calm.csv").write_text("".join(lines_of(run)[:40]), "utf-8")
    rows = convscope.predict(run.folder, [tmp_path / "calm.csv"], false_alarms=1e-9).rows
    assert rows == (AlarmPrediction(str(tmp_path / "calm.csv")),)
    assert rows[0].to_cells()["from"] == "no alarm"


@pytest.mark.parametrize(
    "option",
    [{"false_alarms": 0}, {"false_alarms": "many"}, {"false_alarms": 700}, {"hold": 0}, {"hold": 2.5}],
)
def test_options_that_cannot_work_are_told(run, option):
    with pytest.raises(UsageError, match=next(iter(option))):
        convscope.predict(run.folder, [data_of(run)], **option)


def test_a_malformed_line_is_answered_counted_and_changes_nothing(run):
    lines = lines_of(run)[:300]
    follower = AnomalyStream(Predictor(run).fitted)
    bad = ["2026-01-01,1\n", "\n", "2026-01-01,warm,3,0\n"]
    told = list(follower.follow([*lines[:200], *bad, *lines[200:]]))
    wrong = [row for row in told if row.error is not None]
    assert [row.row for row in wrong] == [201, 203]
    assert all(row.score is None and not row.alarm for row in wrong)
    assert follower.malformed == 2
    right = [row.score for row in told if row.error is None]
    assert right == [row.score for row in streamed(run, lines)]
    json.dumps([row.to_json() for row in told])
    assert all(isinstance(value, str) for row in told for value in (row.to_row() | row.to_cells()).values())


def test_rows_that_are_pushed_get_the_scores_of_lines(run):
    lines = lines_of(run)[:200]
    follower, expected = AnomalyStream(Predictor(run).fitted), streamed(run, lines)
    for line, row in zip(lines[1:], expected, strict=True):
        time, *values, _ = line.split(",")
        answer = follower.push([float(value) for value in values], time)
        assert (answer.score, answer.time) == (row.score, time)
    with pytest.raises(UsageError, match=r"2 values \(flow, heat\)"):
        follower.push([1.0])


def test_missing_values_are_scored_0_and_forgotten(run):
    follower, lines = AnomalyStream(Predictor(run).fitted), lines_of(run)
    for line in lines[:100]:
        follower.read(line)
    answer = follower.push([np.nan, np.nan])
    assert (answer.score, answer.alarm) == (0.0, False)
    assert follower.push([np.nan, 50.0]).variable == "heat"


@pytest.mark.parametrize("form", ["jsonl", "csv", "table"])
def test_the_command_answers_standard_input_line_by_line(run, run_command, monkeypatch, form):
    lines = ["no,row\n", *lines_of(run)[1:60]]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("".join(lines).encode())))
    code, out, _ = run_command("predict", run.folder, "--follow", "--format", form)
    expected = streamed(run, lines)
    assert code == 0
    if form == "jsonl":
        assert [json.loads(line) for line in out.splitlines()] == [row.to_json() for row in expected]
    elif form == "csv":
        found = list(csv.DictReader(io.StringIO(out)))
        assert [row["score of heat"] for row in found] == [row.to_row()["score of heat"] for row in expected]
    else:
        assert len(out.splitlines()) == len(expected)


def test_ctrl_c_ends_what_is_followed_with_whole_answers(run):
    content = "".join(lines_of(run)[1:60]).encode()
    assert_ended_cleanly(interrupted_follow(run.folder, content, form="csv", rows=50), form="csv", rows=50)


def test_what_is_followed_is_standard_input(run, run_command):
    code, _, said = run_command("predict", run.folder, data_of(run), "--follow")
    assert code == 2
    assert "--follow reads standard input" in said


def test_only_a_run_that_finds_anomalies_follows_a_stream(finished):
    with pytest.raises(UsageError, match="does not support image-classification"):
        Predictor(finished).stream([])


def test_a_judgement_survives_its_file_and_tells_found_from_false(run):
    judged = run.metrics()["test"]
    again = AnomalyMetrics.from_json(json.loads(json.dumps(judged)))
    assert again.to_json() == judged
    (series,) = again.series
    assert series.found + series.false <= series.alarms + series.windows
    assert again.precision == pytest.approx(1 - series.false / series.alarms)
    with pytest.raises(RunError):
        AnomalyMetrics.from_json({"rows": 1})


def test_the_memory_of_a_stream_does_not_grow():
    keras.utils.set_random_seed(0)
    expectation = IncrementalForecaster(build("causal_forecaster", (16, 1), filters=4))
    stream = Detector(expectation, np.zeros(1), np.ones(1), 3.0).stream()
    rng = np.random.default_rng(0)
    for value in rng.normal(size=9_000).astype(np.float32):
        stream.push(np.array([value]))
    tails = [tail for tails in stream._surprisal._tails.values() for tail in tails]
    assert [len(tail) for tail in tails] == [8_000] * 4


@pytest.mark.parametrize(
    ("text", "recognized"),
    [
        ("timestamp,value\n2026-01-01,1.5\n", True),
        ("time,flow,anomaly\n2026-01-01,1.5,0\n", True),
        ("time\tflow\theat\n2026-01-01\t1.5\t\n", True),
        ("value\n1.5\n", False),
        ("time,flow,label\n2026-01-01,1.5,calm\n", False),
        ("date,text\n2026-01-01,a fine film\n", False),
        ("time,value\n", False),
        ("", False),
    ],
)
def test_times_and_numbers_without_a_label_are_watched(tmp_path, text, recognized):
    (tmp_path / "data.csv").write_text(text, "utf-8")
    found = detect(DataSnapshot(tmp_path / "data.csv"))
    assert (found is not None and found.recipe == "series-anomaly") == recognized
