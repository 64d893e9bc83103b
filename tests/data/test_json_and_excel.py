"""JSON in the forms that programs write it, and workbooks."""

import datetime
import json
import sys

import pytest

from convscope.data.excel_rows import chosen_sheet
from convscope.data.heads import table_head, text_head
from convscope.data.tables import open_table, table_kind
from convscope.errors import BackendError, DataError, install_command
from convscope.kinds.registry import find_recipe, recipe_specs
from convscope.types import no_progress
from convscope.workflows.start import requested

ROWS = [{"text": f"words {number}", "label": "pn"[number % 2]} for number in range(6)]
EXPECTED = [tuple(row.values()) for row in ROWS]
COLUMNS = {name: [row[name] for row in ROWS] for name in ("text", "label")}


def written(folder, text, name="a.json", encoding="utf-8"):
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def read(path, columns=("text", "label")):
    return [cells for _, cells in open_table(path, table_kind(path)).rows(columns)]


def keyed(values):
    return {str(number): value for number, value in enumerate(values)}


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(map(json.dumps, ROWS)),
        "\n\n".join(json.dumps(row, indent=2) for row in ROWS),
        json.dumps(ROWS),
        json.dumps(ROWS, indent=1),
        "[\n" + ",\n".join(map(json.dumps, ROWS)) + "\n]\n",
        json.dumps({"data": ROWS, "version": 1}),
        json.dumps({"anything": ROWS}, indent=2),
        json.dumps(COLUMNS),
        json.dumps({name: keyed(values) for name, values in COLUMNS.items()}),
        json.dumps(keyed(ROWS), indent=2),
        json.dumps({"columns": list(COLUMNS), "index": [0], "data": [list(row) for row in EXPECTED]}),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_form_gives_the_same_rows(tmp_path, text, encoding):
    path = written(tmp_path, text, encoding=encoding)
    assert read(path) == EXPECTED
    head = table_head(path, text_head(path))
    assert (head.first, head.rows[0]) == (("text", "label"), EXPECTED[0])


@pytest.mark.parametrize("between", [", ", ",\n", ",\n\n"])
def test_rows_of_an_array_are_numbered_in_any_layout(tmp_path, between):
    rows = [json.dumps({"text": letter, "label": 1}) for letter in "abc"]
    table = open_table(written(tmp_path, f"[{between.join(rows)}]"), "JSON Lines")
    assert [number for number, _ in table.rows(("text",))] == [1, 2, 3]
    assert table.where(2).endswith("a.json#2")


def test_a_single_object_with_a_list_is_one_row(tmp_path):
    one = {"text": "Ann is here", "spans": [{"start": 0}], "label": "x"}
    assert read(written(tmp_path, json.dumps(one), "a.jsonl")) == [("Ann is here", "x")]


def test_splits_may_be_the_keys(tmp_path):
    path = written(tmp_path, json.dumps({"train": ROWS[:4], "test": ROWS[4:]}))
    assert read(path, ("text", "split"))[3:5] == [("words 3", "train"), ("words 4", "test")]


def test_a_large_array_is_read_a_piece_at_a_time(tmp_path):
    rows = [{"text": "x" * 1000, "label": number} for number in range(4000)]
    assert read(written(tmp_path, json.dumps(rows)), ("label",)) == [(number,) for number in range(4000)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[{"text": "a"}, 3]', "line 1: expected a JSON object, received int"),
        ('[{"text": "a"},\n{"text": }]', "line 2: not valid JSON"),
        ('[{"text": "a"}', "does not end"),
        ('[{"text": "a"}] x', "more behind it"),
        ('{"text": "a"}\n{"text": "b"\n', "line 2: expected a JSON object"),
        ("[[1, 2], [3, 4]]", "expected a JSON object, received list"),
        ("nothing", "line 1: expected a JSON object"),
        (
            '{"data": [{"a": 1}], "rows": [{"b": 2}]}',
            "expected one array of objects, received 'data', 'rows'",
        ),
        ('{"columns": ["a"], "data": [[1, 2]]}', "expected 1 values in each row"),
        ("[" * 100_000, "nested too deeply|JSON"),
    ],
)
def test_damaged_json_stops_with_its_line(tmp_path, text, words):
    with pytest.raises(DataError, match=words):
        read(written(tmp_path, text))


def workbook(path, sheets):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_a_workbook_is_a_table(tmp_path):
    day = datetime.datetime(2024, 5, 1, 12, 30)
    rows = [["Report of May"], [], ["text", "label", "day"], *([*row, day] for row in EXPECTED)]
    path = workbook(tmp_path / "a.xlsx", {"empty": [], "data": rows, "notes": [["x"]]})
    table = open_table(path, "Excel")
    assert table.columns == ("text", "label", "day")
    assert next(iter(table.rows(["text", "day"]))) == (4, ("words 0", "2024-05-01 12:30:00"))
    assert len(list(table.rows(["text"]))) == len(ROWS)
    assert table.decisions[0] == "sheet: 'data' of a.xlsx is read, 'notes' not; --sheet changes it"
    assert table_head(path, "").first == ("text", "label", "day")


