"""Which column is meant, what is said of all, and what is asked where two could be meant."""

import pytest

from convscope.data.columns import column_of, columns_line, is_label_name
from convscope.data.heads import table_head, text_head
from convscope.data.labels import same_labels, several_labels
from convscope.data.tables import open_table
from convscope.errors import UsageError


def table_of(folder, header, rows):
    path = folder / "a.csv"
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return open_table(path, "CSV")


def test_a_column_is_named_or_counted():
    names = ["id", "text", "kind"]
    assert [column_of("a.csv", names, given) for given in ("text", "0", "-1", "2")] == [
        "text",
        "id",
        "kind",
        "kind",
    ]
    assert column_of("a.csv", ["1", "2", "3"], "2") == "2"
    for given in ("kin", "3", "-4", ""):
        with pytest.raises(UsageError, match=r"a\.csv has no column") as caught:
            column_of("a.csv", names, given)
        assert "'id', 'text', 'kind'" in caught.value.hint


def test_names_of_labels_are_known_by_their_words():
    known = (
        "label Labels class_name true_label label_id y polarity_id Sentiment airline_sentiment species target"
    )
    assert all(map(is_label_name, known.split()))
    others = "text body day classroom year tag_count labelled_by_whom id"
    assert not any(map(is_label_name, others.split()))


def test_long_lists_of_columns_are_shortened():
    line = columns_line([("label", "y")], [f"c{number}" for number in range(30)])
    assert line.startswith("columns: label from 'y'; not used: 'c0', 'c1'")
    assert line.endswith("and 20 more")


def test_columns_that_say_the_same_as_the_label_are_found_over_the_whole_table(tmp_path):
    rows = [(number % 3, "abc"[number % 3], "xyx"[number % 3], number) for number in range(3000)]
    late = [*rows, (0, "a", "x", 3000), (1, "c", "y", 3001)]
    table = table_of(tmp_path, "label,name,two,id", rows)
    assert same_labels(table, "label", ["name", "two", "id"]) == ("name",)
    assert same_labels(table_of(tmp_path, "label,name,two,id", late), "label", ["name", "two"]) == ()


def test_columns_that_could_be_the_label_are_listed_with_their_classes(tmp_path):
    rows = [(f"d{number % 30}", "ab"[number % 2]) for number in range(60)]
    error = several_labels(table_of(tmp_path, "day,mood", rows), ["mood", "day"])
    assert "'mood' (2 classes: a, b); 'day' (30 classes: d0, d1, d2, ...)" in error.message
    assert "--label-column mood" in error.hint


def test_the_column_with_the_fewest_classes_is_the_example(tmp_path):
    rows = [(f"d{number % 30}", "ab"[number % 2]) for number in range(60)]
    error = several_labels(table_of(tmp_path, "day,the mood", rows), ["day", "the mood"])
    assert error.hint == 'Choose one, such as --label-column "the mood".'


def test_a_head_has_numbers_with_a_point_and_knows_a_missing_header(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("time;temp\n[s];[K]\n0;20,5\n1;20,75\n2;1,5\n")
    head = table_head(path, text_head(path))
    assert (head.first, head.rows[0], head.delimiter, head.named) == (
        ("time", "temp"),
        ("0", "20.5"),
        ";",
        True,
    )
    path.write_text("0;20,5\n1;20,75\n2;1,5\n")
    head = table_head(path, text_head(path))
    assert (head.first, head.rows[0], head.named) == (("0", "20.5"), ("1", "20.75"), False)
