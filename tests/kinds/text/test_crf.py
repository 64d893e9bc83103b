"""The conditional random field against sums and maxima over all tag sequences."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from convscope.kinds.text.layers.crf import LinearChainCRF

pytestmark = pytest.mark.portable

TAGS = 3
LENGTHS = (4, 1, 3, 2)
LONGEST = 5
ALLOWED = [[True, True, False], [False, False, True], [True, True, False]]
STARTS, ENDS = [True, True, False], [True, False, True]
CONSTRAINTS = [{}, {"allowed": ALLOWED, "starts": STARTS, "ends": ENDS}]
EITHER = pytest.mark.parametrize("constraints", CONSTRAINTS, ids=["free", "constrained"])


@pytest.fixture
def sentences():
    """Emissions and mask of sentences of unequal lengths, padded beyond the longest; padding is not 0."""
    emissions = np.random.default_rng(0).normal(0, 2, (len(LENGTHS), LONGEST, TAGS)).astype("float32")
    mask = (np.arange(LONGEST) < np.array(LENGTHS)[:, None]).astype("float32")[..., None]
    return emissions, mask


def made(constraints):
    """A layer with weights that are not 0."""
    layer = LinearChainCRF(**constraints)
    layer.build([(None, None, TAGS), (None, None, 1)])
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(size=weight.shape) for weight in layer.weights])
    return layer


def is_allowed(tags, constraints):
    return not constraints or (
        STARTS[tags[0]] and ENDS[tags[-1]] and all(ALLOWED[a][b] for a, b in itertools.pairwise(tags))
    )


def every(layer, emissions, length, constraints):
    """Every tag sequence of one sentence with its score, by definition."""
    transitions, start, end = (np.asarray(ops.convert_to_numpy(w), "float64") for w in layer.weights)
    for tags in itertools.product(range(TAGS), repeat=length):
        if is_allowed(tags, constraints):
            steps = sum(transitions[a, b] for a, b in itertools.pairwise(tags))
            nodes = sum(float(emissions[t, tag]) for t, tag in enumerate(tags))
            yield tags, start[tags[0]] + nodes + steps + end[tags[-1]]


def numpy(value):
    return ops.convert_to_numpy(value)


@EITHER
def test_the_marginals_are_those_of_all_sequences(sentences, constraints):
    layer = made(constraints)
    marginals = numpy(layer(list(sentences)))
    for row, length in enumerate(LENGTHS):
        scored = list(every(layer, sentences[0][row], length, constraints))
        weights = np.exp([score for _, score in scored])
        expected = np.zeros((LONGEST, TAGS))
        for (tags, _), weight in zip(scored, weights / weights.sum(), strict=True):
            expected[range(length), tags] += weight
        np.testing.assert_allclose(marginals[row], expected, atol=1e-5)


@EITHER
def test_the_log_likelihood_is_normalized_by_all_sequences(sentences, constraints):
    layer = made(constraints)
    rows, sequences, expected = [], [], []
    for row, length in enumerate(LENGTHS):
        scored = list(every(layer, sentences[0][row], length, constraints))
        total = np.log(np.sum(np.exp([score for _, score in scored])))
        for tags, score in scored:
            rows.append(row)
            sequences.append([*tags, *[0] * (LONGEST - length)])
            expected.append(score - total)
    found = layer.log_likelihood(sentences[0][rows], sentences[1][rows], np.array(sequences, "int32"))
    np.testing.assert_allclose(numpy(found), expected, atol=1e-4)


@EITHER
def test_viterbi_finds_the_best_sequence(sentences, constraints):
    layer = made(constraints)
    found = numpy(layer.viterbi(*sentences))
    assert found.dtype == np.int32
    for row, length in enumerate(LENGTHS):
        best, _ = max(every(layer, sentences[0][row], length, constraints), key=lambda scored: scored[1])
        assert tuple(found[row, :length]) == best
        assert not found[row, length:].any()


def test_viterbi_keeps_to_what_is_allowed_however_large_and_equal_the_emissions():
    layer = made(CONSTRAINTS[1])
    rng = np.random.default_rng(2)
    emissions = rng.integers(-2, 3, (200, 9, TAGS)).astype("float32") * 200
    mask = np.ones((200, 9, 1), "float32")
    for tags in numpy(layer.viterbi(emissions, mask)).tolist():
        assert is_allowed(tags, CONSTRAINTS[1])


def test_what_is_not_allowed_has_probability_zero():
    layer = LinearChainCRF(allowed=[[True, False], [True, True]], starts=[True, False])
    emissions = np.zeros((1, 3, 2), "float32")
    np.testing.assert_array_equal(numpy(layer([emissions, np.ones((1, 3, 1), "float32")]))[..., 1], 0)


@EITHER
def test_longer_padding_changes_nothing(sentences, constraints):
    layer = made(constraints)
    longer = [np.pad(each, ((0, 0), (0, 7), (0, 0))) for each in sentences]
    longer[0][:, LONGEST:] = 99
    np.testing.assert_allclose(numpy(layer(longer))[:, :LONGEST], numpy(layer(list(sentences))), atol=1e-6)
    np.testing.assert_array_equal(
        numpy(layer.viterbi(*longer))[:, :LONGEST], numpy(layer.viterbi(*sentences))
    )
    tags = np.zeros((len(LENGTHS), LONGEST + 7), "int32")
    np.testing.assert_allclose(
        numpy(layer.log_likelihood(*longer, tags)),
        numpy(layer.log_likelihood(*sentences, tags[:, :LONGEST])),
        atol=1e-5,
    )


def test_a_sentence_without_tokens_has_no_tags_and_a_likelihood_of_one():
    layer = made({})
    emissions, mask = np.ones((1, 4, TAGS), "float32"), np.zeros((1, 4, 1), "float32")
    assert not numpy(layer([emissions, mask])).any()
    assert not numpy(layer.viterbi(emissions, mask)).any()
    assert numpy(layer.log_likelihood(emissions, mask, np.zeros((1, 4), "int32"))).tolist() == [0]


@pytest.mark.parametrize("length", [1, 40])
def test_one_word_and_emissions_of_hundreds_stay_finite(length):
    layer = made(CONSTRAINTS[1])
    emissions = np.random.default_rng(3).normal(0, 300, (2, length, TAGS)).astype("float32")
    mask = np.ones((2, length, 1), "float32")
    np.testing.assert_allclose(numpy(layer([emissions, mask])).sum(-1), 1, atol=1e-4)
    assert np.isfinite(numpy(layer.log_likelihood(emissions, mask, np.zeros((2, length), "int32")))).all()


def slopes(layer, function, emissions):
    """Of a function of the emissions, by them and by each weight."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        variable = tf.Variable(emissions)
        with tf.GradientTape() as tape:
            value = function(variable)
        return [numpy(each) for each in tape.gradient(value, [variable, *layer.trainable_weights])]
    if backend == "jax":
        import jax

        def stateless(given, weights):
            mapping = list(zip(layer.trainable_variables, weights, strict=True))
            with keras.StatelessScope(state_mapping=mapping):
                return function(given)

        values = [variable.value for variable in layer.trainable_variables]
        by_emissions, by_weights = jax.jit(jax.grad(stateless, argnums=(0, 1)))(emissions, values)
        return [np.asarray(each) for each in (by_emissions, *by_weights)]
    given = ops.convert_to_tensor(emissions).requires_grad_()
    for weight in layer.trainable_weights:
        weight.value.grad = None
    function(given).backward()
    return [numpy(each.grad) for each in (given, *(weight.value for weight in layer.trainable_weights))]


