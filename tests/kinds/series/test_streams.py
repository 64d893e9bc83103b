"""Series in which anomalies are looked for: read, divided by time, with what is known of them."""

import functools
import io
import itertools
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convscope.errors import DataError, RunError, UsageError
from convscope.kinds.series.anomaly.reader import FEWEST, Wanted, read_stream_inputs, read_streams
from convscope.kinds.series.anomaly.representation import StreamRepresentation, filled
from convscope.kinds.series.anomaly.windows import windows_of_marks
from convscope.kinds.series.readers.segments import SegmentInputs

check = functools.partial(settings, deadline=None, derandomize=True, database=None)


def table(rows=200, columns=("value",), seed=0, times=True, extra=()):
    """CSV of random values, a row for each hour; `extra` are (name, values)."""
    rng = np.random.default_rng(seed)
    names = [*(["time"] if times else []), *columns, *(name for name, _ in extra)]
    lines = [",".join(names)]
    start = np.datetime64("2026-01-01T00:00")
    for row in range(rows):
        fields = [str(start + np.timedelta64(row, "h"))] if times else []
        fields += [f"{value:.4f}" for value in rng.normal(size=len(columns))]
        lines.append(",".join([*fields, *(str(values[row]) for _, values in extra)]))
    return "\n".join(lines) + "\n"


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def benchmark(folder, windows):
    """A copy of the benchmark with one series."""
    write(folder / "data" / "real" / "one.csv", table(400))
    write(folder / "labels" / "combined_windows.json", json.dumps({"real/one.csv": windows}))
    return folder


def test_a_table_is_divided_by_time_without_a_gap(tmp_path):
    splits = read_streams(write(tmp_path / "a.csv", table()), wanted=Wanted(lead=16))
    assert any("begin up to 16 rows before those of their names" in line for line in splits.decisions)
    train, validation, test = (splits[name].samples for name in ("train", "validation", "test"))
    assert [len(each.load(0)) - each.lead(0) for each in (train, validation, test)] == [70, 30, 100]
    assert (train.lead(0), validation.lead(0), test.lead(0)) == (0, 16, 16)
    whole = np.concatenate([each.load(0).values[each.lead(0) :] for each in (train, validation, test)])
    np.testing.assert_array_equal(whole, read_stream_inputs([str(tmp_path / "a.csv")]).load(0).values)
    assert test.load(0).times[16] == train.load(0).times[0] + np.timedelta64(100, "h")
    assert [each.name(0).rpartition("#")[2] for each in (train, validation, test)] == [
        "1-70",
        "71-100",
        "101-200",
    ]


def test_the_user_says_how_much_is_learned_from(tmp_path):
    path = write(tmp_path / "a.csv", table())
    splits = read_streams(path, wanted=Wanted(train_share=0.8))
    assert splits.test.samples.name(0).endswith("#161-200")
    assert any("the first 80%" in line for line in splits.decisions)
    with pytest.raises(UsageError, match="train_share"):
        Wanted(train_share=1.0)


def machines(rows=80, ids=("7", "8", "9")):
    """CSV of machines below each other, all measured at the same times, with failures in the last column."""
    rng = np.random.default_rng(0)
    hours = [str(np.datetime64("2026-01-01T00:00") + np.timedelta64(row, "h")) for row in range(rows)]
    lines = [
        f"{hour},{one},{rng.normal():.3f},{int(row == rows - 5)}"
        for one in ids
        for row, hour in enumerate(hours)
    ]
    return "\n".join(["datetime,machineID,volt,failure", *lines]) + "\n"


def test_rows_of_several_machines_are_a_series_each_and_failures_are_truth(tmp_path):
    path = write(tmp_path / "a.csv", machines())
    splits = read_streams(path, wanted=Wanted(lead=0))
    test = splits["test"]
    assert [key.split("#")[1] for key in test.samples.keys] == ["7", "8", "9"]
    assert [one.variables for one in test.samples.series] == [("volt",)] * 3
    assert [truth.windows for truth in test.labels] == [((35, 35),)] * 3
    assert any("one for each of the 3 values of 'machineID'" in line for line in splits.decisions)
    assert splits.reading["id_column"] == "machineID"
    assert len(read_stream_inputs([str(path)], wanted=Wanted(id_column="machineID")).keys) == 3


