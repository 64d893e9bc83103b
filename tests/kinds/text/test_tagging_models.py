"""The tagger: its answers, its loss, and what it is saved as."""

import keras
import numpy as np
import pytest
from keras import ops

from convscope.errors import UsageError
from convscope.kinds.text.tagging.models import TaggingModel, dilated_tagger
from convscope.kinds.text.tagging.tag_schemes import constraints, is_allowed, tag_names

pytestmark = pytest.mark.portable

NAMES = tag_names(["LOC", "PER"])
RULES = constraints(NAMES)
SMALL = {"width": 16, "word_width": 8, "character_width": 8, "dilations": (1, 2)}


def made(**options):
    rules = {"allowed": RULES.allowed, "starts": RULES.starts, "ends": RULES.ends}
    return dilated_tagger(
        (None,), len(NAMES), vocabulary=30, characters=12, constraints=rules, **{**SMALL, **options}
    )


def sentences(lengths, longest, seed=0):
    """Ids of random words, and tags that follow from the words: odd ones are a place each."""
    rng = np.random.default_rng(seed)
    words = np.zeros((len(lengths), longest), "int32")
    characters = np.zeros((len(lengths), longest, 20), "int32")
    for row, length in enumerate(lengths):
        words[row, :length] = rng.integers(2, 30, length)
        for place in range(length):
            characters[row, place, : rng.integers(1, 20)] = 2 + words[row, place] % 10
    x = {"words": words, "characters": characters, "casings": np.minimum(words, 7)}
    return x, np.where(words % 2 == 1, NAMES.index("S-LOC"), 0).astype("int32")


def numpy(value):
    return ops.convert_to_numpy(value)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return made()


def test_an_answer_does_not_depend_on_padding_or_the_batch(model):
    x, _ = sentences([5, 11, 1], 16)
    together = numpy(model(x))
    for row, length in enumerate([5, 11, 1]):
        alone = numpy(model({name: values[[row], :length] for name, values in x.items()}))
        np.testing.assert_allclose(together[row, :length], alone[0], atol=1e-5)
        assert not together[row, length:].any()
        np.testing.assert_allclose(alone.sum(-1), 1, atol=1e-5)


def test_characters_behind_padding_do_not_matter(model):
    x, _ = sentences([3], 4)
    other = {**x, "characters": x["characters"].copy()}
    other["characters"][:, 3:] = 5
    np.testing.assert_allclose(numpy(model(other)), numpy(model(x)), atol=1e-6)


def best(model, x):
    """The best sequence of tags that is allowed, of each sentence."""
    return numpy(model.decoder(x, training=False)[0])


def test_decoding_is_always_allowed_even_untrained(model):
    lengths = [1, 2, 3, 9, 14]
    x, _ = sentences(lengths, 16, seed=1)
    found = best(model, x)
    assert found.dtype == np.int32
    for row, length in zip(found, lengths, strict=True):
        assert is_allowed([NAMES[number] for number in row[:length]])
        assert not row[length:].any()


def test_training_and_evaluation_have_one_loss(model):
    plain = made(dropout=0.0)
    x, y = sentences([5, 11, 1], 16)
    plain.compile("adam")
    emissions = plain(x, training=True)
    trained = float(numpy(plain.compute_loss(x, y, emissions, training=True)))
    assert trained == pytest.approx(
        float(numpy(plain.compute_loss(x, y, plain(x), training=False))), rel=1e-5
    )
    likelihood = plain.crf.log_likelihood(emissions, (x["words"] > 0)[..., None], y)
    assert trained == pytest.approx(-float(numpy(ops.sum(likelihood))) / 17, rel=1e-5)


def test_it_learns_is_saved_and_learns_on(tmp_path):
    keras.utils.set_random_seed(0)
    model = made(dropout=0.1)
    x, y = sentences([8] * 64, 8)
    model.compile(keras.optimizers.Adam(0.01))
    history = model.fit(x, y, epochs=6, batch_size=16, verbose=0).history
    assert history["loss"][-1] < history["loss"][0] / 2
    assert history["accuracy"][-1] > 0.8
    judged = model.evaluate(x, y, verbose=0, return_dict=True)
    assert judged["accuracy"] > 0.9
    assert np.mean(best(model, x) == y) > 0.9

    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(again, TaggingModel)
    np.testing.assert_allclose(numpy(again(x)), numpy(model(x)), atol=1e-6)
    np.testing.assert_array_equal(best(again, x), best(model, x))
    assert again.count_params() == model.count_params()
    assert again.fit(x, y, epochs=1, verbose=0).history["loss"][0] < history["loss"][0]


def test_half_precision_answers_in_float32():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        found = made()(sentences([3], 4)[0])
    finally:
        keras.config.set_dtype_policy(before)
    assert keras.backend.standardize_dtype(found.dtype) == "float32"


def test_every_layer_has_a_name_of_its_own(model):
    names = [layer.name for layer in model.layers]
    assert {"word_embedding", "character_conv", "block1_1_conv", "block1_2_conv", "emissions", "tags"} <= {
        *names
    }
    assert not [name for name in names if name.rsplit("_", 1)[0] in ("conv1d", "dense", "multiply", "add")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel_size": 2}, "odd kernel size. Received: kernel_size=2"),
        ({"dilations": ()}, "dilations of at least 1"),
        ({"depth": 0}, "Received: depth=0"),
        ({"dropout": 1.0}, "below 1. Received: dropout=1.0"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        made(**options)
    with pytest.raises(UsageError, match=r"takes \(length,\)"):
        dilated_tagger((None, 20), 5)
