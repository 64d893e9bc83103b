"""Tables of one series: times, missing values, and the regular grid."""

import io
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_series import table

from convscope.errors import DataError, UsageError
from convscope.kinds.series.readers.sources import Series

pandas = pytest.importorskip("pandas")

from convscope.data.snapshot import DataSnapshot  # noqa: E402
from convscope.kinds.series.anomaly.reader import read_streams  # noqa: E402
from convscope.kinds.series.detect import detect  # noqa: E402
from convscope.kinds.series.readers.frames import read_frame  # noqa: E402
from convscope.kinds.series.readers.reader import read_series, read_series_inputs  # noqa: E402
from convscope.kinds.series.readers.steps import median_step, regular  # noqa: E402
from convscope.kinds.series.readers.tables import (  # noqa: E402
    Measuring,
    read_series_table,
    series_of_frame,
)
from convscope.kinds.series.remaining_life.reader import read_lives  # noqa: E402
from convscope.kinds.series.remaining_life.tables import LifeColumns  # noqa: E402

MINUTE = 60 * 10**9


def read(folder, text, **options):
    return read_series_table(table(folder / "any.csv", text), Measuring(**options))


def series_at(minutes, values):
    times = np.datetime64("2026-01-01", "ns") + np.asarray(minutes) * np.timedelta64(MINUTE, "ns")
    columns = np.asarray(values, np.float32).reshape(len(minutes), -1)
    return Series(columns, tuple("abc"[: columns.shape[1]]), times)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (["2026-01-01T10:00:00Z", "2026-01-01T10:01:00Z"], "times"),
        (["2026-01-01 12:00:00+02:00", "2026-01-01 10:01:00+00:00"], "times"),
        (["2026-01-01 10:00", "2026-01-01 10:01"], "times"),
        (["1767261600", "1767261660"], "seconds since 1970"),
        (["1767261600.0", "1767261660.0"], "seconds since 1970"),
        (["1767261600000", "1767261660000"], "milliseconds since 1970"),
        (["1767261600000000", "1767261660000000"], "microseconds since 1970"),
        (["1767261600000000000", "1767261660000000000"], "nanoseconds since 1970"),
        (["01/01/2026 10:00", "01/01/2026 10:01"], "times"),
    ],
)
def test_times_of_every_form_become_utc(tmp_path, written, said):
    found, notes = read(tmp_path, f"time,a\n{written[0]},1\n{written[1]},2\n")
    assert found.times.tolist() == [
        np.datetime64("2026-01-01T10:00", "ns").astype(int),
        np.datetime64("2026-01-01T10:01", "ns").astype(int),
    ]
    assert notes == (f"time: column 'time', read as {said}",)
    assert (found.variables, found.values.tolist()) == (("a",), [[1.0], [2.0]])


def test_small_numbers_count_seconds_and_no_times_are_rows(tmp_path):
    found, notes = read(tmp_path, "t,a\n0,1\n0.5,2\n1.0,3\n")
    assert median_step(found) == 500_000_000
    assert notes == ("time: column 't', read as seconds from the beginning",)
    found, notes = read(tmp_path, "a,b\n1,2\n3,4\n")
    assert (found.times, found.variables, notes) == (None, ("a", "b"), ())
    assert regular(found) == (found, ())


def test_a_column_of_times_is_found_by_what_stands_in_it_or_as_named(tmp_path):
    text = "when,a\n2026-01-01,1\n2026-01-02,2\n"
    assert read(tmp_path, text)[0].variables == ("a",)
    assert read(tmp_path, "a,b\n1,2\n2,3\n", time_column="b")[0].variables == ("a",)
    with pytest.raises(UsageError, match="has no column 'c'"):
        read(tmp_path, text, time_column="c")


def test_unsorted_rows_are_sorted_and_equal_times_kept_and_both_said(tmp_path):
    found, notes = read(tmp_path, "time,a\n2026-01-02,2\n2026-01-01,1\n2026-01-02,4\n,9\n2026-01-03,3\n")
    assert found.values.ravel().tolist() == [1, 2, 4, 3]
    assert notes[1:] == (
        "time: 1 rows without a time, left out",
        "time: 2 rows were not in order and were sorted",
        "time: 1 rows have the time of the row before",
    )
    even, said = regular(found)
    assert even.values.ravel().tolist() == [1, 3, 3]
    assert said == ("time: 1 rows with a repeated time, averaged",)


