from dataclasses import replace

import keras
import networkx as nx
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from convscope.errors import UsageError
from convscope.kinds.graph.graph import Graph, GraphNode, NodePair
from convscope.kinds.graph.layout import describe_graph, describe_neighborhood
from convscope.kinds.graph.picture import MOST_DOTS, around_nodes
from convscope.kinds.graph.view import VIEW, GraphView
from convscope.lenses.figures.attribution import draw_attributions
from convscope.lenses.figures.maps import draw_comparison, draw_maps
from convscope.lenses.sheet.sheet import Sheet
from convscope.lenses.sheet.theme import LIGHT, MINUS
from convscope.lenses.views.layer_maps import LayerMaps
from convscope.lenses.views.view import Patch, Sample
from convscope.scope.attribution.methods import Attribution
from convscope.scope.channels.position import position
from convscope.scope.geometry.axis_dependency import AxisDependency

KARATE = np.array(nx.karate_club_graph().edges(), np.int64)
NAMES = tuple(f"member {row}" for row in range(34))
GRAPH = Graph(NAMES, KARATE)


def field(row=0, hops=2, length=40):
    return GraphView(length, describe_neighborhood(NAMES, KARATE, None, (row,), hops))


def texts(figure):
    return [each.get_text() for each in figure.axes[0].texts]


def pixels(figure):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())


def marks(figure, name):
    return [each for each in figure.axes[0].collections if (each.get_gid() or "").startswith(name)]


@pytest.mark.parametrize(
    ("sample", "nodes", "centers"),
    [(GRAPH, 34, ()), (GraphNode(GRAPH, 0), 26, (0,)), (NodePair(GRAPH, (0, 33)), 34, (0, 1))],
    ids=["graph", "node", "pair"],
)
def test_samples_are_drawn_with_what_lies_around_them(sample, nodes, centers):
    view = VIEW.of_sample(sample)
    assert view.positions == (nodes,)
    assert view.description.centers == centers
    sheet = Sheet(LIGHT)
    assert view.place_input(sheet, (40, 40, 1320, 400)) == 400
    assert pixels(sheet.finish(480)).std() > 10
    assert "<img" in view.markup("a graph")


def test_anything_else_is_refused():
    with pytest.raises(UsageError, match="Received: int"):
        VIEW.of_sample(3)


def test_an_input_without_a_description_has_its_nodes_and_no_edges():
    view = VIEW.of_input(np.zeros((5, 3)))
    assert view.names == tuple(f"node {row}" for row in range(5))
    assert len(view.description.edges) == 0


def test_maps_leave_out_padding_and_shade_the_rim():
    view = field()
    maps = np.zeros((40, 2), np.float32)
    maps[:26, 0] = np.arange(26)
    maps[26:] = 1000
    layer = view.trimmed(LayerMaps("conv", "", maps, None, None, hops=1))
    assert layer.maps.shape == (26, 2)
    figure = draw_maps(Sample(view), [layer])
    colored = marks(figure, "maps conv 0")[0].get_facecolors()
    inner = view.description.hops <= 1
    assert len(np.unique(colored[~inner].round(3), axis=0)) == 1
    assert len(np.unique(colored[inner].round(3), axis=0)) > 10
    assert "gray: nodes at the rim" in " ".join(texts(figure))
    assert any("up to 1 hop away" in each for each in texts(figure))


def test_attributions_name_the_strongest_nodes_with_their_hops():
    view = field()
    values = np.zeros(40, np.float32)
    values[0], values[20], values[39] = 1.0, -2.0, 50.0
    found = Attribution("occlusion", None, "output", 0, 0.5, values, True, {})
    written = texts(draw_attributions(Sample(view), [found]))
    assert "the 2 strongest of 26 nodes" in written
    assert f"{view.names[20]} · 2 hops" in written
    assert f"{MINUS}2" in written and "50" not in written


def test_a_patch_is_the_neighborhood_that_a_layer_sees():
    view = field(hops=2)
    sheet = Sheet(LIGHT)
    patch = Patch(view, [(0, 1)], "patch", hops=1)
    placed = view.place_patch(sheet, (0, 0, 150, 300), patch, [patch])
    assert placed.lines[0] == "17 nodes"
    assert placed.lines[1].startswith("member 1, member 2, ")
    other = Patch(view, [(5, 6)], "patch", hops=1)
    assert view.place_patch(sheet, (0, 0, 150, 300), other, [other]).lines[0] == view.names[5]


def large_field():
    """A node with 20 neighbors, each with 30 others of its own."""
    ends = [(0, row) for row in range(1, 21)]
    ends += [(row, 21 + 30 * (row - 1) + at) for row in range(1, 21) for at in range(30)]
    names = tuple(f"n{row}" for row in range(621))
    return GraphView(621, describe_neighborhood(names, np.array(ends), None, (0,), 2))


def test_of_a_large_neighborhood_the_nearest_hops_are_drawn():
    view = large_field()
    assert view.picture.rows.tolist() == list(range(21))
    assert view.note == "621 nodes, 620 edges, up to 2 hops away; drawn: 21 nodes up to 1 hop away"
    values = np.zeros(621, np.float32)
    values[3], values[400] = 1.0, 0.5
    found = Attribution("occlusion", None, "output", 0, 0.5, values, True, {})
    figure = draw_attributions(Sample(view), [found])
    colored = marks(figure, "heat")[0].get_facecolors()
    assert len(colored) == 21 and len(np.unique(colored, axis=0)) == 2
    assert "the 2 strongest of 621 nodes" in texts(figure)
    maps = np.tile(np.arange(621.0)[:, None], 2)
    figure = draw_maps(Sample(view), [LayerMaps("conv", "", maps, None, None, hops=1)])
    assert len(marks(figure, "maps conv 0")[0].get_facecolors()) == 21