def test_two_columns_that_may_be_ids_are_told_and_one_can_be_named(tmp_path):
    lines = machines(ids=("1", "2")).replace("machineID", "place").splitlines()
    rooms = [(int(line.split(",")[1]) + row % 2) % 2 for row, line in enumerate(lines[1:])]
    rows = [f"{line},{room}" for line, room in zip(lines[1:], rooms, strict=True)]
    text = "\n".join([f"{lines[0]},room", *rows])
    path = write(tmp_path / "a.csv", text)
    with pytest.raises(DataError, match="each of 'place', 'room'") as caught:
        read_streams(path)
    assert "--id-column" in str(caught.value.hint)
    assert len(read_streams(path, wanted=Wanted(id_column="room"))["test"].samples.keys) == 2


def test_nothing_is_known_of_a_plain_table(tmp_path):
    splits = read_streams(write(tmp_path / "a.csv", table(columns=("x", "y"))))
    assert splits.test.labels[0].windows is None
    assert "2 variables" in splits.layout
    assert "without known anomalies" in splits.layout


@pytest.mark.parametrize(("column", "chosen"), [("anomaly", None), ("Is_Anomaly", None), ("fault", "fault")])
def test_a_column_that_marks_anomalies_judges_and_is_no_variable(tmp_path, column, chosen):
    marks = [int(120 <= row < 130 or row == 20) for row in range(200)]
    path = write(tmp_path / "a.csv", table(extra=[(column, marks)]))
    splits = read_streams(path, wanted=Wanted(label_column=chosen, lead=8))
    assert splits.test.samples.load(0).variables == ("value",)
    assert splits.test.labels[0].windows == ((28, 37),)
    assert splits.train.labels[0].windows == ((20, 20),)
    assert read_stream_inputs([str(path)], wanted=Wanted(label_column=chosen)).load(0).variables == ("value",)


def test_marks_go_with_their_rows_where_these_are_not_in_order(tmp_path):
    lines = table(extra=[("anomaly", [int(row == 150) for row in range(200)])]).splitlines()
    path = write(tmp_path / "a.csv", "\n".join([lines[0], *lines[:0:-1]]))
    splits = read_streams(path, wanted=Wanted(lead=0))
    assert splits.test.labels[0].windows == ((50, 50),)
    assert any("not in order" in line for line in splits.decisions)


def test_a_column_of_words_marks_nothing_and_is_told(tmp_path):
    path = write(tmp_path / "a.csv", table(extra=[("anomaly", ["no"] * 200)]))
    with pytest.raises(DataError, match="expected 0 for normal rows"):
        read_streams(path)
    with pytest.raises(UsageError, match="no column 'fault'"):
        read_streams(write(tmp_path / "b.csv", table()), wanted=Wanted(label_column="fault"))


def test_the_benchmark_is_known_by_its_place_and_its_probation_is_learned_from(tmp_path):
    windows = [["2026-01-11 00:00:00.000000", "2026-01-11 09:00:00.000000"]]
    folder = benchmark(tmp_path / "nab", windows)
    for path in (folder, folder / "data", folder / "data" / "real", folder / "data" / "real" / "one.csv"):
        splits = read_streams(path, wanted=Wanted(lead=0))
        assert splits.test.labels[0].windows == ((240 - 60, 249 - 60),)
        assert len(splits.test.samples.load(0)) == 340
        assert "1 with known anomalies" in splits.layout


@pytest.mark.parametrize(
    "labels", ["[]", "{", '{"real/one.csv": 3}', '{"real/one.csv": [["a", "b"]]}', '{"real/one.csv": [[1]]}']
)
def test_damaged_labels_of_the_benchmark_are_told(tmp_path, labels):
    folder = benchmark(tmp_path / "nab", [])
    write(folder / "labels" / "combined_windows.json", labels)
    with pytest.raises(DataError, match="combined_windows"):
        read_streams(folder)


def test_a_folder_is_a_series_for_each_table_and_other_files_are_skipped(tmp_path):
    for number in range(3):
        write(tmp_path / "all" / f"{number}.csv", table(100 + number, seed=number))
    write(tmp_path / "all" / "notes.txt", "nothing")
    splits = read_streams(tmp_path / "all")
    assert [len(splits[name]) for name in ("train", "validation", "test")] == [3, 3, 3]
    assert [skipped.reason for skipped in splits.skipped] == ["no table"]


