"""A finished run of every recipe of texts, put to use."""

import io
import json
import shutil
import sys

import keras
import numpy as np
import pytest
from drawn import texts
from reading_runs import calibrated

import convscope
from convscope.errors import BackendError, DataError, RunError, UsageError
from convscope.kinds.registry import find_recipe
from convscope.run import Run


def said(row):
    """What a row answers, in the form of `TextCase.texts`."""
    if hasattr(row, "entities"):
        return [(each.start, each.end, each.type) for each in row.entities]
    return row.translation if hasattr(row, "translation") else row.label


def numbers(row):
    """How sure an answer is."""
    if hasattr(row, "entities"):
        return [each.probability for each in row.entities]
    return [row.score] if hasattr(row, "score") else list(row.probabilities.values())


def text_of(row):
    return row.source if hasattr(row, "source") else row.text


@pytest.fixture
def asked(case, tmp_path):
    """The texts of the case in a file, an empty line among them."""
    first, *others = case.texts
    path = tmp_path / "asked.txt"
    path.write_text("\n".join([first, "", *others]) + "\n", "utf-8")
    return path


def given_on_standard_input(monkeypatch, data):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_evaluating_gives_the_figures_of_the_training(trained):
    assert convscope.evaluate(trained.folder).to_json() == trained.run.metrics()["test"]


def test_evaluating_other_data_judges_its_test_split(case, trained, tmp_path):
    judged = convscope.evaluate(trained.folder, case.write(tmp_path / "other", seed=1)).to_json()
    assert judged[case.figure] >= case.least - 0.1 * case.least
    assert judged != trained.run.metrics()["test"]


def test_texts_are_answered_in_the_order_asked(case, trained):
    texts = list(case.texts)
    for order in (texts, texts[::-1]):
        rows = convscope.predict(trained.folder, [f"{text} " for text in order]).rows
        assert [text_of(row) for row in rows] == order
        assert [row.name for row in rows] == [f"text {i}" for i in range(1, 1 + len(order))]


def test_what_was_learned_is_answered(case, trained):
    rows = convscope.predict(trained.folder, [f"{text} " for text in case.texts]).rows
    right = [said(row) == wanted for row, wanted in zip(rows, case.texts.values(), strict=True)]
    assert sum(right) >= len(right) - 1, [said(row) for row in rows]


def test_a_file_is_answered_line_by_line_and_an_empty_line_too(case, trained, asked):
    rows = convscope.predict(trained.folder, [asked]).rows
    first, *others = case.texts
    assert [text_of(row) for row in rows] == [first, "", *others]
    assert [row.name for row in rows] == [f"{asked}#{i}" for i in range(1, 2 + len(case.texts))]
    assert np.isfinite(numbers(rows[1])).all()
    for row in rows:
        json.dumps(row.to_json())
        assert all(isinstance(value, str) for value in (row.to_row() | row.to_cells()).values())


def test_standard_input_gets_an_answer_for_each_line_in_its_order(case, trained, monkeypatch, asked):
    given_on_standard_input(monkeypatch, asked.read_bytes() * 30)
    rows = convscope.predict(trained.folder, ["-"]).rows
    once = convscope.predict(trained.folder, [asked]).rows
    assert [said(row) for row in rows] == [said(row) for row in once] * 30
    assert [row.name for row in rows] == [f"standard input#{i + 1}" for i in range(len(rows))]


def test_an_answer_does_not_depend_on_the_other_texts_of_the_call(case, trained, tmp_path):
    (tmp_path / "many.txt").write_text("\n".join([*case.texts, " ".join([*case.texts] * 4)]), "utf-8")
    together = convscope.predict(trained.folder, [tmp_path / "many.txt"]).rows
    for text, row in zip(case.texts, together, strict=False):
        (alone,) = convscope.predict(trained.folder, [f"{text} "]).rows
        assert said(alone) == said(row)
        np.testing.assert_allclose(numbers(alone), numbers(row), atol=1e-5)


