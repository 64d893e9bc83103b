"""The column of labels that the user names tells that nodes of a graph are to be classified."""

from convscope.data.snapshot import DataSnapshot
from convscope.kinds.graph.detect import detect
from convscope.kinds.registry import choose_spec


def test_a_named_column_of_labels_makes_edges_and_nodes_a_task_of_nodes(tmp_path):
    edges = "".join(f"n{i % 30},n{(7 * i + 3) % 30}\n" for i in range(90))
    nodes = "".join(f"n{i},{i % 3},{i / 7:.2f}\n" for i in range(30))
    (tmp_path / "edges.csv").write_text("source,target\n" + edges)
    (tmp_path / "nodes.csv").write_text("id,zone,height\n" + nodes)
    assert choose_spec(tmp_path)[0].name == "link-prediction"
    assert choose_spec(tmp_path, "zone")[0].name == "node-classification"


def test_a_table_that_names_files_has_no_edges(tmp_path):
    rows = "".join(f"{k}.wav,{k % 5},{k % 5 + 4},{k % 3}\n" for k in range(40))
    (tmp_path / "slices.csv").write_text("slice_file_name,start,end,class\n" + rows)
    assert detect(DataSnapshot(tmp_path / "slices.csv")) is None
