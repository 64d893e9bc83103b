"""A plain Keras model of any kind is shown files of its kind; look and extract give it the same inputs."""

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

import convscope
from convscope.errors import UsageError

RATE = 8000
SENTENCES = ("the film was good", "a bad film, a very bad plot")


def image_model():
    inputs = keras.Input((12, 10, 3), name="image")
    return keras.Model(inputs, layers.Conv2D(4, 3, name="look")(inputs), name="images")


def sound_model(front_end=True):
    inputs = keras.Input((4000,), name="waveform")
    mel = layers.MelSpectrogram(sampling_rate=RATE, num_mel_bins=16, sequence_length=256, fft_length=256)
    x = mel(inputs) if front_end else layers.Reshape((4000, 1))(inputs)
    x = layers.Conv1D(4, 3, name="look")(x)
    return keras.Model(inputs, x, name="sounds")


def text_model(inside=True):
    vectorize = layers.TextVectorization(output_sequence_length=8, name="vectorize")
    vectorize.adapt(SENTENCES)
    size = vectorize.vocabulary_size()
    first = [keras.Input((), dtype="string"), vectorize] if inside else [keras.Input((8,), dtype="int32")]
    return keras.Sequential(
        [
            *first,
            layers.Embedding(size, 4, name="vectors"),
            layers.Conv1D(3, 3, padding="same", name="look"),
            layers.GlobalMaxPooling1D(),
            layers.Dense(2, activation="softmax"),
        ],
        name="texts",
    ), vectorize


def series_model():
    inputs = keras.Input((30, 2), name="series")
    return keras.Model(inputs, layers.Conv1D(4, 3, name="look")(inputs), name="series_model")


def write_image(folder):
    pixels = np.random.default_rng(0).integers(0, 255, (12, 10, 3), np.uint8)
    Image.fromarray(pixels).save(folder / "a.jpg", quality=95)
    return folder / "a.jpg"


def write_sound(folder, seconds=0.5):
    import soundfile

    wave = 0.3 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * RATE)) / RATE)
    soundfile.write(folder / "a.wav", wave, RATE)
    return folder / "a.wav"


def write_series(folder):
    x = np.random.default_rng(0).normal(size=(30, 2))
    lines = ["heat,load", *(f"{a},{b}" for a, b in x.tolist())]
    (folder / "a.csv").write_text("\n".join(lines) + "\n")
    return folder / "a.csv"


def saved(model, folder):
    keras.utils.set_random_seed(0)
    path = folder / f"{model.name}.keras"
    model.save(path)
    return path


def looked_and_extracted(path, data, folder, **options):
    """The inputs that `look` drew, its maps, and the features that `extract` stored."""
    seen = convscope.look(path, data, layers="look", **options)
    seen.save(folder / "seen.png")
    features = convscope.extract(
        path, data, layers="look", pool="mean", out=folder / "f.parquet", precision="float32", **options
    )
    maps = seen.arrays["maps/look"]
    means = maps.mean(axis=tuple(range(1, maps.ndim - 1)))
    np.testing.assert_allclose(features.matrix(), means, rtol=1e-4, atol=1e-4)
    again = convscope.neighbors(features, data, count=1)
    np.testing.assert_allclose([near[0].distance for near in again.found], 0, atol=1e-4)
    again.save(folder / "near.png")
    (inputs,) = (array for name, array in seen.arrays.items() if name.startswith("input/"))
    return inputs, seen, features


def test_an_image_model_takes_a_jpeg(tmp_path):
    data = write_image(tmp_path)
    inputs, seen, _ = looked_and_extracted(saved(image_model(), tmp_path), data, tmp_path)
    np.testing.assert_allclose(inputs[0], np.asarray(Image.open(data), np.float32) / 255, atol=1e-6)
    assert any("pixels become 0..1" in note for note in seen.notes)


def test_a_sound_model_takes_a_wav_at_the_rate_of_its_front_end(tmp_path):
    pytest.importorskip("soundfile")
    data = write_sound(tmp_path)
    inputs, seen, _ = looked_and_extracted(saved(sound_model(), tmp_path), data, tmp_path)
    wave = 0.3 * np.sin(2 * np.pi * 440 * np.arange(4000) / RATE)
    np.testing.assert_allclose(inputs[0], wave, atol=1e-3)
    assert any("8,000 Hz" in note for note in seen.notes)


