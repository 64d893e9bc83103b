"""Long anomalies: rows are compared with the first ones, which are normal, and are judged one by one."""

import functools

import numpy as np
import pytest

import convscope
from convscope.errors import DataError, RunError, UsageError
from convscope.kinds.registry import build
from convscope.kinds.series.anomaly.detector import Detector
from convscope.kinds.series.anomaly.incremental_forecaster import IncrementalForecaster
from convscope.kinds.series.anomaly.levels import Levels
from convscope.kinds.series.anomaly.metrics import AnomalyMetrics, LabeledAlarms, anomaly_metrics
from convscope.kinds.series.anomaly.reader import read_streams
from convscope.kinds.series.anomaly.recipe import read, read_inputs
from convscope.kinds.series.anomaly.tables import Wanted
from convscope.kinds.tasks.alarms import Alarm

pytest.importorskip("pandas")

SMALL = {"filters": 4, "window": 32}


def normal(rows, variables=3, seed=0, memory=0.5):
    """Normal rows, each a little like the one before."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(rows, variables))
    for row in range(1, rows):
        values[row] = memory * values[row - 1] + np.sqrt(1 - memory**2) * values[row]
    return values.astype(np.float32)


@functools.cache
def forecaster(variables=3):
    return IncrementalForecaster(build("causal_forecaster", (32, variables), filters=4))


def detector(threshold, levels=True, learned=1000, seed=0):
    """A detector whose model has learned nothing, calibrated on normal rows."""
    values = normal(learned, seed=seed)
    made = Detector(forecaster(), np.zeros(3), np.ones(3), threshold)
    histories = made.calibrated([(values, 0)])
    known = made.levels_of([values]) if levels else None
    return Detector(forecaster(), np.zeros(3), np.ones(3), threshold, histories=histories, levels=known)


@pytest.mark.parametrize("asked", [1.0, 10.0, 50.0])
def test_the_rate_that_is_asked_for_holds_on_normal_rows_within_a_factor_of_three(asked):
    rates = []
    for seed in range(4):
        found = detector(3 - np.log10(asked), seed=seed).score(normal(6_000, seed=100 + seed))
        rates.append(1000 * float((found.scores[100:] >= found.threshold).mean()))
    assert asked / 3 <= np.mean(rates) <= 3 * asked


def test_a_long_anomaly_stays_one_where_levels_are_known():
    values = normal(6_000, seed=7)
    values[1_000:5_000, 1] += 2.5
    moving, fixed = (detector(3.0, levels).score(values) for levels in (False, True))
    late = slice(4_000, 5_000)
    assert (moving.scores[late] >= 3).mean() < 0.1
    assert (fixed.scores[late] >= 3).mean() > 0.95
    assert int(np.argmax(fixed.parts[late].sum(axis=0))) == 1
    assert (fixed.scores[5_050:] >= 3).mean() < 0.05


def test_a_level_that_wanders_says_less_than_a_steady_one():
    rng = np.random.default_rng(0)
    steady, wandering = rng.normal(size=(600, 1)), np.cumsum(rng.normal(size=(600, 1)), axis=0) / 10
    wandering /= wandering.std()
    nothing = np.full((600, 1), np.nan)
    scales = [Levels.of([(each, nothing)]).scale[0] for each in (steady, wandering)]
    assert (scales[1] > 3 * scales[0]).all()


def test_a_stream_gets_the_scores_of_the_file_also_with_levels():
    values, made = normal(400, seed=3), detector(3.0)
    values[200:300] += 3
    values[250, 2] = np.nan
    stream = made.stream()
    told = [stream.push(row).score for row in values]
    np.testing.assert_allclose(told, made.score(values).scores, atol=1e-6)


def test_levels_are_kept_and_what_is_damaged_is_refused():
    levels = detector(3.0).levels
    again = Levels.from_json(levels.to_json(), 3)
    np.testing.assert_allclose(again.scale, levels.scale)
    for damage in ({"centre": [1]}, {"scale": None}, {"freedom": []}, {"freedom": [[0, 0], [0, 0]]}):
        with pytest.raises(RunError, match="no levels"):
            Levels.from_json({**levels.to_json(), **damage}, 3)


def log(path, rows=300, seed=0, fault=None, offset=0.0, mark=";", extra=("anomaly", "changepoint")):
    """A log as test beds write them: marked rows, and marked changes; returns the path."""
    values = normal(rows, 2, seed) + np.float32(offset)
    marks, changes = np.zeros(rows), np.zeros(rows)
    if fault is not None:
        values[fault[0] : fault[1], 0] += 4
        marks[fault[0] : fault[1]] = 1
        changes[[fault[0], fault[1]]] = 1
    lines = [mark.join(["datetime", "flow", "heat", *extra])]
    for row in range(rows):
        time = np.datetime_as_string(np.datetime64("2024-03-09T10:00:00") + row, unit="s").replace("T", " ")
        lines.append(
            mark.join([time, *(f"{v:.5f}" for v in values[row]), f"{marks[row]}", f"{changes[row]}"])
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines), "utf-8")
    return path


def test_marks_of_changes_are_truth_and_no_input(tmp_path):
    splits = read_streams(log(tmp_path / "a.csv", fault=(200, 250)), wanted=Wanted(train_rows=120))
    assert splits.test.samples.load(0).variables == ("flow", "heat")
    assert splits.test.labels[0].by_row
    assert any("'changepoint'" in line and "neither an input" in line for line in splits.decisions)
    assert any("first 120 rows of each series, as given" in line for line in splits.decisions)
    samples = splits.test.samples
    assert (samples.lead(0), samples.start(0), len(samples.reference(0))) == (120, 0, 120)


@pytest.mark.parametrize(
    ("names", "known"),
    [(("label", "changepoint"), True), (("attack", "is_changepoint"), True), (("speed", "pressure"), False)],
)
def test_a_column_of_zeros_and_ones_marks_rows_by_its_name(tmp_path, names, known):
    splits = read_streams(log(tmp_path / "a.csv", fault=(200, 250), extra=names))
    assert (splits.test.labels[0].windows is not None) is known


def test_a_column_called_label_of_other_numbers_is_a_variable(tmp_path):
    path = log(tmp_path / "a.csv", fault=(200, 250), extra=("label", "changepoint"))
    path.write_text(path.read_text().replace("1.0;0.0", "2.0;0.0"))
    assert "label" in read_streams(path).test.samples.load(0).variables


def test_rows_to_learn_from_that_cannot_be_are_refused(tmp_path):
    path = log(tmp_path / "a.csv", rows=200)
    with pytest.raises(DataError, match="expected more than 200 rows, received 200") as raised:
        read(path, train_rows=200)
    assert "--train-rows" in raised.value.hint
    with pytest.raises(UsageError, match="train_share and train_rows"):
        read(path, train_rows=100, train_share=0.5)
    with pytest.raises(DataError, match="the first 250 of which are normal") as raised:
        read_inputs([str(path)], train_rows=250, per_series=True)
    assert "--no-per-series" in raised.value.hint


def test_levels_are_used_where_the_first_rows_are_said_to_be_normal(tmp_path):
    path = log(tmp_path / "a.csv", fault=(200, 250))
    assert read(path, train_rows=120).reading["levels"]
    plain = read(path)
    assert not plain.reading["levels"]
    assert any("--train-rows finds them" in line for line in plain.decisions)
    assert read(path, levels=True).reading["levels"]


def test_rows_are_counted_one_by_one_where_they_are_marked():
    over = np.array([0, 0, 1, 0, 1, 1, 0, 0, 1, 0], bool)
    alarm = Alarm(2, 8, 4, 3.0, 0, (1.0,))
    made = anomaly_metrics([LabeledAlarms("a", 10, 2, (alarm,), ((4, 7),), over)], 3.0, 1.0)
    assert (made.row_f1, made.false_alarm_rate, made.missed_alarm_rate) == (0.5, 0.5, 0.5)
    assert "by rows F1 0.500, false alarms 50.0%, missed 50.0%" in made.to_line()
    windows = anomaly_metrics([LabeledAlarms("a", 10, 2, (alarm,), ((4, 7),))], 3.0, 1.0)
    assert windows.row_f1 is None
    assert "by rows" not in windows.to_line()
    plain = made.to_json()
    for name in ("row_f1", "false_alarm_rate", "missed_alarm_rate"):
        del plain[name]
    assert AnomalyMetrics.from_json(plain).row_f1 is None


def test_logs_of_one_fault_each_are_told_row_by_row(tmp_path):
    for number in range(4):
        log(tmp_path / "logs" / f"{number}.csv", 420, number, (260, 360), offset=20 * number)
    run = convscope.train(
        tmp_path / "logs",
        recipe="series-anomaly",
        out=tmp_path / "run",
        epochs=2,
        precision="float32",
        options={"train_rows": 200, **SMALL},
    )
    found = run.metrics()["test"]
    assert found["row_f1"] > 0.75
    assert found["false_alarm_rate"] < 0.15
    assert found["missed_alarm_rate"] < 0.2
    assert run.record()["options"]["per_series"]
    (asked,) = [
        row.to_json()
        for row in convscope.predict(run.folder, [tmp_path / "logs" / "3.csv"], every=True).rows
        if row.to_json()["row"] == 300
    ]
    assert asked["alarm"]
    with pytest.raises(UsageError, match="own beginning"):
        list(convscope.stream(run.folder, [b"1,2"])) if hasattr(convscope, "stream") else _followed(run)


def _followed(run):
    from convscope.kinds.series.anomaly.stream import AnomalyStream
    from convscope.workflows.predict import Predictor

    AnomalyStream(Predictor(run).fitted)
