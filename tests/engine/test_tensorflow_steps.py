"""Whole training steps by faster operations end where Keras' own end."""

import keras
import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("tensorflow_only")
INPUT = (12, 12, 1)


def accelerated(model):
    from convscope.engine.tensorflow import accelerated

    return accelerated(model)


@pytest.fixture(autouse=True)
def _on_a_processor():
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        pytest.skip("on a GPU, Keras' own operations are used")


def convolved(*behind, **options):
    """A convolution with a ReLU and what stands behind it."""
    convolution = keras.layers.Conv2D(6, 3, activation="relu", name="conv", **options)
    return [keras.Input(INPUT), convolution, *behind]


def normalized():
    behind = [keras.layers.BatchNormalization(), keras.layers.ReLU(name="relu"), keras.layers.MaxPooling2D(2)]
    return [keras.Input(INPUT), keras.layers.Conv2D(6, 3, use_bias=False), *behind]


STACKS = {
    "activation": lambda: convolved(keras.layers.MaxPooling2D(2)),
    "without bias": lambda: convolved(keras.layers.MaxPooling2D(3, 2, padding="same"), use_bias=False),
    "layer": normalized,
}


def classifier(stack):
    keras.utils.set_random_seed(4)
    return keras.Sequential([*stack(), keras.layers.Flatten(), keras.layers.Dense(3, activation="softmax")])


def batch(count=32):
    rng = np.random.default_rng(5)
    return rng.normal(size=(count, *INPUT)).astype("float32"), np.eye(3, dtype="float32")[
        rng.integers(0, 3, count)
    ]


def losses_and_weights(stack, optimizer, steps=4, *, faster):
    model = classifier(stack)
    model.compile(optimizer(), "categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)
    x, y = batch()
    if faster:
        with accelerated(model):
            losses = [float(model.train_on_batch(x, y)) for _ in range(steps)]
    else:
        losses = [float(model.train_on_batch(x, y)) for _ in range(steps)]
    return losses, model.get_weights()


def sgd():
    return keras.optimizers.SGD(0.05)


@pytest.mark.parametrize("name", STACKS)
def test_a_relu_behind_its_pooling_trains_to_the_same_weights(name):
    losses, weights = losses_and_weights(STACKS[name], sgd, faster=False)
    faster_losses, faster_weights = losses_and_weights(STACKS[name], sgd, faster=True)
    np.testing.assert_allclose(faster_losses, losses, rtol=1e-5)
    for left, right in zip(faster_weights, weights, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-6)
    assert losses[0] != losses[-1]


@pytest.mark.parametrize("name", STACKS)
def test_in_a_training_step_the_relu_does_stand_behind_the_pooling(name):
    model = classifier(STACKS[name])
    rectifier = model.get_layer("relu" if name == "layer" else "conv")
    x, _ = batch()
    smallest = []

    class Step(keras.layers.Layer):
        """The layers up to the rectifier, inside a training or an inference step."""

        def call(self, inputs, training=None):
            for layer in model.layers[: model.layers.index(rectifier) + 1]:
                inputs = layer(inputs)
            return inputs

    with accelerated(model):
        for training in (True, False):
            smallest.append(float(keras.ops.min(Step()(keras.ops.convert_to_tensor(x), training=training))))
    assert smallest[0] < 0 <= smallest[1]


def test_what_others_read_keeps_its_relu():
    inputs = keras.Input(INPUT)
    conv = keras.layers.Conv2D(4, 3, activation="relu", name="read_twice")
    twice = conv(inputs)
    output = keras.layers.Conv2D(4, 3, activation="relu", name="an_output")
    alone = output(inputs)
    averaged = keras.layers.Conv2D(4, 3, activation="relu", name="averaged")
    other = keras.layers.Conv2D(4, 3, activation="tanh", name="other")
    model = keras.Model(
        inputs,
        [
            keras.layers.MaxPooling2D(2)(twice),
            keras.layers.GlobalAveragePooling2D()(twice),
            alone,
            keras.layers.MaxPooling2D(2)(alone),
            keras.layers.AveragePooling2D(2)(averaged(inputs)),
            keras.layers.MaxPooling2D(2)(other(inputs)),
        ],
    )
    with accelerated(model):
        assert not [layer.name for layer in model.layers if "call" in vars(layer)]


def test_afterwards_everything_is_as_it_was():
    model = classifier(STACKS["layer"])
    model.compile("adam", "categorical_crossentropy")
    with accelerated(model):
        assert "update_step" in vars(model.optimizer)
    assert not [layer.name for layer in model.layers if "call" in vars(layer)]
    assert "update_step" not in vars(model.optimizer)


def scheduled():
    return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.01, 10), weight_decay=0.01)


OPTIMIZERS = {
    "plain": lambda: keras.optimizers.Adam(0.01),
    "scheduled, with decay": scheduled,
    "other moments": lambda: keras.optimizers.Adam(0.01, beta_1=0.8, beta_2=0.9, epsilon=1e-3),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_fused_adam_makes_kerass_own_steps(name):
    stack = STACKS["activation"]
    _, weights = losses_and_weights(stack, OPTIMIZERS[name], 5, faster=False)
    _, faster_weights = losses_and_weights(stack, OPTIMIZERS[name], 5, faster=True)
    for left, right in zip(faster_weights, weights, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-3, atol=2e-6)


@pytest.mark.parametrize(
    "optimizer", [lambda: keras.optimizers.Adam(amsgrad=True), keras.optimizers.AdamW, sgd]
)
def test_other_optimizers_are_left_alone(optimizer):
    model = classifier(STACKS["activation"])
    model.compile(optimizer(), "categorical_crossentropy")
    with accelerated(model):
        assert "update_step" not in vars(model.optimizer)