@EITHER
def test_the_slopes_of_the_log_likelihood_are_counts_less_expected_counts(sentences, constraints):
    layer, (emissions, mask) = made(constraints), sentences
    tags = np.array([[0, 1, 2, 0, 0], [0] * 5, [0, 1, 2, 0, 0], [1, 2, 0, 0, 0]], "int32")
    found = slopes(layer, lambda given: ops.sum(layer.log_likelihood(given, mask, tags)), emissions)
    expected = [np.zeros((len(LENGTHS), LONGEST, TAGS)), *(np.zeros(w.shape) for w in layer.weights)]
    for row, length in enumerate(LENGTHS):
        scored = list(every(layer, emissions[row], length, constraints))
        weights = np.exp([score for _, score in scored])
        counted = [(tags[row, :length], 1.0)]
        counted += [
            (each, -weight) for (each, _), weight in zip(scored, weights / weights.sum(), strict=True)
        ]
        for each, weight in counted:
            expected[0][row, range(length), each] += weight
            expected[2][each[0]] += weight
            expected[3][each[-1]] += weight
            for step in itertools.pairwise(each):
                expected[1][step] += weight
    for slope, right in zip(found, expected, strict=True):
        np.testing.assert_allclose(slope, right, atol=1e-5)


def test_gradients_pass_through_the_marginals(sentences):
    layer = made({})
    found = slopes(layer, lambda emissions: ops.sum(layer([emissions, sentences[1]])[..., 0]), sentences[0])
    for slope in found:
        assert np.isfinite(slope).all()
        assert slope.any()


def test_it_is_saved_with_its_constraints(tmp_path, sentences):
    inputs = [keras.Input((None, TAGS)), keras.Input((None, 1))]
    model = keras.Model(inputs, LinearChainCRF(**CONSTRAINTS[1], name="crf")(inputs))
    model.get_layer("crf").set_weights(made({}).get_weights())
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(numpy(again(list(sentences))), numpy(model(list(sentences))))


def test_constraints_of_another_number_of_tags_are_refused():
    with pytest.raises(ValueError, match=r"allowed must have the shape \(4, 4\).*Received: shape \(3, 3\)"):
        LinearChainCRF(allowed=ALLOWED).build([(None, None, 4), (None, None, 1)])
