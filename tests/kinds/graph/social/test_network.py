"""Networks are described: measures agree with networkx, and one command describes a table of edges."""

import csv

import networkx as nx
import numpy as np
import pytest

from convscope.api.runs import evaluate, metrics, predict, train
from convscope.errors import DataError, UsageError
from convscope.kinds.graph.features import NodeFeatures
from convscope.kinds.graph.graph import Graph
from convscope.kinds.graph.social.groups import bridges_of, communities_of, likeness_of
from convscope.kinds.graph.social.kernels import PersonRepresentation, network_kernels
from convscope.kinds.graph.social.measures import (
    Ties,
    assortativity,
    clustering,
    components,
    core_numbers,
    pagerank,
    shortest_paths,
)
from convscope.kinds.graph.social.reader import read_network
from convscope.types import silent

pytestmark = pytest.mark.portable


def graph_of(network, *, weighted=False):
    """A networkx graph of nodes 0, 1, ..., as `Graph`."""
    edges = np.array(list(network.edges()), np.int64).reshape(-1, 2)
    weights = [each.get("weight", 1) for *_, each in network.edges(data=True)]
    clubs = [each.get("club") for _, each in network.nodes(data=True)]
    return Graph(
        [f"p{node}" for node in network],
        edges,
        network.is_directed(),
        np.array(weights, np.float32) if weighted else None,
        labels=None if clubs[0] is None else np.array(clubs, object),
    )


KARATE = nx.karate_club_graph()
ARROWS = nx.gnp_random_graph(40, 0.06, seed=3, directed=True)  # some nodes lead nowhere
NETWORKS = pytest.mark.parametrize("network", [KARATE, ARROWS], ids=["karate", "directed"])


def listed(values):
    return np.array(list(values.values()))


@NETWORKS
def test_measures_are_those_of_networkx(network):
    ties, plain = Ties(graph_of(network, weighted=True)), nx.Graph(network)
    assert ties.degrees.tolist() == [degree for _, degree in plain.degree()]
    assert core_numbers(ties).tolist() == list(nx.core_number(plain).values())
    assert clustering(ties) == pytest.approx(listed(nx.clustering(plain)))
    assert pagerank(ties) == pytest.approx(listed(nx.pagerank(network, tol=1e-12)), abs=1e-9)
    assert assortativity(ties) == pytest.approx(nx.degree_assortativity_coefficient(plain))
    part, strong = components(ties)
    assert part.max() + 1 == nx.number_connected_components(plain)
    one_way = network if network.is_directed() else network.to_directed()
    assert strong == nx.number_strongly_connected_components(one_way)


@NETWORKS
def test_paths_are_those_of_networkx(network):
    ties = Ties(graph_of(network))
    paths = shortest_paths(ties)
    assert paths.sources == len(network)
    assert paths.betweenness == pytest.approx(listed(nx.betweenness_centrality(network)))
    assert paths.closeness == pytest.approx(listed(nx.closeness_centrality(network)))
    wanted = np.zeros((len(network), len(network)))
    for (one, other), value in nx.edge_betweenness_centrality(network, normalized=False).items():
        wanted[min(one, other), max(one, other)] += value
    assert paths.of_pairs == pytest.approx(wanted[ties.pairs[:, 0], ties.pairs[:, 1]])
    lengths = [far for _, ends in nx.all_pairs_shortest_path_length(network) for far in ends.values() if far]
    assert (paths.longest, paths.mean) == (max(lengths), pytest.approx(np.mean(lengths)))


