"""Times of every form: found in one column or several, settled by the whole file, never dated today."""

from datetime import datetime, timedelta

import numpy as np
import pytest

pandas = pytest.importorskip("pandas")

from convscope.errors import DataError, UsageError  # noqa: E402
from convscope.kinds.series.anomaly.reader import read_streams  # noqa: E402
from convscope.kinds.series.anomaly.tables import Wanted  # noqa: E402
from convscope.kinds.series.readers.sources import Doubt  # noqa: E402
from convscope.kinds.series.readers.tables import Measuring, measuring_of, series_of_frame  # noqa: E402
from convscope.kinds.series.readers.time_words import looks_like_time, read_time  # noqa: E402
from convscope.kinds.series.readers.times import parse_times  # noqa: E402

NOON = "2026-03-02T12:00:00"


def read(columns, **options):
    frame = pandas.DataFrame(columns | {"a": np.arange(len(next(iter(columns.values()))), dtype=float)})
    return series_of_frame(frame, "log.csv", Measuring(**options))


def first(columns, **options):
    return str(read(columns, **options).series[0].times[0].astype("datetime64[s]"))


@pytest.mark.parametrize(
    "written",
    [
        *(
            "2026-03-02 12:00",
            "2026/3/2 12:00:00",
            "2.3.2026 12:00",
            "02-03-2026 12.00.00",
            "2/3/26 12:00 PM",
        ),
        *("Mar 2, 2026 12:00", "2 March 2026 12:00:00", "02-Mar-2026 12:00", "Mon, 2 Mar 2026 12:00 pm"),
        *("Mon Mar 2 12:00:00 2026", "02/Mar/2026:12:00:00 +0000", "20260302T120000Z"),
        *("2026-03-02T14:00:00+02:00", "2026-03-02 12:00:00,000", "2026-03-02 12:00:00.000 UTC"),
    ],
)
def test_a_time_is_read_as_it_is_written(written):
    later = "28.3.2026 12:00" if read_time(written).open else written
    assert first({"time": [written, later]}) == NOON


@pytest.mark.parametrize(
    ("number", "name", "said"),
    [
        (1772452800, "ts", "seconds since 1970"),
        (1772452800000, "ts", "milliseconds since 1970"),
        (1772452800000000, "ts", "microseconds since 1970"),
        (1772452800000000000, "ts", "nanoseconds since 1970"),
        (202603021200, "ts", "dates written as one number"),
        (46083.5, "date", "days since 1899-12-30"),
    ],
)
def test_numbers_are_told_apart_by_their_size(number, name, said):
    found = read({name: [number, number]})
    assert str(found.series[0].times[0].astype("datetime64[s]")) == NOON
    assert said in found.notes[0]


def test_a_date_and_a_time_of_day_are_put_together():
    days = ["16/12/2006"] * 2 + ["17/12/2006"]
    clocks = ["23:58:00", "23:59:00", "00:00:00"]
    found = read({"Date": days, "Time": clocks})
    assert (found.time, found.series[0].variables) == (("Date", "Time"), ("a",))
    assert np.diff(found.series[0].times).astype(int).tolist() == [60 * 10**9] * 2
    assert not any("sorted" in note for note in found.notes)
    assert first({"Date": ["10/03/2004", "31/03/2004"], "Time": ["18.00.00"] * 2}) == "2004-03-10T18:00:00"
    assert first({"date": [20040310] * 2, "hour": [18, 19]}) == "2004-03-10T18:00:00"
    assert first({"a day": ["2004-03-10"] * 2, "when": ["6:00 PM"] * 2}) == "2004-03-10T18:00:00"


def test_year_month_day_and_hour_are_put_together():
    parts = {"year": [2010] * 2, "month": [1] * 2, "day": [2] * 2, "hour": [3, 4]}
    assert first(parts) == "2010-01-02T03:00:00"
    with pytest.raises(DataError, match="row 2: expected a date in year, month, day, received '2010, 2, 30'"):
        read({"year": [2010] * 2, "month": [1, 2], "day": [2, 30]})


def test_a_time_of_day_alone_is_never_dated_today():
    found = read({"time": ["23:58", "23:59", "00:00", "00:01"]})
    assert str(found.series[0].times[0].astype("datetime64[m]")) == "1970-01-01T23:58"
    assert np.diff(found.series[0].times).astype(int).tolist() == [60 * 10**9] * 3
    assert "no date" in found.notes[0]
    for word in ("now", "today", "Monday", "March"):
        assert read_time(word) is None
    assert not looks_like_time("192.168.0.1")


@pytest.mark.parametrize(
    ("written", "month", "doubted"),
    [
        (["03/02/2026", "04/02/2026"], 3, True),
        (["03/02/2026", "13/02/2026"], 2, False),
        (["13/02/2026", "14/02/2026"], 2, False),
        (["02/13/2026", "02/14/2026"], 2, False),
        (["11/02/2026", "12/02/2026", "01/03/2026"], 2, False),
    ],
)
def test_day_and_month_are_settled_by_the_whole_file_and_doubts_are_said(written, month, doubted):
    found = read({"date": written})
    assert found.series[0].times[0].astype("datetime64[M]").astype(int) % 12 + 1 == month
    assert any(isinstance(note, Doubt) for note in found.notes) is doubted
    assert found.time_format in ("day-first", "month-first")