def test_a_thumbnail_of_a_page_is_small():
    assert len(large_field().markup("a node")) < 15_000


def test_nodes_of_a_patch_are_named_where_there_is_room():
    view, sheet = large_field(), Sheet(LIGHT)
    patch = Patch(view, [(0, 1)], "patch", hops=1)
    view.place_patch(sheet, (0, 0, 150, 300), patch, [patch])
    written = texts(sheet.finish(300))
    assert "n0" in written and len(written) > 2


def test_graphs_of_several_sizes_are_compared_one_below_the_other():
    views = [field(0), field(33)]
    maps = [LayerMaps("conv", "", np.random.default_rng(0).random((40, 3)), hops=1) for _ in views]
    figure = draw_comparison([Sample(view) for view in views], maps, channels=2)
    assert pixels(figure).std() > 10


def test_of_very_many_nodes_the_density_is_drawn():
    nodes = MOST_DOTS + 500
    edges = np.stack([np.arange(nodes), (np.arange(nodes) * 7 + 1) % nodes], axis=1)
    view = GraphView(nodes, describe_graph([str(row) for row in range(nodes)], edges))
    layer = LayerMaps("conv", "", np.random.default_rng(0).random((nodes, 1)))
    figure = draw_maps(Sample(view), [layer])
    assert not marks(figure, "maps")
    assert "each spot is the mean of the nodes there" in " ".join(texts(figure))


def test_the_rim_of_a_field_is_not_complete_but_its_center_is():
    description = field(0, 2).description
    assert description.complete(2).tolist() == [True] + [False] * 25
    assert description.complete(1).sum() == 17
    assert field(0, 5, 34).description.complete(3).all()


def test_an_edge_is_bent_around_a_node_that_would_hide_it():
    places = np.array([[0.0, 0.0], [100.0, 0.0], [50.0, 1.0], [50.0, 80.0]])
    edges = np.array([[0, 1], [2, 3]])
    lines = around_nodes(places, edges, 8)
    np.testing.assert_allclose(lines[:, [0, -1]], places[edges])
    apart = np.linalg.norm(lines[0] - places[2], axis=1).min()
    assert apart > 8
    np.testing.assert_allclose(lines[1][:, 0], 50)
    assert around_nodes(places, edges[1:], 8).shape == (1, 2, 2)


def test_groups_are_named_in_their_middle():
    sheet = Sheet(LIGHT)
    groups = {"1": np.arange(17), "2": np.arange(17, 34)}
    view = GraphView(34, describe_graph(NAMES, KARATE))
    view.picture.place(sheet, (40, 40, 600), view.plain(sheet), groups=groups)
    assert {"1", "2"} <= set(texts(sheet.finish(680)))


def test_small_pictures_of_many_nodes_are_drawn_by_their_density():
    nodes = 500
    edges = np.stack([np.arange(nodes), (np.arange(nodes) + 1) % nodes], axis=1)
    picture = GraphView(nodes, describe_graph([str(row) for row in range(nodes)], edges)).picture
    assert picture.dense(196) and not picture.dense(620)


def test_a_few_extreme_values_leave_the_colors_of_many_nodes():
    nodes = MOST_DOTS + 500
    edges = np.stack([np.arange(nodes), (np.arange(nodes) + 1) % nodes], axis=1)
    view = GraphView(nodes, describe_graph([str(row) for row in range(nodes)], edges))
    values = np.linspace(0, 1, nodes)
    values[:3] = 1000
    drawn = view.picture.drawn(values, np.ones(nodes, bool), 196)
    assert drawn.max() < 1
    assert "colors end where 2% of the nodes lie beyond" in view.picture.notes(196)


def test_hops_differ_in_color_however_many_there_are():
    chain = np.stack([np.arange(9), np.arange(1, 10)], axis=1)
    names = [str(row) for row in range(10)]
    view = GraphView(10, describe_neighborhood(names, chain, None, (0,), 9))
    assert len(np.unique(view.plain(Sheet(LIGHT)), axis=0)) == 10


@pytest.mark.parametrize(
    ("hops", "node", "said"),
    [
        (2, 0, "a depends on 3 nodes, up to 2 hops away"),
        (10, 0, "a depends on 3 nodes, up to 2 hops away; the layer sees 10 hops far"),
        (10, 5, "f depends on no other node; the layer sees 10 hops far"),
        (0, 0, "a depends on no other node"),
    ],
)
def test_a_value_depends_on_nodes_that_are_joined_to_it(hops, node, said):
    view = GraphView(6, describe_graph("abcdef", np.array([[0, 1], [1, 2], [3, 4]])))
    model = keras.Sequential([keras.Input((6, 2)), keras.layers.Dense(3)])
    found = position(model, np.ones((1, 6, 2), np.float32), "dense", 0, (node,))
    geometry = replace(found.geometry, dependencies=(AxisDependency(0, (0,), (0,), 1, (0, 5), hops=hops),))
    sheet = Sheet(LIGHT)
    view.place_position(sheet, 40, replace(found, geometry=geometry), "dense")
    assert said in texts(sheet.finish(900))
