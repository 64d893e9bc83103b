"""Models that are no run, several models, and a studio without data."""

import shutil

import keras
import numpy as np
import pytest
from opened_studio import array_of, json_of, let_in, npy
from PIL import Image

import convscope
from convscope.cli.studio import divided
from convscope.errors import DataError, UsageError
from convscope.studio.opening import open_studio
from convscope.types import no_progress


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A model of pixels from -1 to 1, as a Keras file."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((16, 16, 1)),
            keras.layers.Rescaling(1 / 127.5, offset=-1),
            keras.layers.Conv2D(4, 3, activation="relu", name="edges"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3, activation="softmax", name="head"),
        ],
        name="plain",
    )
    path = tmp_path_factory.mktemp("models") / "plain.keras"
    model.save(path)
    return path


def started(models, data=()):
    studio = open_studio(
        [str(each) for each in models], [str(each) for each in data], port=0, progress=no_progress
    )
    studio.start()
    return studio


def test_a_plain_model_is_drawn_by_its_pixels_and_computed_on_its_own_values(plain, pictures):
    studio = started([plain], [pictures])
    try:
        with let_in(studio) as client:
            row = json_of(client.get("api/samples?count=1"))["rows"][0]
            pixels = array_of(client.get(f"api/samples/{row['id']}/input.npy"))
            with Image.open(pictures / row["name"]) as picture:
                read = np.asarray(
                    picture.convert("L").resize((16, 16), Image.Resampling.BILINEAR), np.float32
                )
            assert np.abs(pixels[..., 0] - read).max() <= 1
            facts = json_of(client.get(f"api/samples/{row['id']}/input.json"))
            assert facts["limits"] == [0.0, 255.0]
            found = json_of(client.get(f"api/models/0/samples/{row['id']}/prediction"))
            name = facts["inputs"][0]["name"]
            x = array_of(client.get(f"api/samples/{row['id']}/input.npy?name={name}"))[None]
            expected = keras.models.load_model(plain).predict(x, verbose=0)[0]
            assert found["probabilities"] == pytest.approx(expected.tolist(), abs=1e-5)
            sent = {"content": npy(pixels), "headers": {"Content-Type": "application/x-npy"}}
            own = json_of(client.post("api/inputs?m=0", **sent))["id"]
            drawn = json_of(client.get(f"api/models/0/samples/{own}/prediction"))
            assert drawn["probabilities"] == pytest.approx(found["probabilities"], abs=1e-5)
    finally:
        studio.stop()


def test_two_models_are_asked_about_the_same_samples(finished, plain, pictures):
    studio = started([finished.folder, plain], [pictures])
    try:
        with let_in(studio) as client:
            state = json_of(client.get("api/state"))
            assert [each["name"] for each in state["models"]] == [finished.folder.name, "plain"]
            names = [
                json_of(client.get(f"api/samples/5/input.json?m={model}"))["name"] for model in ("0", "1")
            ]
            assert names[0] == names[1]
    finally:
        studio.stop()


def test_a_label_of_the_data_is_no_class_of_a_model_with_another_number_of_them(finished, pictures, tmp_path):
    head = [keras.layers.Flatten(), keras.layers.Dense(5, activation="softmax")]
    keras.Sequential([keras.Input((16, 16, 1)), *head]).save(tmp_path / "five.keras")
    studio = started([finished.folder, tmp_path / "five.keras"], [pictures])
    try:
        with let_in(studio) as client:
            own, other = (json_of(client.get(f"api/models/{m}/samples/0/prediction")) for m in (0, 1))
            assert own["classes"][own["label"]] == studio.session.samples.label("0")
            assert other["label"] == studio.session.samples.label("0")
    finally:
        studio.stop()


def test_a_model_goes_on_without_the_folder_of_its_run(finished, pictures, tmp_path):
    shutil.copytree(finished.folder, tmp_path / "run")
    studio = started([tmp_path / "run"], [pictures])
    try:
        with let_in(studio) as client:
            shutil.rmtree(tmp_path / "run")
            (told,) = json_of(client.get("api/state"))["models"]
            assert told["name"] == "run"
            assert json_of(client.get("api/models/0/samples/0/prediction"))["probabilities"]
    finally:
        studio.stop()


