"""Labelled series of every layout, and what is wrong with some."""

import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from made_series import archive, long, table, waves, wide
from test_any_bytes import damaged

from convscope.data.splits import Splits
from convscope.errors import DataError, UsageError

pandas = pytest.importorskip("pandas")
aeon = pytest.importorskip("aeon")

from convscope.kinds.series.readers.reader import read_series, read_series_inputs  # noqa: E402
from convscope.kinds.series.readers.sources import FEWEST_TO_CHOOSE_BY  # noqa: E402

EXPECTED, LABELS = waves()


def contents(splits):
    """Every series once, in the order of the file, with its label."""
    found = {}
    for split in (splits.train, splits.validation, splits.test):
        for place in range(len(split)):
            name = split.samples.name(place)
            found[name] = (split.samples.load(place), splits.class_names[split.labels[place]])
    order = sorted(found, key=lambda name: [int(part) for part in name.replace("s", "").split("#")[1:]])
    return [found[name] for name in order]


LAYOUTS = {
    "wide.csv": wide,
    "bare.csv": lambda path: wide(path, header=False),
    "bare.tsv": lambda path: wide(path, header=False),
    "last.csv": lambda path: wide(path, label_first=False),
    "packed.csv.gz": wide,
    "long.csv": long,
    "one.ts": archive,
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_holds_the_same_series(tmp_path, name):
    splits = read_series(LAYOUTS[name](tmp_path / name))
    assert splits.class_names == ("down", "up")
    found = contents(splits)
    assert [label for _, label in found] == LABELS.tolist()
    for (series, _), values in zip(found, EXPECTED, strict=True):
        np.testing.assert_allclose(series.values[:, 0], values, atol=1e-4)
        assert series.variables == (("flow", "heat") if name == "long.csv" else ("value",))
        assert (series.times is not None) == (name == "long.csv")
    assert splits.layout.endswith(f": {name}")


def test_a_parquet_of_lists_and_an_arff_hold_them_too(tmp_path):
    frame = pandas.DataFrame({"flow": list(EXPECTED), "heat": list(-EXPECTED), "label": LABELS})
    frame.to_parquet(tmp_path / "lists.parquet")
    found = contents(read_series(tmp_path / "lists.parquet"))
    for (series, label), values, expected in zip(found, EXPECTED, LABELS, strict=True):
        np.testing.assert_allclose(series.values, np.stack([values, -values], 1), rtol=1e-6)
        assert (label, series.variables) == (expected, ("flow", "heat"))
    rows = "\n".join(
        f"{','.join(map(str, row))},{label}" for row, label in zip(EXPECTED, LABELS, strict=True)
    )
    attributes = "\n".join(f"@attribute t{place} numeric" for place in range(10))
    table(tmp_path / "one.arff", f"@relation waves\n{attributes}\n@attribute y {{up,down}}\n@data\n{rows}\n")
    found = contents(read_series(tmp_path / "one.arff"))
    np.testing.assert_allclose([series.values[:, 0] for series, _ in found], EXPECTED, rtol=1e-5)


def test_series_of_different_lengths_end_where_their_values_do(tmp_path):
    found = contents(read_series(archive(tmp_path / "any.ts", lengths=(4, 10))))
    assert [len(series) for series, _ in found] == [4, 10] * 6
    text = "\n".join("up,1,2,3" if row % 2 else "down,1,2,,4,5" for row in range(12))
    found = contents(read_series(table(tmp_path / "any.csv", text), rows="series"))
    assert [len(series) for series, _ in found] == [5, 3] * 6
    assert np.isnan(found[0][0].values[:, 0]).tolist() == [False, False, True, False, False]


def test_several_variables_of_the_archive(tmp_path):
    found = contents(read_series(archive(tmp_path / "any.ts", variables=2)))
    assert found[0][0].values.shape == (10, 2)
    assert found[0][0].variables == ("value 1", "value 2")


def folders(folder, count=4, splits=("",)):
    for split in splits:
        for number in range(2 * count):
            text = "time,flow\n" + "".join(f"2026-01-01T00:{at:02d},{at + number}\n" for at in range(6))
            table(folder / split / ("up", "down")[number % 2] / f"{number}.csv", text)
    return folder


def test_a_folder_per_class_has_a_series_in_each_file(tmp_path):
    splits = read_series(folders(tmp_path / "all"))
    assert splits.layout == "folder per class: 2 class folders of series"
    assert splits.class_names == ("down", "up")
    assert sorted(splits.train.samples.load(0).values[:, 0] - np.arange(6)) == sorted(
        [float(splits.train.samples.name(0).rpartition("/")[2].removesuffix(".csv"))] * 6
    )
    table(tmp_path / "all" / "up" / "notes.md", "about")
    (skipped,) = read_series(tmp_path / "all").skipped
    assert skipped.reason == "its name is not that of one of the series"


def test_splits_that_are_there_are_kept(tmp_path):
    splits = read_series(folders(tmp_path / "all", splits=("train", "test", "validation")))
    assert [len(splits[name]) for name in ("train", "validation", "test")] == [8, 8, 8]
    for number, name in enumerate(("waves_TRAIN.tsv", "waves_TEST.tsv")):
        wide(tmp_path / "ucr" / name, header=False, seed=number)
    table(tmp_path / "ucr" / "README.md", "about")
    for asked in ("ucr", "ucr/waves_TRAIN.tsv", "ucr/waves"):
        splits = read_series(tmp_path / asked)
        assert (len(splits.train), len(splits.test)) == (12, 12)
        assert splits.layout.endswith("waves_TRAIN.tsv, waves_TEST.tsv")
    text = "label,split,t0,t1,t2\n" + "".join(
        f"{'ab'[row % 2]},{('train', 'valid', 'test')[row // 2 % 3]},{row},{row * 2},{row * 3}\n"
        for row in range(12)
    )
    splits = read_series(table(tmp_path / "split.csv", text))
    assert [len(splits[name]) for name in ("train", "validation", "test")] == [4, 4, 4]


def test_of_a_set_in_several_forms_one_is_read_and_the_rest_listed(tmp_path):
    for name in ("waves_TRAIN.ts", "waves_TEST.ts"):
        archive(tmp_path / name, seed=name == "waves_TEST.ts")
    for name in ("waves_TRAIN.txt", "waves_TEST.txt"):
        table(tmp_path / name, "1 2 3\n2 4 5\n")
    splits = read_series(tmp_path)
    assert splits.layout.endswith("waves_TRAIN.ts, waves_TEST.ts")
    assert len(splits.train) == 12


def test_a_validation_split_too_small_to_choose_by_is_the_train_split_and_that_is_said(tmp_path):
    few = 10 * FEWEST_TO_CHOOSE_BY - 10
    splits = read_series(wide(tmp_path / "few.csv", count=few))
    assert splits.validation is splits.train
    assert any("the train series themselves" in line for line in splits.decisions)
    splits = read_series(wide(tmp_path / "enough.csv", count=few + 60))
    assert len(splits.validation) >= FEWEST_TO_CHOOSE_BY
    names = [set(splits[name].names()) for name in ("train", "validation", "test")]
    assert not (names[0] & names[1] or names[0] & names[2] or names[1] & names[2])
    assert read_series(tmp_path / "enough.csv").test.names() == splits.test.names()
    assert read_series(tmp_path / "enough.csv", seed=1).test.names() != splits.test.names()


def test_one_train_series_of_each_class_is_enough(tmp_path):
    table(tmp_path / "a_TRAIN.tsv", "1\t1\t2\t3\n2\t3\t2\t1\n")
    table(tmp_path / "a_TEST.tsv", "1.0\t1\t2\t4\n2.0\t4\t2\t1\n")
    splits = read_series(tmp_path)
    assert (len(splits.train), splits.class_names) == (2, ("1", "2"))


def test_empty_series_are_skipped_and_constant_or_identical_ones_said(tmp_path):
    text = "label,t0,t1\na,1,1\na,2,3\nb,3,3\nb,4,5\na,,\na,6,7\nb,8,9\n"
    for name in ("a_train.csv", "a_test.csv"):
        table(tmp_path / name, text)
    splits = read_series(tmp_path)
    assert [skipped.reason for skipped in splits.skipped] == ["a series without any value"] * 2
    assert splits.warnings == ("4 series are constant", "6 test series are identical to a train series")


def test_variables_in_another_order_are_put_right_and_others_told(tmp_path):
    for number in range(4):
        names, values = ("a,b", "1,2") if number < 2 else ("b,a", "2,1")
        table(tmp_path / "xy"[number % 2] / f"{number}.csv", f"{names}\n{values}\n3,3\n")
    splits = read_series(tmp_path)
    for place in range(len(splits.train)):
        assert splits.train.samples.load(place).values[0].tolist() == [1, 2]
    table(tmp_path / "y" / "3.csv", "a,c\n1,2\n3,3\n")
    with pytest.raises(DataError, match=r"expected the variables a, b, as in .*0.csv, received a, c"):
        read_series(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty file"),
        ("label,t0,t1\n", "expected rows below the header"),
        ("label,t0,t1\na,1,2\na,2,2\n,3,4\n", "at least two classes"),
        ("label,t0,t1\na,1,2\nb,3,4\n", "at least two series per class"),
        ("label,t0,t1\na,1,2\na,3,4\n", "at least two classes"),
        ("label,t0,t1\na,1,x\na,3,4\nb,5,6\nb,1,1\n", "column 't1', row 1: expected a number"),
        ("label,split,t0,t1\na,later,1,2\n", "expected a split, received 'later'"),
        ("heat,flow\n1,2\n3,4\n", "expected one column of labels, received 'heat', 'flow'"),
        (
            "series,label,v\ns,a,1\ns,b,2\nq,a,1\n",
            "row 2: expected one label for series s, received 'a'",
        ),
        ("series,label,v\ns,a,1\ns,a,1\n,a,2\n", "row 3: expected an id in 'series'"),
        (
            "time,label,v\n2026-01-01,a,1\n2026-01-02,b,2\n",
            "expected many series, whose rows are times of 'time', received one",
        ),
    ],
)
def test_bad_tables_are_told(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read_series(table(tmp_path / "any.csv", text), **({"rows": "times"} if "many" in message else {}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("@data", ""), "expected a line `@data`"),
        (lambda text: text.partition("@data")[0] + "@data\n", "received none|damaged"),
        (lambda text: text.replace("@univariate", "@timestamps true\n@univariate"), "without time stamps"),
        (lambda text: text.replace("@classLabel true up down", "@targetLabel true"), "numbers to predict"),
        (lambda text: text.replace("@classLabel true up down", "@classLabel false"), "expected classes"),
        (lambda text: text.replace(":up", ",x:up"), "damaged .ts file"),
    ],
)
def test_bad_files_of_the_archive_are_told(tmp_path, change, message):
    path = archive(tmp_path / "any.ts")
    path.write_text(change(path.read_text()))
    with pytest.raises(DataError, match=message):
        read_series(path)


