"""Classification of whole graphs: collections, folds, padded batches, and a classifier without edges."""

import networkx as nx
import numpy as np
import pytest

from convscope.data.folds import Fold, take_fold
from convscope.data.snapshot import DataSnapshot
from convscope.data.splits import Split
from convscope.errors import DataError
from convscope.kinds.contract.recipe import Fitted
from convscope.kinds.graph.detect import detect
from convscope.kinds.graph.features import NodeFeatures
from convscope.kinds.graph.graph import Graph, GraphSamples
from convscope.kinds.graph.graph_classification.reader import read_graph_inputs, read_whole_graphs
from convscope.kinds.graph.graph_classification.recipe import RECIPE, GraphMetrics
from convscope.kinds.graph.graph_classification.representation import (
    WholeGraphRepresentation,
    WithoutEdges,
    hops_that_join,
)
from convscope.types import no_progress


def graphs(count=24, seed=0):
    """Rings and stars of differing sizes."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        nodes = int(rng.integers(5, 12))
        found = nx.cycle_graph(nodes) if number % 2 else nx.star_graph(nodes - 1)
        edges = np.array(list(found.edges), np.int64)
        label = "ring" if number % 2 else "star"
        made.append(Graph([str(node) for node in range(nodes)], edges, label=label, name=f"g{number}"))
    return made


def written(folder, made, folds=()):
    """In the form of TU."""
    folder.mkdir(exist_ok=True)
    arcs, owner, start = [], [], 1
    for number, graph in enumerate(made, 1):
        arcs += [(a + start, b + start) for a, b in graph.edges.tolist()]
        arcs += [(b + start, a + start) for a, b in graph.edges.tolist()]
        owner += [number] * len(graph)
        start += len(graph)
    (folder / "T_A.txt").write_text("".join(f"{a}, {b}\n" for a, b in arcs))
    (folder / "T_graph_indicator.txt").write_text("".join(f"{each}\n" for each in owner))
    labels = {"ring": 1, "star": 2}
    (folder / "T_graph_labels.txt").write_text("".join(f"{labels[graph.label]}\n" for graph in made))
    if folds:
        (folder / "10fold_idx").mkdir()
        for number, rows in enumerate(folds, 1):
            (folder / "10fold_idx" / f"test_idx-{number}.txt").write_text("".join(f"{row}\n" for row in rows))
    return folder


def test_a_collection_is_read_with_classes_and_splits(tmp_path):
    splits = read_whole_graphs(written(tmp_path / "t", graphs()))
    assert splits.class_names == ("1", "2")
    parts = [splits[name].samples for name in ("train", "validation", "test")]
    assert sum(map(len, parts)) == 24
    assert all(graph.label in ("1", "2") for part in parts for graph in part.graphs)
    assert len(read_graph_inputs([str(tmp_path / "t")])) == 24


def test_identical_graphs_stay_in_one_split(tmp_path):
    splits = read_whole_graphs(written(tmp_path / "t", graphs(40)))
    shapes = [
        {(len(graph), graph.label) for graph in splits[name].samples.graphs}
        for name in ("train", "validation", "test")
    ]
    assert not shapes[0] & shapes[2]
    assert not shapes[0] & shapes[1]


def test_folds_are_those_of_the_data_where_it_has_as_many_and_else_drawn(tmp_path):
    made = graphs()
    given = [list(range(start, 24, 4)) for start in range(4)]
    splits = read_whole_graphs(written(tmp_path / "t", made, given))
    for number, rows in enumerate(given, 1):
        fold = take_fold("t", splits, Fold(number, 4), seed=0)
        assert fold.test.names() == [f"T {row + 1}" for row in rows]
        assert any("as the data divides them" in line for line in fold.decisions)
    drawn = take_fold("t", splits, Fold(1, 3), seed=0)
    assert any("drawn with seed 0" in line for line in drawn.decisions)


def in_folders(root, made):
    for graph in made:
        folder = root / graph.label
        folder.mkdir(parents=True, exist_ok=True)
        found = nx.Graph(graph.edges.tolist())
        nx.set_node_attributes(found, {node: "CO"[node % 2] for node in found}, "atom")
        nx.write_graphml(found, folder / f"{graph.name}.graphml")
    return root


def test_a_folder_of_documents_for_each_class_is_a_collection(tmp_path):
    root = in_folders(tmp_path / "t", graphs())
    found = detect(DataSnapshot(root))
    assert (found.recipe, "in a folder per class" in found.reason) == ("graph-classification", True)
    splits = read_whole_graphs(root)
    assert splits.class_names == ("ring", "star")
    samples = splits.train.samples
    assert all(samples.key(row).startswith(graph.label) for row, graph in enumerate(samples.graphs))
    features, _ = NodeFeatures.fit(samples.graphs)
    assert features.names == ("atom is C", "atom is O")
    new = in_folders(tmp_path / "new", graphs(1)) / "star" / "g0.graphml"
    new.write_text(new.read_text().replace(">O<", ">N<"))
    asked = read_graph_inputs([str(new)])
    assert features.encode(asked.graphs[0])[:2].tolist() == [[1, 0], [0, 0]]


def test_graphs_without_classes_are_refused(tmp_path):
    folder = written(tmp_path / "t", graphs())
    (folder / "T_graph_labels.txt").unlink()
    with pytest.raises(DataError, match="expected a class of each graph"):
        read_whole_graphs(folder)


@pytest.fixture(scope="module")
def represented():
    made = graphs()
    labels = np.array([int(graph.label == "star") for graph in made], np.int64)
    split = Split(GraphSamples(made), labels)
    return split, WholeGraphRepresentation.fit(split)[0]


def test_batches_are_padded_to_the_largest_graph_and_say_which_nodes_are_there(represented):
    split, representation = represented
    encoded = representation.encode(split.samples)
    assert len(set(encoded.lengths.tolist())) == 1  # batches are drawn at random
    order = np.argsort([len(graph) for graph in split.samples.graphs])
    small, large = encoded.take(order[:4]), encoded.take(order[-4:])
    assert small["nodes"].shape[1] < large["nodes"].shape[1]
    counts = [len(graph) for graph in split.samples.graphs]
    assert large["members"].sum(axis=1).tolist() == [counts[row] for row in order[-4:]]
    assert representation.example(3)["members"].shape[0] == 3
    again = WholeGraphRepresentation.from_json(representation.to_json())
    assert (again.encode(split.samples).pooled() == encoded.pooled()).all()


def test_an_answer_does_not_depend_on_padding(represented):
    from convscope.kinds.graph.models import gin

    split, representation = represented
    model = RECIPE.build(gin, representation, ("ring", "star"), {"filters": 8, "hops": 2})
    encoded = representation.encode(split.samples)
    together = np.asarray(model(encoded.take(np.arange(24))))
    alone = np.concatenate([np.asarray(model(encoded.take(np.array([row])))) for row in range(24)])
    assert together == pytest.approx(alone, abs=1e-5)
    outputs = RECIPE.predict(Fitted(model, representation, ("ring", "star")), split.samples, no_progress)
    assert outputs.probabilities == pytest.approx(alone, abs=1e-5)
    found = RECIPE.evaluate(outputs, split, ("ring", "star"))
    assert "logistic regression without edges" in found.to_line()
    assert GraphMetrics.from_json(found.to_json()) == found
    names = representation.describe(split.samples.graphs[0]).names
    assert names == tuple(split.samples.graphs[0].names)


@pytest.mark.parametrize("classes", [2, 3])
def test_the_classifier_without_edges_learns_what_nodes_tell(classes):
    rng = np.random.default_rng(0)
    labels = np.arange(60) % classes
    values = np.eye(classes)[labels] * 3 + rng.normal(size=(60, classes))
    made = WithoutEdges.fit(values, labels, classes)
    again = WithoutEdges.from_json(made.to_json())
    assert np.mean(again.predict(values) == labels) > 0.9


def test_a_class_without_a_train_graph_is_never_found():
    made = WithoutEdges.fit(np.random.default_rng(0).normal(size=(8, 2)), np.arange(8) % 2, 3)
    assert set(made.predict(np.eye(2) * 100).tolist()) <= {0, 1}


def test_there_are_no_more_hops_than_join_the_nodes_of_most_graphs():
    def star(leaves):
        edges = np.array([(0, leaf) for leaf in range(1, leaves + 1)])
        return Graph([str(node) for node in range(leaves + 1)], edges)

    def path(nodes):
        return Graph([str(node) for node in range(nodes)], np.array([(k, k + 1) for k in range(nodes - 1)]))

    pair = Graph(["a", "b", "c"], np.array([(0, 1)]))  # c is apart
    assert hops_that_join([star(5)] * 10) == 2
    assert hops_that_join([pair] * 3) == 1
    assert hops_that_join([star(5)] * 19 + [path(9)]) == 2
    assert hops_that_join([star(5)] * 8 + [path(9)] * 2) == 4
    assert hops_that_join([path(4)] * 5) == 3
