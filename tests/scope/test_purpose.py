"""What a model is for is told from its inputs and outputs, and so is what cannot be known."""

import keras
import pytest
from keras import layers

from convscope.errors import UsageError
from convscope.kinds.registry import build
from convscope.scope.describe.purpose import purpose
from convscope.scope.graph.graph import trace

pytestmark = pytest.mark.portable


def said(model, class_names=None):
    return purpose(trace(model), model, class_names)


def head(shape, *stack, dtype=None):
    return keras.Sequential([keras.Input(shape, dtype=dtype), *stack])


@pytest.mark.parametrize("name", ["compact_cnn", "deep_cnn"])
def test_a_classifier_of_pictures(name):
    text = said(build(name, (48, 48, 1), 7))
    assert text.startswith("Classifies 48x48 grayscale pictures into 7 classes. ")
    for unknown in ("which classes", "how its input must be scaled", "what it was trained on"):
        assert unknown in text


def test_given_class_names_are_told_and_no_longer_unknown():
    names = ["cat", "dog", "bird"]
    text = said(build("padded_cnn", (8, 8, 3), 3), names)
    assert text.startswith("Classifies 8x8 colour pictures into 3 classes: cat, dog and bird.")
    assert "which classes" not in text


def test_class_names_that_do_not_fit_are_refused():
    with pytest.raises(UsageError, match=r"3 outputs. Received: 2 class names"):
        said(build("padded_cnn", (8, 8, 3), 3), ["cat", "dog"])


def test_scaling_inside_the_model_is_no_longer_unknown():
    assert "scaled" not in said(head((8, 8, 3), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(2)))


CASES = [
    (head((30, 4), layers.LSTM(3), layers.Dense(1, activation="sigmoid")),
     "Gives a score between 0 and 1 for sequences of 30 steps with 4 values each (yes or no)."),
    (head((None, 4), layers.LSTM(3, return_sequences=True), layers.Dense(5, activation="softmax")),
     "Assigns one of 5 classes to each step of sequences of any length with 4 values each (tagging)."),
    (head((20,), layers.Embedding(50, 4), layers.GlobalMaxPooling1D(), layers.Dense(3, activation="softmax")),
     "Classifies sequences of 20 whole numbers (such as the words of a text) into 3 classes."),
    (head((8, 8, 3), layers.Conv2D(4, 3, padding="same"), layers.Conv2D(5, 1, activation="softmax")),
     "Assigns one of 5 classes to each pixel of 8x8 colour pictures (segmentation)."),
    (head((8, 8, 3), layers.Conv2D(4, 3, padding="same"), layers.Conv2D(1, 1, activation="sigmoid")),
     "Gives a score between 0 and 1 for each pixel of 8x8 colour pictures (a mask)."),
    (head((8, 8, 3), layers.Conv2D(4, 3, padding="same"), layers.Conv2D(3, 3, padding="same")),
     "Gives 8x8 colour pictures for colour pictures: it restores or changes them, as an autoencoder does."),
    (head((6, 8, 8, 1), layers.Conv3D(2, 3), layers.Flatten(), layers.Dense(4, activation="softmax")),
     "Classifies volumes of 6x8x8 voxels into 4 classes."),
    (head((8, 8, 3), layers.Flatten(), layers.Dense(4, activation="sigmoid")),
     "Gives 4 independent scores between 0 and 1 for 8x8 colour pictures; several may be high at once"),
    (head((12,), layers.Dense(3), layers.Dense(2)),
     "Gives 2 numbers without limits for rows of 12 values: estimates, features, or scores before a "
     "softmax."),
    (head((12,), layers.Dense(3), layers.Dense(12)),
     "Gives back 12 values for rows of 12 values, as an autoencoder does."),
    (head((8, 8, 3), layers.Conv2D(4, 3), layers.GlobalAveragePooling2D()),
     "Turns 8x8 colour pictures into 4 features each"),
    (head((8, 8, 3), layers.Conv2D(4, 3)), "Turns 8x8 colour pictures into 4 feature maps of 6x6"),
    (head((5, 8, 8, 1), layers.TimeDistributed(layers.Flatten()), layers.LSTM(3),
          layers.Dense(2, activation="softmax")),
     "Classifies sequences of 5 frames (8x8 grayscale pictures) into 2 classes."),
]  # fmt: skip


@pytest.mark.parametrize(("model", "start"), CASES, ids=[start[:60] for _, start in CASES])
def test_purpose_is_inferred(model, start):
    assert said(model).startswith(start)


def test_a_compiled_loss_helps():
    scores = head((12,), layers.Dense(3))
    scores.compile(loss=keras.losses.CategoricalCrossentropy(from_logits=True))
    assert said(scores).startswith("Classifies rows of 12 values into 3 classes (by scores;")
    numbers = head((12,), layers.Dense(3))
    numbers.compile(loss="mse")
    assert said(numbers).startswith("Estimates 3 numbers for rows of 12 values (regression).")


def test_several_inputs_and_outputs_are_named():
    picture, row = keras.Input((8, 8, 3), name="photo"), keras.Input((4,), name="facts")
    x = layers.Concatenate()([layers.Flatten()(picture), row])
    age = layers.Dense(1, name="age")(x)
    kind = layers.Dense(3, activation="softmax", name="kind")(x)
    text = said(keras.Model([picture, row], {"age": age, "kind": kind}))
    assert text.startswith(
        "Gives two outputs for 8x8 colour pictures ('photo') and rows of 4 values ('facts') "
    )
    assert "'age': one number" in text
    assert "'kind': one of 3 classes" in text


def test_pictures_of_any_size_are_so_called():
    model = head(
        (None, None, 3),
        layers.Conv2D(4, 3),
        layers.GlobalAveragePooling2D(),
        layers.Dense(2, activation="softmax"),
    )
    assert said(model).startswith("Classifies colour pictures of any size into 2 classes.")
