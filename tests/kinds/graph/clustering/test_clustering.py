"""Clusters of nodes: figures by hand, what is read, and a run that finds the blocks of a graph."""

import csv
from types import SimpleNamespace

import networkx as nx
import numpy as np
import pytest

import convscope
from convscope.errors import DataError, UsageError
from convscope.kinds.graph.clustering.dmon import dmon
from convscope.kinds.graph.clustering.metrics import ClusterMetrics, baselines, cluster_scores
from convscope.kinds.graph.clustering.recipe import fit_representation, read_graph, read_other_graph
from convscope.kinds.graph.graph import Graph


def blocks(count=48, parts=3, seed=0):
    """Nodes of a few parts, joined and marked mostly as others of their part."""
    rng = np.random.default_rng(seed)
    of_part = np.arange(count) % parts
    pairs = rng.integers(0, count, (count * 12, 2))
    alike = of_part[pairs[:, 0]] == of_part[pairs[:, 1]]
    kept = (alike | (rng.random(len(pairs)) < 0.1)) & (pairs[:, 0] != pairs[:, 1])
    edges = np.unique(np.sort(pairs[kept], axis=1), axis=0).astype(np.int64)
    marks = rng.random((count, 12)) < np.where(np.arange(12) % parts == of_part[:, None], 0.6, 0.1)
    labels = np.array([f"part {number}" for number in of_part], object)
    names = [f"n{number}" for number in range(count)]
    return Graph(names, edges, features=marks.astype(np.float32), labels=labels)


def written(graph, folder, labels=True):
    folder.mkdir(parents=True)
    with (folder / "edges.csv").open("w", newline="") as file:
        rows = [[graph.names[row] for row in edge] for edge in graph.edges.tolist()]
        csv.writer(file).writerows([["source", "target"], *rows])
    with (folder / "nodes.csv").open("w", newline="") as file:
        marks = [f"m{number}" for number in range(graph.features.shape[1])]
        rows = [
            [name, *values.tolist(), *([label] if labels else [])]
            for name, values, label in zip(graph.names, graph.features, graph.labels, strict=True)
        ]
        csv.writer(file).writerows([["id", *marks, *(["label"] if labels else [])], *rows])
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A finished run, to be read and not changed."""
    folder, said = tmp_path_factory.mktemp("clusters"), []
    data = written(blocks(), folder / "data")
    run = convscope.train(
        data, out=folder / "run", say=said.append, recipe="node-clustering", epochs=60, learning_rate=0.01
    )
    return SimpleNamespace(run=run, folder=run.folder, data=data, said=said)


def test_modularity_is_that_of_networkx():
    graph, part = blocks(), np.arange(48) % 4
    network = nx.Graph(graph.edges.tolist())
    expected = nx.community.modularity(network, [set(np.flatnonzero(part == k).tolist()) for k in range(4)])
    assert cluster_scores("", graph, part).modularity == pytest.approx(expected)


def test_conductance_of_two_triangles_with_a_bridge():
    edges = np.array([[0, 1], [1, 2], [0, 2], [3, 4], [4, 5], [3, 5], [2, 3]])
    found = cluster_scores("", Graph(list("abcdef"), edges), np.array([4, 4, 4, 9, 9, 9]))
    assert (found.clusters, found.nmi, found.ari) == (2, None, None)
    assert found.conductance == pytest.approx(1 / 7)
    assert found.modularity == pytest.approx(6 / 7 - 1 / 2)


def test_nodes_without_a_label_do_not_judge():
    graph = blocks()
    graph.labels[:6] = None
    part = np.arange(48) % 3
    part[:6] = 0
    assert cluster_scores("", graph, part).nmi == pytest.approx(1)
    assert cluster_scores("", graph, part).ari == pytest.approx(1)


def test_other_methods_stand_beside_with_the_same_figures_for_the_same_seed():
    graph = blocks()
    found = baselines(graph, graph.features, 3)
    assert [each.name for each in found] == [
        "Louvain",
        "k-means on features",
        "k-means on features averaged over 2 hops",
    ]
    assert found == baselines(graph, graph.features, 3)


def test_a_run_finds_the_parts_and_says_that_nothing_is_held_back(trained):
    judged = trained.run.metrics()["test"]
    assert judged["model"]["modularity"] > 0.3
    assert judged["model"]["nmi"] > 0.5
    assert any("clusters: 3, the number of communities of Louvain" in line for line in trained.said)
    assert any("splits: none" in line and "labels are no input" in line for line in trained.said)
    page = (trained.folder / "report.html").read_text(encoding="utf-8")
    assert "Higher features" in page
    assert "label part 0" in page


def test_methods_that_are_ahead_are_named(trained):
    judged = ClusterMetrics.from_json(trained.run.metrics()["test"])
    assert "Louvain: modularity" in judged.to_line()
    weak = ClusterMetrics(48, 48, 3, judged.beside[1], (judged.beside[0],))
    better = judged.beside[0].modularity > judged.beside[1].modularity
    assert ("ahead of the network" in weak.to_line()) == better


def test_a_run_is_evaluated_again_with_the_same_figures(trained):
    assert convscope.evaluate(trained.folder).to_json() == trained.run.metrics()["test"]


def test_another_graph_is_put_into_the_clusters_that_were_learned(trained, tmp_path):
    other = blocks(count=36, seed=5)
    data = written(other, tmp_path / "other", labels=False)
    found = convscope.predict(trained.folder, [data / "edges.csv", data / "nodes.csv"]).rows
    assert [row.name for row in found] == list(other.names)
    assert all(1 <= row.cluster <= 3 and 1 / 3 <= row.probability <= 1 for row in found)
    part = np.array([row.cluster for row in found])
    assert cluster_scores("", other, part).modularity > 0.2


def test_labels_are_no_input(tmp_path):
    with_labels = read_graph(written(blocks(), tmp_path / "one")).train
    without = read_graph(written(blocks(), tmp_path / "two", labels=False)).train
    first, second = (fit_representation(split, 1, clusters=3)[0] for split in (with_labels, without))
    assert first.to_json() == second.to_json()


def test_without_labels_louvain_says_how_many_clusters_to_look_for(tmp_path):
    made = read_graph(written(blocks(), tmp_path / "data", labels=False))
    represent, said = fit_representation(made.train, 1)
    assert represent.clusters >= 2
    assert any(f"clusters: {represent.clusters}, the number of communities" in line for line in said)


def test_a_graph_without_edges_is_an_error(tmp_path):
    (tmp_path / "edges.csv").write_text("source,target\na,a\n")
    with pytest.raises(DataError, match="expected edges between"):
        read_other_graph([str(tmp_path / "edges.csv")])


def test_directions_are_left_out_and_that_is_said(tmp_path):
    (tmp_path / "edges.csv").write_text("citing,cited\na,b\nb,c\nc,a\nb,a\n")
    made = read_graph(tmp_path / "edges.csv")
    assert not made.train.samples.graph.directed
    assert len(made.train.samples.graph.edges) == 3
    assert any(line.startswith("directions: left out") for line in made.decisions)


@pytest.mark.parametrize("options", [{"hops": 0}, {"dropout": 1.0}, {"input_shape": (4,)}])
def test_what_a_model_cannot_be_is_an_error(options):
    shape = options.pop("input_shape", (None, 4))
    with pytest.raises(UsageError, match="Received"):
        dmon(shape, 3, **options)
