"""Gradients by what any layer puts out are what small changes to it do to the score."""

import keras
import numpy as np
import pytest
from many_models import SMALL, pictures

from convscope.errors import UsageError
from convscope.kinds.registry import build
from convscope.scope import gradients, record, trace
from convscope.scope.graph.call_hooks import operations_of, unfolded, watched

pytestmark = pytest.mark.portable


def total(outputs):
    """A score in which every output counts, each with another weight."""
    terms = []
    for output in keras.tree.flatten(outputs):
        size = int(np.prod(output.shape[1:]))
        weights = np.cos(np.arange(size, dtype=np.float32)).reshape(output.shape[1:])
        terms.append(keras.ops.sum(output * keras.ops.convert_to_tensor(weights)))
    return sum(terms[1:], terms[0])


def score_with(model, x, path, change):
    """The score when `change` is added to a layer's output."""

    def add(at, operation, inputs, outputs, frames):
        if at != path:
            return outputs
        flat = keras.tree.flatten(outputs)
        moved = unfolded(flat[0], frames) + keras.ops.convert_to_tensor(change)
        flat[0] = keras.ops.reshape(moved, keras.ops.shape(flat[0]))
        return keras.tree.pack_sequence_as(outputs, flat)

    with watched(model, add):
        return float(keras.ops.convert_to_numpy(total(model(x, training=False))))


def averaging(name):
    """A reference model without maxima: where several zeros are the largest, a maximum has no gradient."""
    return lambda: (build(name, (48, 48, 1), 7, pooling="average"), pictures(3, 48, 48, 1))


SMOOTH = {**SMALL, "compact": averaging("compact_cnn"), "deep": averaging("deep_cnn")}


@pytest.mark.parametrize("make", SMOOTH.values(), ids=SMOOTH)
def test_gradients_say_what_small_changes_do(make):
    keras.utils.set_random_seed(0)
    model, x = make()
    graph = trace(model, x)
    floats = [c for c in graph.calls if c.recordable and c.kind == "layer" and len(c.outputs) == 1]
    chosen = floats if len(floats) < 8 else floats[:: len(floats) // 5]
    found = gradients(model, x, [call.path for call in chosen], total)
    checked = 0
    for path, gradient in found.items():
        steepest = float(np.sum(np.square(gradient, dtype=np.float64)))
        if not steepest:
            continue
        step = 0.0005 / steepest  # small against kinks of ReLU, and yet far above float32 rounding
        ahead, behind = (score_with(model, x, path, sign * step * gradient) for sign in (1, -1))
        assert ahead - behind == pytest.approx(0.001, rel=0.1), path
        checked += 1
    assert checked >= len(chosen) - 1


def test_each_sample_gets_its_own_gradient():
    model, x = SMALL["conv1d"]()
    path = next(path for path in record(model, x) if "past" in path)
    together = gradients(model, x, path, total)[path]
    alone = np.concatenate([gradients(model, x[i : i + 1], path, total)[path] for i in range(len(x))])
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-6)


def test_what_has_no_influence_has_no_gradient():
    model, x = SMALL["two_inputs"]()
    found = gradients(model, x, ["look", "think"], lambda outputs: 0.0 * total(outputs))
    assert all(not gradient.any() for gradient in found.values())


def test_nothing_stays_on_the_model():
    model, x = SMALL["nested_deeply"]()
    gradients(model, x, "edges", total)
    assert all("call" not in vars(operation) for operation in operations_of(model))


def test_whole_numbers_are_refused():
    words = keras.Input((4,), dtype="int32")
    same = keras.layers.Identity(name="same", dtype="int32")(words)
    model = keras.Model(words, keras.layers.Embedding(5, 3)(same))
    with pytest.raises(UsageError, match="integer outputs"):
        gradients(model, np.ones((2, 4), np.int32), "same", total)
