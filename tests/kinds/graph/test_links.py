"""Link prediction: what is hidden, what is a negative, and what a model is worth beside common neighbors."""

import networkx as nx
import numpy as np
import pytest
from small_graphs import karate, random_graph

from convscope.engine.training.settings import FitSettings
from convscope.errors import DataError, UsageError
from convscope.kinds.contract.recipe import ExampleContext, Fitted
from convscope.kinds.graph.graph import FoundGraphs, Graph
from convscope.kinds.graph.link_prediction.metrics import LinkMetrics, link_metrics, ranks_of
from convscope.kinds.graph.link_prediction.negatives import (
    Likeness,
    hard_negatives,
    keys_of,
    pairs_of,
    random_negatives,
)
from convscope.kinds.graph.link_prediction.reader import new_pairs, read_links, read_pairs, split_links
from convscope.kinds.graph.link_prediction.recipe import RECIPE
from convscope.kinds.graph.link_prediction.representation import LinkRepresentation
from convscope.types import SPLITS, no_progress


def split(graph, seed=0):
    return split_links("club", FoundGraphs([graph], "a graph"), seed, 0.1, 0.2)


def links_of(splits, name):
    samples = splits[name].samples
    return set(keys_of(samples.pairs[samples.links], len(samples.graph)).tolist())


@pytest.mark.parametrize("directed", [False, True])
def test_a_pair_is_in_one_split_and_messages_pass_along_train_edges_alone(directed):
    graph = karate()
    both = np.concatenate([graph.edges, graph.edges[::3, ::-1]])
    splits = split(karate(edges=both, directed=directed))
    parts = [links_of(splits, name) for name in SPLITS]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 78
    assert [len(part) for part in parts] == [54, 8, 16]
    for name in SPLITS:
        seen = splits[name].samples.graph
        assert set(keys_of(seen.edges, 34).tolist()) == parts[0]
        assert not seen.directed


def test_negatives_have_no_edge_and_are_as_many_as_the_links():
    graph = karate()
    splits = split(graph)
    every = set(keys_of(graph.edges, 34).tolist())
    assert splits.train.labels.all()
    for name in ("validation", "test"):
        samples, labels = splits[name].samples, splits[name].labels
        others = samples.pairs[labels == 0]
        assert len(others) == labels.sum()
        assert not set(keys_of(others, 34).tolist()) & every
        assert (others[:, 0] != others[:, 1]).all()


def test_the_same_seed_gives_the_same_split_and_another_one_another():
    same, other = split(karate()), split(karate(), seed=1)
    assert links_of(same, "test") == links_of(split(karate()), "test") != links_of(other, "test")
    assert (same.test.samples.pairs == split(karate()).test.samples.pairs).all()


def test_with_times_the_latest_links_are_hidden():
    graph = karate()
    times = np.arange(78, dtype=np.float64)[::-1].copy()
    splits = split(karate(times=times))
    newest = set(keys_of(graph.edges[:16], 34).tolist())
    assert links_of(splits, "test") == newest
    assert any("the latest" in line for line in splits.decisions)


def test_self_loops_are_no_links():
    edges = np.concatenate([karate().edges, [[3, 3], [5, 5]]])
    splits = split(karate(edges=edges))
    assert sum(len(links_of(splits, name)) for name in SPLITS) == 78
    assert any("self loops: 2" in line for line in splits.decisions)


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (Graph(["a", "b", "c"], np.array([[0, 1], [1, 2]])), "at least 10 links"),
        (
            Graph(list("abcdef"), np.array(list(nx.complete_graph(6).edges), np.int64)),
            "every node has an edge to every other",
        ),
    ],
    ids=["few", "complete"],
)
def test_a_graph_without_anything_to_predict_is_refused(graph, message):
    with pytest.raises(DataError, match=message):
        split(graph)


def test_several_graphs_are_refused():
    with pytest.raises(DataError, match="expected one graph, received 2"):
        split_links("two", FoundGraphs([karate(), karate()], "graphs"), 0, 0.1, 0.1)


@pytest.mark.parametrize("nodes", [12, 400])
def test_random_negatives_are_different_pairs_without_an_edge(nodes):
    rng = np.random.default_rng(0)
    known = np.unique(keys_of(random_graph(nodes, 2 * nodes).edges, nodes))
    count = 20
    drawn = keys_of(random_negatives(nodes, known, count, rng), nodes)
    assert len(np.unique(drawn)) == count
    assert not np.isin(drawn, known).any()
    most = nodes * (nodes - 1) // 2 - len(known)
    assert len(random_negatives(nodes, known, 10**9 if nodes == 12 else 50, rng)) == min(
        most, 10**9 if nodes == 12 else 50
    )


