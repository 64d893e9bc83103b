"""Classes of nodes: splits by every protocol, steps, runs put to use, and graphs too large for a step."""

import csv
import json
from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from small_graphs import karate, random_graph

import convscope
from convscope.data.splits import Splits
from convscope.errors import DataError, UsageError
from convscope.kinds.graph.batching import neighborhood, sampled_neighborhood, wiring_of
from convscope.kinds.graph.graph import FoundGraphs, Graph, NodeSamples
from convscope.kinds.graph.models import appnp, gat, gcn, sage, tag_cnn
from convscope.kinds.graph.node_classification.metrics import NodeMetrics, baselines
from convscope.kinds.graph.node_classification.reader import read_nodes, splits_of
from convscope.kinds.graph.node_classification.recipe import (
    NodeExamples,
    _check_neighbors,
    answers_by_layers,
    fit_representation,
)
from convscope.types import SPLITS, no_progress

SETTINGS = {"recipe": "node-classification", "architecture": "gcn", "epochs": 12, "seed": 0}


def blocks(count=60, classes=3, seed=0, **fields):
    """Nodes of a few classes, joined and marked mostly as others of their class."""
    rng = np.random.default_rng(seed)
    of_class = np.arange(count) % classes
    pairs = rng.integers(0, count, (count * 12, 2))
    alike = of_class[pairs[:, 0]] == of_class[pairs[:, 1]]
    kept = (alike | (rng.random(len(pairs)) < 0.1)) & (pairs[:, 0] != pairs[:, 1])
    edges = np.unique(np.sort(pairs[kept], axis=1), axis=0).astype(np.int64)
    marks = (rng.random((count, 12)) < np.where(np.arange(12) % classes == of_class[:, None], 0.5, 0.1)) * 1.0
    labels = np.array([f"class {number}" for number in of_class], object)
    names = [f"n{number}" for number in range(count)]
    return Graph(names, edges, features=marks.astype(np.float32), labels=labels, **fields)


def read(graph, protocol="given", seed=0):
    return splits_of("data", FoundGraphs([graph], "made"), protocol, seed)


