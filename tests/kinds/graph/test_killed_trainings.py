"""A training of a graph recipe that was killed behind a checkpoint ends as one that was not."""

import signal
import subprocess
import sys

import keras
import networkx as nx
import numpy as np
import pytest
from small_graphs import karate

import convscope

KILLED = """
import os, signal, sys
from convscope.engine.training import run_callback

write = run_callback.write_checkpoint

def write_and_die(*arguments):
    write(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)

run_callback.write_checkpoint = write_and_die
import convscope
convscope.train(sys.argv[1], out=sys.argv[2], **eval(sys.argv[3]))
"""
RECIPES = (
    "node-classification",
    *(
        pytest.param(name, marks=pytest.mark.slow)
        for name in ("link-prediction", "graph-classification", "node-clustering", "recommendation")
    ),
)


def club(folder):
    graph = karate()
    edges = "".join(f"{graph.names[a]},{graph.names[b]}\n" for a, b in graph.edges.tolist())
    (folder / "edges.csv").write_text(f"source,target\n{edges}")
    people = "".join(f"{name},{label}\n" for name, label in zip(graph.names, graph.labels, strict=True))
    (folder / "nodes.csv").write_text(f"id,label\n{people}")


def collection(folder):
    arcs, owner = [], []
    for number in range(20):
        nodes = 5 + number // 2
        made = nx.cycle_graph(nodes) if number % 2 else nx.star_graph(nodes - 1)
        start = len(owner) + 1
        arcs += [(a + start, b + start) for edge in made.edges for a, b in (edge, edge[::-1])]
        owner += [number + 1] * nodes
    (folder / "T_A.txt").write_text("".join(f"{a}, {b}\n" for a, b in arcs))
    (folder / "T_graph_indicator.txt").write_text("".join(f"{each}\n" for each in owner))
    (folder / "T_graph_labels.txt").write_text("".join(f"{1 + number % 2}\n" for number in range(20)))


def ratings(folder):
    rng = np.random.default_rng(0)
    rows = [f"u{user},i{item},5" for user in range(12) for item in range(10) if rng.random() < 0.6]
    (folder / "ratings.csv").write_text("\n".join(["user,item,rating", *rows]) + "\n")


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_killed_training_goes_on_as_if_nothing_had_happened(tmp_path, recipe):
    data = tmp_path / "data"
    data.mkdir()
    {"graph-classification": collection, "recommendation": ratings}.get(recipe, club)(data)
    settings = {"recipe": recipe, "epochs": 4, "seed": 5}
    given = [sys.executable, "-c", KILLED, str(data), str(tmp_path / "killed"), repr(settings)]
    child = subprocess.run(given, capture_output=True, text=True, check=False)
    assert child.returncode == -signal.SIGKILL, child.stderr
    resumed = convscope.train(resume=tmp_path / "killed")
    whole = convscope.train(data, out=tmp_path / "whole", **settings)
    one, other = (keras.models.load_model(run.model_path).get_weights() for run in (resumed, whole))
    assert len(one) == len(other)
    for left, right in zip(one, other, strict=True):
        np.testing.assert_array_equal(left, right)
    assert resumed.metrics()["test"] == whole.metrics()["test"]
