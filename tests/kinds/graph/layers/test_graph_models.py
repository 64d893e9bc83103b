"""Architectures for graphs learn, answer for nodes and for graphs, and come back from a file."""

import keras
import numpy as np
import pytest
from keras import ops

from convscope.errors import UsageError
from convscope.kinds.graph import models
from convscope.layers.neighbor_tables import neighbor_tables
from convscope.layers.neighbors import TABLES

pytestmark = pytest.mark.portable

NAMES = ("gcn", "sage", "gat", "tag_cnn", "appnp", "gin")
NODES, FEATURES, WIDTH = 24, 4, 4


@pytest.fixture(scope="module")
def rings():
    """Two rings of nodes; half of each belongs to class 0, half to class 1, which the features tell."""
    ring = np.arange(NODES)
    arcs = np.concatenate([np.stack([ring, np.roll(ring, 1)], 1), np.stack([np.roll(ring, 1), ring], 1)])
    tables = neighbor_tables(arcs, np.ones(len(arcs), "float32"), NODES, WIDTH)
    classes = (ring >= NODES // 2).astype(int)
    x = np.random.default_rng(0).normal(size=(2, NODES, FEATURES)).astype("float32")
    x[..., 0] += 2 * classes
    inputs = {"nodes": x, "degrees": np.full((2, NODES), 2, "float32")}
    inputs |= {name: np.stack([getattr(tables, name)] * 2) for name in TABLES[1:]}
    inputs["targets"] = np.stack([ring, ring[::-1]]).astype("int32")
    return inputs, np.eye(2, dtype="float32")[np.stack([classes, classes[::-1]])]


@pytest.mark.portable("gcn", "gin")  # layers are compared on every backend; compiling models takes long there
@pytest.mark.parametrize("name", NAMES)
def test_a_model_of_nodes_learns_and_comes_back(name, rings, tmp_path):
    inputs, targets = rings
    keras.utils.set_random_seed(0)
    settings = {"filters": 8, "dropout": 0.1, "table_width": WIDTH, "answers": "nodes"}
    model = getattr(models, name)((None, FEATURES), 2, **settings)
    model.compile(keras.optimizers.Adam(0.03), "categorical_crossentropy")
    losses = model.fit(inputs, targets, epochs=12, verbose=0, batch_size=2).history["loss"]
    assert losses[-1] < losses[0]
    answers = model.predict(inputs, verbose=0)
    assert answers.shape == (2, NODES, 2)
    assert answers.sum(-1) == pytest.approx(np.ones((2, NODES)), abs=1e-5)
    model.save(tmp_path / "model.keras")
    same = keras.saving.load_model(tmp_path / "model.keras")
    assert same.predict(inputs, verbose=0) == pytest.approx(answers, abs=1e-5)
    assert models.hops_of(model) == {"tag_cnn": 6, "appnp": 10, "gin": 4}.get(name, 2)


@pytest.mark.portable("gcn", "gin")
@pytest.mark.parametrize("name", NAMES)
def test_a_model_of_graphs_answers_once_for_each(name, rings):
    inputs, _ = rings
    given = {key: ops.convert_to_tensor(value) for key, value in inputs.items() if key != "targets"}
    given["members"] = ops.ones((2, NODES))
    model = getattr(models, name)((None, FEATURES), 3, filters=8, table_width=WIDTH, answers="graphs")
    answers = ops.convert_to_numpy(model(given))
    assert answers.shape == (2, 3)
    assert answers.sum(-1) == pytest.approx(np.ones(2), abs=1e-5)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"input_shape": (4,)}, "takes"),
        ({"input_shape": (None, None)}, "takes"),
        ({"answers": "edges"}, "'nodes' or 'graphs'"),
        ({"hops": 0}, "at least one hop"),
        ({"dropout": 1.0}, "below 1"),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_an_option_that_makes_no_sense_is_refused(name, options, said):
    with pytest.raises(UsageError, match=said):
        getattr(models, name)(**{"input_shape": (None, 4), "classes": 2, **options})


def test_heads_and_kernels_are_shared_out_evenly():
    with pytest.raises(UsageError, match="heads divide"):
        models.gat((None, 4), 2, filters=9, heads=2)
    with pytest.raises(UsageError, match="divides hops"):
        models.tag_cnn((None, 4), 2, hops=5, depth=2)
