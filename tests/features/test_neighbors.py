"""The nearest samples are those that comparing with every row gives, for files and for rows."""

import csv
import io
import json

import numpy as np
import pytest
from drawn import THEMES, assert_tidy, pixels, texts
from PIL import Image
from sklearn.metrics import pairwise_distances

import convscope
from convscope.errors import DataError, RunError, UsageError
from convscope.features.neighbors import nearest
from convscope.lenses.figures.neighbors import Card, draw_neighbors
from convscope.lenses.views.plain import plain_sample


def blocks(rows, size):
    return [(start, rows[start : start + size]) for start in range(0, len(rows), size)]


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("size", [1, 7, 100])
def test_the_nearest_rows_are_those_of_scikit_learn(metric, size):
    random = np.random.default_rng(0)
    rows, queries = random.normal(2, 1, (100, 6)), random.normal(2, 1, (5, 6))
    found, distances = nearest(blocks(rows, size), queries, 10, metric, np.full(5, -1))
    expected = pairwise_distances(queries, rows, metric=metric)
    order = np.argsort(expected, axis=1, kind="stable")[:, :10]
    np.testing.assert_array_equal(found, order)
    np.testing.assert_allclose(distances, np.take_along_axis(expected, order, 1), atol=1e-12)


def test_equal_distances_are_ordered_by_row_and_nearly_equal_ones_are_exact():
    rows = np.full((4, 3), 1000.0)
    rows[2] += 1e-5
    found, distances = nearest(blocks(rows, 2), rows[:1], 4, "euclidean", np.array([-1]))
    assert found.tolist() == [[0, 1, 3, 2]]
    np.testing.assert_allclose(distances[0, 3], np.sqrt(3) * 1e-5, rtol=1e-6)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_rows_that_are_no_numbers_come_last_and_zeros_are_far_from_all(metric):
    rows = np.array([[np.nan, 1], [0, 0], [1, 0], [np.inf, 0]])
    found, distances = nearest(blocks(rows, 4), np.array([[2.0, 0.0]]), 4, metric, np.array([-1]))
    assert found[0, :2].tolist() == [2, 1]
    assert np.isfinite(distances[0]).tolist() == [True, True, False, False]
    assert metric == "euclidean" or distances[0, 1] == 1


def test_a_row_is_not_its_own_neighbor_and_a_file_finds_itself(everything):
    path = everything.columns().paths[30]
    found = convscope.neighbors(everything, ["id:30", path], layer="block2_conv", count=4)
    row, file = found.found
    assert [query.name for query in found.queries] == ["id:30", path]
    assert 30 not in [each.id for each in row]
    assert file[0].id == 30
    assert file[0].distance < 1e-6
    assert [each.id for each in file[1:]] == [each.id for each in row[:3]]
    assert file[0].label == "disc"
    assert found.queries[1].prediction == everything.columns().predictions[30]
    matrix = everything.matrix("block2_conv")
    expected = pairwise_distances(matrix[30:31], matrix, metric="cosine")[0]
    expected[30] = np.inf
    assert {each.id for each in row} == set(np.argsort(expected)[:4].tolist())


def test_more_neighbors_than_samples_are_all_samples(made):
    features = made({"a": np.eye(3)})
    found = convscope.neighbors(features.path, "id:0", count=10, metric="euclidean")
    assert [each.id for each in found.found[0]] == [1, 2]
    np.testing.assert_allclose([each.distance for each in found.found[0]], np.sqrt(2))


def test_series_are_asked_for_as_arrays(tmp_path):
    series = np.random.default_rng(0).normal(0, 1, (12, 20)).astype(np.float32)
    np.save(tmp_path / "all.npy", series)
    np.save(tmp_path / "two.npy", series[[4, 9]])
    features = convscope.extract(
        "random_convolution(kernels=6)", tmp_path / "all.npy", out=tmp_path / "f", precision="float32"
    )
    found = convscope.neighbors(features, tmp_path / "two.npy", count=2)
    assert [near[0].id for near in found.found] == [4, 9]
    assert_tidy(found.draw())


@pytest.mark.parametrize("theme", THEMES)
def test_the_picture_shows_inputs_labels_and_distances(everything, theme):
    near = convscope.neighbors(everything, ["id:3", "id:60"], layer="block1_conv", count=9)
    figure = near.draw(theme)
    assert_tidy(figure)
    assert {"id:3", "id:60", "disc"} <= set(texts(figure))
    assert len([each for each in figure.axes[0].images if each.get_gid() == "input"]) == 20
    pixels(figure)


def test_a_neighbor_of_another_class_is_marked():
    sample = plain_sample(np.zeros((4, 4, 1), np.uint8))
    line = plain_sample(np.zeros((9, 2), np.float32))
    cards = [Card(sample, "cat", ("0.1", "id 1")), Card(None, "dog", ("0.2",), True), Card(line, "x" * 99)]
    figure = draw_neighbors([(Card(sample, "cat"), cards), (Card(None), cards * 9)], lead="By distance")
    assert_tidy(figure)
    colors = {text.get_text(): text.get_color() for text in figure.axes[0].texts}
    assert colors["dog"] != colors["cat"]
    lead = " ".join(texts(figure))
    assert "another class than the input" in lead
    assert "can no longer be read" in lead


def test_numbers_do_not_need_the_files_any_more(model_file, own_pictures, tmp_path):
    features = convscope.extract(model_file, own_pictures, out=tmp_path / "f", precision="float32")
    (own_pictures / "disc" / "01.png").unlink()
    found = convscope.neighbors(features, "id:0", count=119)
    assert len(found.found[0]) == 119
    figure = found.draw()
    assert len([each for each in figure.axes[0].images if each.get_gid() == "input"]) == 119