def test_heuristics_are_those_of_networkx():
    graph = karate()
    found = nx.Graph(graph.edges.tolist())
    pairs = random_negatives(34, np.unique(keys_of(graph.edges, 34)), 60, np.random.default_rng(0))
    scores = Likeness(graph).heuristics(pairs)
    for name, reference in (
        (
            "common neighbors",
            lambda ebunch: ((u, v, len(list(nx.common_neighbors(found, u, v)))) for u, v in ebunch),
        ),
        ("Adamic-Adar", lambda ebunch: nx.adamic_adar_index(found, ebunch)),
        ("resource allocation", lambda ebunch: nx.resource_allocation_index(found, ebunch)),
    ):
        expected = [score for _, _, score in reference([tuple(pair) for pair in pairs.tolist()])]
        assert scores[name] == pytest.approx(expected)


def test_hard_negatives_share_an_end_with_their_link_and_are_more_alike_than_random_pairs():
    graph = karate(features=np.random.default_rng(0).random((34, 5), np.float32))
    likeness, known = Likeness(graph), np.unique(keys_of(graph.edges, 34))
    links = graph.edges[:10]
    hard = hard_negatives(likeness, links, known, 8)
    assert hard.shape == (10, 8, 2)
    assert (hard[:, :4, 0] == links[:, :1]).all()
    assert (hard[:, 4:, 0] == links[:, 1:]).all()
    assert not np.isin(keys_of(hard.reshape(-1, 2), 34), known).any()
    assert all(len(np.unique(keys_of(half, 34))) == 4 for row in hard for half in (row[:4], row[4:]))
    name = "resource allocation"
    drawn = random_negatives(34, known, 80, np.random.default_rng(0))
    close = likeness.heuristics(hard.reshape(-1, 2))[name].mean()
    assert close > 1.5 * likeness.heuristics(drawn)[name].mean()
    assert (hard == hard_negatives(likeness, links, known, 8)).all()


def test_ranks_of_equals_are_their_mean():
    assert ranks_of(np.array([0.5, 0.9]), np.array([[0.5, 0.5], [0.1, 0.2]])).tolist() == [2.0, 1.0]


def test_metrics_of_a_perfect_ranking_and_of_one_that_is_beaten():
    links = np.array([True, True, False, False])
    sure, hard = np.array([0.9, 0.8, 0.1, 0.2]), np.full((2, 5), 0.3)
    found = link_metrics(links, sure, hard, {"other": (sure * 0, hard)})
    assert (found.model.mrr, found.model.auc, found.model.average_precision) == (1.0, 1.0, 1.0)
    assert found.beside[0].auc == 0.5
    assert "best without a model" in found.to_line()
    beaten = link_metrics(links, 1 - sure, hard, {"other": (sure, hard)})
    assert "ahead of the model" in beaten.to_line()
    assert LinkMetrics.from_json(found.to_json()) == found


def test_nothing_names_an_option_for_directions_which_are_not_predicted(tmp_path):
    edges = [f"{a},{b}\n" for a, b in nx.karate_club_graph().edges]
    (tmp_path / "edges.csv").write_text("a,b\n" + "".join(edges))
    said = "\n".join(read_links(tmp_path).decisions)
    assert "direction: undirected" in said
    assert "--directed" not in said


@pytest.fixture(scope="module")
def fitted():
    splits = split(karate())
    representation, _ = LinkRepresentation.fit(splits.train, hops=2)
    from convscope.kinds.graph.link_prediction.models import link_gcn

    model = RECIPE.build(link_gcn, representation, splits.class_names, {"filters": 8, "score": "dense"})
    return splits, Fitted(model, representation, splits.class_names)


def test_the_neighborhoods_of_both_ends_give_the_answer_of_the_whole_graph(fitted):
    splits, made = fitted
    samples = splits.test.samples
    whole = RECIPE.predict(made, samples, no_progress)
    inputs = RECIPE.encode_inputs(made, samples, no_progress)
    alone = np.asarray(made.model(inputs.take(np.arange(len(samples)))), np.float32)
    assert alone.shape == (len(samples), 1, 1)
    assert alone.ravel() == pytest.approx(whole.probabilities, abs=1e-6)
    described = inputs.describe(0)
    assert [described.names[place] for place in described.centers] == samples.name(0).split(" - ")


