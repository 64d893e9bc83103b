"""What the page is told equals what scope computes, and what the command line says."""

import json
from itertools import pairwise
from math import prod

import keras
import numpy as np
import pytest
from opened_studio import array_of, json_of

import convscope
from convscope.scope.attribution.methods import attribute
from convscope.scope.channels.kernels import kernels
from convscope.scope.geometry.geometry import geometries
from convscope.scope.graph.graph import trace
from convscope.scope.record import record

TAKEN_APART = ("Conv2D", "MaxPooling2D", "Dense")


@pytest.fixture(scope="module")
def model(finished):
    convscope.register_layers()
    return keras.models.load_model(finished.folder / "model.keras")


@pytest.fixture(scope="module")
def sample(client):
    return json_of(client.get("api/samples?split=test&count=1"))["rows"][0]


@pytest.fixture(scope="module")
def x(client, sample):
    return array_of(client.get(f"api/samples/{sample['id']}/input.npy"))[None]


@pytest.fixture(scope="module")
def recording(model, x):
    return record(model, x)


def test_the_state_tells_what_there_is(client, finished):
    state = json_of(client.get("api/state"))
    assert [each["name"] for each in state["models"]] == [finished.folder.name]
    assert state["models"][0]["classes"] == list(finished.record()["class_names"])
    assert state["models"][0]["complete"] is True
    assert set(state["data"]["splits"]) <= {"train", "validation", "test"}


def test_layers_have_the_shapes_and_parameters_of_the_model(layers, model):
    for layer in model.layers:
        assert layers[layer.name]["parameters"] == layer.count_params()
        assert layers[layer.name]["shape"] == list(layer.output.shape[1:])
    rows = list(layers.values())
    assert [row["id"] for row in rows] == [str(number) for number in range(len(rows))]
    for before, row in pairwise(rows):
        assert row["inputs"] == [before["id"]]  # a chain


def test_maps_are_what_the_layers_put_out(client, layers, sample, recording):
    for name, row in layers.items():
        path = f"api/models/0/samples/{sample['id']}/layers/{row['id']}"
        expected = np.moveaxis(recording[name].array[0], -1, 0)
        np.testing.assert_allclose(
            array_of(client.get(f"{path}/maps.npy?exact=1")), expected, rtol=1e-4, atol=1e-5
        )
        steps, facts = array_of(client.get(f"{path}/maps.npy")), json_of(client.get(f"{path}/maps.json"))
        assert steps.dtype == np.uint8
        flat = steps.reshape(len(steps), -1)
        low, high = np.array(facts["minimum"])[:, None], np.array(facts["maximum"])[:, None]
        off = np.abs(low + flat / 255 * (high - low) - expected.reshape(len(expected), -1))
        assert np.all(off <= (high - low) / 500 + 1e-5)


