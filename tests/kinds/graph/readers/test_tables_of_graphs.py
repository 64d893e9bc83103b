"""Tables of edges and nodes become one graph, and everything odd is counted."""

import numpy as np
import pytest

from convscope.errors import DataError, UsageError
from convscope.kinds.graph.readers.reader import AskedGraph, found_graphs

ANY = AskedGraph()


def read(folder, asked=ANY, **files):
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_bytes(
            content if isinstance(content, bytes) else content.encode()
        )
    return found_graphs([folder], asked)


def pairs(graph):
    return sorted((graph.names[one], graph.names[other]) for one, other in graph.edges.tolist())


NODES = "id,age,city,label\na,3,x,p\nb,4,y,q\nc,,x,p\nd,7,z,\n"
EDGES = "source,target,weight\na,b,1\nb,c,2.5\nc,e,1\na,a,3\n"


def test_edges_and_nodes_in_a_folder(tmp_path):
    found = read(tmp_path, edges__csv=EDGES, nodes__csv=NODES)
    (graph,) = found.graphs
    assert list(graph.names) == ["a", "b", "c", "d", "e"]
    assert pairs(graph) == [("a", "b"), ("b", "c"), ("c", "e")]
    assert graph.weights.tolist() == [1, 2.5, 1]
    assert list(graph.labels) == ["p", "q", "p", None, None]
    np.testing.assert_array_equal(graph.columns["age"], [3, 4, np.nan, 7, np.nan])
    assert list(graph.columns["city"]) == ["x", "y", "x", "z", None]
    said = "\n".join((*found.decisions, *found.warnings))
    for part in (
        "edges.csv, columns: source from 'source', target from 'target', weight from 'weight'",
        "nodes.csv, columns: id from 'id', label from 'label', feature from 'age', 'city'",
        "1 of 4 nodes of edges.csv, not in nodes.csv, such as 'e'",
        "self loops: 1 edge from",
        "isolated nodes: 1 of 5",
        "labels: 1 of 4 nodes of nodes.csv without one",
        "direction: undirected",
    ):
        assert part in said


@pytest.mark.parametrize("first", ["nodes.csv", "edges.csv"])
def test_two_files_in_any_order(tmp_path, first):
    read(tmp_path, edges__csv=EDGES, nodes__csv=NODES)
    other = {"nodes.csv": "edges.csv", "edges.csv": "nodes.csv"}[first]
    (graph,) = found_graphs([tmp_path / first, tmp_path / other]).graphs
    assert len(graph) == 5


def test_names_of_files_that_say_nothing(tmp_path):
    found = read(tmp_path, a__csv=NODES, b__csv=EDGES)
    assert found.layout == "a table of edges (b.csv) and of nodes (a.csv)"


SAME = [
    "a,b\nb,c\n",
    "from,to\na,b\nb,c\n",
    "# a remark\n# FromNodeId\tToNodeId\na\tb\nb\tc\n",
    "Source;Target;Type;Id;Label;Weight\na;b;Undirected;0;;1.0\nb;c;Undirected;1;;1.0\n",
    ":START_ID,:END_ID,:TYPE\na,b,KNOWS\nb,c,KNOWS\n",
    "protein1\tprotein2\na\tb\nb\tc\n",
    'x,y,"node a","node b"\n1.5,2.5,a,b\n1.5,2.5,b,c\n',
]


@pytest.mark.parametrize("content", SAME)
def test_forms_of_one_list(tmp_path, content):
    (graph,) = read(tmp_path, edges__csv=content).graphs
    assert pairs(graph) == [("a", "b"), ("b", "c")]


def test_white_space_and_remarks_between_rows(tmp_path):
    content = "% of a crawl\n0 1\n  1   2 \n# again\n2\t10\r\n\n"
    (graph,) = read(tmp_path, edges__txt=content).graphs
    assert (list(graph.names), graph.edges.tolist()) == (["0", "1", "2", "10"], [[0, 1], [1, 2], [2, 3]])


