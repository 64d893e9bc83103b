"""What nodes become: matrices, columns, and the edges where nothing else is known."""

import json
from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
from small_graphs import karate, random_graph

from convscope.errors import DataError, RunError
from convscope.kinds.graph.features import NodeFeatures, dense
from convscope.kinds.graph.graph import Graph
from convscope.kinds.graph.representation import values_without_feature
from convscope.kinds.graph.structure import clustering_coefficients


def texts(*values):
    return np.array(values, object)


def reloaded(features):
    return NodeFeatures.from_json(json.loads(json.dumps(features.to_json())))


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
def test_words_become_shares_of_their_row(sparse):
    words = np.array([[2, 2, 0, 0, 0], [0, 0, 0, 3, 0], [0, 0, 0, 0, 0]], np.float32)
    graph = Graph(list("abc"), np.array([[0, 1]]), features=sp.csr_array(words) if sparse else words)
    features, said = NodeFeatures.fit([graph])
    encoded = features.encode(graph)
    assert sp.issparse(encoded) == sparse
    assert dense(encoded).tolist() == [[0.5, 0.5, 0, 0, 0], [0, 0, 0, 1, 0], [0] * 5]
    assert dense(encoded, np.array([1])).tolist() == [[0, 0, 0, 1, 0]]
    assert "each row divided by its sum" in said[0]


def test_marks_stay_as_they_are():
    marks = np.array([[1, 1, 0, 0, 0], [0, 0, 0, 1, 0]], np.float32)
    features, said = NodeFeatures.fit([Graph(list("ab"), np.array([[0, 1]]), features=marks)])
    assert (
        dense(features.encode(Graph(list("ab"), np.array([[0, 1]]), features=marks))).tolist()
        == marks.tolist()
    )
    assert said == ["features: 5 columns of 0 and 1, as they are"]


def test_other_numbers_are_standardized_with_the_train_rows_alone():
    values = np.array([[1.0, 5], [3, 5], [100, 5], [np.nan, 5]], np.float32)
    graph = Graph(list("abcd"), np.array([[0, 1]]), features=values)
    features, _ = NodeFeatures.fit([graph], [np.array([0, 1])])
    assert dense(features.encode(graph)).tolist() == [[-1, 0], [1, 0], [98, 0], [0, 0]]
    assert np.array_equal(dense(reloaded(features).encode(graph)), dense(features.encode(graph)))


def test_columns_of_numbers_and_texts_are_inputs_and_names_are_not():
    columns = {
        "age": np.array([20.0, 40, np.nan, 30]),
        "city": texts("Oslo", "Rome", None, "Oslo"),
        "motto": texts("a", "b", "c", "d"),
        "user_id": np.array([7.0, 9, 4, 2]),
        "country": texts("X", "X", "X", "X"),
    }
    graph = Graph(list("abcd"), np.array([[0, 1]]), columns=columns)
    features, said = NodeFeatures.fit([graph])
    assert features.names == ("age", "age is missing", "city is Oslo", "city is Rome")
    assert dense(features.encode(graph))[2].tolist() == [0, 1, 0, 0]
    left_out = [line for line in said if "left out" in line]
    assert [line.split("'")[1] for line in left_out] == ["motto", "user_id", "country"]
    assert reloaded(features).names == features.names


def test_a_value_that_train_lacks_is_no_feature_and_a_column_that_is_missing_is_an_error():
    graph = Graph(list("abcd"), np.array([[0, 1]]), columns={"city": texts("Oslo", "Rome", "Oslo", "Rome")})
    features, _ = NodeFeatures.fit([graph])
    other = Graph(["e"], np.zeros((0, 2), np.int64), columns={"city": texts("Lima")})
    assert dense(features.encode(other)).tolist() == [[0, 0]]
    (said,) = values_without_feature(features, other)
    assert "column 'city': 1 of 1 node with values that no train node had" in said and "'Lima'" in said
    assert values_without_feature(features, graph) == ()
    with pytest.raises(DataError, match="expected the column 'city'"):
        features.encode(Graph(["e"], np.zeros((0, 2), np.int64)))


def test_a_matrix_of_another_width_is_an_error():
    features, _ = NodeFeatures.fit([Graph(list("ab"), np.array([[0, 1]]), features=np.eye(2, 3, dtype="f"))])
    with pytest.raises(DataError, match="expected 3 features of a node, as in training, received 4 col"):
        features.encode(Graph(list("ab"), np.array([[0, 1]]), features=np.eye(2, 4, dtype="f")))


def test_nodes_without_features_have_positions_and_new_ones_that_of_their_neighbors():
    graph = karate()
    features, said = NodeFeatures.fit([graph])
    assert "spectral embedding" in said[0]
    values = dense(features.encode(graph))
    assert values.shape == (34, features.count)
    again, _ = NodeFeatures.fit([graph])
    assert np.array_equal(values, dense(again.encode(graph)))
    edges = np.concatenate([graph.edges, [[0, 34], [1, 34], [34, 35]]])
    more = Graph([*graph.names, "new", "newer", "alone"], edges)
    found = dense(reloaded(features).encode(more))
    place = [number for number, name in enumerate(features.names) if name.startswith("position")]
    assert np.allclose(found[34, place], values[:2, place].mean(axis=0), atol=1e-6)
    assert np.allclose(found[35, place], found[34, place], atol=1e-6)
    assert not found[36].any()


def test_few_features_of_one_graph_are_joined_by_what_its_edges_say():
    graph = replace(karate(), columns={"age": np.arange(34.0) ** 2})
    features, said = NodeFeatures.fit([graph])
    assert features.names[:2] == ("age", "log degree") and "position 0" in features.names
    assert "because the nodes have only 1 of their own" in said[-1]
    assert dense(features.encode(graph)).shape == (34, features.count)
    both, _ = NodeFeatures.fit([graph, graph])
    assert both.names == ("age",)
    many = replace(karate(), features=np.random.default_rng(0).normal(size=(34, 16)).astype("f"))
    assert NodeFeatures.fit([many])[0].count == 16


def test_several_graphs_without_features_have_degrees():
    graphs = [random_graph(20, 30, seed) for seed in range(3)]
    features, said = NodeFeatures.fit(graphs)
    assert "position 0" not in features.names
    assert "ranges of degrees" in said[0]
    values = dense(features.encode(graphs[1]))
    last = next(place for place, name in enumerate(features.names) if name.endswith(" and more"))
    assert dense(features.encode(karate()))[0, last] == 1
    starts = [int(name.split()[1]) for name in features.names if name.startswith("degree")]
    assert starts == [start for start in (0, 1, 2, 3, 4, 6, 8, 12) if start <= features.highest_degree]
    assert np.array_equal(values[:, 1 : 1 + len(starts)].sum(axis=1), np.ones(len(values)))
    assert np.allclose(values[:, features.names.index("clustering")], clustering_coefficients(graphs[1]))


def test_clustering_coefficients_are_those_of_networkx():
    graph = karate()
    expected = nx.clustering(nx.karate_club_graph())
    assert np.allclose(clustering_coefficients(graph), list(expected.values()), atol=1e-6)


def test_damaged_positions_are_an_error():
    features, _ = NodeFeatures.fit([karate()])
    saved = features.to_json()
    saved["positions"]["packed"] = saved["positions"]["packed"][:-8]
    with pytest.raises(RunError, match="positions do not fit"):
        NodeFeatures.from_json(saved).encode(karate())