def test_a_waveform_model_without_a_front_end_asks_for_the_rate(tmp_path):
    pytest.importorskip("soundfile")
    path, data = saved(sound_model(front_end=False), tmp_path), write_sound(tmp_path)
    with pytest.raises(UsageError, match="--rate"):
        convscope.look(path, data)
    inputs, _, _ = looked_and_extracted(path, data, tmp_path, rate=RATE)
    assert inputs.shape == (1, 4000)
    with pytest.raises(UsageError, match="takes 8,000 Hz"):
        convscope.look(saved(sound_model(), tmp_path), data, rate=16_000)


def test_a_text_model_takes_a_sentence_by_its_own_vectorization(tmp_path):
    model, vectorize = text_model()
    inputs, seen, _ = looked_and_extracted(saved(model, tmp_path), SENTENCES[1], tmp_path)
    np.testing.assert_array_equal(inputs, np.asarray(vectorize([SENTENCES[1]])))
    (tokens,) = seen.about["tokens"].values()
    assert tokens == ["a", "bad", "film,", "a", "very", "bad", "plot"]
    told = convscope.look(tmp_path / "texts.keras", SENTENCES[0], method="integrated-gradients")
    assert told.save(tmp_path / "why.png")


def test_a_model_of_token_ids_asks_for_its_vocabulary(tmp_path):
    model, vectorize = text_model(inside=False)
    path = saved(model, tmp_path)
    with pytest.raises(UsageError, match="--vocabulary"):
        convscope.look(path, SENTENCES[0])
    words = tmp_path / "words.txt"
    words.write_text("\n".join(vectorize.get_vocabulary()[2:]) + "\n")
    inputs, _, _ = looked_and_extracted(path, SENTENCES[1], tmp_path, vocabulary=words)
    np.testing.assert_array_equal(inputs, np.asarray(vectorize([SENTENCES[1]])))
    words.write_text("\n".join([*vectorize.get_vocabulary()[2:], "one", "more"]) + "\n")
    with pytest.raises(UsageError, match="the model has"):
        convscope.look(path, SENTENCES[0], vocabulary=words)


def test_a_series_model_takes_a_csv(tmp_path):
    data = write_series(tmp_path)
    inputs, _, _ = looked_and_extracted(saved(series_model(), tmp_path), data, tmp_path)
    np.testing.assert_allclose(inputs[0], np.loadtxt(data, delimiter=",", skiprows=1), atol=1e-6)
    (tmp_path / "three.csv").write_text("a,b,c\n1,2,3\n2,3,4\n")
    with pytest.raises(UsageError, match="3 variables"):
        convscope.look(tmp_path / "series_model.keras", tmp_path / "three.csv")


def test_files_of_another_kind_and_options_of_another_kind_are_told(tmp_path):
    path = saved(series_model(), tmp_path)
    with pytest.raises(UsageError, match="which are not images"):
        convscope.look(path, write_image(tmp_path))
    with pytest.raises(UsageError, match="A model of series does not support --rate"):
        convscope.look(path, write_series(tmp_path), rate=16_000)


def test_a_folder_of_classes_gives_a_plain_model_labels_and_a_bank_its_channel(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    rng = np.random.default_rng(0)
    for name in ("low", "high"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(6):
            soundfile.write(tmp_path / "data" / name / f"{number}.wav", rng.normal(0, 0.1, 4000), RATE)
    options = {"precision": "float32", "out": tmp_path / "plain"}
    features = convscope.extract(saved(sound_model(), tmp_path), tmp_path / "data", **options)
    assert features.class_names == ("high", "low")
    assert sorted(set(features.columns().labels)) == ["high", "low"]
    bank = convscope.extract(
        "random_convolution(kernels=4)", tmp_path / "data", **{**options, "out": tmp_path / "bank"}
    )
    assert bank.metadata["model"]["input_shape"] == [4000, 1]
    assert np.isfinite(bank.matrix()).all()
