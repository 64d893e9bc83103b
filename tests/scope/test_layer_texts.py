"""Every layer of Keras is explained: what its kind does, and what this one does, from its real settings."""

import inspect

import keras
import pytest
from keras import layers

from convscope.errors import UsageError
from convscope.scope.describe.explanation import explain
from convscope.scope.layer_spec import LayerSpec, register, registered, spec_of

PICTURE = (8, 8, 3)
GENERIC = {"Layer", "Wrapper", "InputSpec"}  # bases, or no layers
CELLS = {"SimpleRNNCell", "LSTMCell", "GRUCell", "StackedRNNCells"}
FOREIGN = {"JaxLayer", "FlaxLayer", "TorchModuleWrapper", "TFSMLayer", "Pipeline"}
STATEFUL_INPUT = {
    "StringLookup", "TextVectorization", "Hashing", "HashedCrossing", "CutMix", "MixUp", "AugMix",
    "RandAugment", "MaxNumBoundingBoxes", "Equalization",
}  # fmt: skip

SAMPLES = {
    "Activation": (lambda: layers.Activation("gelu"), (4,)),
    "ActivityRegularization": (lambda: layers.ActivityRegularization(l2=0.01), (4,)),
    "AdditiveAttention": (layers.AdditiveAttention, [(4, 6), (5, 6)]),
    "AlphaDropout": (lambda: layers.AlphaDropout(0.1), (4,)),
    **{f"AveragePooling{rank}D": ((lambda rank=rank: getattr(layers, f"AveragePooling{rank}D")(2)),
                                  (*(8,) * rank, 2)) for rank in (1, 2, 3)},
    "Attention": (lambda: layers.Attention(use_scale=True), [(4, 6), (5, 6)]),
    "Bidirectional": (lambda: layers.Bidirectional(layers.LSTM(4)), (6, 3)),
    "CategoryEncoding": (lambda: layers.CategoryEncoding(5), (1,)),
    "CenterCrop": (lambda: layers.CenterCrop(4, 4), PICTURE),
    "Concatenate": (layers.Concatenate, [(4, 3), (4, 2)]),
    "Dense": (lambda: layers.Dense(5, activation="relu"), (4,)),
    "Discretization": (lambda: layers.Discretization([0.0, 1.0]), (4,)),
    "Dot": (lambda: layers.Dot(axes=1), [(4,), (4,)]),
    "Dropout": (lambda: layers.Dropout(0.025), (40,)),
    "EinsumDense": (lambda: layers.EinsumDense("ab,bc->ac", 3), (4,)),
    "Embedding": (lambda: layers.Embedding(100, 8, mask_zero=True), (6,)),
    "GRU": (lambda: layers.GRU(4, return_sequences=True), (6, 3)),
    "GaussianDropout": (lambda: layers.GaussianDropout(0.2), (4,)),
    "GaussianNoise": (lambda: layers.GaussianNoise(0.1), (4,)),
    "GroupNormalization": (lambda: layers.GroupNormalization(3), (4, 6)),
    "GroupedQueryAttention": (lambda: layers.GroupQueryAttention(4, 4, 2), [(5, 8), (5, 8)]),
    "IntegerLookup": (lambda: layers.IntegerLookup(vocabulary=[1, 2, 3]), (1,)),
    "LSTM": (lambda: layers.LSTM(4, dropout=0.1, go_backwards=True), (6, 3)),
    "Lambda": (lambda: layers.Lambda(lambda x: x * 2), (4,)),
    "Masking": (layers.Masking, (6, 3)),
    "MelSpectrogram": (layers.MelSpectrogram, (16000,)),
    "MultiHeadAttention": (lambda: layers.MultiHeadAttention(2, 4, dropout=0.1), [(5, 8), (6, 8)]),
    "Normalization": (lambda: layers.Normalization(mean=0.5, variance=2.0), (4,)),
    "PReLU": (lambda: layers.PReLU(shared_axes=[1, 2]), PICTURE),
    "Permute": (lambda: layers.Permute((2, 1)), (4, 3)),
    "RNN": (lambda: layers.RNN(layers.LSTMCell(3)), (6, 3)),
    "RandomPosterization": (lambda: layers.RandomPosterization(4), PICTURE),
    "RandomTranslation": (lambda: layers.RandomTranslation(0.1, 0.2), PICTURE),
    "RandomZoom": (lambda: layers.RandomZoom(0.1), PICTURE),
    "RandomCrop": (lambda: layers.RandomCrop(4, 4), PICTURE),
    "ReLU": (lambda: layers.ReLU(max_value=6, negative_slope=0.1), (4,)),
    "RepeatVector": (lambda: layers.RepeatVector(3), (4,)),
    "Rescaling": (lambda: layers.Rescaling(1 / 255), PICTURE),
    "Reshape": (lambda: layers.Reshape((2, 2)), (4,)),
    "Resizing": (lambda: layers.Resizing(4, 4), PICTURE),
    "ReversibleEmbedding": (lambda: layers.ReversibleEmbedding(10, 4), (6,)),
    "STFTSpectrogram": (lambda: layers.STFTSpectrogram(frame_length=16, fft_length=16), (64, 1)),
    "SimpleRNN": (lambda: layers.SimpleRNN(4), (6, 3)),
    "SpectralNormalization": (lambda: layers.SpectralNormalization(layers.Dense(3)), (4,)),
    "TimeDistributed": (lambda: layers.TimeDistributed(layers.Dense(2)), (6, 3)),
    "UpSampling2D": (lambda: layers.UpSampling2D(2, interpolation="bilinear"), PICTURE),
    **{name: (getattr(layers, name), [(4, 3), (4, 3)]) for name in
       ("Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract")},
    **{f"ConvLSTM{rank}D": ((lambda rank=rank: getattr(layers, f"ConvLSTM{rank}D")(2, 3)),
                             (3, *(5,) * rank, 2))
       for rank in (1, 2, 3)},
    **{f"SpatialDropout{rank}D": ((lambda rank=rank: getattr(layers, f"SpatialDropout{rank}D")(0.2)),
                                  (*(5,) * rank, 2)) for rank in (1, 2, 3)},
}  # fmt: skip
RANDOM = {"factor": 0.2, "scale": 0.5, "max_value": 255}


