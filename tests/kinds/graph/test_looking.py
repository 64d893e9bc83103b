import keras
import networkx as nx
import numpy as np
import pytest

from convscope.errors import UsageError
from convscope.kinds.graph.batching import graph_arrays, neighborhood, stacked, wiring_of
from convscope.kinds.graph.graph import Graph, GraphNode
from convscope.kinds.graph.inspections import edge_attribution
from convscope.kinds.graph.layers.convolutions import GINConv, GraphConv, SAGEConv, TAGConv
from convscope.kinds.graph.layers.pooling import GraphPooling, TakeNodes
from convscope.kinds.graph.layout import describe_neighborhood
from convscope.layers.neighbors import graph_inputs, tables_of
from convscope.scope.attribution.methods import attribute
from convscope.scope.channels.kernels import kernels
from convscope.scope.channels.patches import patches
from convscope.scope.channels.position import position
from convscope.scope.describe.explanation import explain
from convscope.scope.geometry.geometry import geometries, is_table, main_input
from convscope.scope.graph.graph import trace
from convscope.scope.record import record

EDGES = np.array(nx.karate_club_graph().edges(), np.int64)
GRAPH = Graph([f"m{row}" for row in range(34)], EDGES)
FEATURES = np.random.default_rng(0).normal(size=(34, 3)).astype(np.float32)
WIDTH = 4


def whole():
    return stacked([graph_arrays(wiring_of(GRAPH), FEATURES, WIDTH)], exact=True)


def around(row, hops=2):
    part = neighborhood(GRAPH, np.array([row]), hops)
    return stacked([graph_arrays(part.wiring, FEATURES, WIDTH, part.rows)]), part


def model_of(layer=GraphConv, second=None):
    keras.utils.set_random_seed(1)
    inputs = graph_inputs(3, WIDTH)
    targets = keras.Input((None,), dtype="int32", name="targets")
    x = layer(5, activation="relu", name="conv1")([inputs["nodes"], *tables_of(inputs)])
    x = (second or layer)(2, name="conv2")([x, *tables_of(inputs)])
    x = TakeNodes(name="asked")([x, targets])
    outputs = keras.layers.Activation("softmax", name="probabilities")(x)
    return keras.Model({**inputs, "targets": targets}, outputs)


def asked(batch, *targets):
    return {**batch, "targets": np.array([targets or (0,)], np.int32)}


def test_tables_are_told_from_the_values_of_nodes():
    graph = trace(model_of())
    assert graph.input_names[main_input(graph)] == "nodes"
    tables = {name for number, name in enumerate(graph.input_names) if is_table(graph, number)}
    assert tables == set(graph.input_names) - {"nodes"}


def test_receptive_fields_count_hops():
    found = geometries(trace(model_of(second=lambda units, name: TAGConv(units, hops=3, name=name))))
    assert found["conv1"].hops == 1
    assert found["conv2"].hops == 4
    assert found["asked"].hops == 4


@pytest.mark.parametrize("layer", [GraphConv, SAGEConv, TAGConv], ids=lambda each: each.__name__)
@pytest.mark.parametrize("path", ["conv1", "conv2"])
def test_a_value_is_taken_apart_into_products_of_nodes(layer, path):
    model = model_of(layer)
    found = position(model, asked(whole()), path, 1, (0,))
    recorded = record(model, asked(whole()), [path])[path].array[0, 0, 1]
    assert found.gathered
    assert found.before == pytest.approx(found.sum + found.bias)
    assert found.value == pytest.approx(float(recorded), abs=1e-5)
    assert found.products.sum() == pytest.approx(found.sum, abs=1e-5)


def test_the_products_are_those_of_neighbors_by_their_normalized_weights():
    found = position(model_of(), asked(whole()), "conv1", 0, (0,))
    degrees = np.bincount(EDGES.ravel(), minlength=34) + 1
    near = {0, *EDGES[EDGES[:, 0] == 0, 1].tolist(), *EDGES[EDGES[:, 1] == 0, 0].tolist()}
    rows = found.places[0]
    assert set(rows.tolist()) == near
    np.testing.assert_allclose(found.shares, (degrees[0] * degrees[rows]) ** -0.5, rtol=1e-4)
    np.testing.assert_allclose(found.patch, FEATURES[rows])


def test_what_is_no_weighted_sum_is_not_taken_apart(monkeypatch):
    monkeypatch.setattr(GINConv, "held", "")
    model = model_of(GINConv)
    model.get_layer("conv1").norm.beta.assign([5.0] * 5)
    with pytest.raises(UsageError, match="no weighted sum"):
        position(model, asked(whole()), "conv1", 0, (0,))


def test_a_table_may_be_cut_before_it_is_looked_up():
    inputs = graph_inputs(3, WIDTH)
    pairs = keras.Input((None, 2), dtype="int32", name="pairs")
    x = GraphConv(5, name="conv")([inputs["nodes"], *tables_of(inputs)])
    ends = [TakeNodes(name=f"end{at}")([x, pairs[..., at]]) for at in (0, 1)]
    graph = trace(keras.Model({**inputs, "pairs": pairs}, keras.layers.Multiply()(ends)))
    assert {name for at, name in enumerate(graph.input_names) if not is_table(graph, at)} == {"nodes"}


