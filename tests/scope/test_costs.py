"""Multiply-adds are counted exactly, checked by counting every single product of a layer."""

import itertools

import keras
import numpy as np
import pytest
from keras import layers

from convscope.scope.describe.costs import costs, multiply_adds
from convscope.scope.graph.graph import trace

pytestmark = pytest.mark.portable


def only_call(layer, *shapes):
    inputs = [keras.Input(shape) for shape in shapes]
    given = inputs[0] if len(inputs) == 1 else inputs
    model = keras.Model(given, layer(given))
    return model, trace(model).calls[-1]


def products(layer, shape):
    """With all weights 1, no bias and ones as input, a linear layer's outputs add up to its products."""
    model, call = only_call(layer, shape)
    for variable in model.weights:
        variable.assign(np.zeros(variable.shape) if "bias" in variable.name else np.ones(variable.shape))
    out = keras.ops.convert_to_numpy(model(np.ones((1, *shape), "float32")))
    return multiply_adds(call), round(float(out.astype("float64").sum()))


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (layers.Dense(5), (7,)),
        (layers.Dense(5), (4, 7)),
        (layers.EinsumDense("ab,bc->ac", output_shape=3), (6,)),
        (layers.EinsumDense("abc,cde->abde", output_shape=(None, 2, 3)), (4, 5)),
        (layers.EinsumDense("...x,xy->...y", output_shape=8), (3, 4, 5)),
        (layers.Conv1D(4, 3), (10, 2)),
        (layers.Conv1D(4, 3, strides=2, dilation_rate=1), (11, 2)),
        (layers.Conv1D(6, 3, dilation_rate=2, groups=2), (12, 4)),
        (layers.Conv2D(4, 3), (8, 9, 3)),
        (layers.Conv2D(4, (3, 5), strides=(2, 1)), (9, 9, 3)),
        (layers.Conv2D(4, 1, strides=2), (9, 9, 3)),
        (layers.Conv2D(6, 3, groups=3), (6, 6, 3)),
        (layers.Conv2D(4, 3, dilation_rate=(2, 1)), (9, 9, 2)),
        (layers.Conv3D(2, (2, 3, 2)), (4, 5, 6, 3)),
        (layers.DepthwiseConv1D(3, depth_multiplier=2), (9, 4)),
        (layers.DepthwiseConv2D(3, strides=2), (9, 9, 4)),
        (layers.Conv1DTranspose(3, 4, strides=2), (5, 2)),
        (layers.Conv2DTranspose(3, 4, strides=3), (3, 4, 2)),
        (layers.Conv3DTranspose(2, 2, strides=2), (2, 3, 2, 2)),
        (layers.TimeDistributed(layers.Conv2D(2, 3)), (3, 5, 5, 2)),
        (layers.TimeDistributed(layers.Dense(4)), (3, 5)),
        (layers.Embedding(9, 4), None),
    ],
    ids=lambda value: value.name if isinstance(value, keras.layers.Layer) else "",
)
def test_the_count_is_that_of_all_products(layer, shape):
    if shape is None:
        model = keras.Sequential([keras.Input((5,), dtype="int32"), layer])
        assert multiply_adds(trace(model).calls[-1]) == 0
        return
    counted, made = products(layer, shape)
    assert counted == made > 0


def test_zeros_around_the_border_count_like_all_values():
    _, padded = only_call(layers.Conv2D(3, 3, padding="same"), (5, 5, 2))
    _, explicit = only_call(layers.Conv2D(3, 3), (7, 7, 2))
    assert multiply_adds(padded) == multiply_adds(explicit) == 5 * 5 * 9 * 2 * 3


@pytest.mark.parametrize(("rank", "shape"), [(1, (9, 4)), (2, (8, 7, 4))])
def test_a_separable_convolution_costs_its_two_steps(rank, shape):
    separable = getattr(layers, f"SeparableConv{rank}D")(5, 3, strides=2, depth_multiplier=2)
    depthwise = getattr(layers, f"DepthwiseConv{rank}D")(3, strides=2, depth_multiplier=2)
    _, first = only_call(depthwise, shape)
    _, second = only_call(getattr(layers, f"Conv{rank}D")(5, 1), first.output_shapes[0][1:])
    _, whole = only_call(separable, shape)
    assert multiply_adds(whole) == multiply_adds(first) + multiply_adds(second)


@pytest.mark.parametrize("wrap", [lambda layer: layer, layers.Bidirectional])
@pytest.mark.parametrize("sequences", [True, False])
@pytest.mark.parametrize(("kind", "gates"), [("SimpleRNN", 1), ("GRU", 3), ("LSTM", 4)])
def test_a_recurrent_layer_multiplies_its_kernels_at_every_step(kind, gates, sequences, wrap):
    model, call = only_call(wrap(getattr(layers, kind)(6, return_sequences=sequences)), (5, 3))
    kernels = sum(np.prod(w.shape) for w in model.weights if w.name.endswith("kernel"))
    ways = 1 if call.type == kind else 2
    assert multiply_adds(call) == 5 * kernels == 5 * gates * (3 * 6 + 6 * 6) * ways


def test_stacked_cells_cost_what_their_layers_cost():
    _, stacked = only_call(layers.RNN([layers.LSTMCell(4), layers.GRUCell(3)]), (5, 2))
    _, first = only_call(layers.LSTM(4), (5, 2))
    _, second = only_call(layers.GRU(3), (5, 4))
    assert multiply_adds(stacked) == multiply_adds(first) + multiply_adds(second)


@pytest.mark.parametrize("sequences", [True, False])
def test_a_convolutional_lstm_convolves_input_and_state_for_four_gates(sequences):
    model, call = only_call(
        layers.ConvLSTM2D(3, 3, return_sequences=sequences, padding="valid"), (2, 6, 7, 2)
    )
    kernels = sum(np.prod(w.shape) for w in model.weights if w.name.endswith("kernel"))
    assert multiply_adds(call) == 2 * 4 * 5 * kernels