def test_rows_of_a_table_are_drawn_too(model_file, tmp_path):
    random = np.random.default_rng(0)
    x, y = random.integers(0, 256, (30, 16, 16), np.uint8), np.arange(30) % 3
    np.savez(tmp_path / "data.npz", x_train=x, y_train=y)
    features = convscope.extract(model_file, tmp_path / "data.npz", out=tmp_path / "f", precision="float32")
    found = convscope.neighbors(features, "id:5", count=3)
    figure = found.draw()
    assert len([each for each in figure.axes[0].images if each.get_gid() == "input"]) == 4


def test_a_row_is_found_by_the_name_of_its_sample(everything):
    name = everything.columns().paths[7]
    (query,) = convscope.neighbors(everything, f"name:{name}", layer="block1_conv", count=2).queries
    assert (query.id, query.name) == (7, f"name:{name}")
    with pytest.raises(UsageError, match="no sample of the name 'nobody'"):
        convscope.neighbors(everything, "name:nobody", layer="block1_conv")


@pytest.mark.parametrize("ending", [".png", ".html", ".csv", ".json"])
def test_the_command_writes_what_the_ending_says(run_command, everything, ending):
    path = everything.columns().paths[0]
    asked = ("neighbors", everything.path, "id:1", path, "--layer", "block2_conv", "--count", "2")
    code, out, err = run_command(*asked, "--out", f"near{ending}", "--format", "csv")
    assert code == 0, err
    assert f"Wrote near{ending}." in err
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["query"] for row in rows] == ["id:1"] * 2 + [path] * 2
    assert [row["rank"] for row in rows] == ["1", "2"] * 2


def test_the_command_prints_a_table_or_a_line_of_json_per_input(run_command, everything):
    asked = ("neighbors", everything.path, "id:1", "id:2", "--layer", "block2_conv", "--metric", "euclidean")
    code, out, _ = run_command(*asked)
    assert code == 0
    for text in ("id:1  disc", "distance", "label", "disc"):
        assert text in out
    lines = [json.loads(line) for line in run_command(*asked, "--format", "jsonl")[1].splitlines()]
    assert [line["query"] for line in lines] == ["id:1", "id:2"]
    assert {line["metric"] for line in lines} == {"euclidean"}
    assert len(lines[0]["neighbors"]) == 5


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (["id:120", "--layer", "flatten"], "has no row '120'"),
        (["id:x", "--layer", "flatten"], "has no row 'x'"),
        (["id:1", "--layer", "nothing"], "no layer 'nothing'"),
        (["id:1", "--layer", "flatten", "--count", "0"], "must be at least 1"),
        (["id:1", "--out", "near.gif"], "'near.gif' has an unknown ending"),
        ([], "no inputs to compare with"),
        (["nothing.png", "--layer", "flatten"], "no such file"),
    ],
)
def test_a_mistake_is_answered_in_two_lines(run_command, everything, asked, message):
    pytest.importorskip("pydantic")  # which the reader of command lines uses where it is imported
    code, out, err = run_command("neighbors", everything.path, *asked)
    assert code in (1, 2)
    assert out == ""
    assert message in err
    assert "Traceback" not in err


def test_another_model_is_refused_and_a_damaged_picture_too(everything, model_file, tmp_path):
    path = everything.columns().paths[0]
    with pytest.raises(RunError, match="is not the one"):
        convscope.neighbors(everything, path, layer="flatten", model=model_file)
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n")
    with pytest.raises(DataError):
        convscope.neighbors(everything, tmp_path / "bad.png", layer="flatten")
    with pytest.raises(UsageError, match="No metric is named 'manhattan'"):
        convscope.neighbors(everything, "id:0", layer="flatten", metric="manhattan")


def test_without_the_engine_of_the_features_keras_computes_and_says_so(everything, monkeypatch):
    from convscope.engine.inference import feature_choice
    from convscope.errors import BackendError

    path = everything.columns().paths[8]
    real = feature_choice.settled_runner

    def without_openvino(question, report):
        if report.engine == "openvino":
            raise BackendError("OpenVINO is not installed")
        return real(question, report)

    monkeypatch.setattr("convscope.engine.inference.features.settled_runner", without_openvino)
    found = convscope.neighbors(everything, path, layer="block2_conv", count=1)
    assert found.found[0][0].id == 8
    if everything.metadata["engine"]["engine"] == "openvino":
        assert any("Keras computes the inputs" in note for note in found.notes)


def test_color_pictures_of_another_size_are_brought_to_the_model(model_file, pictures, tmp_path):
    features = convscope.extract(model_file, pictures, out=tmp_path / "f", precision="float32")
    with Image.open(features.columns().paths[50]) as picture:
        picture.resize((64, 64), Image.Resampling.NEAREST).convert("RGB").save(tmp_path / "large.png")
    found = convscope.neighbors(features, tmp_path / "large.png", count=5)
    assert {each.label for each in found.found[0]} == {"horizontal"}


def test_whole_maps_are_compared_value_by_value(model_file, pictures, tmp_path):
    features = convscope.extract(
        model_file, pictures, pool="none", out=tmp_path / "maps", precision="float32"
    )
    path = features.columns().paths[17]
    found = convscope.neighbors(features.path, ["id:5", path], count=3, metric="euclidean")
    matrix = features.matrix()
    expected = np.sort(pairwise_distances(matrix[5:6], matrix)[0])[1:4]
    np.testing.assert_allclose([each.distance for each in found.found[0]], expected, rtol=1e-4)
    assert found.found[1][0].id == 17