def test_a_step_of_training_draws_as_many_negatives_as_it_has_links_and_others_each_time(fitted):
    splits, made = fitted
    context = ExampleContext(
        made.representation, splits.train, splits.class_names, FitSettings(), None, True, no_progress
    )
    examples = RECIPE.examples(context)
    (first, targets), (second, _) = (
        examples.batch(np.arange(20), np.random.default_rng(seed)) for seed in (0, 1)
    )
    assert first["pairs"].shape == (1, 40, 2)
    assert targets[0, :, 0].tolist() == [1.0] * 20 + [0.0] * 20
    assert (first["pairs"][0, :20] == splits.train.samples.pairs[:20]).all()
    assert (first["pairs"] != second["pairs"]).any()
    trained = keys_of(splits.train.samples.pairs, 34)
    assert not np.isin(keys_of(first["pairs"][0, 20:], 34), trained).any()


def test_outputs_are_judged_beside_heuristics_and_told_by_names(fitted):
    splits, made = fitted
    outputs = RECIPE.predict(made, splits.test.samples, no_progress)
    found = RECIPE.evaluate(outputs, splits.test, splits.class_names)
    assert [each.name for each in found.beside] == ["common neighbors", "Adamic-Adar", "resource allocation"]
    assert found.ranked == found.links == 16
    told = RECIPE.to_predictions(outputs, splits.test.samples, splits.class_names)
    assert told[3].name == splits.test.samples.name(3)
    worst = RECIPE.report.mistakes(outputs, splits.test, splits.class_names)
    assert {each.true for each in worst} == {"link", "no link"}


def written(folder, graph):
    lines = [f"{graph.names[a]},{graph.names[b]}\n" for a, b in graph.edges.tolist()]
    (folder / "edges.csv").write_text("source,target\n" + "".join(lines))
    return folder


def test_pairs_of_a_table_are_asked_of_the_graph_and_unknown_nodes_are_skipped(tmp_path, fitted):
    (tmp_path / "club").mkdir()
    club = written(tmp_path / "club", karate())
    splits = read_links(club)
    assert splits.reading == {"graph": str(club)}
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("source,target\nperson 0,person 33\nperson 1,nobody\nperson 2,person 3\n")
    asked = read_pairs([str(pairs)], graph=str(club))
    assert asked.name(0) == "person 0 - person 33"
    assert len(asked) == 2
    assert "nobody" in asked.skipped[0].reason
    assert len(asked.graph.edges) == 78
    told = RECIPE.to_predictions(RECIPE.predict(fitted[1], asked, no_progress), asked, ())
    assert [each.name for each in told] == ["person 0 - person 33", "person 2 - person 3"]
    with pytest.raises(DataError, match="expected the graph that its pairs are of"):
        read_pairs([str(pairs)], graph=str(tmp_path / "gone"))
    with pytest.raises(UsageError, match="must leave links for train"):
        read_links(club, validation_share=0.5, test_share=0.5)


def test_of_a_graph_without_pairs_the_most_probable_new_links_are_told(tmp_path, fitted):
    asked = read_pairs([str(written(tmp_path, karate()))], most=5)
    assert len(asked) == 34 * 33 // 2 - 78
    told = RECIPE.to_predictions(RECIPE.predict(fitted[1], asked, no_progress), asked, ())
    chances = [each.probability for each in told]
    assert len(told) == 5
    assert chances == sorted(chances, reverse=True)


def test_of_a_large_graph_new_links_are_sought_among_nodes_with_a_common_neighbor(monkeypatch):
    monkeypatch.setattr("convscope.kinds.graph.link_prediction.reader.MOST_PAIRS", 100)
    pairs, skipped = new_pairs(karate())
    assert skipped[0].reason.startswith("pairs without a common neighbor")
    assert 0 < len(pairs) <= 100
    assert (Likeness(karate()).heuristics(pairs)["common neighbors"] > 0).all()


def test_numbers_of_pairs_go_both_ways():
    pairs = np.array([[3, 1], [1, 3], [0, 7]])
    assert pairs_of(keys_of(pairs, 8), 8).tolist() == [[1, 3], [1, 3], [0, 7]]
