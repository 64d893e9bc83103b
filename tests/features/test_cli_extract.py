"""The command: what it says, what it writes, and what it answers to a mistake."""

import numpy as np
import pytest

import convscope


def test_a_run_is_extracted_and_everything_is_said(run_command, finished, pictures, tmp_path):
    words = ("--out", "f.parquet", "--layer", "last")
    code, out, err = run_command("extract", finished.folder, pictures, *words)
    assert code == 0, err
    assert out == ""
    features = convscope.open_features(tmp_path / "here" / "f.parquet")
    layer = features.layers[0]
    for line in (
        f"the run {finished.folder}",
        "120 samples; folder per class: 3 class folders",
        f"splits are those that {finished.folder} was trained with",
        f"layer {layer}: the last convolution",
        "cosine to Keras at least",
        f"f.parquet has 120 rows: {layer} {features.matrix().shape[1]}.",
    ):
        assert line in err


def test_every_option_reaches_the_features(run_command, model_file, pictures, tmp_path):
    options = [
        "--layer",
        "edges",
        "--layer",
        "shapes",
        "--pool",
        "max",
        "--dtype",
        "float16",
        "--split",
        "test",
    ]
    more = ["--precision", "float32", "--no-predictions", "--part-size", "5", "--value-range", "-1..1"]
    code, _, err = run_command("extract", model_file, pictures, "--out", "out", *options, *more)
    assert code == 0, err
    metadata = convscope.open_features(tmp_path / "here" / "out").metadata
    assert [each["layer"] for each in metadata["layers"]] == ["edges", "shapes"]
    expected = {
        "pool": "max",
        "dtype": "float16",
        "precision": "float32",
        "predictions": False,
        "part_size": 5,
    }
    assert {name: metadata[name] for name in expected} == expected
    assert metadata["data"]["splits"] == ["test"]
    assert metadata["reading"]["value_range"] == "-1..1"
    assert len(list((tmp_path / "here" / "out").iterdir())) == 3


def test_several_files_are_taken_in_the_order_given(run_command, model_file, pictures, tmp_path):
    files = [pictures / "vertical" / "03.png", pictures / "disc" / "01.png"]
    code, _, err = run_command("extract", model_file, *files, "--out", "out")
    assert code == 0, err
    assert convscope.open_features(tmp_path / "here" / "out").columns().paths == list(map(str, files))


def test_an_interrupted_command_says_how_to_go_on(run_command, model_file, pictures, tmp_path, monkeypatch):
    from convscope.features import extract

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(extract, "extract_parts", interrupted)
        code, _, err = run_command("extract", model_file, pictures, "--out", "out")
    assert code == 130
    assert "the same command with --resume" in err
    code, _, err = run_command("extract", model_file, pictures, "--out", "out", "--resume")
    assert code == 0, err
    assert np.isfinite(convscope.open_features(tmp_path / "here" / "out").matrix()).all()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nothing.keras", "{data}", "--out", "out"], 2, "there is no such file"),
        (["{model}", "--out", "out"], 2, "no data to extract features from"),
        (["{model}", "{data}"], 2, "--out"),
        (["{model}", "{data}/nowhere", "--out", "out"], 1, "no such file or folder"),
        (["{model}", "{data}", "--out", "out", "--pool", "median"], 2, "median"),
        (["{model}", "{data}", "--out", "out", "--layer", "edge"], 2, "Did you mean edges?"),
        (["{model}", "{data}", "--out", "{data}"], 2, "exists and holds no features"),
        (["{model}", "{data}", "--out", "/proc/out"], 1, "cannot be written"),
    ],
)
def test_a_mistake_is_answered_in_two_lines(run_command, model_file, pictures, arguments, code, said):
    arguments = [each.format(model=model_file, data=pictures) for each in arguments]
    received, out, err = run_command("extract", *arguments)
    assert (received, out) == (code, "")
    assert said in err
    assert "Traceback" not in err