def test_entities_stand_where_their_characters_say(case, trained):
    if case.recipe != "text-tagging":
        pytest.skip("only tagging finds entities")
    for row in convscope.predict(trained.folder, [f"  {text}\u3000" for text in case.texts]).rows:
        for each in row.entities:
            assert row.text[each.start : each.end] == each.text
            assert 0 <= each.probability <= 1


def test_a_table_of_texts_is_answered_row_by_row(case, trained, tmp_path):
    lines = [json.dumps({"id": i, "body": text}) for i, text in enumerate(case.texts)]
    (tmp_path / "asked.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    rows = convscope.predict(trained.folder, [tmp_path / "asked.jsonl"], text_column="body").rows
    assert [text_of(row) for row in rows] == list(case.texts)
    with pytest.raises(DataError, match="title"):
        convscope.predict(trained.folder, [tmp_path / "asked.jsonl"], text_column="title")


def test_an_encoding_is_found_where_one_fits_and_asked_for_where_several_do(case, trained, tmp_path):
    (tmp_path / "latin.txt").write_bytes("mo\nZürich\n".encode("latin-1"))
    rows = convscope.predict(trained.folder, [tmp_path / "latin.txt"]).rows
    assert [text_of(row) for row in rows] == ["mo", "Zürich"]
    (tmp_path / "kanji.txt").write_bytes("mo\n映画が好き\n".encode("shift_jis"))
    with pytest.raises(DataError, match=r"kanji\.txt, line 2") as caught:
        convscope.predict(trained.folder, [tmp_path / "kanji.txt"])
    assert "--encoding shift_jis" in caught.value.hint
    rows = convscope.predict(trained.folder, [tmp_path / "kanji.txt"], encoding="shift_jis").rows
    assert [text_of(row) for row in rows] == ["mo", "映画が好き"]


STRANGE = (
    "\u202e\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645",
    "我喜欢这部电影 。",
    "👩\u200d👩\u200d👧 🎬 👍🏽",
    "a" * 5000,
    "x\x07y z",
    "e\u0301 " * 300,
)


def test_text_of_any_script_and_length_gets_an_answer(trained, tmp_path):
    (tmp_path / "strange.txt").write_text("\n".join(STRANGE), "utf-8")
    rows = convscope.predict(trained.folder, [tmp_path / "strange.txt"]).rows
    assert len(rows) == len(STRANGE)
    assert all(np.isfinite(numbers(row)).all() for row in rows)


@pytest.mark.parametrize("inputs", [["nowhere"], ["nowhere/*.txt"], []])
def test_nothing_to_answer_is_told(trained, tmp_path, monkeypatch, inputs):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError):
        convscope.predict(trained.folder, inputs)


def test_an_option_that_the_recipe_does_not_have_is_refused(case, trained):
    with pytest.raises(UsageError, match=f"{case.recipe} does not support"):
        convscope.predict(trained.folder, ["a text"], flip=True)


def test_a_run_needs_nothing_but_its_folder(trained, case, tmp_path):
    moved = shutil.copytree(trained.folder, tmp_path / "moved")
    texts = [f"{text} " for text in case.texts]
    before, after = (convscope.predict(folder, texts).rows for folder in (trained.folder, moved))
    assert [row.to_json() for row in before] == [row.to_json() for row in after]


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"kind": "spelled text", "version": 1, "pieces": []}'])
def test_a_damaged_representation_is_told(trained, tmp_path, content):
    moved = Run(shutil.copytree(trained.folder, tmp_path / "moved"))
    (moved.folder / "representation.json").write_text(content)
    with pytest.raises((RunError, DataError), match="representation"):
        convscope.predict(moved.folder, ["a text"])


def test_a_run_is_explained(case, trained, asked):
    alone = convscope.explain(trained.folder)
    with_data = convscope.explain(trained.folder, data=[asked])
    layers = {layer.path for layer in alone.layers}
    assert layers == {layer.path for layer in with_data.layers}
    assert any("conv" in path for path in layers)
    assert all(layer.here for layer in with_data.layers)


