"""Graphs from files: which file holds edges and which nodes, and what their columns are for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from convscope.data.encoding import check_encoding
from convscope.data.heads import suffix_of
from convscope.data.listing import Listing
from convscope.data.named_files import is_folder
from convscope.errors import DataError
from convscope.kinds.graph.graph import FoundGraphs
from convscope.kinds.graph.readers.arrays import ARRAYS, read_arrays
from convscope.kinds.graph.readers.assembly import NodeRows
from convscope.kinds.graph.readers.documents import DOCUMENTS, read_document
from convscope.kinds.graph.readers.edges import GraphNotes, without_advice
from convscope.kinds.graph.readers.planetoid import planetoid_name, read_planetoid
from convscope.kinds.graph.readers.roles import USUAL, AskedColumns
from convscope.kinds.graph.readers.table_graphs import holds_edges, is_about, read_documents, read_tables
from convscope.kinds.graph.readers.table_rows import node_rows
from convscope.kinds.graph.readers.tables import may_be_table, open_source
from convscope.kinds.graph.readers.tu import read_tu, tu_name
from convscope.types import Progress, Skipped, no_progress

_OF_TORCH = """It may run any program when it is loaded. Where it is yours, write it anew:
import numpy, torch; data = torch.load({name!r}, weights_only=False)
parts = data[0] if isinstance(data, tuple) else data.to_dict()
numpy.savez("graph.npz", **{{name: part for name, part in parts.items() if torch.is_tensor(part)}})"""
_OF_DGL = """It may run any program when it is loaded. Where it is yours, write it anew:
import dgl, numpy; graph = dgl.load_graphs({name!r})[0][0]
edges = numpy.stack([ends.numpy() for ends in graph.edges()])
numpy.savez("graph.npz", edge_index=edges, x=graph.ndata["feat"], y=graph.ndata["label"])"""


@dataclass(frozen=True)
class AskedGraph:
    """What the user says of a graph; None leaves it to the data.

    Args:
        source_column: Column of edges with the node where each begins: a name, or a position.
        target_column: Column of edges with the node where each ends.
        weight_column: Column of edges with their weights.
        time_column: Column of edges with their times.
        id_column: Column of nodes with their ids.
        label_column: Column of nodes with their labels.
        directed: Whether edges lead one way.
        drop_column: Columns that are left out.
        encoding: Of text files.
        labeled: Whether a column of nodes holds their labels; else all are features.
        told: Whether the task has an option for the direction of edges, which is named where it may help.
    """

    source_column: str | None = None
    target_column: str | None = None
    weight_column: str | None = None
    time_column: str | None = None
    id_column: str | None = None
    label_column: str | None = None
    directed: bool | None = None
    drop_column: tuple[str, ...] = ()
    encoding: str | None = None
    labeled: bool = True
    told: bool = True

    @property
    def columns(self) -> AskedColumns:
        """The columns that are named."""
        return AskedColumns(
            self.source_column,
            self.target_column,
            self.weight_column,
            self.time_column,
            self.id_column,
            self.label_column,
            self.drop_column,
            self.labeled,
        )


def found_graphs(
    paths: Sequence[Path], asked: AskedGraph = AskedGraph(), progress: Progress = no_progress
) -> FoundGraphs:
    """Reads a graph, or a collection of graphs.

    Args:
        paths: A file or a folder, or several files, in any order.
        asked: What the user says.
        progress: Receives how much is done.

    Returns:
        The graphs with the layout, every decision, every warning and all that was left out.

    Raises:
        DataError: Something is malformed; the message names the file and, in text, the line.
        UsageError: No encoding or no column has this name.
    """
    check_encoding(asked.encoding)
    files, skipped = _files(paths)
    found = _read(files, asked, progress)
    decisions = found.decisions if asked.told else without_advice(found.decisions)
    return replace(found, decisions=decisions, skipped=(*found.skipped, *skipped))


def _read(files: Sequence[Path], asked: AskedGraph, progress: Progress) -> FoundGraphs:
    """By the first form of which there are files."""
    if tu_name(files) is not None:
        return read_tu(files, asked.directed, progress)
    if planetoid_name(files) is not None:
        return read_planetoid(files, asked.directed)
    found_in = {file: read_document(file) for file in files if suffix_of(file) in DOCUMENTS}
    documents = {file: document for file, document in found_in.items() if document is not None}
    if documents:
        others = [file for file in files if file not in documents]
        return read_documents(documents, others, asked.columns, asked.directed, progress)
    arrays = [file for file in files if suffix_of(file) in ARRAYS]
    tables = [file for file in files if may_be_table(file) and file not in arrays and not is_about(file)]
    if arrays and not holds_edges(tables, asked.encoding):

        def beside(known: frozenset[str], notes: GraphNotes) -> list[NodeRows]:
            opened = [open_source(file, asked.encoding, asked.columns.names, USUAL) for file in tables]
            return [node_rows(table, known, asked.columns, notes) for table in opened]

        found = read_arrays(arrays, asked.directed, beside)
        others = [file for file in files if file not in arrays and file not in tables]
        return replace(found, skipped=tuple(Skipped(str(file), "beside arrays") for file in others))
    for file in files if not holds_edges(tables, asked.encoding) else ():
        refuse_pickle(file)
    return read_tables(files, asked.columns, asked.directed, asked.encoding, progress)


def refuse_pickle(file: Path) -> None:
    """Stops at files of PyTorch and DGL, which may run any program when they are loaded.

    Raises:
        DataError: The hint has the lines that write what can be read.
    """
    if file.suffix.lower() in (".pt", ".pth", ".bin", ".pkl", ".pickle", ".dgl"):
        dgl = file.suffix.lower() in (".bin", ".dgl")
        raise DataError(
            f"{file}: expected arrays or tables, received a file of {'DGL' if dgl else 'Python objects'}",
            hint=(_OF_DGL if dgl else _OF_TORCH).format(name=file.name),
        )


def _files(paths: Sequence[Path]) -> tuple[list[Path], list[Skipped]]:
    files: list[Path] = []
    skipped: list[Skipped] = []
    for path in paths:
        if is_folder(path):
            listing = Listing(str(path))
            files += [path / key for key in listing.files_below("")]
            skipped += listing.skipped
        else:
            files.append(path)
    if not files:
        raise DataError(f"{', '.join(map(str, paths))}: expected files of a graph, received none")
    return files, skipped
