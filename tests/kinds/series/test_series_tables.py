"""Tables of one series: times, missing values, and the regular grid."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_series import table

from convscope.errors import DataError, UsageError
from convscope.kinds.series.readers.sources import Series

pandas = pytest.importorskip("pandas")

from convscope.kinds.series.readers.frames import read_frame  # noqa: E402
from convscope.kinds.series.readers.tables import (  # noqa: E402
    Measuring,
    median_step,
    read_series_table,
    regular,
    series_of_frame,
)

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


def test_an_hour_that_stands_twice_is_told_as_the_end_of_daylight_saving_time(tmp_path):
    clock = [f"{hour:02}:{minute:02}" for hour in (0, 1, 2) for minute in (0, 30)]
    clock += ["02:00", "02:30", "03:00", "03:30"]
    rows = "".join(f"2024-10-27 {at},{row}\n" for row, at in enumerate(clock))
    _, notes = read(tmp_path, f"time,a\n{rows}")
    assert any("2024-10-27T02:30, as at the end of daylight saving time" in line for line in notes)
    _, notes = read(tmp_path, f"time,a\n{rows.replace('2024-10-27', '2024-07-27')}")
    assert not any("daylight" in line for line in notes)


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
