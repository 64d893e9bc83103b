"""Documents, archives, pickles of arrays, collections and objects become graphs, or are refused."""

import json
import pickle
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace

import networkx as nx
import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp

from convscope.errors import DataError, UsageError
from convscope.kinds.graph.readers.objects import graph_of, save_graph
from convscope.kinds.graph.readers.reader import AskedGraph, found_graphs

KARATE = nx.karate_club_graph()
ADJACENCY = nx.to_scipy_sparse_array(KARATE, weight=None)
CLUBS = [KARATE.nodes[node]["club"] for node in KARATE]
WRITERS = {
    "karate.graphml": nx.write_graphml,
    "karate.gexf": nx.write_gexf,
    "karate.gml": nx.write_gml,
    "links.json": lambda graph, path: path.write_text(json.dumps(nx.node_link_data(graph, edges="links"))),
    "edges.json": lambda graph, path: path.write_text(
        json.dumps(nx.node_link_data(graph, edges="edges"), indent=1)
    ),
    "cytoscape.json": lambda graph, path: path.write_text(json.dumps(nx.cytoscape_data(graph))),
}


@pytest.mark.parametrize("name", WRITERS)
def test_documents_of_networkx(tmp_path, name):
    WRITERS[name](KARATE, tmp_path / name)
    (graph,) = found_graphs([tmp_path / name]).graphs
    assert (len(graph), len(graph.edges), graph.directed) == (34, 78, False)
    assert list(graph.labels) == CLUBS
    assert graph.weights.sum() == sum(weight for _, _, weight in KARATE.edges(data="weight"))


@pytest.mark.parametrize("name", WRITERS)
def test_documents_of_directed_graphs(tmp_path, name):
    WRITERS[name](nx.DiGraph([(1, 2), (3, 2)]), tmp_path / name)
    (graph,) = found_graphs([tmp_path / name]).graphs
    named = sorted((graph.names[one], graph.names[other]) for one, other in graph.edges.tolist())
    assert (graph.directed, named) == (True, [("1", "2"), ("3", "2")])


def test_links_by_the_places_of_nodes(tmp_path):
    nodes = [{"name": "A", "group": 1}, {"name": "B", "group": 2}, {"name": "C", "group": 1}]
    links = [{"source": 0, "target": 1, "value": 3}, {"source": 1, "target": 2, "value": 1}]
    (tmp_path / "a.json").write_text(json.dumps({"nodes": nodes, "links": links}))
    (graph,) = found_graphs([tmp_path / "a.json"]).graphs
    assert (list(graph.names), list(graph.labels)) == (["A", "B", "C"], ["1", "2", "1"])
    assert graph.weights.tolist() == [3, 1]


LAUGHS = (
    '<!DOCTYPE g [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><graphml><graph edgedefault="directed">'
    '<node id="&b;"/></graph></graphml>'
)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.graphml", LAUGHS, "declaration of the entity 'a'"),
        ("a.graphml", "<graphml><graph>", "line 1: not valid XML"),
        ("a.graphml", "<graphml><graph><node/></graph></graphml>", "expected id of each node"),
        ("a.gexf", "<gexf><graph><nodes><node id='1'/></nodes></graph></gexf>", "1 node alone"),
        ("a.gml", "graph [ node [ id 1 ]", "does not end"),
        ("a.gml", "graph [ node [ id 1 ] ]\n]", "line 2: expected keys and values"),
        ("a.gml", "graph [ edge [ source 1 ] ]", "expected target of each edge"),
        ("a.json", '{"nodes": [{"id": 1}], "links": [{"source": 1}]}', "source and target of link 1"),
        ("a.pt", "x", "torch.load('a.pt', weights_only=False)"),
        ("a.bin", "x", "dgl.load_graphs('a.bin')"),
    ],
)
def test_documents_that_are_refused(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError) as caught:
        found_graphs([tmp_path / name])
    assert message in str(caught.value)


def saved(folder, **arrays):
    np.savez(folder / "graph.npz", **arrays)
    return folder / "graph.npz"


