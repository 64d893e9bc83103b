"""Any bytes in the place of a file of a graph end in a graph that holds together, or in an error."""

import io
import json
import pickle
import random
import sys
from collections import defaultdict
from pathlib import Path

import networkx as nx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.sparse as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convscope.data.snapshot import DataSnapshot
from convscope.errors import ConvscopeError
from convscope.kinds.graph.detect import detect
from convscope.kinds.graph.readers.reader import found_graphs

sys.path.insert(0, str(Path(__file__).parents[3] / "fuzz"))
import changes

KARATE = nx.karate_club_graph()
EDGES = b"source,target,weight,time\na,b,1,2020-01-01\nb,c,2.5,2020-01-02\nc,d,1,\n"
NODES = b"id,age,club,split\na,3,x,train\nb,4,y,val\nc,,x,test\nd,7,y,\n"


def saved(write):
    out = io.BytesIO()
    write(out)
    return out.getvalue()


def planetoid():
    parts = {
        "x": sp.csr_matrix(np.eye(6, 4)[:2]),
        "y": np.eye(2)[[0, 1]],
        "allx": sp.csr_matrix(np.eye(6, 4)),
        "ally": np.eye(2)[[0, 1, 0, 1, 0, 1]],
        "tx": sp.csr_matrix(np.eye(3, 4)),
        "ty": np.eye(2)[[1, 0, 1]],
        "graph": defaultdict(list, {node: [(node + 1) % 9] for node in range(9)}),
    }
    files = {f"ind.t.{name}": pickle.dumps(value, protocol=2) for name, value in parts.items()}
    return {**files, "ind.t.test.index": b"8\n6\n7\n"}


COLLECTION = {
    "T_A.txt": b"1, 2\n2, 1\n3, 4\n",
    "T_graph_indicator.txt": b"1\n1\n2\n2\n",
    "T_graph_labels.txt": b"0\n1\n",
    "T_node_labels.txt": b"1\n2\n1\n2\n",
    "10fold_idx/test_idx-1.txt": b"0\n",
    "10fold_idx/test_idx-2.txt": b"1\n",
}
ARRAYS = {
    "edge_index": np.array([[0, 1], [1, 2]]),
    "x": np.eye(3),
    "y": np.arange(3),
    "train_idx": np.array([0]),
}
MATRIX = {"adj": sp.csr_matrix(nx.to_scipy_sparse_array(KARATE))}
FORMS = {
    "edges": ("edges.csv", {"edges.csv": EDGES, "nodes.csv": NODES}),
    "nodes": ("nodes.csv", {"edges.csv": EDGES, "nodes.csv": NODES}),
    "snap": ("a.txt", {"a.txt": b"# Directed graph\n# FromNodeId\tToNodeId\n0\t1\n1\t2\n2\t0\n"}),
    "matrix": ("a.csv", {"a.csv": b",a,b,c\na,0,1,0\nb,1,0,1\nc,0,1,0\n"}),
    "parquet": (
        "edges.parquet",
        {
            "edges.parquet": saved(
                lambda out: pq.write_table(pa.table({"source": [1, 2], "target": [2, 3]}), out)
            )
        },
    ),
    "graphml": ("a.graphml", {"a.graphml": saved(lambda out: nx.write_graphml(KARATE, out))}),
    "gexf": ("a.gexf", {"a.gexf": saved(lambda out: nx.write_gexf(KARATE, out))}),
    "gml": ("a.gml", {"a.gml": saved(lambda out: nx.write_gml(KARATE, out))}),
    "json": ("a.json", {"a.json": json.dumps(nx.node_link_data(KARATE, edges="links")).encode()}),
    "features": ("f.json", {"f.json": b'{"a": [0, 3], "b": [], "c": [1]}', "edges.csv": EDGES}),
    "npz": ("a.npz", {"a.npz": saved(lambda out: np.savez(out, **ARRAYS))}),
    "sparse": ("adj.npz", {"adj.npz": saved(lambda out: sp.save_npz(out, MATRIX["adj"], compressed=False))}),
    "mtx": ("a.mtx", {"a.mtx": b"%%MatrixMarket matrix coordinate real general\n3 3 2\n1 2 1.5\n2 3 1\n"}),
    "pickle": ("ind.t.graph", planetoid()),
    "pickled-array": ("ind.t.ty", planetoid()),
    "pickled-matrix": ("ind.t.allx", planetoid()),
    "collection": ("T_A.txt", COLLECTION),
    "indicator": ("T_graph_indicator.txt", COLLECTION),
    "folds": ("10fold_idx/test_idx-2.txt", COLLECTION),
}


def check(folder):
    """Detects and reads; what was read holds together."""
    detect(DataSnapshot(folder))
    try:
        found = found_graphs([folder])
    except ConvscopeError as error:
        assert error.message.strip()
        return False
    for graph in found.graphs:
        count = len(graph)
        assert len(set(graph.names)) == count
        assert graph.edges.shape == (len(graph.edges), 2)
        assert not len(graph.edges) or 0 <= graph.edges.min() <= graph.edges.max() < count
        assert graph.weights is None or np.isfinite(graph.weights).all()
        known = [graph.labels, graph.splits, *graph.columns.values()]
        assert all(len(each) == count for each in known if each is not None)
        assert graph.features is None or graph.features.shape[0] == count
    return True


@pytest.mark.parametrize("form", FORMS)
def test_changed_bytes_are_read_or_refused(tmp_path, form):
    name, files = FORMS[form]
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(content)
    assert check(tmp_path)
    others = b"".join(files.values())

    @settings(
        max_examples=25,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        derandomize=True,
    )
    @given(st.integers(0, 2**32))
    def changed(seed):
        (tmp_path / name).write_bytes(changes.changed_bytes(files[name], random.Random(seed), others))
        check(tmp_path)

    changed()
