"""Run-to-failure histories are read whole, divided by unit, and what is wrong with them is told."""

import functools
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_lives import COLUMNS, engines, fleet, table
from test_any_bytes import damaged, made

from convscope.data.snapshot import DataSnapshot
from convscope.errors import DataError, UsageError
from convscope.kinds.series.detect import detect
from convscope.kinds.series.remaining_life.reader import read_life_inputs, read_lives
from convscope.kinds.series.remaining_life.tables import LifeColumns

pytest.importorskip("pandas")

PARTS = ("train", "validation", "test")
check = functools.partial(settings, deadline=None, derandomize=True, database=None)


def numbers_of(split):
    """The numbers of the units of a split."""
    return [split.samples.key(i).rpartition("#")[2] for i in range(len(split))]


def changed(rows, at, column, value):
    """The rows with one field changed."""
    copy = [list(row) for row in rows]
    copy[at][column] = value
    return copy


class TestTables:
    def test_every_unit_is_in_one_split_with_all_its_rows_in_order(self, tmp_path):
        rows = fleet()
        splits = read_lives(table(tmp_path / "fleet.csv", rows), seed=3)
        found = [number for part in PARTS for number in numbers_of(splits[part])]
        assert sorted(found, key=int) == [str(unit) for unit in range(1, 13)]
        for part in ("train", "validation"):
            for i, number in enumerate(numbers_of(splits[part])):
                mine = [row for row in rows if row[0] == int(number)]
                history = splits[part].samples.load(i)
                np.testing.assert_allclose(history.values, [row[2:] for row in mine], rtol=1e-6)
                np.testing.assert_array_equal(history.cycles, [row[1] for row in mine])
                np.testing.assert_array_equal(splits[part].labels[i], np.arange(len(mine))[::-1])

    def test_a_test_unit_is_cut_before_its_end_and_its_life_is_what_was_cut_off(self, tmp_path):
        rows = fleet()
        splits = read_lives(table(tmp_path / "fleet.csv", rows))
        for i, number in enumerate(numbers_of(splits.test)):
            whole = sum(row[0] == int(number) for row in rows)
            seen = len(splits.test.samples.load(i))
            assert splits.test.labels[i][-1] == whole - seen > 0
        assert any("are cut after a row" in line for line in splits.decisions)

    def test_the_seed_alone_decides_which_units_go_where(self, tmp_path):
        path = table(tmp_path / "fleet.csv", fleet())
        one, same, other = (read_lives(path, seed=seed) for seed in (1, 1, 2))
        assert [numbers_of(one[part]) for part in PARTS] == [numbers_of(same[part]) for part in PARTS]
        assert one.fingerprint == same.fingerprint
        assert numbers_of(one.test) != numbers_of(other.test)

    def test_a_column_of_lives_and_one_of_splits_are_taken_as_they_are(self, tmp_path):
        rows = [
            (*row, 100 - row[1], "train" if row[0] < 7 else "valid" if row[0] < 10 else "test")
            for row in fleet()
        ]
        path = table(tmp_path / "fleet.csv", rows, (*COLUMNS, "RUL", "subset"))
        splits = read_lives(path)
        assert [len(splits[part]) for part in PARTS] == [6, 3, 3]
        assert splits.train.labels[0][0] == 99
        history = splits.test.samples.load(0)
        assert splits.test.labels[0][-1] == 100 - history.cycles[-1]
        assert history.variables == COLUMNS[2:]

    def test_parquet_holds_the_same_as_csv(self, tmp_path):
        rows = fleet()
        columns = {name: [row[i] for row in rows] for i, name in enumerate(COLUMNS)}
        pq.write_table(pa.table(columns), tmp_path / "fleet.parquet")
        one, other = (
            read_lives(path) for path in (tmp_path / "fleet.parquet", table(tmp_path / "f.csv", rows))
        )
        for part in PARTS:
            for i in range(len(one[part])):
                np.testing.assert_array_equal(
                    one[part].samples.load(i).values, other[part].samples.load(i).values
                )

    def test_columns_of_any_name_are_taken_where_they_are_named(self, tmp_path):
        path = table(tmp_path / "fleet.csv", fleet(), ("pump", "tick", "a", "b", "c", "d"))
        with pytest.raises(DataError, match="expected a column of units, received pump") as caught:
            read_lives(path)
        assert "--unit-column" in caught.value.hint
        splits = read_lives(path, columns=LifeColumns(unit="pump", cycle="tick", conditions=("a",)))
        assert splits.train.samples.load(0).variables == ("a", "b", "c", "d")
        assert splits.train.samples.load(0).conditions == ("a",)
        with pytest.raises(UsageError, match="has no column 'tack'"):
            read_lives(path, columns=LifeColumns(unit="pump", cycle="tack"))

    def test_times_are_counted_in_hours(self, tmp_path):
        rows = [
            (row[0], f"2026-01-{1 + row[1] // 24:02d}T{row[1] % 24:02d}:00:00Z", *row[2:]) for row in fleet()
        ]
        splits = read_lives(table(tmp_path / "fleet.csv", rows, ("unit", "time", *COLUMNS[2:])))
        np.testing.assert_allclose(np.diff(splits.train.labels[0]), -1)

    def test_a_folder_has_a_table_for_each_unit_or_for_each_split(self, tmp_path):
        rows = fleet()
        for unit in range(1, 13):
            mine = [row[1:] for row in rows if row[0] == unit]
            table(tmp_path / "units" / f"pump{unit}.csv", mine, COLUMNS[1:])
        splits = read_lives(tmp_path / "units")
        assert sum(len(splits[part]) for part in PARTS) == 12
        assert splits.train.samples.name(0).startswith(str(tmp_path / "units" / "pump"))
        for name, first in (("train", 1), ("test", 9)):
            some = [row for row in rows if first <= row[0] < first + 8]
            table(tmp_path / "splits" / f"{name}.csv", some)
        (tmp_path / "splits" / "notes.md").write_text("of the fleet")
        splits = read_lives(tmp_path / "splits")
        assert len(splits.test) == 4
        assert [Path(each.path).name for each in splits.skipped] == ["notes.md"]


