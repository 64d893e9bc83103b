"""Text classifiers: an answer follows from the text alone, and a saved one answers the same."""

import keras
import numpy as np
import pytest

from convscope.errors import UsageError
from convscope.kinds.registry import build
from convscope.kinds.text.kind import TEXT

pytestmark = pytest.mark.portable

EVERY = ["text_cnn", "residual_text_cnn"]
SMALL = {
    "text_cnn": {"filters": 6, "embedding": 8},
    "residual_text_cnn": {"filters": 8, "embedding": 8, "depth": 3},
}


def small(name, classes=3, vocabulary=50, **options):
    keras.utils.set_random_seed(3)
    return build(name, (None,), classes, vocabulary=vocabulary, **{**SMALL[name], **options})


def ids(count=4, length=12, seed=0):
    return np.random.default_rng(seed).integers(2, 50, (count, length)).astype(np.int32)


@pytest.mark.parametrize("name", EVERY)
def test_probabilities_come_out_whatever_the_length(name):
    model = small(name)
    for length in (1, 2, 9, 40):
        answers = np.asarray(model(ids(length=length)))
        assert answers.shape == (4, 3)
        np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("behind", [1, 7, 60])
def test_padding_changes_no_answer(name, behind):
    model = small(name)
    texts = ids()
    padded = np.pad(texts, ((0, 0), (0, behind)))
    np.testing.assert_allclose(np.asarray(model(padded)), np.asarray(model(texts)), atol=1e-5)


@pytest.mark.parametrize("name", EVERY)
def test_words_may_come_with_their_pieces(name):
    keras.utils.set_random_seed(1)
    model = build(name, (None, 5), 3, vocabulary=50, **SMALL[name])
    words = np.random.default_rng(2).integers(0, 50, (4, 9, 5)).astype(np.int32)
    words[..., 0] = 2
    padded = np.pad(words, ((0, 0), (0, 7), (0, 0)))
    np.testing.assert_allclose(np.asarray(model(padded)), np.asarray(model(words)), atol=1e-5)


@pytest.mark.parametrize("name", EVERY)
def test_words_change_the_answer_and_so_does_their_order(name):
    model = small(name)
    texts = ids()
    plain = np.asarray(model(texts))
    assert np.abs(np.asarray(model(texts[:, ::-1])) - plain).max() > 1e-4
    assert np.abs(np.asarray(model(np.where(texts == texts[0, 0], 1, texts))) - plain).max() > 1e-6


@pytest.mark.parametrize("name", EVERY)
def test_a_text_without_words_has_an_answer(name):
    assert np.isfinite(np.asarray(small(name)(np.zeros((2, 8), np.int32)))).all()


@pytest.mark.parametrize("name", EVERY)
def test_a_saved_model_answers_the_same(name, tmp_path):
    model = small(name)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_allclose(np.asarray(loaded(ids())), np.asarray(model(ids())), atol=1e-6)


@pytest.mark.parametrize("name", EVERY)
def test_every_layer_has_a_name_that_can_be_typed(name):
    names = [layer.name for layer in small(name).layers]
    assert len(set(names)) == len(names)
    assert not [each for each in names if each.startswith(("conv1d_", "dropout_", "add_", "multiply"))]


def test_text_cnn_is_the_network_of_the_paper():
    """20,000 words of 300 numbers; 100 kernels each over 3, 4 and 5 words; 300 answers for 2 classes."""
    model = build("text_cnn", (None,), 2)
    assert model.count_params() == 20_000 * 300 + sum(100 * (300 * w + 1) for w in (3, 4, 5)) + 301 * 2


def test_an_ensemble_answers_with_the_mean_of_its_members():
    model = small("text_cnn", ensemble=3)
    members = keras.ops.convert_to_numpy(model.members(ids()))
    assert members.shape == (4, 3, 3)
    assert np.abs(members[:, 0] - members[:, 1]).max() > 1e-4
    np.testing.assert_allclose(keras.ops.convert_to_numpy(model(ids())), members.mean(axis=1), atol=1e-6)


@pytest.mark.parametrize("widths", [(2,), (1, 2, 3), (7, 3)])
def test_widths_of_kernels_are_an_option(widths):
    model = small("text_cnn", widths=widths)
    found = [layer.kernel_size[0] for layer in model.layers if isinstance(layer, keras.layers.Conv1D)]
    assert sorted(found) == sorted(widths)


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("text_cnn", {"widths": ()}, "different widths of at least 1"),
        ("text_cnn", {"widths": (3, 3)}, "different widths of at least 1"),
        ("text_cnn", {"filters": 0}, "filters of at least 1"),
        ("residual_text_cnn", {"kernel_size": 0}, "different widths of at least 1"),
        ("residual_text_cnn", {"depth": 0}, "depth of at least 1"),
        ("residual_text_cnn", {"size": 3}, "has no option 'size'"),
    ],
)
def test_options_that_cannot_work_are_refused(name, options, said):
    with pytest.raises(UsageError, match=said):
        small(name, **options)


@pytest.mark.parametrize("name", EVERY)
def test_a_picture_is_no_text(name):
    with pytest.raises(UsageError, match=r"takes \(length,\) or"):
        build(name, (48, 48, 1), 2)


def test_the_registry_knows_them_as_text():
    assert {each.name for each in TEXT.architectures} >= set(EVERY)


@pytest.mark.parametrize("name", [*EVERY, "dilated_tagger", "conv_seq2seq"])
def test_a_saved_model_keeps_the_names_of_its_layers(name, tmp_path):
    model = build(name, (None,), 9, vocabulary=40)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    assert sorted(layer.name for layer in loaded.layers) == sorted(layer.name for layer in model.layers)
