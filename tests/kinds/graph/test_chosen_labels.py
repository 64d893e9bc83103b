"""The column of labels that the user names tells that nodes of a graph are to be classified."""

from convscope.kinds.registry import choose_spec


def test_a_named_column_of_labels_makes_edges_and_nodes_a_task_of_nodes(tmp_path):
    edges = "".join(f"n{i % 30},n{(7 * i + 3) % 30}\n" for i in range(90))
    nodes = "".join(f"n{i},{i % 3},{i / 7:.2f}\n" for i in range(30))
    (tmp_path / "edges.csv").write_text("source,target\n" + edges)
    (tmp_path / "nodes.csv").write_text("id,zone,height\n" + nodes)
    assert choose_spec(tmp_path)[0].name == "link-prediction"
    assert choose_spec(tmp_path, "zone")[0].name == "node-classification"
