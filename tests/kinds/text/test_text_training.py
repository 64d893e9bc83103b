"""Training from a path of texts to a finished run, for every recipe of texts."""

import csv
import json
import re

import keras
import numpy as np
import pytest
from reading_runs import CONTENT, assert_same_run, files_of, interrupted, leftovers, rows, weights
from small_texts import CASES, SETTINGS, judged_texts, write_judged, write_tagged, write_translated

import convscope
from convscope.errors import DataError, UsageError
from convscope.kinds.registry import factory, find_recipe, recipe_specs
from convscope.kinds.text.kind import TEXT

TINY = {**SETTINGS, "epochs": 1, "options": {"embedding": 8, "filters": 8}}
RESUMED = [pytest.param(name, marks=pytest.mark.slow) if name == "translation" else name for name in CASES]


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """Few labelled texts."""
    return write_judged(tmp_path_factory.mktemp("judged") / "data", count=60)


def test_every_recipe_of_texts_has_a_case_here():
    assert set(CASES) == {recipe.name for recipe in TEXT.recipes}


def test_what_is_to_be_learned_is_recognized_and_said(case, trained):
    assert trained.run.record()["recipe"] == case.recipe
    assert f"recipe: {case.recipe}, because {case.reason}" in trained.said
    assert any(line.startswith("test: ") for line in trained.said)


@pytest.mark.portable("text-classification")
def test_it_is_learned_in_seconds(case, trained):
    assert trained.run.metrics()["test"][case.figure] >= case.least
    assert float(rows(trained.run)[-1]["loss"]) < float(rows(trained.run)[0]["loss"])


def test_a_run_folder_holds_everything_and_nothing_else(case, trained):
    run = trained.run
    assert files_of(run) == CONTENT
    record = run.record()
    assert record["status"] == "complete"
    assert record["architecture"] == recipe_specs()[case.recipe].architectures[0]
    assert len(rows(run)) == record["epochs"] == case.settings["epochs"]
    for name, value in case.settings["options"].items():
        assert record["options"][name] == (list(value) if isinstance(value, tuple) else value)
    assert leftovers(run.folder) == []
    assert json.loads((run.folder / "metrics.json").read_text("utf-8"))["test"]["samples"] > 0


def test_the_report_needs_no_network(trained):
    page = trained.run.report_path.read_text("utf-8")
    addresses = set(re.findall(r"https?://[^\s\"'<>)]+", page))
    assert all(address.startswith("http://www.w3.org/") for address in addresses)
    assert 'src="data:' in page or "<svg" in page


def test_every_sample_is_in_one_split(trained):
    with (trained.folder / "splits.csv").open(newline="", encoding="utf-8") as file:
        listed = list(csv.DictReader(file))
    names = [row["name"] for row in listed]
    assert len(set(names)) == len(names) > 0
    assert {row["split"] for row in listed} == {"train", "validation", "test"}
    counts = [sum(row["split"] == split for row in listed) for split in ("train", "validation", "test")]
    assert any(line.startswith("train {}, validation {}, test {}".format(*counts)) for line in trained.said)


def test_the_saved_model_keeps_the_names_of_its_layers(case, trained):
    loaded = keras.models.load_model(trained.run.model_path)
    representation = find_recipe(case.recipe).representation.from_json(trained.run.representation())
    names = trained.run.record()["class_names"]
    record = trained.run.record()
    options = find_recipe(case.recipe).divide(record["options"])[1]
    fresh = find_recipe(case.recipe).build(factory(record["architecture"]), representation, names, options)
    assert {layer.name for layer in loaded.layers} == {layer.name for layer in fresh.layers}


@pytest.mark.parametrize("case", RESUMED, indirect=True)
def test_a_resumed_training_ends_with_the_same_weights_bit_for_bit(case, trained, tmp_path):
    run = interrupted(trained.data, tmp_path / "run", case.settings, 1, 2)
    assert run.record()["status"] == "training"
    assert_same_run(convscope.train(resume=run.folder), trained.run)
    assert files_of(run) == CONTENT


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(judged, tmp_path):
    one, same, other = (
        convscope.train(judged, out=tmp_path / name, seed=seed, **TINY)
        for name, seed in (("one", 0), ("same", 0), ("other", 1))
    )
    assert_same_run(one, same)
    assert any(
        left.shape != right.shape or (left != right).any()
        for left, right in zip(weights(one), weights(other), strict=True)
    )