def test_folders_of_splits_are_taken_as_they_are_named(tmp_path):
    write(tmp_path / "all" / "train" / "a.csv", table(100))
    write(tmp_path / "all" / "test" / "b.csv", table(50, seed=1))
    splits = read_streams(tmp_path / "all")
    assert [splits[name].samples.name(0).rpartition("/")[2] for name in ("train", "validation", "test")] == [
        "a.csv#1-70",
        "a.csv#71-100",
        "b.csv#1-50",
    ]
    write(tmp_path / "all" / "validation" / "c.csv", table(40, seed=2))
    splits = read_streams(tmp_path / "all")
    assert splits.train.samples.name(0).endswith("a.csv#1-100")
    assert splits.validation.samples.name(0).endswith("c.csv#1-40")


def test_other_variables_too_few_rows_and_no_tables_are_told(tmp_path):
    write(tmp_path / "all" / "a.csv", table(columns=("x",)))
    write(tmp_path / "all" / "b.csv", table(columns=("y",)))
    with pytest.raises(DataError, match=r"b\.csv: expected the variables of a\.csv \(x\), received y"):
        read_streams(tmp_path / "all")
    with pytest.raises(DataError, match=f"at least {FEWEST} rows"):
        read_streams(write(tmp_path / "short.csv", table(2 * FEWEST - 2)))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="expected tables"):
        read_streams(tmp_path / "empty")
    with pytest.raises(DataError, match="no such file"):
        read_streams(tmp_path / "nowhere")


def test_series_that_are_unlike_are_compared_each_with_its_own_beginning(tmp_path):
    write(tmp_path / "all" / "a.csv", table())
    lines = [line.split(",") for line in table().splitlines()[1:]]
    wide = "\n".join(["time,value", *(f"{time},{1000 * float(value)}" for time, value in lines)])
    write(tmp_path / "all" / "b.csv", wide)
    splits = read_streams(tmp_path / "all")
    assert splits.reading == {"per_series": True}
    assert splits.test.samples.own
    assert any("one for each series" in line and "'value'" in line for line in splits.decisions)
    assert len(splits.test.samples.reference(1)) == 100
    shared = read_streams(tmp_path / "all", wanted=Wanted(own=False))
    assert "hundredfold" in shared.warnings[0]
    write(tmp_path / "same" / "a.csv", table())
    write(tmp_path / "same" / "b.csv", table(seed=1))
    alike = read_streams(tmp_path / "same")
    assert not alike.test.samples.own
    assert any("one for all series" in line for line in alike.decisions)


def test_the_fingerprint_knows_values_times_and_windows(tmp_path):
    texts = [table(), table(seed=1), table(times=False), table(extra=[("anomaly", [1] + [0] * 199)])]
    prints = {
        read_streams(write(tmp_path / f"{i}" / "a.csv", text)).fingerprint for i, text in enumerate(texts)
    }
    assert len(prints) == 4
    assert read_streams(write(tmp_path / "again" / "a.csv", texts[0])).fingerprint in prints


def test_standard_input_is_one_table(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(table(5).encode())))
    found = read_stream_inputs(["-"])
    assert (found.name(0), len(found.load(0))) == ("standard input", 5)


@pytest.mark.parametrize("inputs", [[], ["nowhere.csv"], ["none/*.csv"], [""]])
def test_nothing_to_score_is_told(tmp_path, monkeypatch, inputs):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError):
        read_stream_inputs(inputs)


def test_runs_of_marks_are_windows():
    rng = np.random.default_rng(0)
    marks = rng.random(200) < 0.3
    windows = windows_of_marks(marks)
    again = np.zeros(200, bool)
    for first, last in windows:
        again[first : last + 1] = True
    np.testing.assert_array_equal(again, marks)
    assert all(one[1] + 1 < other[0] for one, other in itertools.pairwise(windows))


def test_a_missing_value_is_the_last_known_one():
    nan = np.nan
    scaled = np.array([[nan, 1.0], [2.0, nan], [nan, nan], [3.0, 4.0]])
    np.testing.assert_array_equal(filled(scaled), [[0, 1], [2, 1], [2, 1], [3, 4]])


def test_windows_end_with_each_row_and_begin_with_what_is_usual(tmp_path):
    train = read_streams(write(tmp_path / "a.csv", table(columns=("x", "y")))).train
    made, decisions = StreamRepresentation.fit(train, window=8)
    windows = made.every(train.samples, hop=1)
    assert len(windows) == 70
    first, last = windows.take(np.array([2, 69]))
    raw = train.samples.load(0).values
    scaled = ((raw - made.centre) / made.spread).astype(np.float32)
    np.testing.assert_allclose(first, np.concatenate([np.zeros((5, 2)), scaled[:3]]), atol=1e-6)
    np.testing.assert_allclose(last, scaled[-8:], atol=1e-6)
    np.testing.assert_array_equal(made.encode(train.samples).take(np.array([0]))[0], last)
    assert made.spread == pytest.approx(raw.std(axis=0), rel=1e-5)
    assert StreamRepresentation.from_json(json.loads(json.dumps(made.to_json()))).to_json() == made.to_json()
    assert any("8 rows of 2 variables" in line for line in decisions)


