"""The faster operations compute what they stand for: NumPy in float64, and a share of dropped values."""

import keras
import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("tensorflow_only")
EPSILON, MOMENTUM = 2e-3, 0.9


def normalization(shape, **options):
    layer = keras.layers.BatchNormalization(epsilon=EPSILON, momentum=MOMENTUM, **options)
    model = keras.Sequential([keras.Input(shape), layer])
    rng = np.random.default_rng(1)
    layer.set_weights([rng.uniform(0.5, 2, weight.shape) for weight in layer.weights])
    return model, layer


def samples(shape, count=6):
    rng = np.random.default_rng(2)
    return rng.normal(3, 2, (count, *shape)).astype(np.float32), rng.normal(size=(count, *shape)).astype(
        np.float32
    )


def trained(layer, values, upstream):
    """Outputs, gradients with respect to input, gamma and beta, and the statistics after one step."""
    import tensorflow as tf

    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = layer(x, training=True)
            loss = tf.reduce_sum(tf.cast(outputs, tf.float32) * upstream)
        return outputs, tape.gradient(loss, [x, *(weight.value for weight in layer.trainable_weights)])

    outputs, gradients = step(tf.constant(values))
    return [np.asarray(keras.ops.cast(each, "float32")) for each in (outputs, *gradients)], [
        np.asarray(weight) for weight in layer.non_trainable_weights
    ]


def reference(layer, values, upstream):
    """The same in NumPy: y = gamma (x - mean) / sqrt(variance + epsilon) + beta, differentiated by hand."""
    gamma, beta, moving_mean, moving_variance = (weight.astype(np.float64) for weight in layer.get_weights())
    x, dy = values.astype(np.float64), upstream.astype(np.float64)
    axes = tuple(range(x.ndim - 1))
    mean, variance = x.mean(axis=axes), x.var(axis=axes)
    scaled = (x - mean) / np.sqrt(variance + EPSILON)
    dgamma, dbeta = (dy * scaled).sum(axis=axes), dy.sum(axis=axes)
    count = x.size / x.shape[-1]
    dx = gamma / np.sqrt(variance + EPSILON) * (dy - dbeta / count - scaled * dgamma / count)
    return [gamma * scaled + beta, dx, dgamma, dbeta], [
        MOMENTUM * moving_mean + (1 - MOMENTUM) * mean,
        MOMENTUM * moving_variance + (1 - MOMENTUM) * variance,
    ]


def accelerated(model):
    from convscope.engine.tensorflow import accelerated

    return accelerated(model)


def is_fused(layer):
    return "call" in vars(layer)


def skip_on_a_gpu():
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        pytest.skip("on a GPU, Keras' own normalization is used")


