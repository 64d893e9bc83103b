"""Names from data are shown, and obeyed by no terminal, page or spreadsheet."""

import csv
import io
import json

import numpy as np
import pytest
from rich.console import Console

import convscope
from convscope.cli import results
from convscope.cli.console import harmless, json_text, plain
from convscope.csv_text import csv_text, safe_cell

TITLE = "\x1b]0;owned\x07"
REVERSED = "\N{RIGHT-TO-LEFT OVERRIDE}gnp"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, \u00e9\u65e5\U0001f600", "plain, \u00e9\u65e5\U0001f600"),
        (f"{TITLE}.png", "\\x1b]0;owned\\x07.png"),
        ("\x9b31m", "\\x9b31m"),
        (REVERSED, "\\u202egnp"),
        ("a\nSaved the run", "a Saved the run"),
        ("\udc80.wav", "\\udc80.wav"),
        ("\u0646\u0645\u06cc\u200c\u062e", "\u0646\u0645\u06cc\u200c\u062e"),
    ],
)
def test_text_for_a_terminal_is_harmless(text, shown):
    assert harmless(text) == shown
    assert json.loads(json_text(text)) == text
    assert not set(json_text(text)) & set("\x1b\x07\x9b\N{RIGHT-TO-LEFT OVERRIDE}")


@pytest.mark.parametrize("text", ["[red]x[/red]", "\\[red]", "a\\", "[link=file:///x]y"])
def test_markup_is_text(text):
    console = Console(file=io.StringIO(), width=80, force_terminal=True)
    console.print(plain(text))
    assert console.file.getvalue() == f"{text}\n"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-2+3", "@SUM(A1)", "\t=1", "  =1", "-", "\uff1d1"])
def test_formulas_get_an_apostrophe(text):
    if text == "+1":
        assert safe_cell(text) == text  # a number
        return
    assert safe_cell(text) == f"'{text}"
    assert next(csv.reader(io.StringIO(csv_text([[text]], safe=False)))) == [text]


def test_numbers_and_other_texts_stay():
    rows = [["-1.5", "+2e-3", -3, 0.5, None, "a-b", "x\ny", "\u22121"]]
    assert next(csv.reader(io.StringIO(csv_text(rows)))) == [
        "-1.5", "+2e-3", "-3", "0.5", "", "a-b", "x\ny", "\u22121",
    ]  # fmt: skip
    assert safe_cell(f"{TITLE}x") == "\N{REPLACEMENT CHARACTER}]0;owned\N{REPLACEMENT CHARACTER}x"


def test_an_error_message_shows_a_name_as_it_is_written(run_command, tmp_path):
    name = tmp_path / f"{TITLE}x.csv"
    name.write_text("path,label\nq.png\n")
    code, _, err = run_command("train", name, "--recipe", "image-classification")
    assert code == 1
    assert "\\x1b]0;owned\\x07x.csv" in err
    assert "\x1b" not in err


def test_neighbors_of_hostile_names(run_command, tmp_path):
    values = np.random.default_rng(0).random((6, 16, 16, 1), np.float32)
    place = tmp_path / f"=cmd[red]{REVERSED}"
    place.mkdir()
    np.save(place / "x.npy", values)
    to = tmp_path / "x.parquet"
    convscope.extract("random_convolution", place / "x.npy", out=to)
    for form in ("table", "jsonl"):
        code, out, err = run_command("neighbors", to, "id:0", "--format", form)
        assert code == 0, err
        assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in out
        assert "[red]" in "".join(out.split())
    code, out, _ = run_command("neighbors", to, "id:0", "--format", "csv", "--no-safe-csv")
    assert next(iter(csv.DictReader(io.StringIO(out))))["path"].startswith(f"{place}/x.npy#")


def test_texts_that_a_csv_changes_are_named_once(capsys):
    results._say_changed([["sample", "-neg"], ["a", "-neg"], ["b", "1.5"]])
    said = capsys.readouterr().err
    assert said.count("-neg") == 2
    assert "--no-safe-csv" in said
    results._say_changed([["sample", "neg"]])
    assert not capsys.readouterr().err
