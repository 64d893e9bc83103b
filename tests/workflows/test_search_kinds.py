"""Searches on every kind of data: what may be tried of each recipe, and small searches from end to end."""

import csv

import networkx as nx
import numpy as np
import pytest
from made_clouds import write_clouds
from made_volumes import write_scans
from small_series import write_hours, write_waves
from small_sounds import write_sounds
from small_texts import write_judged

import convscope
from convscope.types import no_progress, silent
from convscope.workflows.search.request import search_requested
from convscope.workflows.search.search import preview_search


def write_club(folder):
    """Zachary's karate club as tables of edges and of nodes with the club and two numbers."""
    graph, rng = nx.karate_club_graph(), np.random.default_rng(0)
    folder.mkdir(parents=True)
    with (folder / "edges.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("source", "target"), *graph.edges()])
    with (folder / "nodes.csv").open("w", newline="") as file:
        rows = [(node, graph.nodes[node]["club"], *np.round(rng.normal(size=2), 3)) for node in graph]
        csv.writer(file).writerows([("id", "label", "a", "b"), *rows])
    return folder


DATA = {
    "text-classification": write_judged,
    "series-classification": write_waves,
    "series-forecasting": write_hours,
    "node-classification": write_club,
    "volume-classification": write_scans,
    "points-classification": write_clouds,
    "audio-classification": write_sounds,
}
FEW = {"points-classification": {"points": 64}, "node-classification": {"epochs": 20}}
"""Options by which a search is small."""
CHANGED = {
    "text-classification": {"text_cnn": "widths", "residual_text_cnn": "kernel_size"},
    "series-classification": {
        "inception_time": "depth",
        "fcn": "filters",
        "minirocket": "features",
        "hydra_multirocket": "groups",
    },
    "series-forecasting": {"direct_forecaster": "kernel_size"},
    "node-classification": {
        "appnp": "teleport",
        "gcn": "l2",
        "gat": "heads",
        "sage": "aggregate",
        "tag_cnn": "hops",
    },
    "volume-classification": {"volume_resnet": "width"},
    "points-classification": {
        "pointnext_s": "neighborhood",
        "pointnet": "width",
        "dgcnn": "dropout",
        "voxel_resnet": "depth",
    },
    "audio-classification": {"audio_cnn": "masking"},
}
"""An option of each architecture that is tried."""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Makes the data of a recipe."""
    return lambda recipe: DATA[recipe](tmp_path_factory.mktemp("data") / "made")


@pytest.mark.parametrize("recipe", DATA)
def test_every_architecture_has_a_space_of_its_own_options_and_of_the_settings_that_it_uses(recipe, data):
    asked = search_requested(data(recipe), {"trials": 12, **FEW.get(recipe, {})}, recipe=recipe)
    spaces = preview_search(asked, no_progress, silent)
    tried = {space.architecture: {each.name for each in space.dimensions} for space in spaces}
    assert set(tried) == set(CHANGED[recipe])
    for architecture, option in CHANGED[recipe].items():
        assert option in tried[architecture]
        assert not tried[architecture] & {*asked.request.spec.ignored_settings, *asked.request.spec.untried}
    solved = [space for space in spaces if space.epochs is None]
    assert {space.architecture for space in solved} <= {"minirocket", "hydra_multirocket"}
    assert all("learning_rate" in tried[space.architecture] for space in spaces if space not in solved)
    numeric = recipe.partition("-")[0] in ("series", "volume", "points", "audio")
    assert any("mixing" in names for names in tried.values()) == (
        numeric and "mixing" not in asked.request.spec.ignored_settings
    )


@pytest.mark.slow
@pytest.mark.parametrize("recipe", DATA)
def test_a_small_search_ends_with_a_run_that_can_be_evaluated(recipe, data, tmp_path):
    few = {"epochs": 2, "precision": "float32", **FEW.get(recipe, {})}
    found = convscope.search(
        data(recipe), recipe=recipe, out=tmp_path / "s", trials=4, finalists=1, seeds=2, verbose=0, **few
    )
    assert all(each.outcome.status in ("finished", "stopped") for each in found.trials), found.to_table()
    assert len(found.trials) == 4
    evaluated = convscope.evaluate(found.run.folder, say=silent).to_json()
    assert evaluated.get(found.test_metric, found.test["winner"]) == pytest.approx(found.test["winner"])
    again = convscope.search(resume=found.folder, verbose=0)
    assert again.verdict == found.verdict