@pytest.mark.parametrize(
    ("architecture", "options"),
    [
        ("residual_text_cnn", {"depth": 2}),
        ("residual_text_cnn", {"depth": 1, "unit": "subwords", "vocabulary": 300}),
        ("text_cnn", {"widths": (2,), "unit": "hashed", "vocabulary": 512, "max_length": 6}),
    ],
)
def test_every_architecture_and_unit_of_classification_trains_and_answers(
    judged, tmp_path, architecture, options
):
    settings = {**TINY, "architecture": architecture, "options": {**TINY["options"], **options}}
    run = convscope.train(judged, out=tmp_path / "run", class_weights=True, **settings)
    (row,) = convscope.predict(run.folder, ["a film that nobody foresaw"]).rows
    assert sum(row.probabilities.values()) == pytest.approx(1, abs=1e-5)
    assert run.metrics()["test"] == convscope.evaluate(run.folder).to_json()


def test_the_walk_over_architectures_leaves_none_out():
    classifying = {"text_cnn", "residual_text_cnn"}
    specs = recipe_specs()
    others = {name for case in CASES.values() for name in specs[case.recipe].architectures} - classifying
    assert others == {specs[name].architectures[0] for name in ("text-tagging", "translation")}


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"mixing": 0.2}, UsageError, "mixup needs numeric inputs|does not support the setting 'mixing'"),
        ({"options": {"kernels": 3}}, UsageError, "does not support --kernels"),
        ({"options": {"encoding": "utf-99"}}, UsageError, "utf-99"),
        ({"architecture": "compact_cnn"}, UsageError, "has no architecture 'compact_cnn'"),
        ({"options": {"vocabulary": 0}}, (UsageError, DataError), "vocabulary"),
        ({"epochs": 0}, UsageError, "epochs must be at least 1"),
    ],
)
def test_what_cannot_be_trained_leaves_no_folder(case, trained, tmp_path, wrong, error, message):
    with pytest.raises(error, match=message) as caught:
        convscope.train(trained.data, out=tmp_path / "run", **{**case.settings, **wrong})
    assert caught.value.hint or "eceived" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("text-tagging", {"class_weights": True}),
        ("text-tagging", {"label_smoothing": 0.1}),
        ("translation", {"class_weights": True}),
    ],
)
def test_settings_that_would_change_nothing_are_refused(tmp_path, name, setting):
    data = CASES[name].write(tmp_path / "data")
    with pytest.raises(UsageError, match=f"{name} does not support the setting"):
        convscope.train(data, out=tmp_path / "run", **{**CASES[name].settings, **setting})
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("text_column", "body", r"body.*text, label|text, label.*body"),
        ("label_column", "topic", r"topic.*text, label|text, label.*topic"),
    ],
)
def test_a_column_that_is_not_there_is_told_with_those_that_are(judged, tmp_path, option, value, message):
    with pytest.raises(DataError, match=message):
        convscope.train(judged, out=tmp_path / "run", **{**TINY, "options": {option: value}})
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("option", "value"), [("word_column", 3), ("tag_column", 4), ("tag_column", 0)])
def test_a_column_of_words_or_tags_that_is_not_there_is_told(tmp_path, option, value):
    data = write_tagged(tmp_path / "data")
    with pytest.raises(UsageError, match=f"{value}"):
        convscope.train(data, out=tmp_path / "run", options={option: value})
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("option", "value"), [("source", "de"), ("target", "fr")])
def test_a_language_that_is_not_there_is_told_with_those_that_are(tmp_path, option, value):
    data = write_translated(tmp_path / "data")
    with pytest.raises(DataError, match=f"'{value}'.*aa, en"):
        convscope.train(data, out=tmp_path / "run", options={option: value})
    assert not (tmp_path / "run").exists()


BAD = {
    "one class": {"texts.csv": "text,label\nfine film,good\nbright song,good\n"},
    "a missing label": {"texts.csv": "text,label\nfine film,good\ndull song,\nbad song,bad\n"},
    "not UTF-8": {"texts.csv": "text,label\n映画が好き,good\ndull song,bad\n".encode("shift_jis")},
    "not UTF-8 among tags": {
        "eng.train": "東京です B-LOC\nlies O\nthere O\n\nso O\nit O\nis O\n\n".encode("shift_jis")
    },
    "a word without a tag": {"eng.train": "Ada B-PER\nruns O\nhome O\n\nOtto B-PER\nruns\n\n"},
    "other numbers of lines": {"train.aa": "mo\nba\nki\n", "train.en": "one\ntwo\n"},
    "an empty file": {"texts.csv": ""},
    "a NUL character": {"texts.tsv": "text\tlabel\nfine\0film\tgood\ndull song\tbad\n"},
}