class TestBadTables:
    def test_rows_out_of_order_and_repeated_cycles_are_put_right_and_counted(self, tmp_path):
        rows = fleet()
        again = [*rows[3:], *rows[:3], (2, 1, 0, 99.0, 99.0, 7)]
        splits = read_lives(table(tmp_path / "fleet.csv", again))
        assert any(line.startswith("2 units had rows that were not in order") for line in splits.warnings)
        assert any(line.startswith("1 rows were left out") for line in splits.warnings)
        everyone = {
            number: splits[part].samples.load(i)
            for part in PARTS
            for i, number in enumerate(numbers_of(splits[part]))
        }
        assert np.all(np.diff(everyone["1"].cycles) == 1)
        assert everyone["2"].values[0, 1] == 99.0

    def test_a_unit_of_one_row_is_kept_and_said(self, tmp_path):
        splits = read_lives(table(tmp_path / "fleet.csv", [*fleet(), (99, 1, 0, 0.5, 0.5, 7)]))
        assert any(line == "1 units have one row alone" for line in splits.warnings)
        assert sum(len(splits[part]) for part in PARTS) == 13

    @pytest.mark.parametrize(
        ("at", "column", "value", "message"),
        [
            (2, 0, "", r"row 3: expected a unit in 'unit', received nothing"),
            (2, 1, "", r"row 3: expected a cycle, received nothing"),
            (2, 3, "warm", r"column 'heat', row 3: expected a number, received 'warm'"),
        ],
    )
    def test_what_cannot_be_is_told_with_its_row(self, tmp_path, at, column, value, message):
        path = table(tmp_path / "fleet.csv", changed(fleet(), at, column, value))
        with pytest.raises(DataError, match=message):
            read_lives(path)

    @pytest.mark.parametrize(("value", "received"), [(-3, "-3"), ("", "nothing")])
    def test_a_life_that_is_missing_or_negative_is_told(self, tmp_path, value, received):
        rows = changed([(*row, 50 - row[1]) for row in fleet()], 4, 6, value)
        with pytest.raises(
            DataError, match=f"row 5: expected a remaining life of at least 0, received {received}"
        ):
            read_lives(table(tmp_path / "fleet.csv", rows, (*COLUMNS, "rul")))

    def test_a_unit_in_two_splits_is_refused(self, tmp_path):
        rows = [(*row, "test" if row[0] == 1 and row[1] > 9 else "train") for row in fleet()]
        with pytest.raises(DataError, match="unit 1 stands in test and train"):
            read_lives(table(tmp_path / "fleet.csv", rows, (*COLUMNS, "split")))

    def test_missing_values_are_counted(self, tmp_path):
        rows = changed(changed(fleet(), 5, 3, ""), 6, 4, "nan")
        splits = read_lives(table(tmp_path / "fleet.csv", rows))
        assert any(line.startswith("2 values are missing") for line in splits.warnings)

    def test_too_few_units_are_told(self, tmp_path):
        with pytest.raises(DataError, match="expected at least 3 units to learn from, received 2"):
            read_lives(table(tmp_path / "fleet.csv", fleet(units=2)))

    @pytest.mark.parametrize("content", ["", "unit,cycle,heat\n", "unit,cycle\n1,1\n1,2\n2,1\n2,2\n3,1\n"])
    def test_a_table_without_rows_or_sensors_is_told(self, tmp_path, content):
        (tmp_path / "fleet.csv").write_text(content)
        with pytest.raises(DataError, match="expected"):
            read_lives(tmp_path / "fleet.csv")

    @pytest.mark.parametrize("name", ["nowhere.csv", "empty"])
    def test_a_path_with_nothing_in_it_is_told(self, tmp_path, name):
        (tmp_path / "empty").mkdir()
        with pytest.raises(DataError, match=r"expected tables of units|no such file"):
            read_lives(tmp_path / name)