def test_bad_paths_and_options_are_told(tmp_path):
    path = wide(tmp_path / "any.csv")
    with pytest.raises(DataError, match="no such file"):
        read_series(tmp_path / "nowhere.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="expected one file of series"):
        read_series(tmp_path / "empty")
    with pytest.raises(UsageError, match="has no column 'kind'"):
        read_series(path, label_column="kind")
    with pytest.raises(UsageError, match="rows must be one of auto, series, times"):
        read_series(path, rows="columns")


def test_columns_of_other_names_are_taken_as_named(tmp_path):
    path = long(tmp_path / "any.csv")
    path.write_text(path.read_text().replace("id,time,flow,heat,label", "who,when,flow,heat,what", 1))
    splits = read_series(path, id_column="who", time_column="when", label_column="what")
    assert (splits.class_names, splits.train.samples.load(0).variables) == (("down", "up"), ("flow", "heat"))


@pytest.mark.parametrize("name", [*LAYOUTS])
def test_what_is_asked_about_is_what_was_read(tmp_path, name):
    path = LAYOUTS[name](tmp_path / name)
    # The first column of a table without a header may be a value as well as a label.
    asked = read_series_inputs([str(path)], label_column="1" if name == "bare.csv" else None)
    assert len(asked) == len(EXPECTED)
    for place, values in enumerate(EXPECTED):
        np.testing.assert_allclose(asked.load(place).values[:, 0], values, atol=1e-4)


def test_inputs_come_from_folders_patterns_and_standard_input(tmp_path, monkeypatch):
    folder = folders(tmp_path / "all")
    table(folder / "notes.md", "about")
    whole = read_series_inputs([str(folder)])
    assert (len(whole), [skipped.reason for skipped in whole.skipped]) == (
        8,
        ["neither a table nor a file of the archives"],
    )
    assert len(read_series_inputs([str(folder / "*" / "[0-3].csv")])) == 4
    shown = tmp_path / "rows.csv"
    shown.write_text("1,2,3\n4,5\n")
    with shown.open() as file:
        monkeypatch.setattr("sys.stdin", file)
        typed = read_series_inputs(["-"])
    assert [typed.name(place) for place in range(2)] == ["standard input#1", "standard input#2"]
    assert [typed.load(place).values.ravel().tolist() for place in range(2)] == [[1, 2, 3], [4, 5]]


@pytest.mark.parametrize("inputs", [["nowhere.csv"], ["nowhere/*.csv"], [], [""], ["a\0b"]])
def test_nothing_to_read_is_told(tmp_path, monkeypatch, inputs):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError):
        read_series_inputs(inputs)