def test_a_cover_sheet_is_passed_over_and_two_tables_are_refused(tmp_path):
    cover, rows = [["made by Ann"], ["in 2024"], ["x", "y"]], [["text", "label"], *EXPECTED * 2]
    table = open_table(workbook(tmp_path / "a.xlsx", {"cover": cover, "data": rows}), "Excel")
    assert table.columns == ("text", "label")
    assert table.decisions[0] == "sheet: 'data' of a.xlsx is read, 'cover' not; --sheet changes it"
    with pytest.raises(DataError, match="one sheet with a table, received 'one', 'two'"):
        open_table(workbook(tmp_path / "b.xlsx", {"one": rows, "two": rows}), "Excel")


def test_a_workbook_without_header_keeps_its_numbers(tmp_path):
    path = workbook(tmp_path / "a.xlsx", {"data": [[1, 2.5, True], [3, None, False], [4, 4.5, True]]})
    table = open_table(path, "Excel")
    assert (table.columns, table.named) == (("1", "2", "3"), False)
    assert [cells for _, cells in table.rows(table.columns)][1] == (3, None, False)


def test_a_number_among_words_is_a_word(tmp_path):
    rows = [["text", "label"], ["one", 1], [2012, 2], ["three", 1]]
    table = open_table(workbook(tmp_path / "a.xlsx", {"data": rows}), "Excel")
    assert [cells for _, cells in table.rows(table.columns)] == [("one", 1), ("2012", 2), ("three", 1)]


def test_damaged_and_empty_workbooks_stop(tmp_path):
    path = tmp_path / "a.xlsx"
    path.write_bytes(b"PK\x03\x04 and nothing more")
    with pytest.raises(DataError, match="damaged Excel workbook"):
        open_table(path, "Excel")
    with pytest.raises(DataError, match="empty workbook"):
        open_table(workbook(path, {"data": []}), "Excel")


def test_without_openpyxl_the_way_to_it_is_said(tmp_path, monkeypatch):
    path = workbook(tmp_path / "a.xlsx", {"data": [["text", "label"], ["a", "b"]]})
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(BackendError) as caught:
        open_table(path, "Excel")
    assert install_command("excel") in caught.value.hint
    assert "save the sheet as CSV" in caught.value.hint


def two_sheets(*names):
    return {
        name: [["text", "label"], *([f"{name} {number}", "ab"[number % 2]] for number in range(20))]
        for name in names
    }


@pytest.mark.parametrize("asked", ["two", "2"])
def test_a_sheet_is_chosen_by_its_name_or_number(tmp_path, asked):
    sheets = {
        name: [["text", "label"], *([f"{name} {i}", "ab"[i % 2]] for i in range(9))]
        for name in ("one", "two")
    }
    path = workbook(tmp_path / "a.xlsx", {**sheets, "none": []})
    with pytest.raises(DataError, match="'one', 'two'") as caught:
        open_table(path, "Excel")
    assert "--sheet one" in caught.value.hint
    with chosen_sheet(asked):
        table = open_table(path, "Excel")
    assert next(table.rows(["text"]))[1] == ("two 0",)
    assert table.decisions[0] == "sheet: 'two' of a.xlsx is read, 'one' not; as --sheet says"


@pytest.mark.parametrize(
    ("asked", "words"), [("three", "no such sheet"), ("4", "no such"), ("none", "an empty one")]
)
def test_a_sheet_that_cannot_be_meant_is_told_with_those_that_there_are(tmp_path, asked, words):
    path = workbook(tmp_path / "a.xlsx", {"one": [["text", "label"], ["x", "y"]], "none": []})
    with chosen_sheet(asked), pytest.raises(DataError, match=words) as caught:
        open_table(path, "Excel")
    assert caught.value.hint == "Its sheets are 'one', 'none'."


def test_the_option_reaches_the_readers_of_every_kind(tmp_path):
    sheets = {
        name: [["text", "label"], *([f"{name} words {i}", "ab"[i % 2]] for i in range(20))]
        for name in ("one", "two")
    }
    path = workbook(tmp_path / "a.xlsx", sheets)
    asked = requested(path, {"sheet": "2"})
    splits = find_recipe(asked.spec.name).read(path, seed=0, progress=no_progress, **asked.options)
    assert all("two words" in str(splits.train.samples.load(i)) for i in range(len(splits.train)))
    options = {spec.name: {each.name for each in spec.options} for spec in recipe_specs().values()}
    without = [name for name, known in options.items() if "encoding" in known and "sheet" not in known]
    assert without == ["graph-classification"]  # its layout is text files alone
