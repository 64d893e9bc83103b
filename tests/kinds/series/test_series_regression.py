"""Numbers of series: read as series with classes are, predicted with intervals, judged beside the mean."""

import numpy as np
import pytest
from small_series import write_pitches

pytest.importorskip("pandas")

from convscope.data.number_labels import are_numbers_to_predict
from convscope.data.snapshot import DataSnapshot
from convscope.engine.metrics import RegressionMetrics, regression_metrics
from convscope.errors import DataError
from convscope.kinds.series.detect import detect


def read(path, **options):
    from convscope.kinds.series.recipes import read_numbered_series

    return read_numbered_series(path, **options)


def test_numbers_are_read_and_divided_evenly(tmp_path):
    path = write_pitches(tmp_path)
    splits = read(path)
    assert detect(DataSnapshot(path)).recipe == "series-regression"
    assert splits.class_names == ()
    assert sum(len(splits[name]) for name in ("train", "validation", "test")) == 96
    values = [splits[name].labels for name in ("train", "validation", "test")]
    assert all(part.dtype == np.float64 and np.ptp(part) > 5 for part in values)
    assert splits.reading["center"] == pytest.approx(values[0].mean())
    assert any("stratified by quarter of the numbers" in line for line in splits.decisions)
    judged = read(path, seed=None)
    assert len(judged.test) == 96


def test_each_series_keeps_its_number(tmp_path):
    path = write_pitches(tmp_path)
    splits = read(path)
    rows = [line.split(",") for line in path.read_text().splitlines()[1:]]
    for name in ("train", "validation", "test"):
        for place in range(len(splits[name])):
            row = int(splits[name].samples.name(place).rpartition("#")[2])
            assert splits[name].labels[place] == float(rows[row - 1][0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: ["high," + rows[0].partition(",")[2], *rows[1:]], "expected a number to predict"),
        (lambda rows: ["1.5," + row.partition(",")[2] for row in rows], "different numbers to predict"),
        (lambda rows: rows[:4], "expected at least 8 series, received 4"),
    ],
)
def test_what_is_no_number_to_predict_is_told(tmp_path, change, message):
    path = write_pitches(tmp_path)
    head, *rows = path.read_text().splitlines()
    path.write_text("\n".join([head, *change(rows)]))
    with pytest.raises(DataError, match=message):
        read(path)


def test_splits_that_are_there_are_kept(tmp_path):
    for seed, split in enumerate(("TRAIN", "TEST")):
        lines = [
            "@problemName pitches",
            "@univariate true",
            "@equalLength true",
            "@targetLabel true",
            "@data",
        ]
        for row in write_pitches(tmp_path / split, seed, 24).read_text().splitlines()[1:]:
            number, _, values = row.partition(",")
            lines.append(f"{values}:{number}")
        (tmp_path / f"pitches_{split}.ts").write_text("\n".join(lines))
    splits = read(tmp_path / "pitches_TRAIN.ts")
    assert (len(splits.train) + len(splits.validation), len(splits.test)) == (24, 24)
    assert detect(DataSnapshot(tmp_path / "pitches_TRAIN.ts")).recipe == "series-regression"


def test_numbers_are_no_classes(tmp_path):
    from convscope.kinds.series.readers.reader import read_series

    with pytest.raises(DataError, match="expected classes, received numbers to predict") as caught:
        read_series(write_pitches(tmp_path))
    assert "series-regression" in caught.value.hint


def test_classes_and_numbers_are_told_apart():
    assert are_numbers_to_predict([f"{value / 7:.2f}" for value in range(20)])
    assert are_numbers_to_predict([str(value) for value in range(20)])
    assert not are_numbers_to_predict(["1.0", "2.0", "3.0"] * 6)
    assert not are_numbers_to_predict(["a", "1.5", "2.5", "3.5", "4.5", "5.5"])


def test_errors_stand_beside_those_of_the_mean():
    true = np.array([1.0, 2.0, 3.0, 6.0])
    found = regression_metrics(true, true + np.array([0, 0, 0, 2]), 3.0, 1.0, 0.9)
    assert (found.mae, found.rmse, found.baseline_mae, found.coverage) == (0.5, 1.0, 1.5, 0.75)
    assert found.r2 == pytest.approx(1 - 4 / 14)
    assert RegressionMetrics.from_json(found.to_json()) == found
    assert found.to_table()[1][1][0] == "mean of train"
    with pytest.raises(DataError):
        regression_metrics(true[:0], true[:0], 0.0)


def test_a_run_learns_numbers_and_gives_intervals(tmp_path):
    from convscope.api import evaluate, predict, train

    path = write_pitches(tmp_path / "data", count=160)
    train(
        path,
        out=tmp_path / "run",
        architecture="fcn",
        options={"filters": (16, 16, 16)},
        epochs=20,
        batch_size=8,
        learning_rate=1e-2,
        precision="float32",
    )
    judged = evaluate(tmp_path / "run")
    assert judged.rmse < 0.5 * judged.baseline_rmse
    rows = predict(tmp_path / "run", [path]).rows
    assert rows[0].low < rows[0].value < rows[0].high
    assert "Predicted over true numbers" in (tmp_path / "run" / "report.html").read_text()


def test_the_only_column_that_is_steady_in_each_series_is_the_label(tmp_path):
    lines = ["id,t,x,load"]
    for series in range(12):
        lines += [f"{series},{t},{np.sin(t / 2) * (1 + series):.3f},{1.25 + series:.2f}" for t in range(20)]
    path = tmp_path / "loads.csv"
    path.write_text("\n".join(lines) + "\n")
    assert detect(DataSnapshot(path)).recipe == "series-regression"
    splits = read(path)
    assert sorted(np.concatenate([splits[name].labels for name in ("train", "validation", "test")])) == [
        1.25 + series for series in range(12)
    ]
