"""What is recorded is what the model computes, and leaves no trace on it."""

import keras
import numpy as np
import pytest
from many_models import APPLICATIONS, SMALL, application, nested_in_sequential, pictures

from convscope.errors import UsageError
from convscope.scope import record, recorded_batches, trace
from convscope.scope.graph.call_hooks import operations_of, watched

pytestmark = pytest.mark.portable


def replayed(model, x, recording):
    """Every layer called again, by the graph, on what was recorded of the layers before it."""
    graph = recording.graph
    values = dict(zip([value.number for value in graph.inputs], keras.tree.flatten(x), strict=True))
    for step in graph.steps:
        if not step.recordable:  # an operation of the model's own code, with the tensors alone
            known = [keras.ops.convert_to_tensor(values[value.number]) for value in step.inputs]
            values[step.outputs[0].number] = step.layer(*known)
            continue
        if step.kind in ("group", "enter") or step.inner:
            if step.kind != "enter":
                values[step.outputs[0].number] = recording[step.path].array
            continue
        if all(value.number in values for value in step.inputs):
            arguments = [keras.ops.convert_to_tensor(values[value.number]) for value in step.inputs]
            merges = isinstance(step.layer, keras.layers.Layer) and len(arguments) > 1
            merges = merges and not isinstance(step.layer, keras.layers.MultiHeadAttention)
            if step.kind == "layer":
                outputs = step.layer(arguments if merges else arguments[0], **also(step, arguments))
                yield step.path, keras.ops.convert_to_numpy(keras.tree.flatten(outputs)[0])
        values[step.outputs[0].number] = recording[step.path].array


def also(step, arguments):
    return {"value": arguments[-1]} if isinstance(step.layer, keras.layers.MultiHeadAttention) else {}


@pytest.mark.parametrize("make", SMALL.values(), ids=SMALL)
def test_each_layer_gives_what_was_recorded_when_called_again_on_what_was_recorded_before_it(make):
    model, x = make()
    recording = record(model, x)
    checked = 0
    for path, again in replayed(model, x, recording):
        if recording.graph.by_path[path].parent.startswith("each"):
            continue  # one frame is replayed below
        if make.__name__ == "tokens" and path != "vectors":
            continue  # a layer called alone sees no mask
        np.testing.assert_allclose(recording[path].array, again, rtol=1e-4, atol=1e-5, err_msg=path)
        checked += 1
    assert checked >= (1 if make.__name__ in ("tokens", "over_time") else 3)
    direct = keras.tree.flatten(model(x, training=False))
    for recorded, output in zip(recording.predictions, direct, strict=True):
        np.testing.assert_allclose(recorded, keras.ops.convert_to_numpy(output), rtol=1e-4, atol=1e-5)


WITHOUT_MASKS = {name: make for name, make in SMALL.items() if name != "tokens"}  # masks go beside the maps


@pytest.mark.parametrize("make", WITHOUT_MASKS.values(), ids=WITHOUT_MASKS)
def test_the_rest_of_the_model_on_a_recorded_map_gives_the_prediction(make):
    model, x = make()
    recording = record(model, x)
    other = keras.tree.map_structure(lambda array: array[::-1].copy(), x)
    changed = record(model, other).predictions[0]
    assert not np.allclose(changed, recording.predictions[0], rtol=1e-4, atol=1e-6)
    only_way = [call for call in recording.graph.calls if is_only_way(recording.graph, call)]
    assert only_way
    for call in only_way:

        def put_in(path, operation, inputs, outputs, frames, wanted=call.path):
            if path != wanted:
                return outputs
            return keras.ops.convert_to_tensor(recording[wanted].array)

        with watched(model, put_in):
            outputs = model(other, training=False)
        result = keras.ops.convert_to_numpy(keras.tree.flatten(outputs)[0])
        np.testing.assert_allclose(result, recording.predictions[0], rtol=1e-4, atol=1e-5, err_msg=call.path)


def is_only_way(graph, call):
    """Whether every way from the inputs to the outputs leads through a call at the top of the model."""
    if call.parent or not call.recordable or (call.kind == "layer" and len(call.outputs) > 1):
        return False
    reached = {value.number for value in graph.inputs}
    for step in graph.steps:
        if step.path != call.path and any(value.number in reached for value in (*step.inputs, *step.inner)):
            reached.update(value.number for value in step.outputs if value not in call.outputs)
    return not any(value.number in reached for value in graph.outputs)


def test_inside_time_distributed_each_frame_is_recorded():
    model, x = SMALL["over_time"]()
    recording = record(model, x, ["each/frame/edges", "each"])
    edges = model.layers[0].layer.layers[0]
    assert recording["each/frame/edges"].array.shape == (3, 4, 6, 6, 3)
    for frame in range(4):
        again = keras.ops.convert_to_numpy(edges(x[:, frame]))
        np.testing.assert_allclose(recording["each/frame/edges"].array[:, frame], again, rtol=1e-4, atol=1e-5)
    plain = keras.ops.convert_to_numpy(model.layers[0](x))
    np.testing.assert_allclose(recording["each"].array, plain, rtol=1e-4, atol=1e-5)