@pytest.mark.parametrize("shape", [(5,), (7, 5), (4, 3, 5), (2, 3, 2, 5)])
def test_outputs_gradients_and_statistics_are_those_of_batch_normalization(shape):
    skip_on_a_gpu()
    model, layer = normalization(shape)
    values, upstream = samples(shape)
    expected, statistics = reference(layer, values, upstream)
    with accelerated(model):
        assert is_fused(layer)
        computed, moved = trained(layer, values, upstream)
    for left, right in zip([*computed, *moved], [*expected, *statistics], strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", [(5,), (7, 5), (4, 3, 5), (2, 3, 2, 5)])
def test_kerass_own_normalization_meets_the_same_reference(shape):
    _, layer = normalization(shape)
    values, upstream = samples(shape)
    expected, statistics = reference(layer, values, upstream)
    computed, moved = trained(layer, values, upstream)
    for left, right in zip([*computed, *moved], [*expected, *statistics], strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", [(5,), (7, 5), (4, 3, 5), (2, 3, 2, 5)])
def test_in_bfloat16_the_fused_numbers_are_as_close_as_kerass_own(shape):
    errors = []
    for fused in (True, False):
        model, layer = normalization(shape, dtype="mixed_bfloat16")
        values, upstream = samples(shape)
        expected, statistics = reference(layer, values, upstream)
        if fused:
            with accelerated(model):
                computed, moved = trained(layer, values, upstream)
        else:
            computed, moved = trained(layer, values, upstream)
        pairs = zip([*computed, *moved], [*expected, *statistics], strict=True)
        errors.append(np.array([np.abs(left - right).max() for left, right in pairs]))
    assert (errors[0] <= 2 * errors[1] + 0.02).all()


def test_one_sample_of_rank_two_moves_the_statistics_as_keras_does():
    results = []
    for fused in (True, False):
        model, layer = normalization((5,))
        values, upstream = samples((5,), count=1)
        if fused:
            with accelerated(model):
                results.append(trained(layer, values, upstream))
        else:
            results.append(trained(layer, values, upstream))
    for left, right in zip(results[0][1], results[1][1], strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-5)


def test_inference_within_is_the_layers_own():
    model, layer = normalization((4, 3, 5))
    values, _ = samples((4, 3, 5))
    before, weights = np.asarray(layer(values, training=False)), layer.get_weights()
    with accelerated(model):
        within = np.asarray(layer(values, training=False))
    np.testing.assert_array_equal(before, within)
    for left, right in zip(weights, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_afterwards_the_layer_is_what_it_was():
    model, layer = normalization((5,))
    config, call = layer.get_config(), type(layer).call
    with pytest.raises(KeyboardInterrupt), accelerated(model):
        raise KeyboardInterrupt
    assert not is_fused(layer)
    assert layer.call.__func__ is call
    assert layer.get_config() == config


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((4, 3, 5), {"scale": False}),
        ((4, 3, 5), {"center": False}),
        ((4, 3, 5), {"axis": 1}),
        ((7, 5), {"scale": False}),
        ((4, 3, 5), {"trainable": False}),
        ((5,), {"trainable": False}),
    ],
)
def test_a_layer_that_cannot_be_fused_behaves_exactly_as_before(shape, options):
    results = []
    values, upstream = samples(shape)
    for fused in (True, False):
        model, layer = normalization(shape, **options)
        if fused:
            with accelerated(model):
                results.append(trained(layer, values, upstream))
        else:
            results.append(trained(layer, values, upstream))
    for left, right in zip(*results, strict=True):
        for one, two in zip(left, right, strict=True):
            np.testing.assert_array_equal(one, two)


def test_layers_within_layers_are_fused_and_restored_too():
    skip_on_a_gpu()
    inner, layer = normalization((4, 3, 5))
    outer = keras.Sequential([keras.Input((4, 3, 5)), inner, keras.layers.Flatten()])
    with accelerated(outer):
        assert is_fused(layer)
    assert not is_fused(layer)


def test_a_subclass_of_normalization_is_left_alone():
    class Own(keras.layers.BatchNormalization):
        """A layer of the user's."""

    layer = Own()
    with accelerated(keras.Sequential([keras.Input((5,)), layer])):
        assert not is_fused(layer)


def dropout(rate, shape=(40, 30), **options):
    layer = keras.layers.Dropout(rate, seed=3, **options)
    return keras.Sequential([keras.Input(shape), layer]), layer


def dropped(layer, values, times=1):
    import tensorflow as tf

    step = tf.function(lambda x: layer(x, training=True))
    return [np.asarray(keras.ops.cast(step(tf.constant(values)), "float32")) for _ in range(times)]


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("rate", [0.025, 0.25, 0.5, 0.9])
def test_dropout_drops_its_share_and_scales_what_is_kept(rate, dtype):
    model, layer = dropout(rate, dtype=dtype)
    values = np.ones((50, 40, 30), np.float32)
    with accelerated(model):
        (answer,) = dropped(layer, values)
    kept = answer != 0
    spread = np.sqrt(rate * (1 - rate) / values.size)
    assert abs((1 - kept.mean()) - rate) < 5 * spread
    np.testing.assert_allclose(answer[kept], 1 / (1 - rate), rtol=1e-6 if dtype == "float32" else 1e-2)


def test_dropout_drops_other_values_at_each_step_and_the_same_from_the_same_state():
    model, layer = dropout(0.5)
    values = np.ones((5, 40, 30), np.float32)
    with accelerated(model):
        state = np.asarray(layer.seed_generator.state)
        first, second = dropped(layer, values, times=2)
        layer.seed_generator.state.assign(state)
        again, *_ = dropped(layer, values)
    assert 0.4 < (first == second).mean() < 0.6
    np.testing.assert_array_equal(first, again)


def test_dropout_moves_its_state_as_keras_does():
    states = []
    for fused in (True, False):
        model, layer = dropout(0.5)
        values = np.ones((5, 40, 30), np.float32)
        if fused:
            with accelerated(model):
                dropped(layer, values, times=3)
        else:
            dropped(layer, values, times=3)
        states.append(np.asarray(layer.seed_generator.state))
    np.testing.assert_array_equal(*states)


def test_the_gradient_of_dropout_passes_where_values_were_kept():
    import tensorflow as tf

    model, layer = dropout(0.25)
    values = np.random.default_rng(0).uniform(1, 2, (5, 40, 30)).astype(np.float32)

    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            answer = layer(x, training=True)
        return answer, tape.gradient(answer, x)

    with accelerated(model):
        answer, gradient = map(np.asarray, step(tf.constant(values)))
    np.testing.assert_allclose(gradient, answer / values, rtol=1e-6)


def test_dropout_in_inference_and_afterwards_is_the_layers_own():
    model, layer = dropout(0.5)
    values = np.ones((2, 40, 30), np.float32)
    with accelerated(model):
        np.testing.assert_array_equal(np.asarray(layer(values, training=False)), values)
    assert not is_fused(layer)


@pytest.mark.parametrize(("rate", "expected"), [(0.0, 1.0), (1.0, 0.0)])
def test_dropout_of_everything_or_nothing_is_left_to_keras(rate, expected):
    model, layer = dropout(rate)
    with accelerated(model):
        assert not is_fused(layer)
        (answer,) = dropped(layer, np.ones((2, 40, 30), np.float32))
    np.testing.assert_array_equal(answer, expected)


def test_dropout_of_whole_channels_is_left_to_keras():
    model, layer = dropout(0.5, noise_shape=(None, 1, 30))
    with accelerated(model):
        assert not is_fused(layer)


def test_a_kernel_of_volumes_deeper_than_its_input_has_a_finite_gradient_in_bfloat16():
    import tensorflow as tf

    from convscope.engine.exchange import outreaches
    from convscope.engine.tensorflow import accelerated

    x = np.random.default_rng(0).normal(size=(16, 2, 8, 8, 8)).astype("float32")
    deep = keras.layers.Conv3D(16, 3, padding="same", dtype="mixed_bfloat16")
    flat = keras.layers.Conv3D(16, (1, 3, 3), padding="same", dtype="mixed_bfloat16")
    inputs = keras.Input(x.shape[1:])
    model = keras.Model(inputs, deep(flat(inputs)))
    assert [outreaches(layer) for layer in (deep, flat)] == [True, False]
    with accelerated(model):
        for _ in range(10):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(tf.cast(model(x), tf.float32) ** 2)
            found = tape.gradient(loss, [weight.value for weight in model.trainable_weights])
            assert all(np.isfinite(each).all() for each in found)
    assert not vars(deep).get("convolution_op")
