import networkx as nx
import numpy as np
import pytest

from convscope.errors import RunError
from convscope.kept import kept_in
from convscope.kinds.graph.hops import hops_from, hops_within
from convscope.kinds.graph.layout import (
    describe_graph,
    describe_neighborhood,
    layout,
    radial_layout,
    run_layout,
)

KARATE = np.array(nx.karate_club_graph().edges(), np.int64)


def test_a_layout_is_the_same_for_the_same_seed_and_lies_in_the_unit_square():
    places = layout(KARATE, 34, seed=3)
    assert places.shape == (34, 2)
    assert places.min() >= 0 and places.max() <= 1
    np.testing.assert_array_equal(places, layout(KARATE, 34, seed=3))


def test_neighbors_lie_nearer_than_others():
    ring = np.stack([np.arange(800), (np.arange(800) + 1) % 800], axis=1)
    for edges, nodes in ((KARATE, 34), (ring, 800)):
        places = layout(edges, nodes)
        near = np.linalg.norm(places[edges[:, 0]] - places[edges[:, 1]], axis=1).mean()
        every = np.linalg.norm(places[:, None] - places[None], axis=-1).mean()
        assert near < 0.6 * every


def test_components_and_single_nodes_lie_side_by_side():
    edges = np.concatenate([KARATE, KARATE + 34, [[68, 69]]])
    places = layout(edges, 75)
    boxes = [
        (places[a:b].min(axis=0), places[a:b].max(axis=0)) for a, b in ((0, 34), (34, 68), (68, 70), (70, 75))
    ]
    for i, (low, high) in enumerate(boxes):
        for other_low, other_high in boxes[i + 1 :]:
            assert (high < other_low).any() or (other_high < low).any()


@pytest.mark.parametrize("nodes", [0, 1, 2, 3])
def test_a_graph_of_few_nodes_has_places(nodes):
    edges = np.array([[0, 1]] if nodes > 1 else np.zeros((0, 2)), np.int64)
    assert np.isfinite(layout(edges, nodes)).all()


def test_hops_count_from_the_nearest_center():
    path = np.stack([np.arange(5), np.arange(1, 6)], axis=1)
    assert hops_from(path, 7, [0]).tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert hops_from(path, 6, [0, 5]).tolist() == [0, 1, 2, 2, 1, 0]


def test_what_is_not_joined_is_no_hop_away():
    apart = np.array([[0, 1], [1, 2], [3, 4]])
    assert hops_within(apart, 5, [0], 10).tolist() == [0, 1, 2, -1, -1]
    assert hops_within(apart, 5, [0], 1).tolist() == [0, 1, -1, -1, -1]
    assert hops_within(apart, 5, [2], 10, directed=True).tolist() == [2, 1, 0, -1, -1]
    assert describe_neighborhood("abcde", apart, None, [0], 10).names == ("a", "b", "c")


def test_a_radial_layout_has_a_ring_for_each_hop():
    hops = hops_from(KARATE, 34, [0])
    radii = np.linalg.norm(radial_layout(KARATE, hops, [0]) - 0.5, axis=1)
    means = [radii[hops == hop].mean() for hop in range(4)]
    assert means[0] == 0
    assert means == sorted(means)
    apart = radial_layout(np.array([[0, 1], [0, 2], [1, 3], [1, 4]]), np.array([0, 0, 1, 1, 1]), [0, 1])
    assert len(np.unique(apart.round(6), axis=0)) == 5


def test_a_description_has_rings_around_a_center_and_forces_without():
    names = [f"member {row}" for row in range(34)]
    whole, field = describe_graph(names, KARATE), describe_graph(names, KARATE, centers=[0])
    assert whole.hops is None and whole.centers == ()
    np.testing.assert_array_equal(field.places[0], (0.5, 0.5))
    assert field.hops is not None and field.hops[0] == 0 and field.hops.max() == 3


def test_the_two_nodes_of_a_pair_are_apart_in_a_small_picture():
    edges = np.array([[0, 1], [0, 2], [1, 3], [1, 4]])
    places = radial_layout(edges, np.array([0, 0, 1, 1, 1]), (0, 1))
    assert np.linalg.norm(places[0] - places[1]) >= 0.2


def test_neighbors_of_a_neighbor_lie_on_its_side():
    edges = np.array([[0, 1], *([1, leaf] for leaf in range(2, 40))])
    places = radial_layout(edges, hops_from(edges, 40, [0]), [0]) - 0.5
    side = places[2:] @ places[1]
    assert side.min() > 0
    apart = np.linalg.norm(places[2:, None] - places[None, 2:], axis=-1) + np.eye(38)
    assert apart.min() > 0.02


def test_a_layout_is_kept_with_the_run_that_it_was_made_for(tmp_path):
    with kept_in(tmp_path):
        first = run_layout(KARATE, 34)()
        other = run_layout(KARATE[:40], 34)()
    kept = np.load(tmp_path / "layout.npz")["values"]
    np.testing.assert_array_equal(first, kept)
    np.savez(tmp_path / "layout.npz", key=np.load(tmp_path / "layout.npz")["key"], values=kept + 1)
    with kept_in(tmp_path):
        np.testing.assert_array_equal(run_layout(KARATE, 34)(), kept + 1)
        np.testing.assert_array_equal(run_layout(KARATE[:40], 34)(), other)
    (tmp_path / "layout.npz").write_bytes(b"no array")
    with kept_in(tmp_path), pytest.raises(RunError, match="damaged"):
        run_layout(KARATE, 34)()
    np.testing.assert_array_equal(run_layout(KARATE, 34)(), first)
