"""Small models of every make, with inputs for them."""

import keras
import numpy as np
from keras import layers

from convscope.kinds.registry import build


def pictures(*shape, seed=0):
    return np.random.default_rng(seed).random(shape, np.float32)


def two_inputs():
    picture, more = keras.Input((8, 8, 1), name="picture"), keras.Input((3,), name="more")
    x = layers.Flatten()(layers.Conv2D(4, 3, activation="relu", name="look")(picture))
    x = layers.Concatenate(name="join")([x, layers.Dense(5, name="think")(more)])
    outputs = {"kind": layers.Dense(3, activation="softmax")(x), "size": layers.Dense(1)(x)}
    return keras.Model([picture, more], outputs), [pictures(3, 8, 8, 1), pictures(3, 3)]


def shared_layer():
    encoder = keras.Sequential(
        [keras.Input((6, 6, 1)), layers.Conv2D(3, 3, activation="relu", name="edges"), layers.Flatten()],
        name="encoder",
    )
    left, right = keras.Input((6, 6, 1)), keras.Input((6, 6, 1))
    apart = layers.Subtract(name="apart")([encoder(left), encoder(right)])
    return keras.Model([left, right], layers.Dense(1)(apart * 2.0)), [
        pictures(3, 6, 6, 1),
        pictures(3, 6, 6, 1, seed=1),
    ]


@keras.saving.register_keras_serializable("tests")
class Residual(keras.Model):
    """A model with code of its own between the layers."""

    def __init__(self, **options):
        super().__init__(**options)
        self.stem = layers.Conv2D(4, 3, name="stem")
        self.blocks = [layers.Conv2D(4, 3, padding="same", name=f"block{i}") for i in range(2)]
        self.head = layers.Dense(2, activation="softmax", name="head")

    def call(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = keras.ops.relu(x + block(x))
        return self.head(keras.ops.mean(x, axis=(1, 2)))


def subclassed():
    return Residual(), pictures(3, 9, 9, 2)


def conv1d():
    return keras.Sequential(
        [
            keras.Input((20, 2)),
            layers.Conv1D(4, 5, padding="causal", dilation_rate=2, activation="relu", name="past"),
            layers.BatchNormalization(),
            layers.GlobalMaxPooling1D(),
            layers.Dense(3, activation="softmax"),
        ]
    ), pictures(3, 20, 2)


def conv3d():
    return keras.Sequential(
        [
            keras.Input((6, 7, 8, 1)),
            layers.Conv3D(2, 3, name="solid"),
            layers.MaxPooling3D(2),
            layers.Flatten(),
            layers.Dense(2),
        ]
    ), pictures(3, 6, 7, 8, 1)


def over_time():
    frame = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(3, 3, activation="relu", name="edges"), layers.Flatten()],
        name="frame",
    )
    return keras.Sequential(
        [
            keras.Input((4, 8, 8, 1)),
            layers.TimeDistributed(frame, name="each"),
            layers.LSTM(5),
            layers.Dense(2),
        ]
    ), pictures(3, 4, 8, 8, 1)


def tokens():
    words = keras.Input((7,), dtype="int32")
    x = layers.Embedding(11, 4, mask_zero=True, name="vectors")(words)
    x = layers.Bidirectional(layers.LSTM(3, return_sequences=True), name="both_ways")(x)
    x = layers.MultiHeadAttention(2, 3, name="attend")(x, x)
    return keras.Model(words, layers.Dense(2)(layers.GlobalAveragePooling1D()(x))), np.array(
        [[1, 2, 3, 4, 0, 0, 0], [5, 6, 7, 8, 9, 10, 1]], np.int32
    )


def compact():
    return build("compact_cnn", (48, 48, 1), 7), pictures(3, 48, 48, 1)


def deep():
    return build("deep_cnn", (48, 48, 1), 7), pictures(3, 48, 48, 1)


def nested_deeply():
    inner = keras.Sequential([keras.Input((10, 10, 1)), layers.Conv2D(2, 3, name="edges")], name="inner")
    middle = keras.Sequential([keras.Input((10, 10, 1)), inner, layers.ReLU(name="on")], name="middle")
    return keras.Sequential(
        [keras.Input((10, 10, 1)), middle, layers.GlobalAveragePooling2D(), layers.Dense(2)]
    ), pictures(3, 10, 10, 1)


SMALL = {
    function.__name__: function
    for function in (
        compact,
        deep,
        two_inputs,
        shared_layer,
        subclassed,
        conv1d,
        conv3d,
        over_time,
        tokens,
        nested_deeply,
    )
}
APPLICATIONS = ("MobileNetV2", "ResNet50", "EfficientNetV2B0", "ConvNeXtTiny")


def application(name, side=64):
    """One of Keras' own networks with random weights, and pictures for it."""
    keras.utils.set_random_seed(0)
    network = getattr(keras.applications, name)(
        weights=None, include_top=False, input_shape=(side, side, 3), pooling="avg"
    )
    return network, 255 * pictures(2, side, side, 3)


def nested_in_sequential(network):
    return keras.Sequential([keras.Input(network.input_shape[1:]), network, keras.layers.Dense(2)])