def test_what_is_no_number_is_missing_or_told(tmp_path):
    found, _ = read(tmp_path, "a,b,c\n1,NaN,true\n,1e39,false\n?,inf,true\n2,3,false\n")
    np.testing.assert_array_equal(found.values[:, 0], np.float32([1, np.nan, np.nan, 2]))
    np.testing.assert_array_equal(found.values[:, 1], np.float32([np.nan, np.nan, np.nan, 3]))
    np.testing.assert_array_equal(found.values[:, 2], [1, 0, 1, 0])
    with pytest.raises(DataError, match="column 'a', row 2: expected a number, received 'x'"):
        read(tmp_path, "time,a\n2026-01-01,1\n2026-01-02,x\n2026-01-03,3\n")
    place = table(tmp_path / "noted.csv", "a,note\n1,warm\n2,cold\n")
    found = series_of_frame(read_frame(place), "noted.csv")
    assert (found.series[0].variables, found.unused) == (("a",), ("note",))
    assert found.line() == "columns: values from 'a'; not used: 'note'"


def test_a_first_column_that_counts_rows_is_left_out_and_a_table_needs_no_header(tmp_path):
    found, notes = read(tmp_path, ",a\n0,5\n1,6\n")
    assert (found.variables, found.values.ravel().tolist()) == (("a",), [5, 6])
    assert notes == ("index: the first column of any.csv has no name and numbers the rows",)
    assert read(tmp_path, "5,6\n7,8\n")[0].values.tolist() == [[5, 6], [7, 8]]
    assert read(tmp_path, "5 6\n7   8\n")[0].values.tolist() == [[5, 6], [7, 8]]
    assert read(tmp_path, "a;b\n5;6\n")[0].variables == ("a", "b")


def local(first, rows, minutes, zone="Europe/Berlin"):
    """Rows that are so many minutes apart, with the times that a clock on the wall shows."""
    start = pandas.Timestamp(first, tz=zone)
    shown = pandas.date_range(start, periods=rows, freq=f"{minutes}min").strftime("%Y-%m-%d %H:%M")
    return "time,a\n" + "".join(f"{at},{row}\n" for row, at in enumerate(shown))


@pytest.mark.parametrize(
    ("first", "rows", "minutes"),
    [("2024-10-27", 40, 15), ("2024-10-20", 400, 60), ("2024-03-01", 7000, 60), ("2022-10-01", 9500, 60)],
    ids=["quarters", "hours", "spring-and-fall", "years"],
)
def test_an_hour_that_stands_twice_keeps_the_order_of_the_file(tmp_path, first, rows, minutes):
    found, notes = read(tmp_path, local(first, rows, minutes))
    assert found.values.ravel().tolist() == list(range(rows))
    assert set(np.diff(found.times).astype("timedelta64[m]").astype(int).tolist()) == {minutes}
    assert sum("as at the end of daylight-saving time" in line for line in notes) == 1
    assert not any("sorted" in line for line in notes)


def test_times_that_go_back_otherwise_are_sorted(tmp_path):
    clock = ["00:30", "01:30", "02:30", "02:00", "03:00"]
    for day in ("2024-07-28", "2024-10-25"):
        _, notes = read(tmp_path, "time,a\n" + "".join(f"{day} {at},1\n" for at in clock))
        assert "time: 2 rows were not in order and were sorted" in notes


def test_a_named_counter_is_left_out_and_numbers_that_do_not_count_stay(tmp_path):
    found, notes = read(tmp_path, '"#",time,a\n4,2026-01-01,5\n5,2026-01-02,6\n6,2026-01-03,2\n')
    assert found.variables == ("a",)
    assert "the column '#' counts the rows and is left out" in notes
    assert read(tmp_path, "index,a\n4,5\n6,6\n8,2\n")[0].variables == ("index", "a")