def test_an_archive_of_edges_features_labels_and_splits(tmp_path):
    edges = np.array([[0, 1, 1, 2], [1, 0, 2, 1]])
    mask = np.array([True, False, False, False])
    labels = {"y": [0, 1, -1, 1], "label_names": ["p", "q"]}
    path = saved(tmp_path, edge_index=edges, x=np.eye(4), train_mask=mask, val_idx=[1], **labels)
    (graph,) = found_graphs([path]).graphs
    assert (graph.edges.tolist(), graph.directed) == ([[0, 1], [1, 2]], False)
    assert list(graph.labels) == ["p", "q", None, "q"]
    assert list(graph.splits) == ["train", "validation", None, None]


def test_an_archive_of_sparse_parts(tmp_path):
    adjacency, features = sp.csr_array([[0, 1], [0, 0]]), sp.csr_array([[0, 2, 0], [1, 0, 0]])
    parts = {
        f"{name}_{part}": getattr(matrix, part)
        for name, matrix in (("adj", adjacency), ("attr", features))
        for part in ("data", "indices", "indptr", "shape")
    }
    (graph,) = found_graphs([saved(tmp_path, **parts, labels=[0, 1])]).graphs
    assert (graph.edges.tolist(), graph.features.toarray().tolist()) == ([[0, 1]], [[0, 2, 0], [1, 0, 0]])


def test_matrices_beside_features_and_labels(tmp_path):
    sp.save_npz(tmp_path / "adj.npz", sp.csr_matrix(ADJACENCY))
    np.save(tmp_path / "features.npy", np.eye(34))
    np.save(tmp_path / "labels.npy", np.array(CLUBS))
    (graph,) = found_graphs([tmp_path]).graphs
    assert (len(graph.edges), graph.features.shape, list(graph.labels)) == (78, (34, 34), CLUBS)
    scipy.io.mmwrite(str(tmp_path / "karate.mtx"), ADJACENCY)
    assert len(found_graphs([tmp_path / "karate.mtx"]).graphs[0].edges) == 78


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.eye(3, 2)}, "expected edges as 'edge_index'"),
        ({"edge_index": np.ones((2, 3))}, "expected edges as whole numbers"),
        ({"edge_index": np.array([[0], [-1]])}, "between nodes from 0 to 0, received -1"),
        ({"edge_index": np.array([[0], [1]]), "y": np.zeros(5, int), "x": np.eye(3)}, "each of 5 nodes"),
        ({"edge_index": np.array([[0], [1]]), "train_idx": np.array([7])}, "'train_idx'"),
        ({"edge_index": np.array([{}], object)}, "received objects of Python"),
        ({"adj_indptr": np.zeros(2, int), "adj_indices": np.ones(1, int)}, "indptr and shape of a matrix"),
        (
            {"adj_indptr": np.array([0, 9]), "adj_indices": np.ones(1, int), "adj_shape": np.array([1, 1])},
            "damaged sparse matrix",
        ),
    ],
)
def test_archives_that_are_refused(tmp_path, arrays, message):
    with pytest.raises(DataError) as caught:
        found_graphs([saved(tmp_path, **arrays)])
    assert message in str(caught.value)


def planetoid(folder, **others):
    """Six nodes of train and more, three of test, of which row 8 is not listed."""
    first, test = 6, [9, 6, 7]
    graph = defaultdict(list, {node: [(node + 1) % 10] for node in range(10) if node not in (7, 8)})
    parts = {
        "x": sp.csr_matrix(np.eye(first, 4)[:2]),
        "y": np.eye(2)[[0, 1]],
        "allx": sp.csr_matrix(np.eye(first, 4)),
        "ally": np.eye(2)[[0, 1, 0, 1, 0, 1]],
        "tx": sp.csr_matrix(np.diag([2.0, 3, 4, 5])[:3]),
        "ty": np.eye(2)[[1, 0, 1]],
        "graph": graph,
        **others,
    }
    for name, value in parts.items():
        (folder / f"ind.toy.{name}").write_bytes(pickle.dumps(value, protocol=2))
    (folder / "ind.toy.test.index").write_text("".join(f"{row}\n" for row in test))
    return folder


def test_files_of_planetoid(tmp_path):
    found = found_graphs([planetoid(tmp_path)])
    (graph,) = found.graphs
    features = graph.features.toarray()
    assert [features[row].tolist() for row in (9, 6, 7, 8)] == [
        [2, 0, 0, 0],
        [0, 3, 0, 0],
        [0, 0, 4, 0],
        [0] * 4,
    ]
    assert list(graph.labels) == ["0", "1", "0", "1", "0", "1", "0", "1", None, "1"]
    assert list(graph.splits) == ["train"] * 2 + ["validation"] * 4 + ["test", "test", None, "test"]
    assert any("1 node in its range" in line for line in found.warnings)