def test_tags_that_begin_as_remarks_are_ids(tmp_path):
    (graph,) = read(tmp_path, edges__csv="source,target\n#a,#b\n#b,c\n").graphs
    assert list(graph.names) == ["#a", "#b", "c"]


@pytest.mark.parametrize(
    ("rows", "directed", "edges"),
    [
        ("a,b\nb,a\nb,c\nc,b\n", False, [[0, 1], [1, 2]]),
        ("a,b\nb,a\nb,c\n", True, [[0, 1], [1, 0], [1, 2]]),
        ("b,a\nc,b\n", False, [[0, 1], [0, 2]]),
    ],
)
def test_direction_by_the_data(tmp_path, rows, directed, edges):
    (graph,) = read(tmp_path, edges__csv=f"source,target\n{rows}").graphs
    assert (graph.directed, graph.edges.tolist()) == (directed, edges)


def test_direction_by_names_remarks_columns_and_as_asked(tmp_path):
    of_names = read(tmp_path / "a", edges__csv="citing,cited\na,b\nb,c\n")
    of_remark = read(tmp_path / "b", edges__txt="# Directed graph: x.txt\n1\t2\n2\t3\n")
    of_column = read(tmp_path / "c", edges__csv="Source,Target,Type\na,b,Directed\nb,c,Directed\n")
    asked = read(tmp_path / "d", AskedGraph(directed=True), edges__csv="source,target\na,b\nb,c\n")
    assert all(found.graphs[0].directed for found in (of_names, of_remark, of_column, asked))
    both = "# Directed graph (each unordered pair of nodes is saved once): x.txt\n1\t2\n2\t3\n"
    assert not read(tmp_path / "e", edges__txt=both).graphs[0].directed


def test_parallel_edges_add_their_weights_and_keep_the_first_time(tmp_path):
    found = read(tmp_path, edges__csv="source,target,weight,time\na,b,1,200\na,b,2,100\nb,c,5,300\n")
    (graph,) = found.graphs
    assert (graph.weights.tolist(), graph.times.tolist()) == ([3, 5], [100, 300])
    assert any("parallel edges: 1 row of" in line for line in found.warnings)


def test_a_column_of_dates_that_is_called_met_on_holds_the_times(tmp_path):
    found = read(tmp_path, edges__csv="person_a,person_b,met_on\na,b,1970-01-02\nb,c,1970-01-03\n")
    assert found.graphs[0].times.tolist() == [86400, 172800]
    assert any("time from 'met_on'" in line for line in found.decisions)


def test_columns_that_could_be_labels_are_listed_without_empty_cells(tmp_path):
    nodes = "id,city,taste\n" + "".join(
        f"{name},{'xy'[at % 2]},{['p', 'q', ''][at % 3]}\n" for at, name in enumerate("abcdef")
    )
    found = read(tmp_path, edges__csv="source,target\na,b\nb,c\nd,e\ne,f\nf,a\n", nodes__csv=nodes)
    (said,) = [line for line in found.warnings if line.startswith("labels:")]
    assert "'taste' (2 classes: p, q)" in said
    assert "--recipe node-classification --label-column" in said


def test_weights_below_zero_are_refused_where_they_were_asked_for(tmp_path):
    content = "source,target,weight\na,b,1\nb,c,-1\n"
    found = read(tmp_path, edges__csv=content)
    assert found.graphs[0].weights is None
    assert any("below 0" in line for line in found.warnings)
    with pytest.raises(DataError, match=r"edges.csv, line 3: expected weights"):
        read(tmp_path, AskedGraph(weight_column="weight"), edges__csv=content)


def test_rows_without_an_id_are_counted_with_the_first_line(tmp_path):
    found = read(tmp_path, edges__csv="source,target\na,b\nb,\n\\N,c\nNA,c\n")
    assert pairs(found.graphs[0]) == [("NA", "c"), ("a", "b")]
    assert any("2 of 4 rows" in line and "edges.csv, line 3" in line for line in found.warnings)