def test_an_architecture_takes_inputs_of_ones_own_without_data():
    studio = started(["compact_cnn"])
    try:
        with let_in(studio) as client:
            state = json_of(client.get("api/state"))
            assert state["data"] is None
            assert "No data" in state["notes"][0]
            assert state["models"][0]["kind"] == "image"
            values = np.random.default_rng(0).random((48, 48, 1), np.float32)
            sent = {"content": npy(values), "headers": {"Content-Type": "application/x-npy"}}
            own = json_of(client.post("api/inputs", **sent))["id"]
            found = json_of(client.get(f"api/models/0/samples/{own}/prediction"))
            assert sum(found["probabilities"]) == pytest.approx(1, abs=1e-5)
            assert client.get("api/models/0/confusion").status_code == 422
            assert state["models"][0]["blank"]["shape"] == [48, 48, 1]
            assert ".png" in state["models"][0]["accepts"]
    finally:
        studio.stop()


def test_a_plain_model_without_data_takes_files(plain, pictures):
    path = next(pictures.glob("disc/*.png"))
    studio = started([plain])
    try:
        with let_in(studio) as client:
            (told,) = json_of(client.get("api/state"))["models"]
            assert (told["kind"], told["blank"]["limits"]) == ("image", [0.0, 255.0])
            sent = {"content": path.read_bytes(), "headers": {"Content-Type": "image/png"}}
            own = json_of(client.post("api/inputs?name=a.png", **sent))["id"]
            with Image.open(path) as picture:
                read = np.asarray(picture.convert("L"), np.float32)
            pixels = array_of(client.get(f"api/samples/{own}/input.npy"))
            np.testing.assert_array_equal(pixels[..., 0], read)
            assert json_of(client.get(f"api/samples/{own}/input.json"))["limits"] == [0.0, 255.0]
            found = json_of(client.get(f"api/models/0/samples/{own}/prediction"))["probabilities"]
            expected = keras.models.load_model(plain).predict(read[None, ..., None], verbose=0)[0]
            assert found == pytest.approx(expected.tolist(), abs=1e-5)
    finally:
        studio.stop()


def test_a_model_of_no_known_kind_says_why_it_takes_no_files():
    model = keras.Sequential([keras.Input((3, 4, 5, 6, 7)), keras.layers.Flatten(), keras.layers.Dense(2)])
    studio = open_studio([model], port=0, progress=no_progress)
    studio.start()
    try:
        with let_in(studio) as client:
            (told,) = json_of(client.get("api/state"))["models"]
            assert told["accepts"] == []
            sent = {"content": b"x", "headers": {"Content-Type": "image/png"}}
            assert "It reads none" in client.post("api/inputs", **sent).json()["hint"]
    finally:
        studio.stop()


def test_a_notebook_shows_a_frame_that_it_may_have(finished):
    studio = convscope.studio(finished.folder, port=0, height=600)
    try:
        assert callable(convscope.studio)
        frame = studio._repr_html_()
        assert 'height="600"' in frame
        with let_in(studio) as client:
            policy = client.get("").headers["content-security-policy"]
        assert "frame-ancestors 'self' http://127.0.0.1:* http://localhost:*" in policy
    finally:
        studio.stop()


def test_code_in_a_file_is_not_run(tmp_path):
    layers = [keras.Input((4,)), keras.layers.Lambda(lambda x: x + 1), keras.layers.Dense(2)]
    keras.Sequential(layers).save(tmp_path / "lambda.keras")
    with pytest.raises(DataError, match=r"lambda\.keras") as caught:
        open_studio([str(tmp_path / "lambda.keras")], progress=no_progress)
    assert "--trust" in caught.value.hint


def test_no_model_and_no_such_model_are_errors():
    with pytest.raises(UsageError, match="No model was given"):
        open_studio([], progress=no_progress)
    with pytest.raises(UsageError):
        open_studio(["nothing_of_that_name"], progress=no_progress)


def test_runs_and_keras_files_behind_the_first_are_models(finished, tmp_path):
    names = ["compact_cnn", str(finished.folder), "b.keras", str(tmp_path)]
    assert divided(names) == (["compact_cnn", str(finished.folder), "b.keras"], [str(tmp_path)])