@pytest.mark.parametrize("name", BAD)
def test_bad_data_is_told_before_the_first_epoch_and_leaves_no_folder(tmp_path, name):
    (tmp_path / "data").mkdir()
    for file, content in BAD[name].items():
        data = content if isinstance(content, bytes) else content.encode()
        (tmp_path / "data" / file).write_bytes(data)
    with pytest.raises(DataError) as caught:
        convscope.train(tmp_path / "data", out=tmp_path / "run", epochs=1)
    assert str(tmp_path / "data") in str(caught.value)
    assert not name.startswith("not UTF-8") or "--encoding" in caught.value.hint
    assert not (tmp_path / "run").exists()


def test_an_encoding_that_is_given_is_taken(tmp_path):
    rows = "".join(f"{text},{label}\n" for text, label in judged_texts(count=60)).replace("a", "ä")
    path = tmp_path / "latin.csv"
    path.write_bytes(f"text,label\n{rows}".encode("latin-1"))
    options = {**TINY["options"], "encoding": "latin-1"}
    run = convscope.train(path, out=tmp_path / "run", **{**TINY, "options": options})
    assert run.record()["class_names"] == ["bläme", "präise"]
    (tmp_path / "later.txt").write_text("the gärden was lovely\n", "utf-8")
    (row,) = convscope.predict(run.folder, [tmp_path / "later.txt"]).rows
    assert row.text == "the gärden was lovely"


STILL = {**SETTINGS, "epochs": 1, "learning_rate": 1e-12}


def write_vectors(path, words, size=8):
    rng = np.random.default_rng(0)
    vectors = {word: rng.normal(size=size).round(4) for word in words}
    lines = [f"{word} {' '.join(map(str, vector))}" for word, vector in vectors.items()]
    path.write_text("\n".join([f"{len(lines)} {size}", *lines]) + "\n", "utf-8")
    return vectors


@pytest.mark.parametrize(
    ("recipe", "layer", "options", "words"),
    [
        ("text-classification", "embedding", {"embedding": 8, "filters": 8}, ("film", "garden", "walk")),
        ("text-tagging", "word_embedding", {"word_width": 8, "width": 16}, ("norwick", "lives", "rains")),
    ],
)
def test_a_training_starts_from_given_vectors(tmp_path, recipe, layer, options, words):
    data = CASES[recipe].write(tmp_path / "data")
    given = write_vectors(tmp_path / "words.vec", [*words, "elsewhere"])
    options = {**options, "vectors": str(tmp_path / "words.vec")}
    run = convscope.train(data, out=tmp_path / "run", options=options, **STILL)
    model = keras.models.load_model(run.model_path)
    representation = find_recipe(recipe).representation.from_json(run.representation())
    known = tuple(representation.words) if layer == "embedding" else ("", "", *representation.words)
    held = np.array([model.get_layer(layer).get_weights()[0][known.index(word)] for word in words])
    wanted = np.array([given[word] for word in words])
    factor = (held * wanted).sum() / (wanted**2).sum()
    assert factor > 0
    np.testing.assert_allclose(held, wanted * factor, atol=1e-5)


@pytest.mark.parametrize(
    ("content", "size", "error", "message"),
    [
        (None, 5, UsageError, "has vectors of 5 dimensions, the embedding of the model 8"),
        ("film 0.5 what 1\ngarden 1 2 3\n", 0, DataError, r"words\.vec"),
        ("", 0, DataError, "empty"),
    ],
)
def test_vectors_that_do_not_fit_leave_no_folder(judged, tmp_path, content, size, error, message):
    path = tmp_path / "words.vec"
    if content is None:
        write_vectors(path, ["film"], size)
    else:
        path.write_text(content, "utf-8")
    with pytest.raises(error, match=message):
        convscope.train(
            judged, out=tmp_path / "run", **{**TINY, "options": {**TINY["options"], "vectors": str(path)}}
        )
    assert not (tmp_path / "run").exists()


def test_the_languages_can_be_chosen(tmp_path):
    folder = write_translated(tmp_path / "data", count=60)
    options = {**CASES["translation"].settings["options"], "source": "en", "target": "aa"}
    settings = {**CASES["translation"].settings, "epochs": 1, "options": options}
    run = convscope.train(folder, out=tmp_path / "run", **settings)
    source, target = (run.representation()[side]["model"]["vocab"] for side in ("source", "target"))
    assert any("bird" in token for token in source) or any("red" in token for token in source)
    assert not any("red" in token for token in target)
