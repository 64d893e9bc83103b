"""What explains a tag: words with all that is known of them, of the surest entity of a sentence."""

import keras
import numpy as np
import pytest

from convscope.errors import UsageError
from convscope.scope.attribution.methods import attribute


def tagger(length=6):
    """Tags a word by its own id and by the casing of the word before it: tag 1 for both, tag 0 is outside."""
    words = keras.Input((length,), dtype="int32", name="words")
    casings = keras.Input((length,), dtype="int32", name="casings")
    parts = [
        keras.layers.Embedding(3, 2, name="casing_table")(casings),
        keras.layers.Embedding(50, 4, name="word_table")(words),
    ]
    x = keras.layers.Concatenate(name="word")(parts)
    x = keras.layers.Conv1D(3, 3, padding="same", name="conv")(x)
    model = keras.Model({"casings": casings, "words": words}, keras.layers.Softmax(name="tags")(x))
    table, kernel = np.zeros((50, 4), "float32"), np.zeros((3, 6, 3), "float32")
    table[7] = 1
    kernel[1, 2:, 1], kernel[0, :2, 1] = 1, 1
    model.get_layer("word_table").set_weights([table])
    model.get_layer("casing_table").set_weights([np.array([[0, 0], [0, 0], [1, 1]], "float32")])
    model.get_layer("conv").set_weights([kernel, np.array([1, 0, 0], "float32")])
    return model


TEXTS = {
    "words": np.array([[3, 4, 5, 7, 9, 0], [3, 4, 5, 6, 9, 3]], "int32"),
    "casings": np.array([[1, 1, 2, 1, 1, 0], [1, 1, 1, 1, 1, 1]], "int32"),
}


@pytest.mark.parametrize("method", ["integrated-gradients", "occlusion"])
def test_the_surest_entity_is_explained_by_words_with_their_casings(method):
    found, without = attribute(tagger(), TEXTS, method)
    assert (found.target, found.details["token"]) == (1, 4)
    assert found.details["input"].split(", ") == ["words", "casings"]
    assert found.values.shape == (6,)
    assert set(np.argsort(found.values)[-2:]) == {2, 3}, "the word itself, and how the one before is written"
    assert found.values[2] > 0.02
    assert without.target == 0


def test_a_target_is_explained_at_its_likeliest_token():
    found = attribute(tagger(), TEXTS, "occlusion", target=1)
    assert [each.target for each in found] == [1, 1]
    assert found[0].details["token"] == 4
    with pytest.raises(UsageError, match="has targets 0 to 2"):
        attribute(tagger(), TEXTS, "occlusion", target=3)


def test_a_tagger_of_one_input_is_explained_token_by_token():
    ids = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(9, 4)(ids)
    model = keras.Model(ids, keras.layers.Conv1D(3, 1, activation="softmax")(x))
    (found,) = attribute(model, np.array([[1, 2, 3, 4, 0, 0]], "int32"), "integrated-gradients")
    at = int(found.details["token"]) - 1
    assert np.flatnonzero(np.abs(found.values) > 1e-6).tolist() in ([at], [])
    assert found.score == pytest.approx(float(np.max(model(np.array([[1, 2, 3, 4, 0, 0]]))[0, at])))


def test_words_are_explained_although_there_are_more_characters_than_words():
    words = keras.Input((4,), dtype="int32", name="words")
    characters = keras.Input((4, 5), dtype="int32", name="characters")
    spelled = keras.layers.Embedding(90, 3)(characters)
    spelled = keras.layers.TimeDistributed(keras.layers.GlobalMaxPooling1D())(spelled)
    x = keras.layers.Concatenate()([spelled, keras.layers.Embedding(8, 4)(words)])
    tags = keras.layers.Conv1D(3, 1, activation="softmax")(x)
    model = keras.Model({"characters": characters, "words": words}, tags)
    texts = {"words": np.array([[1, 2, 3, 4]], "int32"), "characters": np.ones((1, 4, 5), "int32")}
    for method in ("integrated-gradients", "occlusion"):
        (found,) = attribute(model, texts, method)
        assert found.values.shape == (4,)
        assert found.details["input"].split(", ") == ["words", "characters"]
