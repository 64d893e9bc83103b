"""Models of texts are explained as such: words and tokens, what pads them, who tags and who writes them."""

import keras
import numpy as np
import pytest
from keras import layers

from convscope.kinds.registry import build
from convscope.kinds.text import layers as text_layers
from convscope.lenses.pages.explanation import as_html, as_markdown, as_text
from convscope.scope import geometries, record, trace
from convscope.scope.describe.costs import multiply_adds
from convscope.scope.describe.explanation import explain

pytestmark = pytest.mark.portable

ROUNDING = 5e-6
SOME = {"filters": 6, "embedding": 5}
ALLOWED = {"allowed": [[True, False], [True, True]], "starts": [True, True], "ends": [True, True]}
TAGGER = {"vocabulary": 30, "characters": 12, "width": 8, "word_width": 6, "character_width": 5}
WRITER = {"vocabulary": 30, "width": 8, "encoder_depth": 2, "decoder_depth": 2, "positions": 16}
MODELS = {
    "words": lambda: build("text_cnn", (9,), 3, vocabulary=30, **SOME),
    "any length": lambda: build("text_cnn", (None,), 3, vocabulary=30, **SOME),
    "spelling": lambda: build("text_cnn", (9, 4), 3, vocabulary=30, **SOME),
    "residual": lambda: build("residual_text_cnn", (9,), 3, vocabulary=30, depth=2, **SOME),
    "tagger": lambda: build("dilated_tagger", (9,), 4, **TAGGER),
    "tagger of any length": lambda: build("dilated_tagger", (None,), 2, constraints=ALLOWED, **TAGGER),
    "writer": lambda: build("conv_seq2seq", (9,), 7, **WRITER),
    "writer of any length": lambda: build("conv_seq2seq", (None,), 7, **WRITER),
}


@pytest.fixture(scope="module")
def explained():
    """Explanations by the name of the model, each made once."""
    made = {}

    def give(name):
        if name not in made:
            keras.utils.set_random_seed(0)
            made[name] = explain(MODELS[name]())
        return made[name]

    return give


@pytest.mark.parametrize("name", MODELS)
def test_every_line_is_one_that_a_teacher_could_say(explained, name):
    for layer in explained(name).layers:
        for odd in (
            "None",
            "  ",
            "..",
            "{",
            " ,",
            ",.",
            "1 values",
            "custom layer",
            "step",
            "pixel",
            "unknown n",
        ):
            assert odd not in layer.text, layer.text
        assert layer.about.endswith(".")
        assert layer.here.endswith(".")
        assert layer.receptive_field is not None, layer.path
    for write in (as_text, as_markdown, as_html):
        assert "custom layer" not in write(explained(name))
    said = " ".join((explained(name).purpose, *explained(name).key_points))
    assert "integer ids" not in said
    assert "step" not in said
    assert not explained(name).notes


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("words", "Classifies texts of 9 tokens into 3 classes. The model does not specify the names of the "
                  "classes, which token each id stands for or the"),
        ("any length", "Classifies texts of any length into 3 classes."),
        ("spelling", "Classifies texts of 9 words into 3 classes."),
        ("tagger", "Assigns one of 4 tags to each word of texts of 9 words (as 'casings', 'characters' and "
                   "'words'). The model does not specify the names of the tags, which word each id stands"),
        ("writer", "Translates text token by token: given the source text 'source' and the target text "
                   "'target' "
                   "so far, it scores each of 7 vocabulary tokens as the next token."),
    ],
)  # fmt: skip
def test_the_purpose_is_told_in_words_for_texts(explained, name, start):
    assert explained(name).purpose.startswith(start)


def test_the_names_of_tags_are_told():
    told = explain(MODELS["tagger of any length"](), class_names=["O", "S-LOC"]).purpose
    assert "each word of texts of any length" in told
    assert "one of 2 tags: O and S-LOC to" in told
    assert "names of the tags" not in told