def attention_by_hand(queries, keys, width_q, width_v, heads, key_heads, size, out):
    """Counts the products of attention in plain loops over its five steps."""
    count = 0
    for _ in itertools.product(range(queries), range(heads), range(size), range(width_q)):
        count += 1
    for _ in itertools.product(range(2), range(keys), range(key_heads), range(size), range(width_v)):
        count += 1
    for _ in itertools.product(range(2), range(heads), range(queries), range(keys), range(size)):
        count += 1
    for _ in itertools.product(range(queries), range(heads), range(size), range(out)):
        count += 1
    return count


@pytest.mark.parametrize("keys", [None, 5])
def test_attention_counts_projections_scores_and_sums(keys):
    layer = layers.MultiHeadAttention(2, 3)
    query = keras.Input((4, 6))
    value = query if keys is None else keras.Input((keys, 7))
    model = keras.Model([query] if keys is None else [query, value], layer(query, value))
    expected = attention_by_hand(4, keys or 4, 6, 6 if keys is None else 7, 2, 2, 3, 6)
    assert multiply_adds(trace(model).calls[-1]) == expected


def test_attention_over_chosen_axes_attends_only_along_them():
    layer = layers.MultiHeadAttention(2, 3, attention_axes=(2,))
    x = keras.Input((4, 5, 6))
    model = keras.Model(x, layer(x, x))
    assert multiply_adds(trace(model).calls[-1]) == 4 * attention_by_hand(5, 5, 6, 6, 2, 2, 3, 6)


def test_grouped_attention_projects_fewer_keys():
    layer = layers.GroupQueryAttention(head_dim=3, num_query_heads=4, num_key_value_heads=2)
    x = keras.Input((5, 6))
    model = keras.Model(x, layer(x, x))
    assert multiply_adds(trace(model).calls[-1]) == attention_by_hand(5, 5, 6, 6, 4, 2, 3, 6)


def test_plain_and_additive_attention_count_scores_and_sums():
    _, plain = only_call(layers.Attention(), (4, 6), (5, 6))
    _, additive = only_call(layers.AdditiveAttention(), (4, 6), (5, 6))
    assert multiply_adds(plain) == multiply_adds(additive) == 4 * 5 * 6 + 4 * 5 * 6


def test_products_of_two_inputs_count():
    _, call = only_call(layers.Dot(axes=2), (4, 6), (5, 6))
    assert multiply_adds(call) == 4 * 5 * 6
    a, b = keras.Input((4, 6)), keras.Input((6, 5))
    assert multiply_adds(trace(keras.Model([a, b], keras.ops.matmul(a, b))).calls[-1]) == 4 * 6 * 5


def test_a_spectrogram_multiplies_every_frame_by_its_windows():
    layer = layers.STFTSpectrogram(mode="magnitude", frame_length=16, frame_step=8, fft_length=16)
    model, call = only_call(layer, (64, 1))
    assert multiply_adds(call) == call.output_shapes[0][1] * sum(np.prod(w.shape) for w in model.weights)


@pytest.mark.parametrize(
    "layer",
    [
        layers.BatchNormalization(),
        layers.LayerNormalization(),
        layers.PReLU(),
        layers.MaxPooling2D(),
        layers.GlobalAveragePooling2D(),
        layers.Dropout(0.5),
        layers.Flatten(),
        layers.UpSampling2D(),
        layers.ZeroPadding2D(),
        layers.Rescaling(0.5),
    ],
    ids=lambda layer: layer.name,
)
def test_layers_without_products_of_weights_cost_nothing(layer):
    assert multiply_adds(only_call(layer, (4, 4, 2))[1]) == 0


def test_a_wrapper_costs_what_it_wraps():
    _, inner = only_call(layers.Conv2D(3, 3), (6, 6, 2))
    _, wrapped = only_call(layers.SpectralNormalization(layers.Conv2D(3, 3)), (6, 6, 2))
    assert multiply_adds(wrapped) == multiply_adds(inner)


def test_unknown_sizes_and_unknown_layers_have_no_count():
    class Own(layers.Layer):
        def call(self, x):
            return x * 2

    assert multiply_adds(only_call(layers.Conv2D(3, 3), (None, 8, 2))[1]) is None
    assert multiply_adds(only_call(Own(), (8,))[1]) is None


def test_a_renamed_keras_layer_is_still_counted():
    class Renamed(layers.Dense):
        pass

    class Changed(layers.Dense):
        def call(self, x):
            return x

    assert multiply_adds(only_call(Renamed(3), (5,))[1]) == 15
    assert multiply_adds(only_call(Changed(3), (5,))[1]) is None


def test_a_nested_model_costs_what_is_inside_and_every_frame_counts():
    inner = keras.Sequential([keras.Input((6, 6, 1)), layers.Conv2D(2, 3), layers.Flatten()], name="inner")
    model = keras.Sequential(
        [keras.Input((3, 6, 6, 1)), layers.TimeDistributed(inner, name="frames"), layers.LSTM(2)]
    )
    found = costs(trace(model))
    convolution = next(cost for path, cost in found.items() if path.rpartition("/")[2].startswith("conv2d"))
    assert convolution == 3 * 4 * 4 * 9 * 2 == found["frames"] == found["frames/inner"]


def test_a_layer_called_twice_costs_twice():
    dense = layers.Dense(4, name="shared")
    a, b = keras.Input((3,)), keras.Input((3,))
    found = costs(trace(keras.Model([a, b], layers.Add()([dense(a), dense(b)]))))
    assert found["shared"] == found["shared#2"] == 12