class TestEngines:
    def test_a_set_is_read_from_its_folder_or_any_of_its_files(self, tmp_path):
        engines(tmp_path)
        splits = read_lives(tmp_path)
        assert [len(splits[part]) for part in PARTS] == [7, 1, 4]
        assert splits.layout == "C-MAPSS text files of FD001"
        assert len(splits.train.samples.load(0).variables) == 24
        for name in ("train_FD001.txt", "test_FD001.txt", "RUL_FD001.txt"):
            assert read_lives(tmp_path / name).fingerprint == splits.fingerprint

    def test_lives_of_test_units_are_those_of_the_file_and_count_on_backwards(self, tmp_path):
        engines(tmp_path)
        after = np.loadtxt(tmp_path / "RUL_FD001.txt")
        test = read_lives(tmp_path).test
        np.testing.assert_array_equal([lives[-1] for lives in test.labels], after)
        np.testing.assert_array_equal(test.labels[2], after[2] + np.arange(len(test.labels[2]))[::-1])

    def test_of_several_sets_one_has_to_be_chosen(self, tmp_path):
        engines(tmp_path)
        engines(tmp_path, "FD003", seed=1)
        with pytest.raises(UsageError, match="holds the sets FD001, FD003") as caught:
            read_lives(tmp_path)
        assert "--subset FD001" in caught.value.hint
        chosen = read_lives(tmp_path, subset="fd003")
        assert chosen.fingerprint == read_lives(tmp_path / "train_FD003.txt").fingerprint
        with pytest.raises(UsageError, match="No set is named 'FD009'"):
            read_lives(tmp_path, subset="FD009")

    def test_lives_without_engines_are_no_set_to_learn_from(self, tmp_path):
        engines(tmp_path)
        (tmp_path / "RUL_FD002.txt").write_text("3\n")
        assert read_lives(tmp_path).layout.endswith("FD001")
        with pytest.raises(DataError, match=r"expected train_FD002\.txt"):
            read_lives(tmp_path, subset="FD002")

    def test_without_lives_the_test_file_is_skipped_and_test_units_are_drawn(self, tmp_path):
        splits = read_lives(engines(tmp_path, lives=False))
        assert [Path(each.path).name for each in splits.skipped] == ["test_FD001.txt"]
        assert "RUL_FD001.txt" in splits.skipped[0].reason
        assert sum(len(splits[part]) for part in PARTS) == 8
        assert len(splits.test) == 1

    @pytest.mark.parametrize(
        ("name", "line", "message"),
        [
            ("train_FD001.txt", "1 2 3", r"line 1: expected 26 numbers, received 3 fields"),
            ("train_FD001.txt", " ".join(["1"] * 27), r"line 1: expected 26 numbers, received 27 fields"),
            (
                "train_FD001.txt",
                " ".join(["1", "one", *["1"] * 24]),
                r"line 1: expected a number, received 'one'",
            ),
            ("train_FD001.txt", " ".join(["1", "1", *["inf"] * 24]), r"line 1: expected a finite number"),
            ("train_FD001.txt", " ".join(["1.5", *["1"] * 25]), r"row 1: expected the number of a unit"),
            ("RUL_FD001.txt", "7", r"expected 4 lines, one for each test unit, received 5"),
        ],
    )
    def test_a_bad_line_is_told_with_its_number(self, tmp_path, name, line, message):
        path = engines(tmp_path) / name
        path.write_text(f"{line}\n{path.read_text()}")
        with pytest.raises(DataError, match=message) as caught:
            read_lives(tmp_path)
        assert name in caught.value.message

    def test_a_negative_life_is_told(self, tmp_path):
        (engines(tmp_path) / "RUL_FD001.txt").write_text("3\n-7\n4\n5\n")
        with pytest.raises(
            DataError, match=r"RUL_FD001\.txt, row 2: expected at least 0 cycles, received -7"
        ):
            read_lives(tmp_path)

    @pytest.mark.parametrize("name", ["train_FD001.txt", "test_FD001.txt", "RUL_FD001.txt"])
    def test_an_empty_file_is_told(self, tmp_path, name):
        (engines(tmp_path) / name).write_text(" \n\n")
        with pytest.raises(DataError, match=f"{name}: expected lines of numbers, received none"):
            read_lives(tmp_path)