def test_numbers_that_may_be_of_anything_are_not_called_words():
    """Without a layer for texts, what an embedding looks up may be a product as well as a word."""
    model = keras.Sequential(
        [
            keras.Input((20,), dtype="int32"),
            layers.Embedding(50, 4),
            layers.Conv1D(3, 3),
            layers.GlobalMaxPooling1D(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    told = explain(model)
    assert told.purpose.startswith("Classifies sequences of 20 integer ids")
    assert "3 of 20 steps" in told.layers[1].text


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("words", ("kernels of 3, 4 and 5 tokens", "Parallel", "a table of 30 rows", "per text")),
        ("words", ("Global max pooling gives 18 values", "layer of 3 units")),
        ("spelling", ("5 values per word", "the mean over the word and its character n-grams")),
        ("residual", ("9 tokens, equal to the whole text, with dilations of up to 2",)),
        ("any length", ("number of multiply-adds depends on the input size.",)),
        ("tagger", ("tables of 12, 30 and 8", "17 words, larger than the whole text", "A CRF ('tags')")),
        ("tagger of any length", ("1 of 4 transitions between tags are forbidden",)),
        ("writer", ("2 attention layers ('decoder1_attention' to 'decoder2_att", "all of 'source'")),
        ("writer", ("last encoder convolution ('encoder2_conv'): 5 of 9 tokens", "on the input size")),
        ("writer", ("never see later tokens", "the table of 'target_embedding'", "gated linear unit (4x)")),
    ],
)  # fmt: skip
def test_what_to_remember_is_told(explained, name, parts):
    said = " ".join(explained(name).key_points)
    for part in parts:
        assert part in said, said


@pytest.mark.parametrize(
    ("name", "path", "parts"),
    [
        ("words", "embedding", ("A table of 30 vectors of 5 values", "9 tokens become 9x5")),
        ("words", "mask", ("9 tokens become 9x1", "padded with id 0 to the same length")),
        ("words", "embedding_mask", ("become exactly 0", "9x5 multiplied by a mask of 9x1")),
        ("words", "conv3", ("6 kernels of 3 tokens over 5 channels", "stride 1, same padding")),
        ("words", "conv3_pool", ("ignores padding", "9x6 becomes 6 values")),
        ("spelling", "embedding", ("mean over up to 4 ids per word: 9 words become 9x5",)),
        ("any length", "embedding", ("any number of tokens become ?x5",)),
        ("tagger", "character_mask", ("9 words become 9x20x1",)),
        ("tagger", "character_conv", ("5 kernels of 3 characters", "stride 1")),
        ("tagger", "character_pool", ("up to 20 characters of each word", "9x20x5 becomes 9x5")),
        ("tagger", "tags", ("4 tags, 16 transitions", "Receptive field: the whole input 'casings'")),
        ("tagger of any length", "tags", ("1 forbidden",)),
        ("tagger of any length", "emissions", ("applied at each word",)),
        ("writer", "source_position", ("A table of 16 positions",)),
        ("writer", "encoder1_gate", ("8 channels gated by the other 8", "9x16 becomes 9x8")),
        ("writer", "encoder_values", ("root of 1/2", "Two inputs of 9x8")),
        ("writer", "decoder1_conv", ("causal padding",)),
        ("writer", "decoder1_attention", ("keys 9x8", "whole input 'source'")),
        ("writer", "target_embedding", ("A table of 7 vectors of 8 values", "any number of tokens")),
        ("writer", "target_embedding#2", ("in reverse", "7 vectors of 8 values, with bias", "Shares its")),
    ],
)  # fmt: skip
def test_a_layer_is_told_from_its_settings(explained, name, path, parts):
    text = next(layer.text for layer in explained(name).layers if layer.path == path)
    for part in parts:
        assert part in text, text


def only(layer, *shapes):
    inputs = [keras.Input(shape) for shape in shapes]
    return trace(keras.Model(inputs, layer(inputs if len(inputs) > 1 else inputs[0]))).calls[-1]


def test_multiply_adds_of_layers_for_texts_are_those_of_keras_layers_that_compute_the_same():
    ours = text_layers
    source = only(ours.SourceAttention(), (4, 6), (5, 6), (5, 3), (5, 1))
    assert multiply_adds(source) == multiply_adds(only(layers.Attention(), (4, 6), (5, 3), (5, 6)))
    ids = keras.Input((4,), dtype="int32")
    table = ours.TokenEmbedding(11, 6, tied=True)
    looked_up, scored = trace(keras.Model(ids, table(table(ids), reverse=True))).calls
    assert multiply_adds(looked_up) == 0
    assert multiply_adds(scored) == multiply_adds(only(layers.Dense(11), (4, 6)))
    assert multiply_adds(only(ours.LinearChainCRF(), (4, 3), (4, 1))) == 2 * 4 * 3 * 3
    assert multiply_adds(only(ours.GatedLinearUnit(), (4, 6))) == 0


def ids_for(graph, rng):
    return {
        name: rng.integers(2, 6, (1, *(length or 9 for length in value.shape[1:]))).astype("int32")
        for name, value in zip(graph.input_names, graph.inputs, strict=True)
    }


def changes(model, given, name):
    """By how much each layer's output changes where one word is another one: (places, ...) by path."""
    batch = {key: np.repeat(array, 10, axis=0) for key, array in given.items()}
    for place in range(9):
        batch[name][1 + place, place] += 1
    found = record(model, batch[name] if len(batch) == 1 else batch)
    return {path: np.abs(tap.array[1:] - tap.array[:1]) for path, tap in found.items()}


@pytest.mark.parametrize("name", ["words", "spelling", "residual", "tagger", "writer"])
def test_a_word_changes_what_sees_it_and_nothing_else(name):
    """Receptive fields of ids, which have no gradients, are found by putting another word at each place."""
    keras.utils.set_random_seed(2)
    model = MODELS[name]()
    for variable in model.trainable_variables:
        if not np.any(keras.ops.convert_to_numpy(variable)):
            variable.assign(np.random.default_rng(3).normal(size=variable.shape))
    graph = trace(model)
    given = ids_for(graph, np.random.default_rng(0))
    for number, input_name in enumerate(graph.input_names):
        found = geometries(graph, number)
        moved = changes(model, given, input_name)
        for path, where in found.items():
            assert where.known, path
            if None in (where.shape[0], *graph.inputs[number].shape[1:]):
                continue
            check(path, where, moved[path])


def check(path, where, moved):
    """Every place that changes a position lies in its window; where no ReLU hides much, also the reverse."""
    along = where.shape[0] if where.stride is not None and where.stride[0] is not None else 1
    for position in range(along):
        one = slice(position, position + 1) if along > 1 else slice(None)
        places = [place for place, change in enumerate(moved) if np.any(change[one] > ROUNDING)]
        first, behind = where.window((position,))[0] if any(where.receptive_field) else (0, 0)
        assert set(places) <= set(range(first, behind)), (path, position)
        if path in ("block2_conv", "encoder2_conv"):
            assert (places[0], places[-1] + 1) == (first, behind), (path, position)


def test_no_written_token_sees_a_later_one_and_all_see_the_source():
    keras.utils.set_random_seed(4)
    model = MODELS["writer"]()
    graph = trace(model)
    given = ids_for(graph, np.random.default_rng(0))
    by_target, by_source = (
        changes(model, given, name)["decoder_norm"].max(-1) > ROUNDING for name in ("target", "source")
    )
    assert not np.tril(by_target, -1).any()  # a change at a place, seen before it
    assert by_target.diagonal().all()
    assert by_source.all()
    assert geometries(graph, 0)["decoder_norm"].everything
    assert geometries(graph, 1)["decoder_norm"].receptive_field == (5,)
