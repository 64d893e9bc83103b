"""A Keras model of two pictures is given pairs of files, however they lie."""

import re

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

import convscope
from convscope.errors import DataError, UsageError
from convscope.workflows.load_model import open_model
from convscope.workflows.model_inputs.model_inputs import model_inputs


@pytest.fixture
def twins(tmp_path):
    """Two inputs of different sizes, of which the second scales its pixels itself."""
    left, right = keras.Input((8, 6, 3), name="left"), keras.Input((5, 7, 1), name="right")
    shown = layers.Conv2D(2, 3, name="look")(left)
    other = layers.Conv2D(2, 3)(layers.Rescaling(1 / 255, name="scaling")(right))
    both = [layers.GlobalAveragePooling2D()(each) for each in (shown, other)]
    keras.utils.set_random_seed(0)
    keras.Model([left, right], layers.Subtract(name="apart")(both), name="twins").save(tmp_path / "m.keras")
    return tmp_path / "m.keras"


@pytest.fixture
def pairs(tmp_path):
    """Two folders of three pictures of the same names, and one that has no other."""
    rng = np.random.default_rng(0)
    for folder, size in (("right", (5, 7)), ("left", (8, 6, 3))):
        (tmp_path / "pairs" / folder).mkdir(parents=True)
        for name in "abc":
            pixels = rng.integers(0, 256, size, np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pairs" / folder / f"{name}.png")
    Image.fromarray(pixels).save(tmp_path / "pairs" / "left" / "alone.png")
    return tmp_path / "pairs"


def expected(pairs, name):
    left, right = (np.asarray(Image.open(pairs / side / f"{name}.png")) for side in ("left", "right"))
    return left / np.float32(255), right[..., None].astype(np.float32)


def given(model, *paths):
    return model_inputs(open_model(str(model)), [str(path) for path in paths])


def spelled(pairs, how):
    (pairs / "pairs.csv").write_text(
        "right;id;left\n" + "".join(f"right/{n}.png;{i};left/{n}.png\n" for i, n in enumerate("abc"))
    )
    left, right = pairs / "left", pairs / "right"
    return {
        "a folder of folders": [pairs],
        "folders": [left, right],
        "a table": [pairs / "pairs.csv"],
        "joined": [f"{left / n}.png,{right / n}.png" for n in "abc"],
    }[how]


@pytest.mark.parametrize("how", ["a folder of folders", "folders", "a table", "joined"])
def test_pairs_are_read_however_they_are_named(twins, pairs, how):
    inputs = given(twins, *spelled(pairs, how))
    left, right = inputs.first(3)
    for i, name in enumerate("abc"):
        for values, wanted in zip((left, right), expected(pairs, name), strict=True):
            np.testing.assert_allclose(values[i], wanted, rtol=1e-6)
    assert inputs.names[1] == "left/b.png,right/b.png"
    notes = " ".join(inputs.notes)
    assert "Warning: pixels of 'left' become 0..1" in notes and "'right' become 0..255, as the model" in notes


def test_two_files_are_one_pair(twins, pairs):
    inputs = given(twins, pairs / "left" / "c.png", pairs / "right" / "c.png")
    assert inputs.names == ("c.png,c.png",)
    np.testing.assert_allclose(inputs.first(1)[1][0], expected(pairs, "c")[1])


def test_look_and_extract_take_pairs_and_find_them_again(twins, pairs, tmp_path):
    seen = convscope.look(twins, pairs, layers="look")
    seen.save(tmp_path / "seen.png")
    features = convscope.extract(twins, pairs, layers="apart", out=tmp_path / "f", precision="float32")
    model = keras.models.load_model(twins)
    stacked = [np.stack(each) for each in zip(*(expected(pairs, name) for name in "abc"), strict=True)]
    np.testing.assert_allclose(features.matrix(), model.predict(stacked, verbose=0), rtol=1e-4, atol=1e-4)
    asked = f"{pairs / 'left' / 'b.png'},{pairs / 'right' / 'b.png'}"
    near = convscope.neighbors(features, asked, count=1)
    assert near.found[0][0].path == asked
    near.save(tmp_path / "near.png")


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        (["left/a.png"], "received 1 path"),
        (["left/a.png", "left/b.png", "right/a.png", "right/b.png"], "left.png,right.png"),
        (["one.csv"], "expected 2 columns that name images"),
        (["gone.csv"], r"gone.csv, line 3.* no image 'right/z.png'"),
    ],
)
def test_what_is_no_pair_is_refused_with_the_ways_to_give_pairs(twins, pairs, paths, words):
    (pairs / "one.csv").write_text("left,label\nleft/a.png,x\nleft/b.png,y\n")
    rows = [f"left/a.png,right/{name}.png\n" for name in ["a", *"abc" * 7, "z"]]
    (pairs / "gone.csv").write_text("left,right\n" + "".join([rows[0], *rows[1:]]))
    words = words.replace("line 3", "line 24")
    with pytest.raises((DataError, UsageError)) as caught:
        given(twins, *(pairs / path for path in paths))
    assert re.search(words, f"{caught.value.message} {caught.value.hint}")


def test_a_model_that_takes_its_pictures_by_name_gets_them_by_name(pairs, tmp_path):
    inputs = {name: keras.Input((8, 6), name=name) for name in ("right", "left")}
    flat = [layers.Flatten()(each) for each in inputs.values()]
    keras.Model(inputs, layers.Concatenate()(flat)).save(tmp_path / "named.keras")
    found = given(tmp_path / "named.keras", pairs).first(2)
    assert sorted(found) == ["left", "right"] and found["left"].shape == (2, 8, 6)
