"""The callback draws maps and kernels while a model learns."""

import keras
import numpy as np
import pytest
from PIL import Image

import convscope
from convscope.errors import UsageError


def model_and_data(metrics=None):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(3, 3, activation="relu", name="look"),
            keras.layers.Flatten(),
            keras.layers.Dense(2, activation="softmax"),
        ],
        name="tiny",
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)
    return model, rng.random((16, 8, 8, 1), np.float32), rng.integers(0, 2, 16)


def test_pictures_are_written_after_the_chosen_epochs(tmp_path):
    model, x, y = model_and_data()
    callback = convscope.FeatureMapsCallback(x[:2], tmp_path / "pictures", every=2)
    model.fit(x, y, epochs=3, verbose=0, callbacks=[callback])
    assert [folder.name for folder in sorted((tmp_path / "pictures").iterdir())] == ["epoch-0002"]
    files = sorted(file.name for file in (tmp_path / "pictures" / "epoch-0002").iterdir())
    assert files == ["kernels-look.png", "maps-1.png", "maps-2.png"]
    for file in files:
        with Image.open(tmp_path / "pictures" / "epoch-0002" / file) as picture:
            picture.load()


def test_training_goes_as_it_would_without(tmp_path):
    weights = []
    for callbacks in ([], [convscope.FeatureMapsCallback(np.zeros((1, 8, 8, 1)), tmp_path / "pictures")]):
        model, x, y = model_and_data()
        model.fit(x, y, epochs=2, verbose=0, shuffle=False, callbacks=callbacks)
        weights.append(model.get_weights())
    for without, with_pictures in zip(*weights, strict=True):
        np.testing.assert_array_equal(without, with_pictures)


def test_tensorboard_gets_the_same_pictures(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    model, x, y = model_and_data()
    callback = convscope.FeatureMapsCallback(x[:1], tmp_path / "pictures", tensorboard=tmp_path / "log")
    model.fit(x, y, epochs=2, verbose=0, callbacks=[callback])
    log = EventAccumulator(str(tmp_path / "log")).Reload()
    assert set(log.Tags()["images"]) == {"maps-1", "kernels-look"}
    images = log.Images("maps-1")
    assert [image.step for image in images] == [1, 2]
    written = (tmp_path / "pictures" / "epoch-0002" / "maps-1.png").read_bytes()
    assert images[1].encoded_image_string == written


def test_it_draws_in_a_training_of_a_run(pictures, settings, tmp_path):
    callback = convscope.FeatureMapsCallback(np.zeros((1, 16, 16, 1)), tmp_path / "pictures", every=4)
    convscope.train(pictures, out=tmp_path / "run", callbacks=[callback], **settings)
    assert (tmp_path / "pictures" / "epoch-0004" / "maps-1.png").exists()


def test_a_wrong_layer_is_told_before_the_first_epoch(tmp_path):
    model, x, y = model_and_data()
    callback = convscope.FeatureMapsCallback(x[:1], tmp_path / "pictures", layers="lok")
    with pytest.raises(UsageError, match="Did you mean look"):
        model.fit(x, y, verbose=0, callbacks=[callback])


@pytest.mark.parametrize(
    ("inputs", "options"), [(np.zeros((1, 8, 8, 1)), {"every": 0}), (np.zeros((9, 8, 8, 1)), {})]
)
def test_bad_options_are_told(tmp_path, inputs, options):
    with pytest.raises(UsageError):
        convscope.FeatureMapsCallback(inputs, tmp_path, **options)