def test_the_offset_in_the_name_of_a_column_of_times_is_taken_unless_times_have_their_own(tmp_path):
    found, notes = read(
        tmp_path, '"Date Time, GMT-05:00",a\n06/01/24 12:15:00 AM,5\n06/13/24 01:00:00 PM,6\n'
    )
    assert str(found.times[0])[:16] == "2024-06-01T05:15"
    assert any("GMT-05:00" in line and "UTC" in line for line in notes)
    found, _ = read(tmp_path, '"time GMT-05:00",a\n2026-01-01T10:00:00Z,5\n2026-01-01T11:00:00Z,6\n')
    assert str(found.times[0])[:16] == "2026-01-01T10:00"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty file"),
        ("time,a\n", "expected rows below the header"),
        ("time,a\nsoon,1\n2026-01-02,2\n", "row 1: expected a time, received 'soon'"),
        ("time,a\n,1\n,2\n", "expected a time in each series"),
        ("time,a\n1500-01-01,1\n", "from 1677 to 2262"),
        ("time,a\n1e30,1\n", "too large"),
        ("time,a\n2026-01-01,1,2\n", "rows of 2 fields"),
        ("time,a\n2026-01-01,1\n2026-01-01,1,2\n", "damaged table"),
        ("name,word\nx,y\n", "expected a column of numbers"),
    ],
)
def test_bad_tables_are_told(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read(tmp_path, text)


def test_damaged_bytes_and_missing_files_are_told(tmp_path):
    place = tmp_path / "any.csv"
    place.write_bytes(b"time,a\n2026-01-01,\xff\n")
    with pytest.raises(DataError, match="expected a column of numbers, received a"):
        read_series_table(place)
    for name in ("any.parquet", "any.csv.gz"):
        place = tmp_path / name
        place.write_bytes(b"PAR1 and no more")
        with pytest.raises(DataError, match=r"truncated or damaged|received a Parquet file"):
            read_series_table(place)
    with pytest.raises(DataError):
        read_series_table(tmp_path / "nowhere.csv")


def test_parquet_and_packed_csv_hold_what_csv_holds(tmp_path):
    frame = pandas.DataFrame(
        {
            "time": pandas.date_range("2026-01-01", periods=3, freq="h", tz="Europe/Berlin"),
            "a": [1.5, None, 2],
        }
    )
    frame.to_parquet(tmp_path / "one.parquet")
    frame.set_index("time").to_parquet(tmp_path / "indexed.parquet")
    frame.to_csv(tmp_path / "one.csv.gz", index=False)
    whole = [
        read_series_table(tmp_path / name)[0] for name in ("one.parquet", "indexed.parquet", "one.csv.gz")
    ]
    for found in whole:
        assert found.times[0] == np.datetime64("2025-12-31T23:00")
        np.testing.assert_array_equal(found.values, np.float32([[1.5], [np.nan], [2]]))


def test_regular_times_stay_with_a_tenth_of_a_step_of_jitter():
    for minutes in ([0, 1, 2, 3], [0, 1.05, 2.0, 3.05], np.cumsum([31, 28, 31, 30, 31])):
        found = series_at(np.asarray(minutes) * 1.0, [[1], [2], [3], [4], [5]][: len(minutes)])
        assert np.array_equal(regular(found)[0].values, found.values)
        assert regular(found)[1] == ()


def test_short_gaps_are_filled_and_long_ones_marked():
    found = series_at([0, 1, 2, 5, 6, 40, 41], [0, 1, 2, 5, 6, 40, 41])
    even, notes = regular(found)
    assert len(even) == 42
    known = ~np.isnan(even.values[:, 0])
    assert np.flatnonzero(~known).tolist() == list(range(7, 40))
    np.testing.assert_allclose(even.values[known, 0], np.flatnonzero(known))
    assert notes == (
        "time: irregular, resampled to steps of 1 min by interpolation",
        "time: 1 gaps of up to 10 steps, filled by interpolation",
        "time: 1 gaps of more than 10 steps, marked as missing",
    )


def test_a_grid_of_a_given_step_is_taken():
    even, notes = regular(series_at([0, 1, 2, 3, 4], [0, 1, 2, 3, 4]), step=2 * MINUTE)
    assert even.values.ravel().tolist() == [0, 2, 4]
    assert "steps of 2 min" in notes[0]


def test_a_gap_that_no_grid_can_bridge_is_told():
    with pytest.raises(DataError, match="a series of 4 rows, mostly 1 min apart"):
        regular(series_at([0, 1, 2, 10_000_000], [1, 2, 3, 4]))


@settings(deadline=None, derandomize=True, database=None, max_examples=60)
@given(
    st.lists(st.integers(0, 120), min_size=2, max_size=30, unique=True),
    st.integers(1, 3),
    st.randoms(use_true_random=False),
)
def test_a_straight_line_stays_one_whatever_its_times(minutes, variables, random):
    minutes = np.array(sorted(minutes))
    slopes = np.array([random.uniform(-2, 2) for _ in range(variables)], np.float32)
    even, _ = regular(series_at(minutes, minutes[:, None] * slopes))
    at = (even.times - np.datetime64("2026-01-01", "ns")) / np.timedelta64(MINUTE, "ns")
    there = ~np.isnan(even.values).any(axis=1)
    np.testing.assert_allclose(even.values[there], (at[:, None] * slopes)[there], atol=1e-3)
    assert there[0]
    steps = np.diff(even.times.astype(int))
    assert np.all(np.abs(steps - np.median(steps)) <= 0.1 * np.median(steps))


def test_one_endless_row_among_many_is_told_before_it_fills_the_memory(tmp_path):
    text = "1,2\n" * 3000 + "," * 100_000 + "1\n"
    with pytest.raises(DataError, match="more than 268,435,456 values"):
        read(tmp_path, text)


def logged(entities, rows=120, first="2026-01-01", word="unavailable"):
    """A row for each change of each entity, as home automation exports them."""
    lines = ["entity_id,state,last_changed"]
    for number, entity in enumerate(entities):
        times = pandas.date_range(first, periods=rows, freq="5min") + pandas.Timedelta(number * 7, "s")
        states = [word if row == 9 else f"{20 * number + np.sin(row / 9):.2f}" for row in range(rows)]
        lines += [f"{entity},{state},{at.isoformat()}Z" for state, at in zip(states, times, strict=True)]
    return "\n".join(lines) + "\n"


def test_entities_of_one_table_are_series_and_outages_are_missing(tmp_path):
    states = "".join(f"door,{'on' if row % 2 else 'off'},2026-01-02T{row:02}:00:00Z\n" for row in range(20))
    place = table(tmp_path / "history.csv", logged(["attic", "cellar"]) + states)
    assert detect(DataSnapshot(place)).recipe == "series-anomaly"
    splits = read_streams(place)
    assert [splits.train.samples.key(at).partition("#")[2][:5] for at in (0, 1)] == ["attic", "cella"]
    assert np.isnan(splits.train.samples.load(0).values).sum() == 1
    assert any("where words such as 'unavailable' stand" in line for line in splits.decisions)
    assert "series: 1 of words are left out (door)" in splits.warnings


@pytest.mark.parametrize(
    ("name", "value", "form"),
    [
        ("timestamp", 49_105_962_326_000, "counted-nanoseconds"),
        ("timestamp", 1_700_000_000_000, "milliseconds"),
        ("Time (ms)", 20, "counted-milliseconds"),
        ("Time (s)", 20, "counted-seconds"),
        ("timestamp_ns", 1_700_000_000_000_000_000, "nanoseconds"),
    ],
    ids=["since-boot", "epoch", "ms", "s", "epoch-ns"],
)
def test_numbers_of_times_count_in_the_unit_of_their_size_or_name(tmp_path, name, value, form):
    place = table(tmp_path / "a.csv", f"{name},x\n" + "".join(f"{value + row},{row}\n" for row in range(9)))
    found = series_of_frame(read_frame(place), "a.csv")
    assert (found.time, found.time_format, found.series[0].variables) == ((name,), form, ("x",))


def test_what_describes_a_recording_lies_beside_it_and_is_no_series(tmp_path):
    rows = "".join(f"{row / 50},{row % 7},{row % 5}\n" for row in range(120))
    table(tmp_path / "Raw Data.csv", f'"Time (s)","a x (m/s^2)","a y (m/s^2)"\n{rows}')
    (tmp_path / "meta").mkdir()
    table(tmp_path / "meta" / "device.csv", '"property","value"\n"version","1.1"\n"model","phone"\n')
    assert detect(DataSnapshot(tmp_path)).recipe == "series-anomaly"
    splits = read_streams(tmp_path)
    assert splits.train.samples.load(0).variables == ("a x (m/s^2)", "a y (m/s^2)")
    assert [each.path.rpartition("/")[2] for each in splits.skipped] == ["device.csv"]


def test_a_class_of_each_row_is_said_not_to_be_learned(tmp_path):
    rows = "".join(f"{row},{row % 7},{'walk' if row < 60 else 'run'}\n" for row in range(120))
    (warning,) = read_streams(table(tmp_path / "a.csv", f"time,x,activity\n{rows}")).warnings
    assert "--recipe series-classification --label-column activity --id-column" in warning


@pytest.mark.parametrize("ending", [".xlsx", ".jsonl", ".json", ".parquet"])
def test_tables_of_any_form_hold_series(tmp_path, ending):
    frame = pandas.DataFrame(
        {"time": pandas.date_range("2026", periods=80, freq="min"), "v": np.arange(80.0)}
    )
    place = tmp_path / f"a{ending}"
    if ending == ".xlsx":
        pytest.importorskip("openpyxl")
        frame.to_excel(place, index=False)
    elif ending == ".parquet":
        frame.set_index(pandas.DatetimeIndex(frame["time"], name=None))[["v"]].to_parquet(place)
    else:
        frame.assign(time=frame["time"].astype(str)).to_json(
            place, orient="records", lines=ending == ".jsonl"
        )
    assert detect(DataSnapshot(place)).recipe == "series-anomaly"
    (train,) = read_streams(tmp_path).train.samples.series
    assert train.variables == ("v",)
    assert str(train.times[1]) == "2026-01-01T00:01:00.000000000"


def test_lists_in_json_are_series(tmp_path):
    rows = [{"signal": [row, 1, 2.5], "label": "ab"[row % 2]} for row in range(12)]
    place = table(tmp_path / "a.jsonl", "\n".join(map(json.dumps, rows)))
    assert detect(DataSnapshot(place)).recipe == "series-classification"
    assert read_series(place).train.samples.load(0).variables == ("signal",)


def test_an_encoding_is_passed_to_every_reader(tmp_path, monkeypatch):
    text = "unit,cycle,wärme\n" + "".join(f"{unit},{row},{row}\n" for unit in "abcd" for row in range(9))
    lives = tmp_path / "lives.csv"
    lives.write_bytes(text.encode("utf-16-le"))
    found = read_lives(lives, columns=LifeColumns(encoding="utf-16-le"))
    assert found.train.samples.load(0).variables == ("wärme",)
    for split in ("train", "test"):
        values = "\n".join(" ".join(f"{k + row % 3}.5" for k in range(60)) for row in range(9))
        (tmp_path / f"X_{split}.txt").write_bytes(values.encode("cp037"))
        (tmp_path / f"y_{split}.txt").write_bytes(
            "\n".join("12"[row % 2] for row in range(9)).encode("cp037")
        )
    (tmp_path / "labels.txt").write_bytes("1 gehen\n2 schräg\n".encode("cp037"))
    lives.unlink()
    assert read_series(tmp_path, encoding="cp037").class_names == ("gehen", "schräg")
    stream = io.TextIOWrapper(io.BytesIO("zeit,wärme\n0,1\n1,2\n".encode("utf-16-le")))
    monkeypatch.setattr("sys.stdin", stream)
    (series,) = read_series_inputs(["-"], encoding="utf-16-le").series
    assert series.variables == ("wärme",)


def test_the_header_again_between_rows_is_refused_with_its_row(tmp_path):
    rows = "".join(f"{row},{row % 7}\n" for row in range(30))
    with pytest.raises(DataError, match="row 31: expected values, received the header again"):
        read(tmp_path, f"time,a\n{rows}time,a\n{rows}")


def test_a_second_column_of_times_is_no_variable(tmp_path):
    rows = "".join(f"{10**18 + row * 10**7},{row / 100},{row % 7}\n" for row in range(50))
    found, notes = read(tmp_path, f"time,seconds_elapsed,x\n{rows}")
    assert found.variables == ("x",)
    assert "the column 'seconds_elapsed' counts the time, too, and is left out" in notes


def test_series_of_one_table_are_told_apart_by_words_rather_than_their_numbers(tmp_path):
    rows = [
        f"{number},{field},2026-01-01T00:{row // 60:02}:{row % 60:02}Z,{row % 9}"
        for number, field in enumerate(("user", "system"))
        for row in range(90)
    ]
    place = table(tmp_path / "query.csv", "\n".join(["table,_field,_time,_value", *rows]))
    splits = read_streams(place)
    assert splits.reading["id_column"] == "_field"
    assert splits.train.samples.load(0).variables == ("_value",)
    assert "'table' says the same as '_field' and is left out" in splits.decisions


def test_series_that_a_column_of_words_names_are_watched(tmp_path):
    rows = [f"{name};2026-01-01T00:{k // 60:02}:{k % 60:02};{k % 9}" for name in "ab" for k in range(90)]
    place = table(tmp_path / "export.csv", "\n".join(["Series;Time;Value", *rows]))
    assert detect(DataSnapshot(place)).recipe == "series-anomaly"
    assert len(read_streams(place).train) == 2


def test_elapsed_minutes_below_a_row_of_units_are_times(tmp_path):
    rows = "".join(f"'0:{row // 100:02}.{row % 100:02}0',{row % 9}\n" for row in range(300))
    place = table(tmp_path / "samples.csv", f"'Elapsed time','ECG'\n'hh:mm:ss.mmm','mV'\n{rows}")
    found = series_of_frame(read_frame(place), "samples.csv").series[0]
    assert (found.variables, str(found.times[-1])) == (("ECG",), "1970-01-01T00:00:02.990000000")


@pytest.mark.parametrize("missing", ["", "-", "NA", "?", "nan", "--", " "])
def test_rows_whose_class_is_a_number_may_have_none(tmp_path, missing):
    rows = [f"{missing if i == 3 else i % 2},{i}.5,{i}.25,{i}" for i in range(20)]
    splits = read_series(table(tmp_path / "x.csv", "label,t0,t1,t2\n" + "\n".join(rows) + "\n"))
    assert splits.class_names == ("0", "1")
    assert splits.warnings == ("1 of 20 series has no label and is left out",)


def test_an_empty_last_column_is_no_label(tmp_path):
    rows = [f"{i % 2}\t{i}.5\t{i}.25\t{i}.75\t\n" for i in range(20)]
    splits = read_series(table(tmp_path / "x_TRAIN.tsv", "".join(rows)))
    assert splits.class_names == ("0", "1")
    assert any("label: the first column" in line for line in splits.decisions)


def test_marks_for_missing_values_and_limits_are_read_and_counted(tmp_path):
    marks = ["---", "n.d.", "k. A.", "#REF!", "<0,1", "> 9", "0,5", "0,7"]
    rows = [f"2026-01-01 {hour:02}:00;{marks[hour % 8]};{hour + 100},5" for hour in range(16)]
    limits = [f"2026-01-01 {hour:02}:00;0,{hour};5" for hour in range(16, 24)]
    text = "time;lead;weight\n" + "\n".join(rows + limits)
    assert detect(DataSnapshot(table(tmp_path / "any.csv", text))).recipe == "series-anomaly"
    found, notes = read(tmp_path, text)
    lead = found.values[:, found.variables.index("lead")]
    assert np.isnan(lead[:4]).all() and lead[4:8].tolist() == pytest.approx([0.1, 9, 0.5, 0.7])
    said = "\n".join(notes)
    assert "limits: 4 values of 'lead' such as '<0,1' are read as the limit itself" in said
    assert "missing: 8 values of 'lead' where words such as '---', 'n.d.', 'k. A.' stand" in said