def test_ids_that_are_whole_numbers_beside_missing_ones(tmp_path):
    (graph,) = read(
        tmp_path, edges__csv="source,target\n1.0,2\n2.0,3\n,1\n", nodes__csv="id,x\n1,5\n2,6\n3,7\n"
    ).graphs
    assert len(graph) == 3


def test_rows_of_nodes_without_ids_are_counted(tmp_path):
    features = "\n".join(",".join(f"{row + at / 7:.3f}" for at in range(9)) for row in range(3))
    (graph,) = read(tmp_path, edges__csv="source,target\n0,1\n1,2\n", features__csv=features).graphs
    assert graph.features.shape == (3, 9)
    (graph,) = read(tmp_path, edges__csv="source,target\n1,2\n2,3\n", features__csv=features).graphs
    assert list(graph.names) == ["1", "2", "3"]


def test_a_table_of_features_without_header_and_the_class_at_its_end(tmp_path):
    rows = "\n".join(
        f"{name}\t{at % 2}\t{at % 3}\t{'xy'[at % 2]}" for at, name in enumerate(("31", "7", "5", "9"))
    )
    found = read(tmp_path, a__content=rows, a__cites="31\t7\n7\t5\n5\t31\n5\t9\n")
    (graph,) = found.graphs
    assert graph.features.tolist() == [[0, 0], [1, 1], [0, 2], [1, 0]]
    assert list(graph.labels) == ["x", "y", "x", "y"]


def test_splits_by_a_column_and_by_masks(tmp_path):
    column = "id,x,split\na,1,train\nb,2,val\nc,3,test\nd,4,\n"
    masks = "id,x,train_mask,val_mask,test_mask\na,1,1,0,0\nb,2,0,1,0\nc,3,0,0,1\nd,4,0,0,0\n"
    for name, nodes in (("a", column), ("b", masks)):
        (graph,) = read(tmp_path / name, edges__csv=EDGES, nodes__csv=nodes).graphs
        assert list(graph.splits) == ["train", "validation", "test", None, None]


def test_columns_that_are_named(tmp_path):
    asked = AskedGraph("x", "y", "z", "when", drop_column=("other",))
    content = "other,x,z,y,when\na,1,5,2,2020-01-01\nb,2,6,3,2020-01-02\n"
    (graph,) = read(tmp_path, asked, edges__csv=content).graphs
    assert (graph.weights.tolist(), np.diff(graph.times).tolist()) == ([5, 6], [86400])
    with pytest.raises(UsageError, match="no column 'q'"):
        read(tmp_path, AskedGraph("q"), edges__csv=content)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"edges__csv": ""}, "edges.csv: expected a table"),
        ({"edges__csv": "a\nb\n"}, "expected one table of edges"),
        ({"edges__csv": "source,target\na,b\nb,c,d\n"}, "edges.csv, line 3: expected 2 fields, received 3"),
        ({"edges__csv": "source,target\na,a\n"}, "expected edges between two nodes"),
        (
            {"edges__csv": "source,target\na,b\n", "links__csv": "source,target\na,b\n"},
            "received edges.csv, links.csv",
        ),
        ({"edges__csv": "source,target\na,\xe4\n".encode("latin-1") + b"\xff\x81\n"}, "edges.csv, line 2"),
        ({"edges__csv": "source,target\na,b\0\n"}, "NUL"),
    ],
)
def test_what_is_refused(tmp_path, files, message):
    with pytest.raises(DataError) as caught:
        read(tmp_path, **files)
    assert message in str(caught.value)


def test_a_matrix_with_the_names_of_nodes_at_both_sides(tmp_path):
    (graph,) = read(tmp_path, a__csv=",a,b,c\na,0,2,0\nb,2,0,1\nc,0,1,0\n").graphs
    assert (pairs(graph), graph.weights.tolist()) == ([("a", "b"), ("b", "c")], [2, 1])


def test_columns_that_no_table_has_are_said(tmp_path):
    asked = AskedGraph(label_column="clubb", drop_column=("height",))
    found = read(tmp_path, asked, edges__csv=EDGES, nodes__csv=NODES)
    said = "\n".join(found.warnings)
    assert "no table has 'clubb', which --label-column names" in said
    assert "no table has 'height', which --drop-column names" in said


