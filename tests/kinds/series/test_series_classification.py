"""Series are recognized as such, and how long is trained follows from how many there are."""

import csv

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_series import archive, long, table, wide

import convscope
from convscope.data.snapshot import DataSnapshot
from convscope.kinds.registry import choose_recipe, find_recipe
from convscope.kinds.series.detect import detect
from convscope.kinds.series.recipes import suggest_settings
from convscope.types import no_progress
from convscope.workflows.training_plan import plan

pytest.importorskip("pandas")

NAME = "series-classification"


class Counted:
    """Splits of which only the number of train series is known."""

    def __init__(self, count):
        self.train = range(count)


def test_fewer_series_are_seen_more_often_in_smaller_batches():
    counts = [2, 20, 50, 200, 1000, 10_000, 1_000_000]
    settings = [suggest_settings("fcn", Counted(count)) for count in counts]
    epochs = [each["epochs"] for each in settings]
    assert epochs == sorted(epochs, reverse=True)
    assert epochs[-1] == 10
    assert [each["batch_size"] for each in settings] == [4, 5, 12, 16, 16, 64, 64]
    assert epochs[1] * 20 == epochs[2] * 50 == 5000


def planned(path, settings):
    options = {"filters": [2, 2, 2]}
    return plan(find_recipe(NAME), path, "fcn", options, settings, no_progress)


def test_what_the_user_gives_is_kept_and_what_suits_is_said(tmp_path):
    path = wide(tmp_path / "any.csv", count=40)
    made = planned(path, {"epochs": 7})
    assert (made.settings.epochs, made.settings.batch_size) == (7, len(made.splits.train) // 4)
    said = [line for line in made.decisions if "train samples" in line]
    assert said == [f"batch_size: {made.settings.batch_size}, for {len(made.splits.train)} train samples"]
    assert planned(path, {}).settings.epochs == suggest_settings("fcn", made.splits)["epochs"]


def test_a_run_without_a_validation_split_lists_each_series_once(tmp_path):
    path = wide(tmp_path / "any.csv", count=40)
    run = convscope.train(
        path,
        architecture="fcn",
        epochs=1,
        precision="float32",
        options={"filters": [2, 2, 2]},
        out=tmp_path / "run",
    )
    with (run.folder / "splits.csv").open(newline="", encoding="utf-8") as file:
        listed = [(row["name"], row["split"]) for row in csv.DictReader(file)]
    assert len({name for name, _ in listed}) == len(listed) == 40
    assert {split for _, split in listed} == {"train", "test"}


def lists(path):
    column = pa.array([[1.0, 2.0], [3.0, 4.0]])
    pq.write_table(pa.table({"signal": column, "label": ["a", "b"]}), path)
    return path


def per_class(path):
    for label in ("a", "b"):
        table(path / label / "1.csv", "time,x\n2026-01-01,1\n2026-01-02,2\n")
    return path


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.csv", wide),
        ("a.csv", lambda path: wide(path, header=False)),
        ("a_TRAIN.tsv", lambda path: wide(path, header=False)),
        ("a_TRAIN.txt", lambda path: table(path, "1 " + "0.5 " * 9 + "\n2 " + "0.7 " * 9 + "\n")),
        ("a.csv", long),
        ("a.ts", archive),
        ("a.arff", lambda path: table(path, "@relation a\n@attribute x numeric\n@data\n1,a\n")),
        ("a.parquet", lists),
        ("all", per_class),
    ],
)
def test_series_with_labels_are_recognized(tmp_path, name, write):
    recipe, said = choose_recipe(write(tmp_path / name))
    assert recipe.name == NAME, said


def is_labelled(path):
    found = detect(DataSnapshot(path))
    return found is not None and found.recipe == NAME


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "label,text\n1,one two\n2,three\n"),
        ("a.tsv", "1\tone two\n2\tthree\n"),
        ("a.csv", "time,value\n2026-01-01,1\n2026-01-02,2\n"),
        ("train_FD001.txt", "1 1 " + "0.5 " * 24 + "\n1 2 " + "0.7 " * 24 + "\n"),
        ("a.ts", "export const a = 1;\n"),
        ("a.csv", "emotion,pixels,Usage\n1,1 2 3,Training\n"),
        ("a.csv", "label,age,name\n1,30,Ada\n2,40,Otto\n"),
        ("a.csv", ""),
    ],
)
def test_other_tables_are_left_to_others(tmp_path, name, text):
    assert not is_labelled(table(tmp_path / name, text))


def test_damaged_parquet_and_folders_of_text_are_left_to_others(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    assert not is_labelled(tmp_path / "a.parquet")
    for label in ("x", "y"):
        table(tmp_path / "all" / label / "1.csv", "word,other\nthis,that\n")
    assert not is_labelled(tmp_path / "all")
