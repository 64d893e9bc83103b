"""A column of 0 and 1 for each row is truth or a measurement: which of the two is asked, or said."""

import numpy as np
import pytest

pytest.importorskip("pandas")

from convscope.errors import DataError
from convscope.kinds.registry import choose_spec
from convscope.kinds.series.anomaly.reader import read_streams
from convscope.kinds.series.anomaly.tables import Wanted
from convscope.kinds.series.readers.reader import read_series


def log(path, name, timed=True, last=True, rows=800, every=50, ending="\n"):
    """Measurements of two sensors with a state that changes now and then."""
    rng = np.random.default_rng(0)
    state = np.arange(rows) // every % 2
    values = np.cumsum(rng.normal(0, 0.1, (rows, 3)), axis=0) + 7 * state[:, None]
    names = ["light", "humidity", "co2", name] if last else [name, "light", "humidity", "co2"]
    lines = [",".join([*(["date"] if timed else []), *names])]
    for row in range(rows):
        measured = [f"{value:.3f}" for value in values[row]]
        fields = [*measured, str(state[row])] if last else [str(state[row]), *measured]
        time = [f"2015-02-04 {row // 60:02}:{row % 60:02}:00"] if timed else []
        lines.append(",".join([*time, *fields]))
    path.write_text(ending.join(lines))
    return path


@pytest.mark.parametrize("name", ["Occupancy", "eyeDetection", "machine_status", "state"])
@pytest.mark.parametrize("ending", ["csv", "txt"])
def test_a_state_of_each_row_is_asked_for_with_the_ways(tmp_path, name, ending):
    path = log(tmp_path / f"log.{ending}", name)
    with pytest.raises(DataError, match=f"column '{name}' of two values") as caught:
        choose_spec(path)
    for way in ("series-classification", "series-anomaly", "--drop-column", "as one more variable"):
        assert way in caught.value.hint
    assert choose_spec(path, drop=[name])[0].name == "series-anomaly"
    assert choose_spec(path, name)[0].name == "series-anomaly"


def test_other_columns_of_two_values_are_measured(tmp_path):
    assert choose_spec(log(tmp_path / "a.csv", "valve_open"))[0].name == "series-anomaly"
    flickers = log(tmp_path / "b.csv", "Occupancy", every=1)
    assert choose_spec(flickers)[0].name == "series-anomaly"


def test_a_variable_that_says_a_state_is_warned_of(tmp_path):
    splits = read_streams(log(tmp_path / "log.csv", "Occupancy"))
    assert any("'Occupancy' has two values" in line for line in splits.warnings)
    told = read_streams(log(tmp_path / "log.csv", "Occupancy"), wanted=Wanted(label_column="Occupancy"))
    assert not any("has two values" in line for line in told.warnings)


def test_rows_without_times_are_cut_where_the_named_state_changes(tmp_path):
    path = log(tmp_path / "eeg.csv", "eyeDetection", timed=False)
    assert choose_spec(path, "eyeDetection")[0].name == "series-classification"
    splits = read_series(path, label_column="eyeDetection")
    assert splits.class_names == ("0", "1")
    assert splits.train.samples.load(0).variables == ("light", "humidity", "co2")
    assert any(line.startswith("windows: ") for line in splits.decisions)


def test_attributes_of_a_weka_file_are_no_times(tmp_path):
    rng = np.random.default_rng(0)
    names = ["sepallength", "sepalwidth", "petallength", "petalwidth"]
    lines = ["@RELATION iris", *(f"@ATTRIBUTE {name} REAL" for name in names)]
    lines += ["@ATTRIBUTE class {setosa,virginica}", "@DATA"]
    for row in range(40):
        fields = [*(f"{value:.1f}" for value in rng.normal(3, 1, 4)), ("setosa", "virginica")[row % 2]]
        lines.append(",".join(fields))
    (tmp_path / "iris.arff").write_text("\n".join(lines))
    with pytest.raises(DataError, match=r"4 attributes \('sepallength'") as caught:
        read_series(tmp_path / "iris.arff")
    assert "HistGradientBoostingClassifier" in caught.value.hint
    assert len(read_series(tmp_path / "iris.arff", rows="series").train.samples.load(0)) == 4