def test_a_year_of_two_digits_that_comes_first_is_told_by_the_order_of_the_rows():
    days = np.datetime64("2024-02-05") + np.arange(60)
    short = [f"{day:%y/%m/%d}" for day in days.tolist()]
    found = read({"date": short})
    assert (found.time_format, str(found.series[0].times[-1])[:10]) == ("year-first", str(days[-1]))
    hourly = [f"{day:%y-%m-%d} {hour:02d}:00" for day in days.tolist() for hour in range(24)]
    found = read({"date": hourly})
    assert found.time_format == "year-first"
    assert not any(isinstance(note, Doubt) for note in found.notes)
    assert first({"date": ["24/05/01"] * 2}, time_format="year-first") == "2024-05-01T00:00:00"
    for pattern, form in (("%d/%m/%y", "day-first"), ("%m/%d/%y", "month-first")):
        for some in (days, days[:20]):
            found = read({"date": [f"{day:{pattern}}" for day in some.tolist()]})
            assert (found.time_format, str(found.series[0].times[0])[:10]) == (form, "2024-02-05")
    mixed = np.random.default_rng(0).permutation(days)
    assert read({"date": [f"{day:%d/%m/%y}" for day in mixed.tolist()]}).time_format == "day-first"
    one_day = read({"date": [f"24/05/01 {hour:02d}:00" for hour in range(9)]})
    assert any(isinstance(note, Doubt) and "--time-format year-first" in note for note in one_day.notes)


def test_minutes_and_seconds_with_any_fraction_are_no_hours():
    for clock in ("1:02.5", "1:02.50", "1:02.500"):
        assert read_time(clock).nanoseconds == 62_500_000_000


def test_what_was_settled_is_kept_and_contradictions_are_told():
    short = {"date": ["10/02/2024 00:00", "11/02/2024 00:00"]}
    assert first(short, time_format="day-first") == "2024-02-10T00:00:00"
    assert first({"date": ["10.02.2024", "11.02.2024"]}, time_format="%d.%m.%Y") == "2024-02-10T00:00:00"
    with pytest.raises(DataError, match="row 2: expected a time with the day before the month"):
        read({"date": ["10/02/2024", "02/13/2024"]}, time_format="day-first")
    with pytest.raises(DataError, match="expected the day before the month in all rows"):
        read({"date": ["02/13/2024", "13/02/2024"]})
    with pytest.raises(DataError, match="expected seconds since 1970, received 1772452800000"):
        read({"ts": [1772452800000] * 2}, time_format="seconds")
    with pytest.raises(UsageError, match="time_format must be one of day-first"):
        measuring_of(None, "whatever", (), (), None)


def daily(path, start, days):
    dates = [datetime(2024, 1, 1) + timedelta(days=start + day) for day in range(days)]
    rows = "".join(f"{date:%d/%m/%Y},{number % 5}\n" for number, date in enumerate(dates))
    path.parent.mkdir(exist_ok=True)
    path.write_text("date,value\n" + rows)


def test_tables_that_leave_it_open_are_read_as_those_that_do_not(tmp_path):
    daily(tmp_path / "all" / "a.csv", 0, 90)
    for number in range(2):
        daily(tmp_path / "all" / f"b{number}.csv", 90 * number, 90)
    splits = read_streams(tmp_path / "all", wanted=Wanted(lead=0))
    assert splits.reading == {"per_series": False, "time_format": "day-first"}
    for sample in range(3):
        assert np.all(np.diff(splits.train.samples.load(sample).times) == np.timedelta64(1, "D"))


def test_numbers_that_stand_for_nothing_are_warned_of_and_can_be_declared():
    frame = pandas.DataFrame(
        {"time": pandas.date_range("2026-01-01", periods=40), "gas": 1.5 + np.arange(40) % 7}
    )
    frame.loc[[3, 4, 9], "gas"] = -200
    found = series_of_frame(frame, "gas.csv")
    (doubt,) = [note for note in found.notes if isinstance(note, Doubt)]
    assert doubt.startswith("column 'gas': 3 values are -200, far from all others")
    found = series_of_frame(frame, "gas.csv", Measuring(missing=(-200.0,)))
    assert np.isnan(found.series[0].values).sum() == 3
    assert not any(isinstance(note, Doubt) for note in found.notes)


@pytest.mark.parametrize(("mark", "month"), [(".", 3), ("/", 1)])
def test_dates_with_dots_begin_with_the_day_and_others_that_are_open_are_warned_of(tmp_path, mark, month):
    rows = [f"01{mark}03{mark}2025 {i // 60:02d}:{i % 60:02d},{i % 7}" for i in range(300)]
    (tmp_path / "log.csv").write_text("time,flow\n" + "\n".join(rows) + "\n")
    splits = read_streams(tmp_path / "log.csv")
    assert splits.train.samples.load(0).times[0].astype("datetime64[M]") == np.datetime64(f"2025-{month:02d}")
    assert any("--time-format day-first" in line for line in splits.warnings) == (mark == "/")


def test_a_column_of_times_without_any_has_none():
    found = parse_times(pandas.Series([None, None], dtype="string"), "x.csv, column 'time'")
    assert np.isnat(found.times).all()


@pytest.mark.parametrize(
    ("written", "day"),
    [
        *(
            ("2021Q2", "2021-04-01"),
            ("Q2 2021", "2021-04-01"),
            ("2021-Q2", "2021-04-01"),
            ("2Q21", "2021-04-01"),
        ),
        *(("2021M03", "2021-03-01"), ("Mär-21", "2021-03-01"), ("2021-Mar", "2021-03-01")),
        *(("2021-W05", "2021-02-01"), ("2021-W05-3", "2021-02-03")),
    ],
)
def test_quarters_months_and_weeks_are_read_as_their_first_day(written, day):
    found = read({"period": [written, written]})
    assert str(found.series[0].times[0].astype("datetime64[D]")) == day
    assert any("are read as their first day" in note for note in found.notes)


def test_there_is_no_fifth_quarter_and_no_week_of_sixty():
    assert not any(map(looks_like_time, ("2021Q5", "2021-W60", "Q2", "abc-21", "2021M13")))