@pytest.mark.parametrize(
    "method", ["maps", "position", "why", "statistics", "patches", "kernels", "occlusion"]
)
def test_every_way_to_look_gives_pictures_and_numbers(trained, asked, tmp_path, method):
    seen = convscope.look(trained.folder, None if method == "kernels" else [asked], method=method, channels=2)
    assert seen.save(tmp_path / "seen.png")
    assert all(path.stat().st_size > 0 for path in tmp_path.glob("seen*.png"))
    assert seen.arrays
    json.dumps(dict(seen.about))


def test_tokens_stand_beside_the_maps(case, trained):
    text = next(iter(case.texts))
    seen = convscope.look(trained.folder, [f"{text} "])
    (tokens,) = seen.about["tokens"].values()
    assert "".join(tokens).replace(" ", "") == text.replace(" ", "")


def test_features_are_a_row_for_each_sample_whatever_the_longest_is(case, trained, asked, tmp_path):
    long = tmp_path / "long.txt"
    long.write_text(asked.read_text("utf-8") + " ".join([*case.texts] * 5) + "\n", "utf-8")
    found = [
        convscope.extract(trained.folder, [path], out=tmp_path / f"{path.stem}.parquet", precision="float32")
        for path in (asked, long)
    ]
    count = 1 + len(case.texts)
    assert [len(features) for features in found] == [count, count + 1]
    (layer,) = found[0].layers
    short, longer = (np.asarray(features.matrix(layer)) for features in found)
    assert np.isfinite(longer).all()
    np.testing.assert_allclose(short, longer[:count], atol=1e-5)


def test_features_of_the_data_of_the_training_have_a_row_for_each_sample(trained, tmp_path):
    features = convscope.extract(trained.folder, [trained.data], out=tmp_path / "all.parquet")
    with (trained.folder / "splits.csv").open(encoding="utf-8") as file:
        assert len(features) == len(file.readlines()) - 1


@pytest.mark.usefixtures("tensorflow_only")
def test_a_run_is_exported_where_it_can_be_or_the_reason_is_told(case, trained, tmp_path):
    pytest.importorskip("tf2onnx")
    pytest.importorskip("onnxruntime")
    out = tmp_path / "model.onnx"
    if case.recipe != "text-tagging":
        assert convscope.export(trained.folder, "onnx", out).deviation < 1e-3
        return
    with pytest.raises((RunError, BackendError), match=r"onnx model cannot be"):
        convscope.export(trained.folder, "onnx", out)
    assert list(tmp_path.iterdir()) == []


def test_answers_are_those_of_the_plain_model_on_encoded_texts(case, trained):
    if case.recipe != "text-classification":
        pytest.skip("the others search for the best answer as a whole")
    model = keras.models.load_model(trained.run.model_path)
    representation = find_recipe(case.recipe).representation.from_json(trained.run.representation())
    inputs = convscope.predict(trained.folder, [f"{text} " for text in case.texts]).rows

    class Texts(list):
        load = list.__getitem__

    rows = representation.encode(Texts(case.texts))
    expected = keras.ops.convert_to_numpy(model(rows.take(np.arange(len(case.texts)))))
    np.testing.assert_allclose([numbers(row) for row in inputs], calibrated(trained.run, expected), atol=1e-5)


def test_the_nearest_samples_of_a_text_are_texts(case, trained, tmp_path):
    features = convscope.extract(trained.folder, [trained.data], out=tmp_path / "all.parquet")
    asked = next(iter(case.texts))
    found = convscope.neighbors(features, [asked], count=3)
    assert len(found.found[0]) == 3
    (query,) = found.queries
    assert query.sample is not None
    assert query.sample.view.names
    written = " ".join(texts(found.draw()))
    assert all(word in written for word in query.sample.view.names[:3])


def test_a_sample_of_the_data_is_nearest_to_itself(trained, tmp_path):
    features = convscope.extract(
        trained.folder, [trained.data], out=tmp_path / "all.parquet", precision="float32"
    )
    found = convscope.neighbors(features, ["id:0"], count=1)
    (nearest,) = found.found[0]
    assert nearest.id != 0
    assert 0 <= nearest.distance < 2
