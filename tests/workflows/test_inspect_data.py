"""The dry run of a training says what was read and decided, and leaves nothing behind."""

import json

import numpy as np
import pytest

import convscope
from convscope.workflows.inspect_data import shown


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "reviews.csv"
    words = ("fine", "dull")
    rows = [
        f"a {words[i % 2]} film number {'abcdefghijklmnopqrst'[i // 2]},{words[i % 2]}" for i in range(40)
    ]
    path.write_text("review,verdict label\n".replace("verdict label", "label") + "\n".join(rows) + "\n")
    return path


def test_a_report_has_what_training_would_start_from(table):
    lines = []
    report = convscope.inspect_data(table, say=lines.append)
    assert report.recipe == "text-classification"
    assert report.class_names == ("dull", "fine")
    assert sum(report.counts["train"].values()) + sum(report.counts["test"].values()) <= 40
    assert {sample.split for sample in report.samples} >= {"train", "test"}
    assert all(sample.label in sample.content for sample in report.samples)
    assert any(line.startswith("Would train ") for line in lines)
    assert not any(line.startswith("Training ") for line in lines)
    assert any("First of train: " in line and "[dull]" in line for line in lines)
    assert json.loads(json.dumps(report.to_json()))["layout"] == report.layout
    assert sorted(path.name for path in table.parent.iterdir()) == ["reviews.csv"]


def test_folds_are_told_as_training_would_take_them(table):
    report = convscope.inspect_data(table, folds=4)
    told = [line for line in report.decisions if line.startswith("fold ")]
    assert [line[:11] for line in told] == [f"fold {number} of 4" for number in range(1, 5)]
    assert sum(report.counts["test"].values()) == 10
    with pytest.raises(convscope.UsageError, match="folds must be in"):
        convscope.inspect_data(table, folds=1)


def test_what_training_refuses_is_refused(tmp_path):
    (tmp_path / "a.bin").write_bytes(bytes(range(256)))
    with pytest.raises(convscope.DataError, match="bytes without a form"):
        convscope.inspect_data(tmp_path)


def test_the_columns_of_each_table_that_differs_are_told_with_its_name(table, tmp_path):
    folder = tmp_path / "tables"
    folder.mkdir()
    table.rename(folder / "train.csv")
    (folder / "test.csv").write_text("review\na fine film\na dull film\n")
    told = [line for line in convscope.inspect_data(folder).decisions if "columns: " in line]
    assert told[0].startswith("columns: text from 'review', label from 'label'")
    assert told[1:] == ["test.csv, columns: text from 'review'; all are used"]


def test_a_column_of_labels_needs_a_table(tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "1.png").touch()
    with pytest.raises(convscope.UsageError, match="names the column 'kind', but the folder has no table"):
        convscope.inspect_data(tmp_path, label_column="kind")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (np.array([np.nan, 1.0, 3.0]), "3 float64, 1 to 3, 1 missing"),
        (np.full(2, np.nan), "2 float64, all missing"),
        (np.zeros((0, 3), np.float32), "0x3 float32"),
        (np.array(["2024-01-02"], "datetime64[D]"), "1 datetime64[D], 2024-01-02 to 2024-01-02"),
        ("a " * 50, f'"{"a " * 28}a..."'),
        (0.25, "0.25"),
        (("B-LOC", "O"), "B-LOC O"),
    ],
)
def test_a_sample_is_shown_in_a_few_words(value, said):
    assert shown(value) == said