@pytest.mark.parametrize("row", [0, 16])
def test_attributions_stay_within_the_receptive_field(row):
    model, batch = model_of(), asked(whole(), row)
    near = neighborhood(GRAPH, np.array([row]), 2).rows
    for method in ("layer-cam", "integrated-gradients", "occlusion"):
        found = attribute(model, batch, method)[0]
        assert found.values.shape == (34,)
        assert not np.delete(found.values, near).any()
        np.testing.assert_array_equal(found.values, attribute(model, batch, method)[0].values)
    assert attribute(model, batch, "layer-cam")[0].path == "conv1"


def test_occlusion_covers_one_node_at_a_time():
    model, batch = model_of(), asked(whole())
    found = attribute(model, batch, "occlusion", target=1)[0]
    without = {**batch, "nodes": batch["nodes"].copy()}
    without["nodes"][0, 3] = 0
    scores = [float(model(each)[0, 0, 1]) for each in (batch, without)]
    assert found.values[3] == pytest.approx(scores[0] - scores[1], abs=1e-6)


def test_an_edge_that_is_taken_out_changes_the_score_as_in_the_graph_without_it():
    model, (batch, _) = model_of(), around(0)
    description = describe_neighborhood(GRAPH.names, EDGES, None, (0,), 2)
    found = edge_attribution(model, asked(batch), described(description, 0))
    assert found.integrated.sum() == pytest.approx(found.difference, abs=1e-3)
    named = described(description, 0)
    at = next(
        i for i, ends in enumerate(named.edges.tolist()) if {named.names[e] for e in ends} == {"m0", "m1"}
    )
    kept = EDGES[~((EDGES == (0, 1)).all(axis=1))]
    fewer = Graph(GRAPH.names, kept)
    inputs = asked(stacked([graph_arrays(wiring_of(fewer), FEATURES, WIDTH)], exact=True))
    scores = keras.Model(model.inputs, model.get_layer("asked").output)(inputs)
    assert found.score - found.occluded[at] == pytest.approx(float(scores[0, 0, found.target]), abs=1e-4)


def described(description, row):
    """In the order of the inputs of the node's neighborhood."""
    part = neighborhood(GRAPH, np.array([row]), 2)
    names = [GRAPH.names[each] for each in part.rows]
    assert set(names) == set(description.names)
    place = {each: at for at, each in enumerate(part.rows.tolist())}
    edges = [(place[a], place[b]) for a, b in EDGES.tolist() if a in place and b in place]
    return type(description)(tuple(names), np.array(edges), description.layout, None, (0,), part.hops)


def test_kernels_are_shown_and_inputs_that_excite_them_are_refused():
    model = model_of()
    assert kernels(model, "conv1").weights.shape == (3, 5)
    with pytest.raises(UsageError, match="nobody tells the edges"):
        kernels(model, "conv1", excite=1)


def test_patches_are_nodes_with_the_hops_that_the_layer_sees():
    found = patches(model_of(), [asked(whole())], ["conv1"], top=1)["conv1"]
    assert found.hops == 1
    assert (found.windows[..., 1] - found.windows[..., 0]).max() == 1
    peaks = record(model_of(), asked(whole()), ["conv1"])["conv1"].array[0].argmax(axis=0)
    np.testing.assert_array_equal(found.positions[:, 0, 0], peaks)


def test_an_explanation_speaks_of_hops_and_not_of_tables():
    found = explain(model_of(), class_names=("a", "b"))
    said = " ".join([found.purpose, *found.key_points])
    assert "each node that is asked of graphs with 3 features per node" in said
    assert "Each node sees nodes up to 2 hops away" in said
    assert "neighbors'" not in said and "sequences" not in said
    assert [layer.hops for layer in found.layers if layer.path.startswith("conv")] == [1, 2]


def test_a_read_out_sees_the_whole_graph():
    inputs = graph_inputs(3, WIDTH)
    members = keras.Input((None,), name="members")
    x = GraphConv(5, name="conv")([inputs["nodes"], *tables_of(inputs)])
    outputs = keras.layers.Dense(2, activation="softmax")(GraphPooling(name="pool")([x, members]))
    found = explain(keras.Model({**inputs, "members": members}, outputs))
    assert found.purpose.startswith("Classifies graphs with 3 features per node into 2 classes")
    assert next(layer for layer in found.layers if layer.path == "pool").sees_everything


def test_a_node_of_a_graph_is_asked_with_the_whole_of_its_field():
    model, (batch, part) = model_of(), around(5)
    assert GraphNode(GRAPH, 5).name == GRAPH.names[part.rows[0]]
    same = model(asked(batch)), model(asked(whole(), 5))
    np.testing.assert_allclose(*(keras.ops.convert_to_numpy(each) for each in same), atol=1e-5)


def test_of_many_nodes_those_of_the_largest_gradient_are_covered(monkeypatch):
    model, (batch, _) = model_of(), around(0)
    batch = asked(batch, 0)
    every = attribute(model, batch, "occlusion", target=1, score="logit")[0]
    monkeypatch.setattr("convscope.scope.attribution.perturbation.MOST_NODES", 5)
    some = attribute(model, batch, "occlusion", target=1, score="logit")[0]
    covered = np.flatnonzero(some.values)
    assert len(covered) == 5
    np.testing.assert_allclose(some.values[covered], every.values[covered], rtol=1e-4, atol=1e-6)
    assert some.details["covered"] == "the 5 of 26 of largest gradient times input"