class TestInputs:
    def test_units_are_asked_about_after_their_last_row_or_after_every_one(self, tmp_path):
        path = table(tmp_path / "fleet.csv", fleet(units=3))
        last, every = (read_life_inputs([str(path)], every=every) for every in (False, True))
        assert [last.name(i) for i in range(3)] == [f"{path}#{unit}" for unit in (1, 2, 3)]
        whole = last.load(1)
        mine = [every.load(i) for i in range(len(every)) if every.name(i) == f"{path}#2"]
        assert [len(history) for history in mine] == list(range(1, len(whole) + 1))
        np.testing.assert_array_equal(mine[4].values, whole.values[:5])

    def test_files_folders_and_patterns_are_taken(self, tmp_path):
        engines(tmp_path / "engines")
        table(tmp_path / "tables" / "a.csv", fleet(units=2))
        table(tmp_path / "tables" / "b.csv", [row[1:] for row in fleet(units=1)], COLUMNS[1:])
        assert len(read_life_inputs([str(tmp_path / "engines" / "test_FD001.txt")])) == 4
        assert len(read_life_inputs([str(tmp_path / "tables")])) == 3
        found = read_life_inputs([str(tmp_path / "tables" / "*.csv")])
        assert [Path(found.name(i)).name for i in range(3)] == ["a.csv#1", "a.csv#2", "b.csv#b"]

    @pytest.mark.parametrize("given", [[], [""], ["nowhere.csv"], ["nowhere/*.csv"], ["a\0b"]])
    def test_nothing_to_ask_about_is_told(self, given):
        with pytest.raises(DataError, match=r"expected units|no such file|matches no file|cannot be read"):
            read_life_inputs(given)


def test_tables_of_units_and_files_of_engines_are_recognized_and_others_are_not(tmp_path):
    for path, said in (
        (engines(tmp_path / "engines"), "C-MAPSS"),
        (table(tmp_path / "fleet.csv", fleet(units=2)), "'unit'"),
    ):
        found = detect(DataSnapshot(path))
        assert found.recipe == "series-remaining-life"
        assert said in found.reason
    for columns in (("id", "text", "label"), ("time", "value"), ("unit", "price"), ("user", "cycle")):
        found = detect(DataSnapshot(table(tmp_path / "other.csv", [(1, 2, 3)], columns)))
        assert found is None or found.recipe != "series-remaining-life"


def reads_or_stops(read):
    try:
        found = read()
    except (DataError, UsageError) as error:
        assert error.message
        return
    for part in PARTS if hasattr(found, "train") else ():
        for i in range(len(found[part])):
            history = found[part].samples.load(i)
            assert len(history) == len(history.cycles) == len(found[part].labels[i]) > 0
            assert np.all(np.diff(history.cycles) > 0)


TABLE = made(lambda folder: table(folder / "a.csv", fleet(units=4, longest=22)))
ENGINES = made(lambda folder: engines(folder, train=3) / "train_FD001.txt")


@check(max_examples=120)
@given(damaged([TABLE, TABLE[:300]]))
def test_no_bytes_of_a_table_end_in_anything_but_histories_or_a_data_error(data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fleet.csv"
        path.write_bytes(data)
        reads_or_stops(lambda: read_lives(path))
        reads_or_stops(lambda: read_life_inputs([str(path)]))


@check(max_examples=120)
@given(damaged([ENGINES[:3000]]), st.sampled_from(["train", "test", "RUL"]))
def test_nor_do_those_of_a_file_of_engines(data, role):
    with tempfile.TemporaryDirectory() as folder:
        path = engines(Path(folder)) / f"{role}_FD001.txt"
        path.write_bytes(data)
        reads_or_stops(lambda: read_lives(folder))