ORIGINALS = {
    "any.csv": [wide, lambda path: wide(path, header=False)],
    "any.tsv": [lambda path: wide(path, header=False)],
    "long.csv": [long],
    "any.ts": [archive, lambda path: archive(path, lengths=(3, 5), variables=1)],
    "lists.parquet": [
        lambda path: pandas.DataFrame({"a": list(EXPECTED), "label": LABELS}).to_parquet(path) or path
    ],
}


@pytest.mark.parametrize("name", ORIGINALS)
def test_no_bytes_end_in_anything_but_series_or_a_data_error(tmp_path, name):
    originals = []
    for number, write in enumerate(ORIGINALS[name]):
        place = tmp_path / f"original{number}" / name
        place.parent.mkdir()
        originals.append(write(place).read_bytes())
        shutil.rmtree(place.parent)

    @settings(deadline=None, derandomize=True, database=None, max_examples=60)
    @given(damaged(originals))
    def try_it(data):
        path = tmp_path / name
        path.write_bytes(data)
        for read in (read_series, lambda place: read_series_inputs([str(place)])):
            try:
                found = read(path)
            except DataError as error:
                assert error.message
                continue
            samples = found.train.samples if isinstance(found, Splits) else found
            for place in range(len(samples)):
                values = samples.load(place).values
                assert values.dtype == np.float32 and values.ndim == 2 and len(values)
                assert not np.isinf(values).any()

    try_it()
