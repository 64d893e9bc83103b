"""Embeddings of nodes, pairs and whole graphs: what a row is, and how it is computed."""

import csv
import shutil
from types import SimpleNamespace

import networkx as nx
import numpy as np
import pytest
from small_graphs import karate

import convscope
from convscope.errors import UsageError
from convscope.kinds.graph import representation
from convscope.kinds.graph.node_classification.reader import read_new_nodes, read_nodes
from convscope.kinds.graph.representation import NodeRepresentation
from convscope.scope.record import record
from convscope.workflows.load_model import open_model


def write_table(path, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)


@pytest.fixture(scope="module")
def club(tmp_path_factory):
    """The karate club as tables."""
    folder, graph = tmp_path_factory.mktemp("club"), karate()
    named = [[graph.names[row] for row in edge] for edge in graph.edges.tolist()]
    write_table(folder / "edges.csv", [["source", "target"], *named])
    write_table(folder / "nodes.csv", [["id", "label"], *zip(graph.names, graph.labels, strict=True)])
    return folder


@pytest.fixture(scope="module")
def rings(tmp_path_factory):
    """Rings and stars of differing sizes, as files of TU."""
    folder = tmp_path_factory.mktemp("rings")
    arcs, owner, start = [], [], 1
    for number in range(20):
        nodes = 5 + number % 7
        made = nx.cycle_graph(nodes) if number % 2 else nx.star_graph(nodes - 1)
        arcs += [(a + start, b + start) for edge in made.edges for a, b in (edge, edge[::-1])]
        owner += [number + 1] * nodes
        start += nodes
    (folder / "T_A.txt").write_text("".join(f"{a}, {b}\n" for a, b in arcs))
    (folder / "T_graph_indicator.txt").write_text("".join(f"{each}\n" for each in owner))
    (folder / "T_graph_labels.txt").write_text("".join(f"{1 + number % 2}\n" for number in range(20)))
    return folder


def trained(data, folder, recipe, **options):
    run = convscope.train(data, out=folder / "run", recipe=recipe, epochs=2, seed=0, **options)
    return SimpleNamespace(folder=run.folder, data=data)


@pytest.fixture(scope="module")
def nodes(club, tmp_path_factory):
    return trained(club, tmp_path_factory.mktemp("nodes"), "node-classification", architecture="gcn")


@pytest.fixture(scope="module")
def links(club, tmp_path_factory):
    # Batches that the pairs do not divide into.
    return trained(club, tmp_path_factory.mktemp("links"), "link-prediction", filters=6, batch_size=50)


@pytest.fixture(scope="module")
def wholes(rings, tmp_path_factory):
    return trained(rings, tmp_path_factory.mktemp("wholes"), "graph-classification", filters=5, hops=2)


def extracted(run, to, **options):
    return convscope.extract(run.folder, [run.data], out=to, **options)


def test_a_row_of_a_node_is_its_value_in_the_whole_graph_and_in_its_neighborhood(
    nodes, tmp_path, monkeypatch
):
    layers = ["conv1", "conv2", "asked", "probabilities"]
    whole = extracted(nodes, tmp_path / "whole.parquet", layers=layers)
    assert len(whole) == 34
    assert whole.matrix("conv1").shape == (34, 64)
    np.testing.assert_array_equal(whole.matrix("conv2"), whole.matrix("asked"))
    monkeypatch.setattr(NodeRepresentation, "takes_whole", lambda self, graph: False)
    monkeypatch.setattr(representation, "TOGETHER", 5)
    around = extracted(nodes, tmp_path / "around.parquet", layers=layers)
    for layer in layers:
        np.testing.assert_allclose(whole.matrix(layer), around.matrix(layer), atol=1e-5)
    assert whole.columns().paths == around.columns().paths
    samples = read_nodes(nodes.data, seed=0).train.samples
    made = open_model(nodes.folder)
    alone = made.representation.encode(samples.take(np.array([3]))).take(np.array([0]))
    row = whole.columns().paths.index(samples.name(3))
    heard = record(made.model, alone, ["conv1"])["conv1"].array[0, 0]
    np.testing.assert_allclose(whole.matrix("conv1")[row], heard, atol=1e-5)


def test_confidences_are_calibrated_as_those_of_a_prediction(nodes, tmp_path):
    found = extracted(nodes, tmp_path / "nodes.parquet", layers="conv1").columns()
    told = {each.name: each for each in convscope.predict(nodes.folder, [nodes.data]).rows}
    for name, label, sure in zip(found.paths, found.predictions, found.confidences, strict=True):
        assert told[name].label == label
        assert told[name].probabilities[label] == pytest.approx(sure, abs=1e-5)


def test_a_row_of_a_pair_is_both_ends_side_by_side_or_what_the_pair_has_of_its_own(links, tmp_path):
    found = extracted(links, tmp_path / "pairs.parquet", layers=["conv1", "in_common", "scores"])
    both, product = found.matrix("conv1"), found.matrix("in_common")
    assert both.shape == (len(found), 12)
    np.testing.assert_allclose((both[:, :6] * both[:, 6:]).sum(axis=1), product[:, 0], atol=1e-5)
    assert set(found.columns().predictions) <= {"link", "no link"}