class Harm:
    def __reduce__(self):
        return print, ("harm",)


@pytest.mark.parametrize(
    "others",
    [
        {"ty": Harm()},
        {"graph": {0: [99]}},
        {"graph": [1]},
        {"tx": "text"},
        {"ally": np.eye(3)},
        {"ty": [Harm()]},
    ],
)
def test_other_pickles_are_refused(tmp_path, capsys, others):
    with pytest.raises(DataError):
        found_graphs([planetoid(tmp_path, **others)])
    assert capsys.readouterr().out == ""


def forged(array_type, content=b"A" * 8):
    """An array whose type says of itself what no type of NumPy would."""
    head = b"\x80\x04cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"
    state = b"(K\x03X\x01\x00\x00\x00|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    kind = b"cnumpy\ndtype\nX\x02\x00\x00\x00" + array_type + b"K\x00K\x01\x87R" + state
    return head + b"(K\x01K\x01\x85" + kind + b"\x89C" + bytes([len(content)]) + content + b"tb."


def repeated(times=4000):
    """Bytes that are written once and asked for many times."""
    text = b"X" + (1000).to_bytes(4, "little") + b"a" * 1000 + b"q\x00"
    again = b"c_codecs\nencode\nh\x00X\x06\x00\x00\x00latin1\x86R"
    return b"\x80\x02(" + text + again * times + b"l."


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (forged(b"O8"), "received one of 'O8'"),
        (forged(b"V8"), "received one of 'V8'"),
        (forged(b"f8", b"A" * 7), "damaged array"),
        (repeated(), "repeat without end"),
        (b"\x80\x02}r\xff\xff\xff\x7f.", "expected a matrix"),
        (b"\x80\x02cnumpy\nndarray\nJ\x00\x00\x00\x7f\x85R.", "damaged pickle"),
        (b"\x80\x02cbuiltins\neval\nX\x01\x00\x00\x001\x85R.", "asks for builtins.eval"),
        (b"\x80\x02P1\n.", "reference to something else"),
    ],
    ids=["objects", "records", "short", "repeated-bytes", "large-memo", "memory", "eval", "persistent"],
)
def test_pickles_that_were_made_to_do_harm_are_refused(tmp_path, content, message):
    folder = planetoid(tmp_path)
    (folder / "ind.toy.tx").write_bytes(content)
    with pytest.raises(DataError, match=message):
        found_graphs([folder])


def test_lists_of_neighbors_that_are_one_many_times_are_refused(tmp_path):
    many = [0] * 1000
    with pytest.raises(DataError, match="list of neighbors"):
        found_graphs([planetoid(tmp_path, graph=dict.fromkeys(range(10), many))])
    with pytest.raises(DataError, match="nodes from 0 to 9"):
        found_graphs([planetoid(tmp_path, graph={0: [[1]]})])


def collection(folder, **others):
    files = {
        "A": "1, 2\n2, 1\n3, 4\n4, 3\n4, 5\n5, 4\n",
        "graph_indicator": "1\n1\n2\n2\n2\n",
        "graph_labels": "1\n-1\n",
        "node_labels": "3\n3\n5\n3\n5\n",
        **others,
    }
    for name, content in files.items():
        (folder / f"T_{name}.txt").write_text(content)
    return folder


def test_a_collection_of_graphs(tmp_path):
    found = found_graphs([collection(tmp_path)])
    one, other = found.graphs
    assert (one.label, other.label, one.edges.tolist(), other.edges.tolist()) == (
        "1",
        "-1",
        [[0, 1]],
        [[0, 1], [1, 2]],
    )
    assert other.features is None
    assert other.columns["label"].tolist() == ["5", "3", "5"]


def documents(folder, direction="undirected"):
    for number, (name, atoms) in enumerate((("a", "CO"), ("b", "OON"))):
        graph = nx.path_graph(len(atoms))
        nx.set_node_attributes(graph, dict(enumerate(atoms)), "atom")
        nx.set_node_attributes(graph, 0.5 + number, "charge")
        nx.write_graphml(graph, folder / f"{name}.graphml")
    last = folder / "b.graphml"
    last.write_text(last.read_text().replace('edgedefault="undirected"', f'edgedefault="{direction}"'))
    return folder


