"""What a model is for is told from its inputs and outputs, and so is what cannot be known."""

import keras
import pytest
from keras import layers

from convscope.errors import UsageError
from convscope.kinds.registry import build
from convscope.scope.describe.explanation import explain

pytestmark = pytest.mark.portable


def said(model, class_names=None):
    return explain(model, class_names=class_names).purpose


def head(shape, *stack, dtype=None):
    return keras.Sequential([keras.Input(shape, dtype=dtype), *stack])


@pytest.mark.parametrize("name", ["compact_cnn", "deep_cnn"])
def test_a_classifier_of_pictures(name):
    text = said(build(name, (48, 48, 1), 7))
    assert text.startswith("Classifies 48x48 grayscale images into 7 classes. ")
    for unknown in ("the names of the classes", "the expected scaling of the input", "the training data"):
        assert unknown in text


def test_given_class_names_are_told_and_no_longer_unknown():
    names = ["cat", "dog", "bird"]
    text = said(build("padded_cnn", (8, 8, 3), 3), names)
    assert text.startswith("Classifies 8x8 color images into 3 classes: cat, dog and bird.")
    assert "names of the classes" not in text


def test_class_names_that_do_not_fit_are_refused():
    with pytest.raises(UsageError, match=r"3 outputs. Received: 2 class names"):
        said(build("padded_cnn", (8, 8, 3), 3), ["cat", "dog"])


def test_scaling_inside_the_model_is_no_longer_unknown():
    assert "scaling" not in said(
        head((8, 8, 3), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(2))
    )


CASES = [
    (head((30, 4), layers.LSTM(3), layers.Dense(1, activation="sigmoid")),
     "Computes a score between 0 and 1 from sequences of 30 steps with 4 channels (binary classification)."),
    (head((None, 4), layers.LSTM(3, return_sequences=True), layers.Dense(5, activation="softmax")),
     "Assigns one of 5 classes to each step of sequences of any length with 4 channels (tagging)."),
    (head((20,), layers.Embedding(50, 4), layers.GlobalMaxPooling1D(), layers.Dense(3, activation="softmax")),
     "Classifies sequences of 20 integer ids into 3 classes."),
    (head((8, 8, 3), layers.Conv2D(4, 3, padding="same"), layers.Conv2D(5, 1, activation="softmax")),
     "Assigns one of 5 classes to each pixel of 8x8 color images (segmentation)."),
    (head((8, 8, 3), layers.Conv2D(4, 3, padding="same"), layers.Conv2D(1, 1, activation="sigmoid")),
     "Computes a score between 0 and 1 for each pixel of 8x8 color images (a mask)."),
    (head((8, 8, 3), layers.Conv2D(4, 3, padding="same"), layers.Conv2D(3, 3, padding="same")),
     "Reconstructs or transforms 8x8 color images: input and output have the same shape."),
    (head((6, 8, 8, 1), layers.Conv3D(2, 3), layers.Flatten(), layers.Dense(4, activation="softmax")),
     "Classifies volumes of 6x8x8 voxels into 4 classes."),
    (head((8, 8, 3), layers.Flatten(), layers.Dense(4, activation="sigmoid")),
     "Computes 4 independent scores between 0 and 1 from 8x8 color images (multi-label classification)."),
    (head((12,), layers.Dense(3), layers.Dense(2)),
     "Computes 2 values without activation from rows of 12 values: estimates, features or scores."),
    (head((12,), layers.Dense(3), layers.Dense(12)),
     "Reconstructs rows of 12 values, as an autoencoder does."),
    (head((8, 8, 3), layers.Conv2D(4, 3), layers.GlobalAveragePooling2D()),
     "Extracts 4 features from 8x8 color images; it has no classification head."),
    (head((8, 8, 3), layers.Conv2D(4, 3)), "Extracts 4 feature maps of 6x6 from 8x8 color images; it has no"),
    (head((5, 8, 8, 1), layers.TimeDistributed(layers.Flatten()), layers.LSTM(3),
          layers.Dense(2, activation="softmax")),
     "Classifies sequences of 5 frames (8x8 grayscale images) into 2 classes."),
]  # fmt: skip


@pytest.mark.parametrize(("model", "start"), CASES, ids=[start[:60] for _, start in CASES])
def test_purpose_is_inferred(model, start):
    assert said(model).startswith(start)


def test_a_compiled_loss_helps():
    scores = head((12,), layers.Dense(3))
    scores.compile(loss=keras.losses.CategoricalCrossentropy(from_logits=True))
    assert said(scores).startswith("Classifies rows of 12 values into 3 classes (outputs are scores, not")
    numbers = head((12,), layers.Dense(3))
    numbers.compile(loss="mse")
    assert said(numbers).startswith("Estimates 3 values from rows of 12 values (regression).")


def test_several_inputs_and_outputs_are_named():
    picture, row = keras.Input((8, 8, 3), name="photo"), keras.Input((4,), name="facts")
    x = layers.Concatenate()([layers.Flatten()(picture), row])
    age = layers.Dense(1, name="age")(x)
    kind = layers.Dense(3, activation="softmax", name="kind")(x)
    text = said(keras.Model([picture, row], {"age": age, "kind": kind}))
    assert text.startswith(
        "Computes two outputs from 8x8 color images ('photo') and rows of 4 values ('facts'): "
    )
    assert "'age': one value" in text
    assert "'kind': one of 3 classes" in text


def test_pictures_of_any_size_are_so_called():
    model = head(
        (None, None, 3),
        layers.Conv2D(4, 3),
        layers.GlobalAveragePooling2D(),
        layers.Dense(2, activation="softmax"),
    )
    assert said(model).startswith("Classifies color images of any size into 2 classes.")
