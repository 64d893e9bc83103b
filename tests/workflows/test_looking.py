"""Explain and look, as people call them: any model, files or arrays in, pictures or numbers out."""

import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from many_models import SMALL
from many_models import pictures as random_pictures
from matplotlib.figure import Figure
from PIL import Image

import convscope
from convscope.errors import DataError, UsageError
from convscope.lenses.pages.pages import LazyFigure
from convscope.workflows.inspect.inspection import Inspection

FOUR = ("maps", "position", "why", "statistics")


@pytest.fixture(scope="session")
def model_file(tmp_path_factory):
    """A model for pictures of 16x16, as a Keras file."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((16, 16, 1)),
            keras.layers.Conv2D(4, 3, activation="relu", name="edges"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Conv2D(6, 3, activation="relu", name="corners"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3, activation="softmax", name="head"),
        ],
        name="shapes",
    )
    path = tmp_path_factory.mktemp("models") / "shapes.keras"
    model.save(path)
    return path


@pytest.mark.parametrize("method", [*FOUR, "kernels"])
def test_look_draws_a_run_with_its_own_pictures(finished, pictures, tmp_path, method):
    inputs = None if method == "kernels" else [pictures / "disc" / "00.png", pictures / "vertical" / "01.png"]
    seen = convscope.look(finished.folder, inputs, method=method, channels=4)
    written = seen.save(tmp_path / "seen.png")
    assert written[0] == tmp_path / "seen.png"
    assert len(written) == len(seen.pictures)
    for path in written:
        with Image.open(path) as picture:
            assert picture.width == 1400
    assert seen.arrays
    json.dumps(dict(seen.about))


def test_the_numbers_behind_a_picture_are_the_recorded_maps(model_file, pictures, tmp_path):
    file = pictures / "disc" / "00.png"
    seen = convscope.look(model_file, file, layers="corners")
    seen.save(tmp_path / "seen.npz")
    saved = np.load(tmp_path / "seen.npz")
    model = keras.models.load_model(model_file)
    x = np.asarray(Image.open(file), np.float32)[None, ..., None] / 255
    np.testing.assert_allclose(saved["input/input"], x, atol=1e-6)
    inner = keras.Model(model.inputs[0], model.get_layer("corners").output)
    expected = keras.ops.convert_to_numpy(inner(x))
    np.testing.assert_allclose(saved["maps/corners"], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("preprocess", "low", "high"), [("auto", 0, 1), ("0..1", 0, 1), ("0..255", 0, 255), ("-1..1", -1, 1)]
)
def test_pixels_become_what_was_asked_for_and_it_is_said(model_file, tmp_path, preprocess, low, high):
    half = np.zeros((16, 16), np.uint8)
    half[:, 8:] = 255
    Image.fromarray(half).save(tmp_path / "half.png")
    seen = convscope.look(model_file, tmp_path / "half.png", preprocess=preprocess)
    assert sorted(np.unique(seen.arrays["input/input"])) == [low, high]
    assert (preprocess != "auto") or any("pixels become 0..1" in note for note in seen.notes)


def test_a_model_that_scales_its_input_itself_gets_bytes(tmp_path, pictures):
    inside = keras.Sequential(
        [keras.Input((16, 16, 1)), keras.layers.Rescaling(1 / 255), keras.layers.Conv2D(2, 3, name="look")]
    )
    seen = convscope.look(inside, pictures / "disc" / "00.png")
    assert seen.arrays["input/input"].max() > 1
    assert any("scales its input itself" in note for note in seen.notes)


def test_the_layers_chosen_are_said(model_file, pictures):
    seen = convscope.look(model_file, pictures / "disc" / "00.png")
    assert any(note.startswith("layers edges, corners") for note in seen.notes)
    named = convscope.look(model_file, pictures / "disc" / "00.png", layers=["corners"])
    assert not any(note.startswith("layers") for note in named.notes)


@pytest.mark.parametrize(
    "make", [SMALL[n] for n in ("conv1d", "conv3d", "over_time", "two_inputs", "tokens")]
)
def test_any_kind_of_array_can_be_looked_at(make, tmp_path):
    model, x = make()
    layers = ["vectors"] if make.__name__ == "tokens" else ()
    seen = convscope.look(model, x, layers=layers)
    assert seen.save(tmp_path / "seen.png")
    assert len(seen.pictures) == len(keras.tree.flatten(x)[0])


def test_arrays_come_from_files_too(tmp_path):
    model, x = SMALL["conv1d"]()
    np.save(tmp_path / "one.npy", x[0])
    np.save(tmp_path / "all.npy", x)
    assert len(convscope.look(model, tmp_path / "one.npy").pictures) == 1
    assert len(convscope.look(model, [tmp_path / "one.npy", tmp_path / "all.npy"]).pictures) == 1 + len(x)
    both, (picture, more) = SMALL["two_inputs"]()
    np.savez(tmp_path / "both.npz", picture=picture, more=more)
    assert len(convscope.look(both, tmp_path / "both.npz", layers="look").pictures) == len(more)


def test_pictures_without_a_channel_axis_are_pictures_too(pictures):
    model = keras.Sequential(
        [
            keras.Input((16, 16)),
            keras.layers.Reshape((16, 16, 1)),
            keras.layers.Conv2D(3, 3, name="look"),
            keras.layers.Flatten(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    file = pictures / "disc" / "00.png"
    assert convscope.look(model, file).figures()
    seen = convscope.look(model, file, method="grad-cam")
    assert seen.figures()
    assert seen.arrays["00.png/grad-cam"].shape == (16, 16)
    assert convscope.look(model, file, method="statistics").figures()


def test_statistics_of_a_model_with_several_inputs_show_the_one_with_positions():
    model, (picture, more) = SMALL["two_inputs"]()
    seen = convscope.look(model, {"picture": picture, "more": more}, method="statistics", layers="look")
    assert seen.figures()


def test_several_inputs_stand_side_by_side(model_file, pictures):
    seen = convscope.look(model_file, pictures / "disc", compare=True, layers=["edges"])
    assert len(seen.pictures) == 1
    assert any("the first 8 of 40 inputs" in note for note in seen.notes)


def test_statistics_take_classes_from_folders(model_file, pictures):
    seen = convscope.look(model_file, pictures, method="statistics", layers="corners")
    assert seen.arrays["corners/class_means"].shape == (3, 6)
    assert seen.about["layers"]["corners"]["samples"] == 120
    assert any("disc, horizontal, vertical" in note for note in seen.notes)


def test_attribution_says_its_layer_and_takes_a_class_by_name(finished, pictures):
    seen = convscope.look(finished.folder, pictures / "disc" / "00.png", method="grad-cam", target="vertical")
    (found,) = seen.about["inputs"].values()
    assert found["grad-cam"]["target"] == 2
    assert found["grad-cam"]["layer"]
    assert any(note.startswith(f"grad-cam at {found['grad-cam']['layer']}, ") for note in seen.notes)
    assert seen.arrays["00.png/grad-cam"].shape == (16, 16)
    (row,) = convscope.predict(finished.folder, [pictures / "disc" / "00.png"]).rows
    assert found["grad-cam"]["score"] == pytest.approx(row.probabilities["vertical"], abs=1e-6)
    assert found["grad-cam"]["model_output"] != pytest.approx(row.probabilities["vertical"], abs=1e-3)


def test_headings_of_a_page_keep_the_names_of_files(tmp_path):
    picture = LazyFigure(lambda theme: Figure(figsize=(1, 1)), "feature maps of Test_FD001.txt#1")
    seen = Inspection("maps", "small", "What it sees", (picture,), {}, {}, ())
    page = seen.save(tmp_path / "seen.html")[0].read_text("utf-8")
    assert "Feature maps of Test_FD001.txt#1" in page


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf", ".html", ".npz", ".json"])
def test_every_kind_of_file_is_written(model_file, pictures, tmp_path, suffix):
    seen = convscope.look(model_file, pictures / "disc" / "00.png", layers="edges")
    (path,) = seen.save(tmp_path / f"seen{suffix}")
    assert path.stat().st_size > 500
    if suffix == ".html":
        page = path.read_text("utf-8")
        assert 'src="http' not in page
        assert "feature maps of 00.png" in page.lower()


def test_a_notebook_shows_it(model_file, pictures):
    seen = convscope.look(model_file, pictures / "disc" / "00.png", layers="edges")
    assert seen._repr_html_().startswith("<img")
    assert len(seen.figures("dark")) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"method": "map"}, "Did you mean maps"),
        ({"layers": "edgse"}, "Did you mean edges"),
        ({"method": "why", "target": "cat"}, "has no class names"),
        ({"method": "grad-cam", "target": 9}, "9"),
        ({"preprocess": "0-1"}, "preprocess must be one of"),
        ({"method": "occlusion", "windows": 3}, "has no option 'windows'"),
        ({"method": "position", "channel": 99, "layers": "edges"}, "99"),
        ({"scale": "none"}, "scale"),
    ],
)
def test_what_cannot_work_is_told(model_file, pictures, arguments, words):
    with pytest.raises(UsageError) as error:
        convscope.look(model_file, pictures / "disc" / "00.png", **arguments).figures()
    assert words in str(error.value)


def test_inputs_that_the_model_does_not_take_are_told(model_file, pictures, tmp_path):
    with pytest.raises(UsageError, match="needs an input"):
        convscope.look(model_file)
    with pytest.raises(UsageError, match=r"\(samples, 16, 16, 1\)"):
        convscope.look(model_file, random_pictures(2, 8, 8, 1))
    sequences, _ = SMALL["conv1d"]()
    with pytest.raises(UsageError, match="which are not images"):
        convscope.look(sequences, pictures / "disc" / "00.png")
    (tmp_path / "bad.npy").write_bytes(b"no array")
    with pytest.raises(DataError, match="not a NumPy file"):
        convscope.look(sequences, tmp_path / "bad.npy")
    with pytest.raises(DataError, match="no such file"):
        convscope.look(model_file, tmp_path / "nowhere.png")


def test_nan_in_the_maps_is_drawn_and_counted(model_file, tmp_path):
    x = random_pictures(1, 16, 16, 1)
    x[0, 3, 3, 0] = np.nan
    model = keras.models.load_model(model_file)
    seen = convscope.look(model, x, layers="edges", channels=1)
    missing = int(np.isnan(seen.arrays["maps/edges"]).sum())
    assert missing > 0
    (figure,) = seen.figures()
    assert any(
        "not finite" in text.get_text() for text in figure.findobj(match=lambda a: hasattr(a, "get_text"))
    )


def test_look_writes_and_says_where(model_file, pictures, run_command):
    file = pictures / "disc" / "00.png"
    code, _, said = run_command("look", model_file, file, "--layer", "edges")
    assert code == 0
    assert Path("shapes-maps.png").exists()
    assert "Wrote shapes-maps.png" in said
    _, _, said = run_command("look", model_file, file, "--layer", "edges")
    assert "Wrote shapes-maps-2.png" in said


def test_look_takes_a_position(model_file, pictures, tmp_path, run_command):
    out = tmp_path / "one.json"
    words = ["look", model_file, pictures / "disc" / "00.png", "--method", "position", "--layer", "edges"]
    code, _, _ = run_command(*words, "--channel", "1", "--at", "3,4", "--out", out)
    assert code == 0
    saved = json.loads(out.read_text("utf-8"))
    (found,) = saved["about"]["inputs"].values()
    assert found["at"] == [3, 4]
    assert found["input_window"] == [[3, 6], [4, 7]]
    products = np.array(saved["arrays"]["00.png/products"]["values"])
    assert np.isclose(products.sum() + found["bias"], found["before"])


@pytest.mark.parametrize("form", ["text", "markdown", "html", "json"])
def test_explain_speaks_four_languages(model_file, run_command, form):
    code, said, _ = run_command("explain", model_file, "--format", form)
    assert code == 0
    assert "16x16 grayscale images" in said
    if form == "json":
        content = json.loads(said)
        assert {"parameters", "multiply_adds", "purpose", "notes", "layers"} <= set(content)
        fields = {"path", "type", "text", "input_shape", "output_shape", "parameters", "multiply_adds"}
        for layer in content["layers"]:
            assert {*fields, "receptive_field", "stride"} <= set(layer)


def test_explain_writes_a_file(model_file, tmp_path, run_command):
    code, _, _ = run_command("explain", model_file, "--format", "html", "--out", tmp_path / "page.html")
    assert code == 0
    assert "<html" in (tmp_path / "page.html").read_text("utf-8")


def test_explain_builds_an_architecture(run_command):
    code, said, _ = run_command("explain", "compact_cnn", "--input-shape", "32x32x3", "--classes", "5")
    assert code == 0
    assert "Classifies 32x32" in said
    assert "into 5 classes" in said


def test_explain_finds_dead_kernels_with_data(pictures, tmp_path, run_command):
    model = keras.Sequential(
        [keras.Input((16, 16, 1)), keras.layers.Conv2D(3, 3, activation="relu", name="look")]
    )
    model.layers[0].set_weights([np.ones((3, 3, 1, 3)), np.array([0, -100, 0])])
    model.save(tmp_path / "dead.keras")
    code, said, _ = run_command("explain", tmp_path / "dead.keras", "--data", pictures)
    assert code == 0
    assert "1 of 3 kernels of 'look' never activates on 120 samples" in " ".join(said.split())


@pytest.mark.parametrize(
    "words", [["--at", "3;4"], ["--layer", "nothing"], ["--out", "a.gif"], ["--theme", "pink"]]
)
def test_bad_use_ends_in_two_lines_and_exit_code_2(model_file, pictures, words, run_command):
    code, _, said = run_command("look", model_file, pictures / "disc" / "00.png", *words)
    assert code == 2
    assert any(line.startswith("convscope: ") for line in said.splitlines())


def test_look_needs_nothing_but_the_run(finished, pictures, tmp_path):
    """In a process of its own, from the command line."""
    words = ["look", str(finished.folder), str(pictures / "disc" / "00.png")]
    command = [sys.executable, "-c", "from convscope.cli.app import main; main()", *words]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "seen.svg")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "seen.svg").exists()


def test_a_model_that_was_never_built_is_looked_at_with_the_shape_that_is_given(tmp_path):
    layers = [keras.layers.Conv2D(3, 3, name="first"), keras.layers.GlobalAveragePooling2D()]
    with pytest.raises(UsageError, match="--input-shape"):
        convscope.look(keras.Sequential(layers), method="kernels")
    seen = convscope.look(keras.Sequential(layers), method="kernels", input_shape=(8, 8, 1))
    assert {values.shape[-1] for values in seen.arrays.values()} == {3}


def test_a_model_with_channels_first_sees_the_same_images(pictures):
    keras.utils.set_random_seed(0)
    last = keras.Sequential([keras.Input((16, 16, 1)), keras.layers.Conv2D(4, 3, name="edges")])
    first = keras.Sequential(
        [
            keras.Input((1, 16, 16)),
            keras.layers.Permute((2, 3, 1)),
            keras.layers.Conv2D(4, 3, name="edges"),
        ]
    )
    first.set_weights(last.get_weights())
    files = [pictures / "disc" / "00.png", pictures / "vertical" / "01.png"]
    expected, found = (convscope.look(model, files, layers="edges") for model in (last, first))
    for name, values in expected.arrays.items():
        other = found.arrays[name]
        last = other if other.shape == values.shape else np.moveaxis(other, 1, -1)  # as each model takes it
        np.testing.assert_allclose(last, values, atol=1e-6)