def test_several_documents_are_a_collection(tmp_path):
    found = found_graphs([documents(tmp_path)], AskedGraph(labeled=False))
    one, other = found.graphs
    assert (one.names, other.names) == (["0", "1"], ["0", "1", "2"])
    assert (one.edges.tolist(), other.edges.tolist()) == ([[0, 1]], [[0, 1], [1, 2]])
    assert (one.columns["atom"].tolist(), other.columns["atom"].tolist()) == (["C", "O"], ["O", "O", "N"])
    assert other.columns["charge"].tolist() == [1.5, 1.5, 1.5]
    assert (one.name, other.name) == tuple(str(tmp_path / f"{name}.graphml") for name in "ab")
    with pytest.raises(DataError, match="expected one graph, received 2"):
        found.only("here", "")


def test_documents_that_contradict_each_other_are_refused(tmp_path):
    folder = documents(tmp_path, "directed")
    with pytest.raises(DataError, match=r"b\.graphml: expected edges as those of .*a\.graphml"):
        found_graphs([folder])
    assert all(graph.directed for graph in found_graphs([folder], AskedGraph(directed=True)).graphs)


def test_folds_of_a_collection(tmp_path):
    folder = collection(tmp_path) / "10fold_idx"
    folder.mkdir()
    for fold, rows in ((1, "0\n"), (2, "1\n")):
        (folder / f"test_idx-{fold}.txt").write_text(rows)
    assert found_graphs([tmp_path]).folds.tolist() == [0, 1]
    (folder / "test_idx-2.txt").write_text("0\n")
    with pytest.raises(DataError, match="in two test parts"):
        found_graphs([tmp_path])


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"A": "1, 2\n2, 9\n"}, "T_A.txt, line 2: expected whole numbers from 1 to 5"),
        ({"A": "1, 2\n2, 3\n"}, "T_A.txt, line 2: expected an edge between two nodes of one graph"),
        (
            {"graph_indicator": "1\n2\n1\n1\n1\n"},
            "T_graph_indicator.txt, line 3: expected the nodes of a graph",
        ),
        ({"graph_labels": "1\n"}, "expected a label for each of 2 graphs, received 1"),
        ({"node_labels": "1\n2\n"}, "expected a row for each of 5 nodes, received 2"),
        ({"A": "a, b\n"}, "expected numbers in all rows"),
    ],
)
def test_collections_that_are_refused(tmp_path, files, message):
    with pytest.raises(DataError) as caught:
        found_graphs([collection(tmp_path, **files)])
    assert message in str(caught.value)


def test_objects_of_python():
    of_networkx = graph_of(KARATE).graphs[0]
    of_scipy = graph_of(ADJACENCY).graphs[0]
    edges = np.array(KARATE.edges()).T
    both = np.concatenate([edges, edges[::-1]], 1)
    data = SimpleNamespace(edge_index=both, x=np.eye(34, dtype="float32"), y=np.arange(34) % 2)
    of_data = graph_of(data).graphs[0]
    for graph in (of_networkx, of_scipy, of_data):
        np.testing.assert_array_equal(graph.edges, of_networkx.edges)
    assert list(of_networkx.labels) == CLUBS
    assert of_data.features.shape == (34, 34)
    with pytest.raises(UsageError, match="received str"):
        graph_of("karate")


def test_features_that_are_listed_by_node(tmp_path):
    (tmp_path / "edges.csv").write_text("id_1,id_2\n0,1\n1,2\n")
    (tmp_path / "features.json").write_text(json.dumps({"2": [0, 3], "0": [1], "1": []}))
    (graph,) = found_graphs([tmp_path], AskedGraph()).graphs
    rows = dict(zip(graph.names, graph.features.toarray().tolist(), strict=True))
    assert rows == {"2": [1, 0, 0, 1], "0": [0, 1, 0, 0], "1": [0, 0, 0, 0]}