def written(graph, folder, labels=True):
    folder.mkdir(parents=True)
    with (folder / "edges.csv").open("w", newline="") as file:
        rows = [[graph.names[row] for row in edge] for edge in graph.edges.tolist()]
        csv.writer(file).writerows([["source", "target"], *rows])
    with (folder / "nodes.csv").open("w", newline="") as file:
        marks = [f"m{number}" for number in range(graph.features.shape[1])]
        head = ["id", *marks, *(["label"] if labels else [])]
        rows = [
            [name, *values.tolist(), *([label] if labels else [])]
            for name, values, label in zip(graph.names, graph.features, graph.labels, strict=True)
        ]
        csv.writer(file).writerows([head, *rows])
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A finished run, to be read and not changed."""
    folder, said = tmp_path_factory.mktemp("nodes"), []
    data = written(blocks(), folder / "data")
    run = convscope.train(data, out=folder / "run", say=said.append, **SETTINGS)
    return SimpleNamespace(run=run, folder=run.folder, data=data, said=said)


def test_a_run_says_what_it_saw_and_what_simpler_methods_reach(trained):
    assert any("transductive" in line and "inductive" in line for line in trained.said)
    judged = trained.run.metrics()["test"]
    assert judged["accuracy"] > 0.6
    assert [each["name"] for each in judged["baselines"]] == [
        "logistic regression on features",
        "label spreading along edges",
    ]
    line = NodeMetrics.from_json(judged).to_line()
    assert "without the network: logistic regression on features" in line


def test_a_run_is_evaluated_again_with_the_same_figures(trained):
    again = convscope.evaluate(trained.folder)
    judged = trained.run.metrics()["test"]
    assert again.accuracy == judged["accuracy"]
    assert again.loss == pytest.approx(judged["loss"], rel=1e-5)


def test_nodes_of_another_graph_are_predicted(trained, tmp_path):
    other = blocks(count=45, seed=5)
    data = written(other, tmp_path / "other", labels=False)
    found = convscope.predict(trained.folder, [data / "nodes.csv", data / "edges.csv"]).rows
    assert [row.name for row in found] == list(other.names)
    right = np.mean([row.label == label for row, label in zip(found, other.labels.tolist(), strict=True)])
    assert right > 0.6


def test_the_splits_are_written_by_the_names_of_nodes(trained):
    with (trained.folder / "splits.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["name"] for row in rows} == set(blocks().names)


def test_splits_of_the_data_are_kept_and_nodes_in_none_are_seen_but_not_judged():
    given = np.array(["train", "validation", "test", None] * 15, object)
    made = read(blocks(splits=given))
    assert [len(made[name]) for name in SPLITS] == [15, 15, 15]
    assert any("nodes in no split: 15 of 60" in line for line in made.decisions)
    assert len(made.train.samples.graph) == 60


def test_messages_pass_both_ways_along_directed_edges_unless_said_otherwise(tmp_path):
    graph = blocks()
    edges = np.concatenate([graph.edges, graph.edges[:5, ::-1]])
    data = written(replace(graph, edges=edges), tmp_path / "data")
    made = read_nodes(data)
    assert not made.train.samples.graph.directed
    assert len(made.train.samples.graph.edges) == len(graph.edges)
    assert any("along edges in both directions" in line for line in made.decisions)
    followed = read_nodes(data, directed=True).train.samples.graph
    assert followed.directed
    assert len(followed.edges) == len(edges)


def test_nodes_without_a_label_are_never_judged():
    graph = blocks()
    labels = graph.labels.copy()
    labels[:20] = None
    made = read(replace(graph, labels=labels))
    judged = np.concatenate([made[name].samples.rows for name in SPLITS])
    assert sorted(judged.tolist()) == list(range(20, 60))


def test_classes_with_too_few_nodes_are_left_out_and_named():
    graph = blocks()
    labels = graph.labels.copy()
    labels[0] = "rare"
    made = read(replace(graph, labels=labels))
    assert "rare" not in made.class_names
    assert any("'rare' (1)" in line for line in made.warnings)


def test_shchur_draws_20_and_30_of_each_class_from_the_largest_component():
    graph = blocks(count=240)
    apart = Graph(
        [*graph.names, "x", "y"],
        np.concatenate([graph.edges, [[240, 241]]]),
        features=np.concatenate([graph.features, np.zeros((2, 12), np.float32)]),
        labels=np.append(graph.labels, ["class 0", "class 0"]),
    )
    made = read(apart, "shchur")
    assert [made.counts()[name]["class 1"] for name in SPLITS] == [20, 30, 30]
    assert "x" not in made.train.samples.graph.names
    assert any("largest component is taken: 240 of 242" in line for line in made.decisions)
    again, other = read(apart, "shchur"), read(apart, "shchur", seed=1)
    assert np.array_equal(made.test.samples.rows, again.test.samples.rows)
    assert not np.array_equal(made.test.samples.rows, other.test.samples.rows)
    whole = read(apart, "shchur", seed=None)
    assert len(whole.test) == 240


def test_planetoid_needs_enough_nodes():
    with pytest.raises(DataError, match="at least 1,500 nodes with a label besides 20 of each class"):
        read(blocks(count=240), "planetoid")
    made = read(blocks(count=1800), "planetoid")
    assert [len(made[name]) for name in SPLITS] == [60, 500, 1000]


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (replace(karate(), labels=None), "expected nodes with labels, received none"),
        (replace(karate(), labels=np.array(["one"] * 34, object)), "expected at least two classes"),
    ],
    ids=["no labels", "one class"],
)
def test_what_cannot_be_learned_is_an_error(graph, message):
    with pytest.raises(DataError, match=message):
        read(graph)


def test_several_graphs_are_an_error():
    with pytest.raises(DataError, match="expected one graph, received 2"):
        splits_of("data", FoundGraphs([karate(), karate()], "made"), "given", 0)


def test_the_fingerprint_changes_with_an_edge():
    graph = blocks()
    assert read(graph).fingerprint == read(graph).fingerprint
    assert read(graph).fingerprint != read(replace(graph, edges=graph.edges[1:])).fingerprint


def test_baselines_are_fitted_on_train_nodes_alone():
    made = read(blocks(count=120))
    found = baselines(made.test.samples, made.test.labels, made.class_names)
    assert all(each.accuracy > 0.5 for each in found)
    graph = made.test.samples.graph
    hidden = graph.labels.copy()
    hidden[made.test.samples.rows] = "class 0"
    samples = NodeSamples(replace(graph, labels=hidden), made.test.samples.rows)
    assert baselines(samples, made.test.labels, made.class_names) == found


def examples_of(splits: Splits, **options):
    represent, _ = fit_representation(splits.train, 2, **options)
    samples, labels = splits.train.samples, splits.train.labels
    return NodeExamples(represent, samples, labels, len(splits.class_names))


def test_a_step_takes_the_whole_graph_and_is_asked_for_its_nodes():
    made = read(blocks())
    examples = examples_of(made)
    inputs, targets = examples.batch(np.array([3, 1]), None)
    assert inputs["nodes"].shape == (1, 60, examples.representation.shape[1])
    assert inputs["targets"].tolist() == [made.train.samples.rows[[3, 1]].tolist()]
    assert targets.argmax(-1).tolist() == [made.train.labels[[3, 1]].tolist()]
    assert examples.is_whole


def test_drawn_neighbors_are_right_on_average_and_keep_true_degrees():
    graph, rng = random_graph(60, 400), np.random.default_rng(0)
    values = rng.normal(size=(60, 3))
    exact = (wiring_of(graph).adjacency @ values)[:5]
    found = []
    for _ in range(600):
        part = sampled_neighborhood(graph, np.arange(5), [4], rng)
        found.append((part.wiring.adjacency @ values[part.rows])[:5])
        assert np.diff(part.wiring.adjacency.indptr).max() <= 4
    assert np.abs(np.mean(found, axis=0) - exact).max() < 1.2
    assert np.array_equal(part.wiring.degrees, wiring_of(graph).degrees[part.rows])
    whole = sampled_neighborhood(graph, np.arange(5), [60, 60], rng)
    same = neighborhood(graph, np.arange(5), 2)
    assert np.array_equal(whole.rows, same.rows)
    assert np.allclose(whole.wiring.adjacency.toarray(), same.wiring.adjacency.toarray())


def test_neighbors_are_drawn_hop_by_hop_and_alike_for_validation():
    examples = examples_of(read(blocks(count=120)), neighbors=(3, 2))
    first, second = (examples.batch(np.arange(4), None)[0] for _ in range(2))
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert first["targets"].tolist() == [[0, 1, 2, 3]]
    assert not examples.is_whole
    with pytest.raises(UsageError, match="one for each of 2 hops"):
        _check_neighbors(examples_of(read(blocks()), neighbors=(3, 2, 2)).representation)
    with pytest.raises(UsageError, match="would draw up to 1,000,000 nodes"):
        _check_neighbors(examples_of(read(blocks()), neighbors=(1000,)).representation)


@pytest.mark.parametrize("make", [gcn, sage, gat, tag_cnn, appnp], ids=lambda make: make.__name__)
def test_layer_by_layer_and_node_by_node_the_answers_are_those_of_the_whole_graph(make):
    keras.utils.set_random_seed(0)
    graph = random_graph(70, 120, features=np.random.default_rng(0).normal(size=(70, 5)).astype(np.float32))
    samples = NodeSamples(replace(graph, labels=np.array(["a", "b"] * 35, object)), np.array([60, 3, 3, 41]))
    splits = read(samples.graph)
    hops = 10 if make is appnp else 6 if make is tag_cnn else 2
    represent, _ = fit_representation(splits.train, hops)
    model = make(represent.shape, 3, table_width=represent.table_width, hops=hops)
    batch = {**represent.whole(samples.graph), "targets": samples.rows[None].astype(np.int32)}
    whole = np.asarray(model.predict_on_batch(batch))[0]
    layered = answers_by_layers(model, represent, samples, no_progress, chunk=40)
    assert np.allclose(layered, whole, atol=1e-5)
    alone = represent.encode(samples).take(np.arange(len(samples)))
    assert np.allclose(np.asarray(model.predict_on_batch(alone))[:, 0], whole, atol=1e-5)


def test_a_representation_is_saved_as_plain_values():
    represent, _ = fit_representation(read(blocks()).train, 2)
    saved = json.loads(json.dumps(represent.to_json()))
    again = type(represent).from_json(saved)
    assert again.shape == represent.shape
    assert again.to_json() == represent.to_json()
    example = again.example(3)
    assert {len(each) for each in example.values()} == {3}


def test_too_few_nodes_of_each_class_are_told_with_their_number(tmp_path):
    (tmp_path / "edges.csv").write_text("source,target\na,b\nb,c\nc,d\nd,a\n")
    (tmp_path / "nodes.csv").write_text("id,label\na,x\nb,y\nc,z\nd,x\n")
    with pytest.raises(
        DataError, match=r"at least 3 nodes of a class.*4 nodes with a label: 'x' \(2\)"
    ) as caught:
        read_nodes(tmp_path)
    assert "--recipe node-clustering" in caught.value.hint
