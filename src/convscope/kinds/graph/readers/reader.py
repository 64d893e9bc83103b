"""Graphs from files: which file holds edges and which nodes, and what their columns are for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from convscope.data.encoding import check_encoding
from convscope.data.listing import Listing
from convscope.data.named_files import is_folder
from convscope.errors import DataError
from convscope.kinds.graph.graph import FoundGraphs
from convscope.kinds.graph.readers.roles import AskedColumns
from convscope.kinds.graph.readers.table_graphs import read_tables
from convscope.kinds.graph.readers.tu import read_tu, tu_name
from convscope.types import Progress, Skipped, no_progress


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
    if tu_name(files) is not None:
        found = read_tu(files, asked.directed, progress)
    else:
        found = read_tables(files, asked.columns, asked.directed, asked.encoding, progress)
    used = FoundGraphs(
        found.graphs, found.layout, found.decisions, found.warnings, (*found.skipped, *skipped), found.folds
    )
    return used


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