def test_a_row_of_a_whole_graph_is_the_mean_over_its_nodes(wholes, tmp_path):
    found = extracted(
        wholes, tmp_path / "graphs.parquet", layers=["conv2", "pool3", "pooled_norm"], part_size=7
    )
    assert found.matrix("conv2").shape == found.matrix("pool3").shape == (20, 5)
    means, sums = found.matrix("conv2"), found.matrix("pool3")
    counts = sums[means > 0] / means[means > 0]
    np.testing.assert_allclose(counts, counts.round(), atol=1e-3)
    found_sizes = set(counts.round().astype(int).tolist())
    assert len(found_sizes) > 1
    assert found_sizes <= set(range(5, 12))


def test_neighbors_projection_and_probe_work_on_embeddings(nodes, tmp_path):
    found = extracted(nodes, tmp_path / "nodes.parquet", layers="conv1")
    near = convscope.neighbors(found.path, ["id:3"], count=4)
    assert len(near.found[0]) == 4
    near.save(tmp_path / "near.html")
    assert (tmp_path / "near.html").stat().st_size > 1000
    assert len(convscope.project(found.path).points) == 34
    assert convscope.probe(found.path).layers


def test_neighbors_and_projection_work_on_links_and_graphs_and_probe_on_classes(wholes, links, tmp_path):
    for run, name in ((wholes, "graphs"), (links, "links")):
        found = extracted(run, tmp_path / f"{name}.parquet")
        assert len(convscope.project(found.path).points) >= 20
        assert len(convscope.neighbors(found.path, ["id:0"], count=2).found[0]) == 2
    assert convscope.probe(tmp_path / "graphs.parquet").layers


def test_graphs_without_classes_have_embeddings_too(wholes, rings, tmp_path):
    bare = tmp_path / "bare"
    shutil.copytree(rings, bare)
    (bare / "T_graph_labels.txt").unlink()
    found = convscope.extract(wholes.folder, [bare], out=tmp_path / "bare.parquet")
    assert len(found.matrix("conv2")) == 20


def test_an_extraction_goes_on_where_it_was(wholes, tmp_path):
    first = extracted(wholes, tmp_path / "parts", layers="conv2", part_size=7)
    part = sorted((tmp_path / "parts").rglob("*.parquet"))[1]
    part.unlink()
    again = extracted(wholes, tmp_path / "parts", layers="conv2", part_size=7, resume=True)
    np.testing.assert_array_equal(again.matrix("conv2"), first.matrix("conv2"))


def test_whole_maps_of_graphs_of_differing_sizes_are_refused(wholes, tmp_path):
    with pytest.raises(UsageError, match="differ in their number of nodes"):
        extracted(wholes, tmp_path / "maps.zarr", layers="conv1", pool="none")


def test_nodes_without_a_label_have_features_too(nodes, club, tmp_path):
    folder = tmp_path / "club"
    shutil.copytree(club, folder)
    lines = (folder / "nodes.csv").read_text().splitlines()
    named = [line.rsplit(",", 1)[0] for line in lines[-3:]]
    (folder / "nodes.csv").write_text("\n".join([*lines[:-3], *(f"{name}," for name in named)]) + "\n")
    found = convscope.extract(str(nodes.folder), [str(folder)], out=tmp_path / "features")
    columns = found.columns()
    assert len(found) == 34
    assert [name for name, label in zip(columns.paths, columns.labels, strict=True) if label is None] == named


def test_nodes_of_another_graph_are_told_apart(club, tmp_path):
    folder = tmp_path / "club"
    shutil.copytree(club, folder)
    asked = [str(folder / "nodes.csv"), str(folder / "edges.csv")]
    first = read_new_nodes(asked)
    with (folder / "edges.csv").open("a") as file:
        file.write("person 0,person 9\n")
    assert read_new_nodes(asked).content() != first.content()


def test_a_node_is_looked_at_by_its_name(nodes):
    found = convscope.look(nodes.folder, [nodes.data], samples="person 5", layers="conv1")
    assert found.about["inputs"] == ["person 5"]
    several = convscope.look(nodes.folder, [nodes.data], samples=["person 1?", "person 5"], method="edges")
    assert list(several.about["inputs"])[::10] == ["person 10"] and len(several.about["inputs"]) == 8
    with pytest.raises(UsageError, match="No sample is named 'person 99'"):
        convscope.look(nodes.folder, [nodes.data], samples="person 99")


def test_the_layout_of_the_graph_of_a_run_is_kept(nodes):
    first = convscope.look(nodes.folder, [nodes.data], method="graph").arrays["places"]
    np.testing.assert_array_equal(np.load(nodes.folder / "layout.npz")["values"], first)


def test_new_nodes_need_no_label_and_what_is_odd_about_them_is_said(nodes, tmp_path):
    write_table(tmp_path / "nodes.csv", [["id", "label"], ["x/1", ""], ["x/2", ""], ["x/3", ""]])
    write_table(tmp_path / "edges.csv", [["source", "target"], ["x/1", "x/2"], ["x/2", "x/2"]])
    said = []
    files = [str(tmp_path / "nodes.csv"), str(tmp_path / "edges.csv")]
    found = convscope.predict(nodes.folder, files, say=said.append)
    assert [row.name for row in found.rows] == ["x/1", "x/2", "x/3"]
    assert any("self loops: 1 edge" in line for line in said)
    assert any("no node of nodes.csv has one" in line for line in said)


def test_arrays_of_a_graph_are_read_as_in_training(nodes, tmp_path):
    graph = karate()
    np.savez(tmp_path / "club.npz", edge_index=graph.edges.T, x=np.eye(34, dtype=np.float32))
    found = convscope.look(nodes.folder, [tmp_path / "club.npz"], samples="7", layers="conv1")
    assert found.about["inputs"] == ["7"]
