"""The commands on texts: results on standard output, all else on standard error, errors in two lines."""

import csv
import io
import json
import sys

import pytest
from small_texts import judged_texts

from convscope.kinds.registry import recipe_specs
from convscope.run import Run


@pytest.fixture
def table(tmp_path):
    """A table of texts whose columns have names that say nothing."""
    path = tmp_path / "judged.csv"
    lines = "".join(f"{text},{label}\n" for text, label in judged_texts(count=60))
    path.write_text(f"a,b\n{lines}", "utf-8")
    return path


def test_training_evaluating_and_predicting_by_commands(run_command, table, tmp_path):
    options = {
        "--text-column": ("a", "options", "text_column", "a"),
        "--label-column": ("b", "options", "label_column", "b"),
        "--unit": ("hashed", "options", "unit", "hashed"),
        "--vocabulary": ("512", "options", "vocabulary", 512),
        "--max-length": ("20", "options", "max_length", 20),
        "--embedding": ("8", "options", "embedding", 8),
        "--epochs": ("1", "settings", "epochs", 1),
    }
    given = [word for name, (value, *_) in options.items() for word in (name, value)]
    code, out, err = run_command("train", table, "--out", "run", "--precision", "float32", *given)
    assert code == 0, err
    assert "accuracy " in out
    assert "recipe: text-classification, because judged.csv is a table of texts" in err
    assert err.strip().splitlines()[-1] == "Saved the run to run; open run/report.html in a browser."
    record = Run(tmp_path / "here" / "run").record()
    for _, part, name, expected in options.values():
        assert record[part][name] == expected
    code, out, _ = run_command("evaluate", "run", "--format", "json")
    assert code == 0
    assert json.loads(out) == Run(tmp_path / "here" / "run").metrics()["test"]


def lines_of(out, form):
    return (
        list(csv.DictReader(io.StringIO(out))) if form == "csv" else list(map(json.loads, out.splitlines()))
    )


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_standard_input_gets_a_line_for_each_line_in_its_order(run_command, case, trained, monkeypatch, form):
    texts = [*case.texts, "", *case.texts]
    data = io.BytesIO("".join(f"{text}\n" for text in texts).encode())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(data))
    code, out, err = run_command("predict", trained.folder, "-", "--format", form)
    assert code == 0, err
    found = lines_of(out, form)
    assert [each["sample"] for each in found] == [f"standard input#{i + 1}" for i in range(len(texts))]
    named = next((name for name in ("text", "source") if name in found[0]), None)
    assert named is not None or form == "csv"
    assert named is None or [each[named] for each in found] == texts


def test_a_text_in_quotes_is_answered_in_a_table(run_command, case, trained):
    text = max(case.texts, key=len)
    code, out, _ = run_command("predict", trained.folder, text)
    assert code == 0
    assert len(out.strip().splitlines()) >= 2


def test_evaluation_as_a_table_and_as_json(run_command, trained):
    code, out, _ = run_command("evaluate", trained.folder)
    assert code == 0
    assert out.strip()
    code, out, _ = run_command("evaluate", trained.folder, "--format", "json")
    assert code == 0
    assert json.loads(out) == trained.run.metrics()["test"]


def test_bad_use_has_exit_code_2_and_bad_data_1_with_two_lines_each(run_command, table):
    code, out, err = run_command("train", table, "--unit", "letters")
    assert (code, out) == (2, "")
    assert "convscope: " in err
    code, out, err = run_command("train", table, "--text-column", "body", "--out", "run")
    assert (code, out) == (1, "")
    assert "body" in err
    assert "Traceback" not in err
    code, _, err = run_command("train", table, "--architecture", "conv_seq2seq", "--out", "run")
    assert code in (1, 2)
    assert err.count("\n") <= 3


def test_one_word_that_is_no_file_is_told(run_command, trained):
    code, out, err = run_command("predict", trained.folder, "nowhere")
    assert (code, out) == (1, "")
    assert "one word is not taken for a text" in err


def test_text_recipes_are_listed_with_what_they_read(run_command):
    for recipe in recipe_specs().values():
        code, out, _ = run_command("recipes", recipe.name)
        assert code == 0
        told = " ".join(out.split())  # long lines are folded
        assert f"{recipe.name}: {recipe.summary}" in told
        assert all(line in told for line in (*recipe.reads, *recipe.architectures))