# Elsewhere, where they take long to compile: one with batch and one with layer normalization.
@pytest.mark.portable("MobileNetV2", "ConvNeXtTiny")
@pytest.mark.parametrize("name", APPLICATIONS)
def test_networks_of_keras_alone_and_nested(name):
    network, x = application(name)
    alone = record(network, x)
    last = alone.graph.outputs[0].number
    final = [call.path for call in alone.graph.calls if call.outputs[0].number == last]
    expected = keras.ops.convert_to_numpy(network(x, training=False))
    np.testing.assert_allclose(alone[final[-1]].array, expected, rtol=1e-3, atol=1e-4)
    some = [call.path for call in alone.graph.calls if call.kind == "layer"][:: len(alone) // 5]
    nested = record(nested_in_sequential(network), x, [f"{network.name}/{path}" for path in some])
    for path in some:
        tap = nested[f"{network.name}/{path}"]
        scale = np.abs(alone[path].array).max()
        np.testing.assert_allclose(tap.array, alone[path].array, atol=1e-4 * scale + 1e-6, err_msg=path)
        assert tap.geometry.receptive_field == alone[path].geometry.receptive_field


@pytest.mark.parametrize("make", SMALL.values(), ids=SMALL)
def test_nothing_stays_on_the_model(make):
    model, x = make()
    model(x)

    def state():
        return {
            id(each): (sorted(vars(each)), len(each._inbound_nodes), len(each._outbound_nodes))
            for each in [model, *operations_of(model)]
        }

    before, weights = state(), [np.array(w) for w in model.get_weights()]
    record(model, x)
    assert state() == before
    for old, new in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_nothing_stays_on_the_model_when_it_fails():
    class Stumbling(keras.layers.Layer):
        def call(self, x):
            raise RuntimeError("stumbled")

        def compute_output_spec(self, x):
            return keras.KerasTensor(x.shape)

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="before"), Stumbling()])
    with pytest.raises(Exception, match="stumbled"):
        record(model, pictures(2, 3))
    assert all("call" not in vars(operation) for operation in operations_of(model))


def test_only_what_was_asked_for_is_kept():
    model, x = SMALL["nested_deeply"]()
    recording = record(model, x, "middle/inner/edges")
    assert list(recording) == ["middle/inner/edges"]
    assert recording["edges"] is recording["middle/inner/edges"]


def test_batches_and_one_go_give_the_same():
    model, _ = SMALL["compact"]()
    x = pictures(7, 48, 48, 1)
    whole = record(model, x, ["block*_conv", "dense*"])
    parts = record(model, x, ["block*_conv", "dense*"], batch_size=3)
    streamed = list(recorded_batches(model, [x[:3], x[3:6], x[6:]], ["block*_conv", "dense*"]))
    for path, tap in whole.items():
        np.testing.assert_allclose(parts[path].array, tap.array, rtol=1e-4, atol=1e-5)
        joined = np.concatenate([batch[path] for batch in streamed])
        np.testing.assert_allclose(joined, tap.array, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(parts.predictions[0], whole.predictions[0], rtol=1e-4, atol=1e-6)


def test_a_layer_called_again_has_a_path_of_its_own():
    model, x = SMALL["shared_layer"]()
    recording = record(model, x)
    first, second = recording["encoder/edges"].array, recording["encoder#2/edges"].array
    edges = model.get_layer("encoder").get_layer("edges")
    np.testing.assert_allclose(first, keras.ops.convert_to_numpy(edges(x[0])), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(second, keras.ops.convert_to_numpy(edges(x[1])), rtol=1e-4, atol=1e-5)


def test_inputs_may_be_named():
    model, (picture, more) = SMALL["two_inputs"]()
    by_name = record(model, {"picture": picture, "more": more}, "look")
    in_order = record(model, [picture, more], "look")
    np.testing.assert_array_equal(by_name["look"].array, in_order["look"].array)


def test_half_precision_is_recorded_as_float32():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, dtype="mixed_bfloat16", name="half")])
    assert record(model, pictures(2, 4))["half"].array.dtype == np.float32


def test_a_subclassed_model_that_leaves_keras_is_run_once_instead(tensorflow_only):
    import tensorflow as tf

    class Raw(keras.Model):
        def __init__(self):
            super().__init__()
            self.look = keras.layers.Conv2D(4, 3, name="look")
            self.head = keras.layers.Dense(2, name="head")

        def call(self, x):
            return self.head(tf.reduce_mean(tf.nn.relu(self.look(x)), (1, 2)))

    model, x = Raw(), pictures(2, 6, 6, 1)
    graph = trace(model, x)
    assert not graph.linked
    recording = record(model, x)
    np.testing.assert_allclose(recording["look"].array, model.look(x), rtol=1e-4, atol=1e-5)
    assert not recording["head"].geometry.known


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ("nothing_like_it", "It has middle/inner/edges"),
        (["edgess"], "Did you mean middle/inner/edges"),
        ("b*c", "No layer of the model matches"),
    ],
)
def test_a_wrong_name_gets_the_nearest_ones(layers, words):
    model, x = SMALL["nested_deeply"]()
    with pytest.raises(UsageError) as error:
        record(model, x, layers)
    assert words in str(error.value)


def test_an_operation_inside_a_subclassed_model_cannot_be_recorded():
    model, x = SMALL["subclassed"]()
    with pytest.raises(UsageError, match="before or after"):
        record(model, x, "relu")


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (pictures(2, 9, 9, 1), r"\(samples, 10, 10, 1\). Received: \(2, 9, 9, 1\)"),
        (pictures(2, 10, 10), "Received"),
        ([pictures(2, 10, 10, 1)] * 2, "takes 1 inputs. Received: 2"),
        (pictures(0, 10, 10, 1), "no samples"),
    ],
)
def test_inputs_of_the_wrong_shape_are_told(x, words):
    model, _ = SMALL["nested_deeply"]()
    with pytest.raises(UsageError, match=words):
        record(model, x)


def test_inputs_must_have_as_many_samples_each():
    model, (picture, more) = SMALL["two_inputs"]()
    with pytest.raises(UsageError, match="different numbers of samples"):
        record(model, [picture, more[:2]])


def test_a_model_that_does_not_know_its_input_shape_says_so():
    model, _ = SMALL["subclassed"]()
    with pytest.raises(UsageError, match="unknown"):
        trace(model)