def public_classes():
    found = {}
    for name in dir(layers):
        value = getattr(layers, name)
        if inspect.isclass(value) and not name.startswith("_"):
            found[value.__name__] = value
    return found


def sample(name):
    """The layer with settings, and the shape or shapes of its inputs."""
    if name in SAMPLES:
        make, shape = SAMPLES[name]
        return make(), shape
    cls = public_classes()[name]
    rank = next((int(letter) for letter in name if letter in "123"), 2)
    shape = (*(9,) * rank, 4)
    if "Conv" in name and "Depthwise" not in name:
        return cls(6, 3, activation="relu"), shape
    if "DepthwiseConv" in name:
        return cls(3, depth_multiplier=2), shape
    if name.startswith("Adaptive"):
        return cls(3), shape
    return cls(**{key: RANDOM[key] for key in needed(cls) if key in RANDOM}), shape if rank != 2 else PICTURE


def needed(cls):
    parameters = inspect.signature(cls.__init__).parameters.values()
    return [p.name for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]


def explained(layer, shape):
    several = isinstance(shape, list)
    integers = isinstance(layer, (layers.Embedding, layers.IntegerLookup, layers.CategoryEncoding))
    inputs = [
        keras.Input(each, dtype="int32" if integers else None) for each in (shape if several else [shape])
    ]
    attends = "QueryAttention" in type(layer).__name__ or "HeadAttention" in type(layer).__name__
    outputs = layer(*inputs) if attends else layer(inputs if several else inputs[0])
    model = keras.Model(inputs if several else inputs[0], outputs)
    found = explain(model).layers
    return next(each for each in found if each.type == type(layer).__name__)


def test_every_public_layer_has_a_spec_or_is_a_base():
    missing = set(public_classes()) - {spec.name for spec in registered()} - GENERIC
    assert missing == set()


def test_a_subclass_is_known_for_what_it_computes():
    class Renamed(layers.Conv2D):
        pass

    class Changed(layers.Conv2D):
        def call(self, inputs):
            return inputs

    assert spec_of(Renamed(2, 3)).name == "Conv2D"
    assert spec_of(Changed(2, 3)) is None


def test_a_class_is_registered_once():
    with pytest.raises(UsageError, match="Dense has a LayerSpec already"):
        register(LayerSpec("Dense", "dense", "Again.", lambda facts: "Again."))


TOLD = sorted(set(public_classes()) - GENERIC - CELLS - FOREIGN - STATEFUL_INPUT - {"InputLayer"})


@pytest.mark.parametrize("name", TOLD)
def test_a_layer_is_explained_from_its_settings(name):
    layer, shape = sample(name)
    said = explained(layer, shape)
    assert len(said.about) > 20
    assert said.about.endswith(".")
    assert said.here.endswith(".")
    text = said.text
    for odd in ("None", "  ", "..", "{", "}", "<", " ,", "1 values", "object at"):
        assert odd not in text.replace("<0.1%", ""), text
    if said.parameters:
        assert f"{said.parameters:,} parameter" in text


def text_of(layer, shape):
    return explained(layer, shape).text