def test_random_windows_stay_within_their_hop(tmp_path):
    train = read_streams(write(tmp_path / "a.csv", table())).train
    windows = StreamRepresentation.fit(train, window=8)[0].every(train.samples, hop=5)
    rng, indices = np.random.default_rng(0), np.arange(len(windows))
    moved = np.stack([windows.places(indices, rng)[:, -1] for _ in range(200)])
    steps = windows.last - moved
    assert (steps.min(), steps.max()) == (0, 4)


def test_a_constant_variable_and_one_without_values_are_said_and_scaled_by_something(tmp_path):
    text = table(extra=[("flat", [7.5] * 200), ("nothing", [""] * 200)])
    made, decisions = StreamRepresentation.fit(read_streams(write(tmp_path / "a.csv", text)).train)
    assert made.spread[1:].tolist() == [7.5, 1.0]
    assert any("constant in train" in line and "flat" in line for line in decisions)
    assert any("missing" in line for line in decisions)


@pytest.mark.parametrize(
    "saved", [{}, {"kind": "stream"}, {"kind": "stream", "version": 1, "window": 2}, {"kind": "text"}]
)
def test_a_damaged_representation_is_told(saved):
    with pytest.raises(RunError, match="representation"):
        StreamRepresentation.from_json(saved)


@check(max_examples=120)
@given(
    st.binary(max_size=80)
    | st.lists(
        st.sampled_from([*table(40).splitlines(), "x,y,z", "2026,,", '"', "\0", "nan,nan"]), max_size=60
    ).map(lambda lines: "\n".join(lines).encode())
)
def test_no_bytes_end_in_anything_but_series_or_an_error_that_says_why(data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "any.csv"
        path.write_bytes(data)
        try:
            found = read_stream_inputs([str(path)])
            splits = read_streams(path)
        except DataError as error:
            assert "any.csv" in error.message
            return
        assert isinstance(found, SegmentInputs)
        assert len(splits.train) == 1
        made, _ = StreamRepresentation.fit(splits.train, window=8)
        assert np.isfinite(made.every(splits.train.samples, 1).take(np.arange(3))).all()


def test_normal_and_attack_are_marks_and_numbers_of_either_sign_are_refused(tmp_path):
    said = ["Attack" if 150 < k < 160 else "Normal" for k in range(200)]
    rows = [f"2026-01-01 00:{k // 60:02}:{k % 60:02},{k % 7}.5,{word}" for k, word in enumerate(said)]
    write(tmp_path / "plant.csv", "Timestamp,LIT101,Normal/Attack\n" + "\n".join(rows) + "\n")
    splits = read_streams(tmp_path / "plant.csv")
    assert "marks of anomalies from 'Normal/Attack'" in " ".join(splits.decisions)
    signed = [row.replace("Normal", "1").replace("Attack", "-1") for row in rows]
    write(tmp_path / "signed.csv", "Timestamp,LIT101,attack\n" + "\n".join(signed) + "\n")
    with pytest.raises(DataError, match="received -1 and 1"):
        read_streams(tmp_path / "signed.csv")


def test_columns_without_a_name_and_a_value_are_left_out(tmp_path):
    rows = [f"2026-01-01 {k // 60:02}:{k % 60:02};{k % 7},5;{k % 11};;" for k in range(300)]
    write(tmp_path / "air.csv", "Time;CO;NO;;\n" + "\n".join(rows) + "\n")
    splits = read_streams(tmp_path / "air.csv")
    assert splits.train.samples.load(0).variables == ("CO", "NO")
    assert "without a name and without any value" in " ".join(splits.decisions)


def test_all_times_of_a_series_are_written_alike(tmp_path):
    series = read_stream_inputs([str(write(tmp_path / "a.csv", table()))]).load(0)
    assert [series.time(row) for row in (0, 1, 24)] == [
        "2026-01-01T00:00",
        "2026-01-01T01:00",
        "2026-01-02T00:00",
    ]
