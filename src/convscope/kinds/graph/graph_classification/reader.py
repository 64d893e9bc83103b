"""Collections of graphs, each with a class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from convscope.data.assembly import Found, assemble
from convscope.data.class_folders import ClassFiles, class_files
from convscope.data.digests import joined_digests
from convscope.data.heads import suffix_of
from convscope.data.listing import Listing
from convscope.data.named_files import is_folder
from convscope.data.splits import Splits
from convscope.errors import DataError
from convscope.kinds.graph.graph import FoundGraphs, GraphSamples
from convscope.kinds.graph.readers.documents import DOCUMENTS
from convscope.kinds.graph.readers.reader import AskedGraph, found_graphs
from convscope.kinds.graph.readers.tu import tu_name
from convscope.option import taking_fields
from convscope.types import Progress, no_progress


@taking_fields(AskedGraph)
def read_whole_graphs(
    path: Path | str,
    asked: AskedGraph,
    *,
    seed: int | None = 0,
    progress: Progress = no_progress,
) -> Splits:
    """Reads graphs with their classes.

    Args:
        path: A folder or a file of several graphs.
        asked: What the user says of it; callers name the fields.
        seed: Draws the splits that the data does not have; None where the graphs are to be judged.
        progress: Receives how many are read.

    Raises:
        DataError: There is one graph alone, no graph has a class, or what `assemble` refuses.
    """
    listing = _documents_below(Path(path))
    if listing is None:
        found, classes = _found([Path(path)], asked, progress), None
    else:
        found, classes = _in_folders(listing, asked, progress)
    graphs = found.graphs
    if not any(graph.label is not None for graph in graphs):
        raise DataError(
            f"{path}: expected a class of each graph, received {len(graphs)} graphs without one",
            hint="Give a file of graph labels, such as NAME_graph_labels.txt, or a folder for each class.",
        )
    return assemble(
        Found(
            str(path),
            found.layout,
            GraphSamples(graphs),
            [graph.label for graph in graphs],
            [None] * len(graphs) if classes is None else classes.splits,
            joined_digests(graph.digest(named=False) for graph in graphs),
            groups=None if classes is None else classes.groups,
            grouped_by="the names of folders",
            folds=found.folds,
            nouns=("graph", "graphs"),
            alike="identical graphs",
            decisions=found.decisions,
            warnings=found.warnings,
            skipped=found.skipped,
        ),
        seed,
    )


@taking_fields(AskedGraph)
def read_graph_inputs(
    paths: Sequence[str],
    asked: AskedGraph,
    *,
    progress: Progress = no_progress,
) -> GraphSamples:
    """Reads graphs to be classified, with classes or without.

    Args:
        paths: Files or folders, each of which holds one graph or several.
        asked: What the user says of it; callers name the fields.
        progress: Receives how many are read.
    """
    found = _found([Path(path) for path in paths], asked, progress)
    return GraphSamples(found.graphs, found.skipped)


def _documents_below(root: Path) -> Listing | None:
    """A folder that holds several documents of graphs and no collection in tables; None otherwise."""
    if not is_folder(root):
        return None
    listing = Listing(str(root))
    files = [root / key for key in listing.files_below("")]
    documents = [file for file in files if _may_be_document(str(file))]
    return Listing(str(root)) if len(documents) > 1 and tu_name(files) is None else None


def _in_folders(listing: Listing, asked: AskedGraph, progress: Progress) -> tuple[FoundGraphs, ClassFiles]:
    """Graphs with the names of their files and the classes of their folders, and what folders say of each."""
    root = Path(listing.root)
    classes = class_files(listing, "graphs", _may_be_document)
    found = _found([root / key for key in classes.keys], asked, progress)
    row_of = {str(root / key): row for row, key in enumerate(classes.keys)}
    rows = [row_of[graph.name] for graph in found.graphs]
    kept = replace(
        classes,
        keys=[classes.keys[row] for row in rows],
        labels=[classes.labels[row] for row in rows],
        splits=[classes.splits[row] for row in rows],
        groups=None if classes.groups is None else [classes.groups[row] for row in rows],
    )
    graphs = [
        replace(graph, name=key, label=label)
        for graph, key, label in zip(found.graphs, kept.keys, kept.labels, strict=True)
    ]
    told = replace(
        found,
        graphs=graphs,
        layout=f"{classes.layout}; {found.layout}",
        decisions=(*classes.decisions, *found.decisions),
        skipped=(*listing.skipped, *found.skipped),
    )
    return told, kept


def _may_be_document(key: str) -> bool:
    return suffix_of(Path(key)) in DOCUMENTS


def _found(paths: Sequence[Path], asked: AskedGraph, progress: Progress) -> FoundGraphs:
    """What was found, where what labels a node in another task is what it is made of."""
    return found_graphs(paths, replace(asked, labeled=False), progress)