def test_a_sum_is_the_sum_of_its_products(client, layers, sample, recording, model):
    seen = 0
    for name, row in layers.items():
        if row["type"] not in TAKEN_APART:
            continue
        at = [size // 2 for size in row["spatial"]]
        path = f"api/models/0/samples/{sample['id']}/layers/{row['id']}/position"
        found = json_of(client.get(f"{path}?channel=1&at={','.join(map(str, at))}"))
        patch, kernel, products = (np.array(found[key]) for key in ("patch", "kernel", "products"))
        np.testing.assert_allclose(products, patch * kernel, rtol=1e-6, atol=1e-12)
        assert found["sum"] == pytest.approx(products.sum(), abs=1e-6)
        assert found["before"] == found["sum"] + found["bias"]
        assert found["value"] == pytest.approx(recording[name].array[(0, *at, 1)], rel=1e-3, abs=1e-5)
        assert sum(each["product"] for each in found["top"]) + found["rest"] == pytest.approx(found["sum"])
        assert prod(found["shape"]) == products.size
        seen += 1
    assert seen >= 3


def test_a_convolution_is_taken_apart_as_numpy_does(client, layers, sample, recording, model):
    first = next(layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D))
    number = [layer.name for layer in model.layers].index(first.name)
    inputs = recording[model.layers[number - 1].name].array[0] if number else None
    inputs = inputs if inputs is not None else array_of(client.get(f"api/samples/{sample['id']}/input.npy"))
    path = f"api/models/0/samples/{sample['id']}/layers/{layers[first.name]['id']}/position"
    found = json_of(client.get(f"{path}?channel=2&at=3,4"))
    weights, bias = (np.asarray(each) for each in first.get_weights())
    height, width = weights.shape[:2]
    patch = inputs[3 : 3 + height, 4 : 4 + width] if first.padding == "valid" else None
    if patch is None:
        padded = np.pad(inputs, ((height // 2, height // 2), (width // 2, width // 2), (0, 0)))
        patch = padded[3 : 3 + height, 4 : 4 + width]
    np.testing.assert_allclose(np.array(found["patch"]), patch.ravel(), atol=1e-6)
    total = float((patch.astype(np.float64) * weights[..., 2]).sum()) + float(bias[2])
    assert found["before"] == pytest.approx(total, abs=1e-5)
    assert found["value"] == pytest.approx(max(total, 0), abs=1e-5)


def test_fields_are_those_of_the_geometry(client, layers, sample, model):
    where = geometries(trace(model))
    for name, row in layers.items():
        path = f"api/models/0/samples/{sample['id']}/layers/{row['id']}/field"
        found = json_of(client.get(path))
        at = [size // 3 for size in row["spatial"]]
        fields = []
        for axis in found["axes"]:
            place = 0 if axis["whole"] or axis["axis"] is None else at[axis["axis"]]
            fields.append((axis["starts"][place], axis["stops"][place]))
        assert found["known"] == where[name].known
        assert tuple(fields) == where[name].window(at), name


def test_the_prediction_is_that_of_the_command_line(client, sample, finished, pictures):
    found = json_of(client.get(f"api/models/0/samples/{sample['id']}/prediction"))
    expected = convscope.predict(finished.folder, [pictures / sample["name"]]).rows[0].to_json()
    assert found["classes"][found["predicted"]] == expected["label"]
    assert found["probabilities"] == pytest.approx(list(expected["probabilities"].values()), abs=1e-5)
    assert found["label"] == sample["label"]


def test_the_confusion_is_that_of_the_report(client, finished):
    found = json_of(client.get("api/models/0/confusion"))
    matrix = np.array(found["matrix"])
    metrics = json.loads((finished.folder / "metrics.json").read_text("utf-8"))["test"]
    assert np.trace(matrix) / matrix.sum() == pytest.approx(metrics["accuracy"])
    assert found["split"] == "test"
    for label in range(len(matrix)):
        for predicted in range(len(matrix)):
            query = f"api/samples?split=test&label={label}&predicted={predicted}"
            assert json_of(client.get(query))["total"] == matrix[label, predicted]
    wrong = json_of(client.get("api/samples?split=test&mistake=1"))
    assert wrong["total"] == matrix.sum() - np.trace(matrix)
    assert all(row["label"] != row["predicted"] for row in wrong["rows"])


def test_samples_are_found_by_how_sure_the_model_is(client):
    every = json_of(client.get("api/samples?count=5000&predict=1"))["rows"]
    low, high = np.quantile([row["confidence"] for row in every], [0.25, 0.75])
    found = json_of(client.get("api/samples", params={"count": 5000, "low": low, "high": high}))
    expected = [row["id"] for row in every if low <= row["confidence"] <= high]
    assert [row["id"] for row in found["rows"]] == expected
    assert 0 < found["total"] == len(expected) < len(every)


def test_samples_are_found_by_a_part_of_their_name(client, sample):
    found = json_of(client.get("api/samples", params={"text": sample["name"].upper()}))
    assert [row["id"] for row in found["rows"]] == [sample["id"]]
    everything = json_of(client.get("api/samples?count=0"))
    assert everything["rows"] == []
    assert everything["total"] > 1


def test_attributions_are_those_of_scope(client, sample, model, x):
    for method in ("grad-cam", "saliency"):
        query = f"?method={method}&class=1"
        found = array_of(client.get(f"api/models/0/samples/{sample['id']}/why.npy{query}"))
        expected = attribute(model, x, method, target=1)[0]
        np.testing.assert_allclose(found, expected.values, rtol=1e-3, atol=1e-5)
        facts = json_of(client.get(f"api/models/0/samples/{sample['id']}/why.json{query}"))
        assert facts["class"] == 1
        predicted = json_of(client.get(f"api/models/0/samples/{sample['id']}/prediction"))
        assert facts["score"] == predicted["probabilities"][1]  # calibrated, as the prediction beside it
        assert facts["model_output"] == pytest.approx(expected.score, abs=1e-5)
        assert facts["layer"] == expected.path


def test_kernels_and_what_excites_them_are_those_of_scope(client, layers, model):
    name = next(name for name, row in layers.items() if row["type"] == "Conv2D")
    path = f"api/models/0/layers/{layers[name]['id']}"
    np.testing.assert_array_equal(array_of(client.get(f"{path}/kernels.npy")), kernels(model, name).weights)
    found = json_of(client.get(f"{path}/channels/0/patches"))["patches"]
    assert found == sorted(found, key=lambda each: -each["value"])
    best = found[0]
    path = f"api/models/0/samples/{best['sample']}/layers/{layers[name]['id']}/maps.npy?exact=1"
    plane = array_of(client.get(path))[0]
    assert plane[tuple(best["at"])] == pytest.approx(best["value"], rel=1e-4)
    assert plane.max() == pytest.approx(best["value"], rel=1e-4)


def test_the_history_is_that_of_the_run(client, finished):
    found = json_of(client.get("api/models/0/history"))
    rows = (finished.folder / "history.csv").read_text("utf-8").splitlines()
    assert len(found["epochs"]) == len(rows) - 1
    assert found["running"] is False
    assert set(found["series"]) == set(rows[0].split(",")) - {"epoch"}
    with client.stream("GET", "api/events?m=0") as stream:
        first = next(line for line in stream.iter_lines() if line.startswith("data: "))
    assert json.loads(first.removeprefix("data: ")) == found


def test_points_of_a_plane_and_neighbors(client, layers):
    name = next(name for name, row in layers.items() if row["type"] == "Dense")
    path = f"api/models/0/layers/{layers[name]['id']}"
    facts = json_of(client.get(f"{path}/projection.json"))
    points = array_of(client.get(f"{path}/projection.npy"))
    assert points.shape == (len(facts["ids"]), 2)
    assert len(facts["labels"]) == len(facts["predicted"]) == len(facts["ids"])
    near = json_of(client.get(f"{path}/neighbors?s={facts['ids'][0]}&count=3"))["neighbors"]
    assert len(near) == 3
    assert near == sorted(near, key=lambda each: -each["similarity"])
    assert facts["ids"][0] not in [each["sample"] for each in near]


@pytest.mark.slow  # another process imports what places points
def test_how_many_samples_a_slow_method_places_is_said(client, layers):
    number = next(row["id"] for row in layers.values() if row["type"] == "Dense")
    found = json_of(client.get(f"api/models/0/layers/{number}/projection.json?method=tsne&most=30"))
    assert len(found["ids"]) == 30
    assert found["note"] == "t-SNE of 30 of 120 samples, evenly chosen."


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=5-9", 206, slice(5, 10)),
        ("bytes=5-", 206, slice(5, None)),
        ("bytes=-7", 206, slice(-7, None)),
        ("bytes=0-999999", 206, slice(None)),
        ("bytes=-", 200, slice(None)),
        ("bytes=1-2,4-5", 200, slice(None)),
        ("bytes=999999-", 416, slice(0)),
        ("bytes=9-5", 416, slice(0)),
    ],
)
def test_a_part_of_an_original_is_given_to_players(client, sample, asked, status, part):
    path = f"api/samples/{sample['id']}/original"
    whole = client.get(path)
    assert whole.headers["accept-ranges"] == "bytes"
    found = client.get(path, headers={"Range": asked})
    assert found.status_code == status
    assert found.content == whole.content[part]
    if status == 206:
        start, stop, _ = part.indices(len(whole.content))
        assert found.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(whole.content)}"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("api/models/7/layers", 404),
        ("api/models/..%2f..%2fetc/layers", 404),
        ("api/samples/99999999/input.npy", 404),
        ("api/samples/-1/input.npy", 404),
        ("api/samples/%2e%2e%2fx/original", 404),
        ("api/samples?count=many", 422),
        ("api/samples?mistake=2", 422),
        ("api/samples?low=nan", 422),
        ("api/models/0/samples/0/layers/999/maps.npy", 404),
        ("api/models/0/samples/0/layers/1/position?at=1,x", 422),
        ("api/models/0/samples/0/layers/1/position?channel=1e9", 422),
        ("api/models/0/samples/0/layers/0/maps.npy?exact=5", 422),
        ("api/models/0/samples/0/why.npy?method=astrology", 422),
        ("api/models/0/samples/0/why.npy?class=99", 422),
        ("api/models/0/layers/0/projection.json?method=magic", 422),
        ("api/samples/0/input.npy?name=nothing", 404),
        ("kinds/image/../../session.py", 404),
        ("kinds/image/view.py", 404),
        ("static/../session.py", 404),
        ("static/%2e%2e/session.py", 404),
    ],
)
def test_what_is_not_there_is_told_in_json(client, path, status):
    answer = client.get(path)
    assert answer.status_code == status
    if "static" not in path:
        assert answer.json()["error"]


def test_an_answer_is_kept_only_where_the_address_names_the_session(client, studio):
    path = "api/models/0/layers"
    assert client.get(path).headers["cache-control"] == "no-store"
    assert "immutable" in client.get(f"{path}?v={studio.session.version}").headers["cache-control"]
    assert client.get(f"{path}?v=other").headers["cache-control"] == "no-store"


def test_what_is_kept_does_not_grow(client, studio, layers):
    for number in range(80):
        json_of(client.get(f"api/models/0/samples/{number % 20}/layers/0/maps.json"))
    assert len(studio.session._observed) <= 64
    assert studio.session.kept_bytes <= 512 * 2**20