@pytest.mark.parametrize("word", ["unknown", "NA", "nan", "null"])
def test_labels_that_are_not_known(tmp_path, word):
    nodes = f"txId,class\na,{word}\nb,1\nc,2\nd,1\n"
    (graph,) = read(tmp_path, edges__csv=EDGES, nodes__csv=nodes).graphs
    assert list(graph.labels) == [None, "1", "2", "1", None]


def test_a_list_of_the_nodes_of_a_split(tmp_path):
    files = {"edges__csv": EDGES, "nodes__csv": NODES, "train__txt": "a\nb\n", "test__txt": "c\n"}
    (graph,) = read(tmp_path, **files).graphs
    assert list(graph.splits) == ["train", "train", "test", None, None]


def test_several_columns_that_could_be_the_label_are_listed(tmp_path):
    nodes = "id,city,team\na,x,p\nb,y,q\nc,x,p\nd,y,q\n"
    found = read(tmp_path, edges__csv=EDGES, nodes__csv=nodes)
    assert found.graphs[0].labels is None
    assert any("'city'" in line and "'team'" in line and "--label-column" in line for line in found.warnings)


def test_tables_whose_ends_nothing_names_are_refused(tmp_path):
    with pytest.raises(DataError, match="two columns with the ids of both ends"):
        read(tmp_path, titanic__csv="id,survived,class,name,age\n1,0,3,Ann,22\n2,1,1,Bob,38\n")


def test_two_tables_of_one_name_are_told_apart_by_their_folders(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "edges.csv").write_text("source,target\na,b\n")
    with pytest.raises(DataError) as caught:
        found_graphs([tmp_path], ANY)
    assert f"{tmp_path / 'a' / 'edges.csv'}, {tmp_path / 'b' / 'edges.csv'}" in caught.value.message


def rows_of_people(head):
    """Pairs of ids that come again, below names of columns that say nothing."""
    rng = np.random.default_rng(0)
    return head + "".join(f"K{one:03d},K{other:03d}\n" for one, other in rng.integers(0, 20, (60, 2)))


def test_a_first_row_of_words_that_come_nowhere_else_names_the_columns(tmp_path):
    people = "nummer,gruppe\n" + "".join(f"K{number:03d},{'ab'[number % 2]}\n" for number in range(20))
    files = {"lines__csv": rows_of_people("kunde,freund\n"), "people__csv": people}
    with pytest.raises(DataError, match="expected one table of edges") as caught:
        read(tmp_path, **files)
    assert "--source-column and --target-column" in caught.value.hint
    found = read(tmp_path, AskedGraph("kunde", "freund"), **files)
    assert set(found.graphs[0].names) <= {f"K{number:03d}" for number in range(20)}
    named = read(tmp_path / "called", edges__csv=files["lines__csv"])
    assert any("the first row of edges.csv names its columns" in line for line in named.decisions)
    assert "kunde" not in named.graphs[0].names
    headless = read(tmp_path / "headless", edges__csv=rows_of_people(""))
    assert set(headless.graphs[0].names) == set(named.graphs[0].names)


def test_ids_that_differ_by_zeros_before_them_are_told(tmp_path):
    edges, nodes = "source,target\n1,2\n2,3\n", "id,label\n001,a\n002,b\n003,a\n"
    with pytest.raises(DataError, match=r"nodes of nodes\.csv.*no id that is there") as caught:
        read(tmp_path / "all", edges__csv=edges, nodes__csv=nodes)
    assert "'001' and '1' are two nodes" in caught.value.hint
    found = read(tmp_path / "some", edges__csv=edges + "003,001\n", nodes__csv=nodes)
    assert any("'001' and '1' are two nodes" in line for line in found.warnings)
    with pytest.raises(DataError) as caught:
        read(tmp_path / "other", edges__csv=EDGES, nodes__csv="id,label\nx,p\ny,q\n")
    assert "--id-column" in caught.value.hint