def test_an_edge_of_gexf_without_a_weight_has_the_usual_one(tmp_path):
    nodes = "".join(f'<node id="{name}"/>' for name in "abc")
    edges = '<edge source="a" target="b" weight="2.5"/><edge source="b" target="c"/>'
    text = f"<gexf><graph><nodes>{nodes}</nodes><edges>{edges}</edges></graph></gexf>"
    (tmp_path / "graph.gexf").write_text(text)
    (graph,) = found_graphs([tmp_path]).graphs
    assert graph.weights.tolist() == [2.5, 1]


@pytest.mark.parametrize("form", ["csr", "csc", "coo"])
def test_sparse_matrices_keep_their_directions(tmp_path, form):
    matrix = sp.coo_matrix(([1.0, 2.0], ([0, 1], [1, 2])), shape=(3, 3)).asformat(form)
    sp.save_npz(tmp_path / "graph.npz", matrix)
    (graph,) = found_graphs([tmp_path], AskedGraph(directed=True)).graphs
    assert graph.edges.tolist() == [[0, 1], [1, 2]]
    assert graph.weights.tolist() == [1, 2]


def test_other_sparse_forms_are_refused(tmp_path):
    sp.save_npz(tmp_path / "graph.npz", sp.bsr_matrix(np.eye(4)))
    with pytest.raises(DataError, match="CSR, CSC or COO"):
        found_graphs([tmp_path])


def test_features_that_are_square_are_no_adjacency(tmp_path):
    np.savez(tmp_path / "graph.npz", mine=np.array([[0, 1], [0, 0]]), x=np.eye(2))
    (graph,) = found_graphs([tmp_path]).graphs
    assert graph.features.shape == (2, 2) and len(graph.edges) == 1


def test_a_model_beside_the_tables_is_left_out(tmp_path):
    (tmp_path / "edges.csv").write_text("source,target\na,b\nb,c\n")
    (tmp_path / "model.pt").write_bytes(b"PK")
    found = found_graphs([tmp_path])
    assert len(found.graphs[0].edges) == 2
    assert [Path(each.path).name for each in found.skipped] == ["model.pt"]


def masked(directed=False):
    """What `Data` of PyTorch Geometric has as attributes."""
    x, y, mask = np.eye(3, 2, dtype=np.float32), np.array([0, 1, 1]), np.array([True, False, False])
    edges = np.array([[0, 1, 1, 2], [1, 0, 2, 1]])[:, : 2 if directed else 4]
    return SimpleNamespace(edge_index=edges, x=x, y=y, train_mask=mask, test_mask=~mask)


@pytest.mark.parametrize(
    ("found", "name", "directed"),
    [
        (nx.karate_club_graph(), "club.json", None),
        (nx.DiGraph([("a", "b"), ("b", "c")]), "ties.npz", None),
        (sp.csr_array(np.array([[0, 2.0, 0], [0, 0, 1], [0, 0, 0]])), "matrix.npz", True),
        (masked(), "data.npz", None),
        (masked(), "data.npz", True),
        ({"edge_index": np.array([[0], [1]]), "x": sp.csr_array(np.eye(2))}, "sparse.npz", None),
    ],
    ids=["networkx", "directed", "matrix", "data", "one-way", "sparse"],
)
def test_objects_are_saved_and_read_alike(tmp_path, found, name, directed):
    (graph,) = graph_of(found, directed).graphs
    (again,) = found_graphs([save_graph(found, tmp_path / name, directed)]).graphs
    assert again.digest() == graph.digest()


def test_objects_are_saved_by_the_ending_that_holds_them(tmp_path):
    network = nx.Graph([("a", "b")])
    nx.set_node_attributes(network, {"a": 3.5, "b": 4.5}, "age")
    with pytest.raises(UsageError, match=r"ends in \.json\."):
        save_graph(network, tmp_path / "club.npz")
    with pytest.raises(UsageError, match=r"ends in \.npz\."):
        save_graph(masked(), tmp_path / "club.json")
    with pytest.raises(UsageError, match="received list"):
        save_graph([], tmp_path / "club.npz")


def test_one_document_of_several_that_is_damaged_ends_the_reading_by_its_name(tmp_path):
    folder = documents(tmp_path)
    (folder / "b.graphml").write_text((folder / "b.graphml").read_text()[:-40])
    with pytest.raises(DataError, match=r"b\.graphml, line \d+: not valid XML"):
        found_graphs([folder])