def test_paths_of_a_large_network_are_followed_from_some_people():
    ties = Ties(graph_of(nx.barabasi_albert_graph(2500, 3, seed=0)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("convscope.kinds.graph.social.measures.WORK", 2**25)
        paths, same = shortest_paths(ties, 1), shortest_paths(ties, 1)
    assert 64 <= paths.sources < 2500
    assert np.array_equal(paths.betweenness, same.betweenness)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("convscope.kinds.graph.social.measures.EXACT", 2500)
        exact = shortest_paths(ties)
    top = np.argsort(-exact.betweenness)[:5]
    assert paths.betweenness[top] == pytest.approx(exact.betweenness[top], rel=0.35)
    assert paths.mean == pytest.approx(exact.mean, rel=0.05)


def test_communities_and_what_joins_them():
    ties = Ties(graph_of(KARATE, weighted=True))
    part, modularity = communities_of(ties, seed=0)
    groups = [set(np.flatnonzero(part == number).tolist()) for number in range(part.max() + 1)]
    assert modularity == pytest.approx(nx.community.modularity(KARATE, groups))
    assert [len(each) for each in groups] == sorted(map(len, groups), reverse=True)
    bridges = bridges_of(ties, part, shortest_paths(ties).of_pairs, 3)
    assert bridges[0].ends == ("p0", "p31")
    assert bridges[0].common == len(list(nx.common_neighbors(KARATE, 0, 31)))
    (clubs,) = likeness_of(ties)
    assert clubs.ties == KARATE.number_of_edges()
    assert clubs.assortativity == pytest.approx(nx.attribute_assortativity_coefficient(KARATE, "club"))


def test_a_network_without_ties_between_people_has_none():
    ties = Ties(Graph(["a", "b", "c"], np.array([[0, 0]])))
    assert communities_of(ties, 0)[1] is None
    assert assortativity(ties) is None
    assert pagerank(ties) == pytest.approx(np.full(3, 1 / 3))


@NETWORKS
def test_the_kernels_are_degree_strength_and_pagerank(network):
    graph = graph_of(network, weighted=True)
    represent = PersonRepresentation(NodeFeatures(), table_width=4, hops=2)
    batch = {**represent.whole(graph), "targets": np.arange(len(graph), dtype=np.int32)[None]}
    found = np.asarray(network_kernels((None, 1), hops=150, table_width=4).predict_on_batch(batch))[0]
    ties = Ties(graph)
    assert found[:, 0] == pytest.approx(np.asarray(ties.leads.sum(axis=0)).ravel())
    assert found[:, 1] == pytest.approx(np.asarray(ties.weights.sum(axis=0)).ravel())
    assert found[:, 2] / found[:, 2].sum() == pytest.approx(pagerank(ties), abs=1e-6)


@pytest.fixture(scope="module")
def karate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("karate")
    with (folder / "edges.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("source", "target", "weight"))
        rows.writerows((f"p{a}", f"p{b}", data["weight"]) for a, b, data in KARATE.edges(data=True))
    with (folder / "nodes.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("id", "club"))
        rows.writerows((f"p{node}", data["club"]) for node, data in KARATE.nodes(data=True))
    return folder


@pytest.fixture(scope="module")
def run(karate, tmp_path_factory):
    return train(
        karate,
        recipe="social-network",
        out=tmp_path_factory.mktemp("runs") / "run",
        starters=3,
        cascades=500,
        verbose=0,
    )


def test_one_command_describes_a_network(run):
    found = metrics(run)
    assert (found.people, found.ties, found.diameter, found.components) == (34, 78, 5, 1)
    assert found.is_exact
    assert found.homophily[0].column == "label"
    best = found.influence.starts[0]
    assert best.chosen_by == "IMM"
    assert len(best.people) == 3
    assert best.low < best.mean < best.high
    page = run.report_path.read_text()
    for title in ("Network", "Central people", "Communities", "Bridges", "Influence"):
        assert f">{title}</h2>" in page
    assert "Training</h2>" not in page


def test_each_person_has_a_row(run, karate):
    rows = [each.to_row() for each in predict(run.folder, [], say=silent).rows]
    assert [row["name"] for row in rows] == [f"p{node}" for node in KARATE]
    assert [int(row["degree"]) for row in rows] == [degree for _, degree in KARATE.degree()]
    assert sorted(row["starter"] for row in rows if row["starter"]) == ["1", "2", "3"]
    assert rows == [each.to_row() for each in predict(run.folder, [str(karate)], say=silent).rows]


def test_nothing_is_evaluated_where_nothing_is_predicted(run):
    with pytest.raises(UsageError, match="predicts nothing"):
        evaluate(run.folder, say=silent)


def test_probabilities_of_edges_count_for_influence_alone(tmp_path):
    path = tmp_path / "edges.csv"
    path.write_text("source,target,p\na,b,1\nb,c,1\nc,d,0\nd,e,0.5\n")
    samples = read_network(path, probability_column="p").train.samples
    assert samples.graph.weights is None
    assert samples.probabilities.tolist() == [1, 1, 0.5]  # what cannot pass is no edge


def test_loops_alone_are_no_network(tmp_path):
    path = tmp_path / "edges.csv"
    path.write_text("source,target\na,a\nb,b\n")
    with pytest.raises(DataError, match="expected edges between two nodes"):
        read_network(path)


def test_weights_and_probabilities_exclude_each_other(tmp_path):
    path = tmp_path / "edges.csv"
    path.write_text("source,target,p,w\na,b,1,2\nb,c,1,2\n")
    with pytest.raises(UsageError, match="either weights or probabilities"):
        read_network(path, weight_column="w", probability_column="p")