def test_a_convolution_tells_kernels_size_stride_padding_shapes_and_activation():
    text = text_of(layers.Conv2D(64, 3, activation="relu", padding="same"), (48, 48, 32))
    for part in (
        "64 kernels of 3x3 over 32 channels, stride 1, same padding: 48x48x32 becomes 48x48x64.",
        "ReLU: negative values become 0",
        "18,496 parameters",
        "42.5 million multiply-adds",
        "Receptive field: 3x3 of 48x48 pixels, stride 1.",
    ):
        assert part in text, text


def test_stride_dilation_groups_and_missing_padding_are_told():
    text = text_of(layers.Conv2D(6, 3, strides=2, groups=3), (9, 9, 12))
    assert "over 4 of the 12 channels (3 groups)" in text
    assert "stride 2, valid padding: 9x9x12 becomes 4x4x6" in text
    assert "dilation 2" in text_of(layers.Conv2D(6, 3, dilation_rate=2), (9, 9, 12))
    assert "spans 5x5" in text_of(layers.Conv2D(6, 3, dilation_rate=2), (9, 9, 12))


def test_words_fit_the_data():
    assert "2 kernels of 3 steps" in text_of(layers.Conv1D(2, 3), (20, 4))
    assert "3 of 20 steps" in text_of(layers.Conv1D(2, 3), (20, 4))
    assert "causal padding" in text_of(layers.Conv1D(2, 3, padding="causal"), (20, 4))
    assert "3x3x3 of 6x6x6 voxels" in text_of(layers.Conv3D(2, 3), (6, 6, 6, 1))


@pytest.mark.parametrize(
    ("layer", "shape", "parts"),
    [
        (layers.MaxPooling2D(), (21, 21, 4), ("2x2", "becomes 10x10x4", "last row and column are dropped")),
        (layers.Dropout(0.025), (40,), ("Rate 0.025.", "stays 40 values")),
        (layers.BatchNormalization(momentum=0.9), PICTURE, ("3 channels", "momentum 0.9", "epsilon 0.001")),
        (layers.LayerNormalization(), (5, 8), ("Over 8 values of each position", "axis -1")),
        (layers.Dense(1, activation="sigmoid"), (7,), ("1 unit", "7 inputs", "sigmoid")),
        (layers.Dense(4), (6, 7), ("at each of 6 positions", "6x7 becomes 6x4")),
        (layers.LSTM(4, return_sequences=True), (6, 3), ("4 units", "6x3 becomes 6x4", "returns every step")),
        (layers.Embedding(100, 8), (6,), ("table of 100 vectors", "8 values")),
        (layers.Flatten(), (4, 4, 8), ("4x4x8 becomes 128 values",)),
        (layers.Rescaling(1 / 255), PICTURE, ("Divided by 255", "0 to 255 become 0 to 1")),
        (layers.LeakyReLU(0.3), (4,), ("multiplied by 0.3",)),
        (layers.Conv2DTranspose(4, 2, strides=2), PICTURE, ("4 kernels of 2x2", "8x8x3 becomes 16x16x4")),
        (layers.SeparableConv2D(8, 3), PICTURE, ("times the weights", "8x8x3 becomes 6x6x8")),
        (layers.GlobalAveragePooling2D(), (7, 7, 20), ("mean of each", "7x7x20 becomes 20 values")),
        (layers.ZeroPadding2D(3), PICTURE, ("14x14x3", "3 at each end")),
    ],
    ids=lambda value: value.name if isinstance(value, layers.Layer) else "",
)  # fmt: skip
def test_settings_that_matter_are_told(layer, shape, parts):
    text = text_of(layer, shape)
    for part in parts:
        assert part in text, text


def test_an_unknown_layer_is_described_by_its_shapes_and_parameters():
    class Mystery(layers.Layer):
        def build(self, shape):
            self.w = self.add_weight(shape=(3,))

        def call(self, x):
            return x * self.w

    said = explained(Mystery(), (5, 3))
    assert "Mystery is a custom layer" in said.text
    assert "5x3 in" in said.text
    assert "3 parameters" in said.text
    assert "unknown" in said.text


def test_an_operation_between_layers_is_described():
    x = keras.Input((6,))
    y = layers.Dense(6)(x)
    model = keras.Model(x, layers.Dense(2)(x + y))
    added = next(each for each in explain(model).layers if each.kind == "operation")
    assert added.type == "Add"
    assert "Two inputs of 6 values added" in added.text


def test_a_layer_called_again_says_whose_weights_it_has():
    dense = layers.Dense(4, name="shared")
    a, b = keras.Input((3,)), keras.Input((3,))
    again = explain(keras.Model([a, b], layers.Add()([dense(a), dense(b)]))).layers[1]
    assert again.shared_with == "shared"
    assert "Shares its 16 parameters with the first call of 'shared'." in again.text
