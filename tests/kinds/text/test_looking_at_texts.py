"""Looking at models of texts: every way to look, with tokens, of any length, and the numbers behind them."""

import json
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers
from matplotlib.text import Text

from convscope.kinds.contract.representation import TextDescription
from convscope.kinds.text.layers.masking import MaskedGlobalMaxPooling1D, PaddingMask
from convscope.kinds.text.view import VIEW
from convscope.workflows.inspect.context import InspectionContext, InspectionRequest
from convscope.workflows.inspect.inspect import inspect_model
from convscope.workflows.load_model import LoadedModel
from convscope.workflows.model_inputs.model_inputs import ModelInputs

WORDS = ("<pad>", "<unk>", "good", "bad", "film", "not", "very", "the", "a", "plot", "was")
TEXTS = ("the film was not very good", "a bad film", "good", "the plot was bad a very very bad plot")


def text_model(dilation=1):
    keras.utils.set_random_seed(0)
    ids = keras.Input((None,), dtype="int32", name="ids")
    mask = PaddingMask(name="mask")(ids)
    x = layers.Multiply(name="masked")([layers.Embedding(len(WORDS), 6, name="vectors")(ids), mask])
    maps = layers.Conv1D(8, 3, padding="same", dilation_rate=dilation, activation="relu", name="look")(x)
    pooled = MaskedGlobalMaxPooling1D(name="pool")([maps, mask])
    return keras.Model(ids, layers.Dense(2, activation="softmax", name="classes")(pooled), name="words")


def as_texts(given):
    """Texts as they come from a run, drawn by their tokens."""
    return replace(given, view=lambda i, values: VIEW.of_input(values, given.describe(i)))


def given():
    rows = [[WORDS.index(word) for word in text.split()] for text in TEXTS]

    def take(indices):
        longest = max(len(rows[i]) for i in indices)
        return np.array([rows[i] + [0] * (longest - len(rows[i])) for i in indices], np.int32)

    names = tuple(f"texts.csv#{i + 1}" for i in range(len(TEXTS)))
    return as_texts(ModelInputs(names, take, describe=lambda i: TextDescription(tuple(TEXTS[i].split()))))


def seen(method, dilation=1, **wishes):
    opened = LoadedModel(text_model(dilation), "words", "a test", ("bad", "good"))
    return inspect_model(opened, given(), InspectionRequest(method=method, channels=4, **wishes))


@pytest.mark.parametrize("method", ["maps", "position", "why", "statistics", "patches"])
def test_every_way_to_look_draws_texts(method, tmp_path):
    found = seen(method, layers=() if method == "why" else ("look",))
    assert found.save(tmp_path / "seen.png")
    page = found.save(tmp_path / "seen.html")[0].read_text("utf-8")
    assert method != "why" or page.count('dir="auto"') == 2 * len(TEXTS)
    assert found.save(tmp_path / "seen.npz")
    json.dumps(dict(found.about))


def test_the_tokens_stand_beside_the_numbers_for_the_terminal():
    found = seen("integrated-gradients")
    assert found.about["tokens"]["texts.csv#2"] == ["a", "bad", "film"]
    values = found.arrays["texts.csv#2/integrated-gradients"]
    np.testing.assert_allclose(values[3:], 0, atol=1e-7)
    assert any("vectors" in note and "embedding" in note for note in found.notes)


@pytest.mark.parametrize("method", ["grad-cam", "layer-cam", "score-cam", "saliency", "occlusion", "rise"])
def test_every_kind_of_attribution_takes_texts(method):
    found = seen(method, options={"masks": 20} if method == "rise" else {})
    assert all(
        len(found.arrays[f"texts.csv#{i + 1}/{method}"]) >= len(t.split()) for i, t in enumerate(TEXTS)
    )


def test_what_excites_a_kernel_is_an_n_gram_of_a_text():
    found = seen("patches", layers=("look",))
    for row in found.about["layers"]["look"]["inputs"]:
        assert len(row) == len(TEXTS)
        assert all(any(gram in text for text in TEXTS) and 1 <= len(gram.split()) <= 3 for gram in row)
    values = found.arrays["look/values"]
    assert (np.diff(values, axis=1) <= 0).all()


def test_a_dilated_kernel_is_taken_apart_word_by_word(tmp_path):
    found = seen("position", dilation=2, layers=("look",), at=(2,), channel=1)
    name = "texts.csv#1"
    vectors = found.arrays[f"{name}/patch"]
    model = text_model(2)
    table = keras.ops.convert_to_numpy(model.get_layer("vectors").embeddings)
    ids = given().first(1)[0]
    np.testing.assert_allclose(vectors, table[ids[[0, 2, 4]]], atol=1e-6)
    assert found.save(tmp_path / "seen.png")


def test_several_texts_are_compared(tmp_path):
    assert len(seen("maps", compare=True, layers=("look",)).save(tmp_path / "seen.png")) == 1


def test_the_layers_of_a_translation_lie_along_their_own_text(tmp_path):
    source = keras.Input((None,), dtype="int32", name="source")
    target = keras.Input((None,), dtype="int32", name="target")
    read = layers.Conv1D(4, 3, padding="same", name="reader")(layers.Embedding(9, 4)(source))
    written = layers.Conv1D(4, 3, padding="causal", name="writer")(layers.Embedding(9, 4)(target))
    summed = layers.GlobalMaxPooling1D(keepdims=True)(read)
    model = keras.Model([source, target], layers.Dense(9)(layers.Add()([written, summed])), name="both")
    texts = (("ein", "film", "<e>"), ("<s>", "one", "film", "or", "two"))
    arrays = [np.array([[2, 3, 4]], np.int32), np.array([[2, 3, 4, 5, 6]], np.int32)]
    both = as_texts(
        ModelInputs(
            ("pair",),
            lambda indices: [array[indices] for array in arrays],
            describe=lambda i: TextDescription(*texts),
        )
    )
    found = inspect_model(
        LoadedModel(model, "both", "a test"), both, InspectionRequest(layers=("reader", "writer"))
    )
    said = {text.get_text() for text in found.figures()[0].axes[0].texts}
    assert {"ein", "one", "two"} <= said
    assert found.save(tmp_path / "seen.png")


def test_a_caption_says_what_the_run_predicts():
    opened = LoadedModel(text_model(1), "words", "a test", ("bad", "good"))
    inputs = replace(given(), predict=lambda rows: np.tile(np.float32([[0.25, 0.75]]), (len(rows), 1)))
    context = InspectionContext(opened, inputs, ("look",), 1)
    predicted = context.predicted(context.record().predictions)
    assert context.sample(0, predicted).caption == "predicted good, 75.0%"
    context.inputs = replace(inputs, folder="bad")
    assert context.sample(0, predicted).caption == "in bad · predicted good, 75.0%"


def test_what_is_said_of_an_attribution_is_never_cut():
    for figure in seen("integrated-gradients").figures():
        said = [text.get_text() for text in figure.findobj(Text)]
        assert not any("…" in line for line in said)
        assert any("completeness gap" in line for line in said)
