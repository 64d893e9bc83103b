"""Graphs in documents of their own: GraphML, GEXF, GML, and JSON of nodes and links."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.parsers import expat

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from convscope.data.lines import read_text
from convscope.data.parse_errors import damage_as_data_error
from convscope.errors import DataError
from convscope.kinds.graph.readers.assembly import NodeRows
from convscope.kinds.graph.readers.columns import TableSource, memory_source
from convscope.kinds.graph.readers.tables import opened
from convscope.phrasing import plural

XML = frozenset((".graphml", ".gexf"))
"""Endings of documents in XML."""
DOCUMENTS = XML | {".gml", ".json"}
"""Endings of documents of graphs; JSON may be a table as well."""
MOST_CHARACTERS = 2**28
"""Characters of a document that is held in memory."""
_PIECE = 2**20
_DEEPEST = 100
_GML = re.compile(
    r"(?P<key>[A-Za-z_]\w*)|(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r'|"(?P<text>[^"]*)"|(?P<mark>[\[\]])|(?P<skip>\s+|\#[^\n]*)|(?P<odd>.)'
)
_ENTITY = {"&quot;": '"', "&apos;": "'", "&lt;": "<", "&gt;": ">", "&amp;": "&"}

Item = dict[str, str]
"""What a document says of one node or edge, by the names of its attributes."""


@dataclass
class Document:
    """What a document holds.

    Args:
        nodes: One item for each node, with its `id`.
        edges: One for each edge, with `source` and `target`.
        directed: What the document says.
        name: How it says so.
        skipped: What is left out, with its number.
    """

    nodes: list[Item] = field(default_factory=list)
    edges: list[Item] = field(default_factory=list)
    directed: bool | None = None
    name: str = ""
    skipped: dict[str, int] = field(default_factory=dict)

    def tables(self, path: Path) -> tuple[TableSource, TableSource | None]:
        """Its edges and its nodes as tables."""
        if not self.edges:
            raise DataError(f"{path}: expected edges, received {plural(len(self.nodes), 'node')} alone")
        edges = memory_source(path, "edge", _columns(self.edges, ("source", "target")))
        nodes = memory_source(path, "node", _columns(self.nodes, ("id",))) if self.nodes else None
        return edges, nodes


def joined_documents(documents: Mapping[Path, Document], directed: bool | None) -> Document:
    """Several documents as one, the ids of whose nodes begin with the number of the document and a colon.

    Args:
        documents: By their files.
        directed: What the user says of their edges; None goes by the documents.

    Raises:
        DataError: Some documents are directed and others are not.
    """
    found, first = Document(), next(iter(documents.values()))
    found.directed, found.name = first.directed, first.name.replace("the document says", "the documents say")
    for number, (path, document) in enumerate(documents.items()):
        if directed is None and document.directed != first.directed:
            raise DataError(
                f"{path}: expected edges as those of {next(iter(documents))}, where {_said(first)};"
                f" here {_said(document)}",
                hint="Say whether edges lead one way: --directed or --no-directed.",
            )
        for items, joined, ends in (
            (document.nodes, found.nodes, ("id",)),
            (document.edges, found.edges, ("source", "target")),
        ):
            joined += [{**item, **{end: f"{number}:{item[end]}" for end in ends}} for item in items]
        for name, count in document.skipped.items():
            found.skipped[name] = found.skipped.get(name, 0) + count
    return found


def _said(document: Document) -> str:
    return document.name or "nothing says whether they are directed"


def read_document(path: Path) -> Document | None:
    """Reads a document; None of JSON that holds no graph.

    Raises:
        DataError: It is damaged, too large, or declares entities.
    """
    suffix = _suffix(path)
    if suffix in XML:
        document = _Xml(path).document
        if suffix == ".gexf" and any("weight" in edge for edge in document.edges):
            for edge in document.edges:
                edge.setdefault("weight", "1")  # as its specification says, and Gephi leaves it out
        return document
    if suffix == ".gml":
        return _gml(path)
    return _node_link(path)


def _suffix(path: Path) -> str:
    return Path(path.name.lower().removesuffix(".gz")).suffix


def _columns(items: Sequence[Item], first: Sequence[str]) -> dict[str, list[str]]:
    names = dict.fromkeys((*first, *(name for item in items for name in item)))
    return {name: [item.get(name, "") for item in items] for name in names}


class _Xml:
    """GraphML and GEXF, read as they stream by; a document type with entities is refused."""

    def __init__(self, path: Path) -> None:
        self.path, self.document = path, Document()
        self._names: dict[tuple[str, str], str] = {}  # what the keys of nodes and edges are called
        self._defaults: dict[tuple[str, str], str] = {}
        self._item: Item | None = None
        self._kind, self._key, self._depth, self._graphs = "", "", 0, 0
        self._text: list[str] = []
        self._class, self._default = "", ("", "")
        parser = expat.ParserCreate(namespace_separator="}")
        parser.buffer_text = True
        parser.EntityDeclHandler = self._refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        with damage_as_data_error(str(path), "XML file"), opened(path) as file:
            try:
                while data := file.read(_PIECE):
                    parser.Parse(data, False)
                parser.Parse(b"", True)
            except expat.ExpatError as error:
                raise DataError(f"{path}, line {error.lineno}: not valid XML ({error})") from None

    def _refuse(self, *declared: Any) -> None:
        raise DataError(
            f"{self.path}: expected a graph, received a declaration of the entity {declared[0]!r}",
            hint="Entities may expand without end; save the graph without them.",
        )

    def _start(self, tag: str, found: dict[str, str]) -> None:
        name = tag.rpartition("}")[2]
        self._depth += 1
        if self._depth > _DEEPEST:
            raise DataError(f"{self.path}: elements are nested more than {_DEEPEST} deep")
        if name == "graph":
            self._begin(found)
        elif name == "key":
            self._default = (found.get("for", "all"), found.get("id", ""))
            self._names[self._default] = found.get("attr.name", self._default[1])
        elif name == "attributes":
            self._class = found.get("class", "node")
        elif name == "attribute":
            self._names[self._class, found.get("id", "")] = found.get("title", found.get("id", ""))
        elif name in ("node", "edge"):
            self._kind, self._item = name, self._new(name, found)
        elif name in ("hyperedge", "port"):
            self.document.skipped[name] = self.document.skipped.get(name, 0) + 1
        elif name == "data":
            self._key, self._text = found.get("key", ""), []
        elif name == "default":
            self._text = []
        elif name == "attvalue" and self._item is not None:
            key = found.get("for", found.get("id", ""))
            self._item[self._called(key)] = found.get("value", "")

    def _begin(self, found: Mapping[str, str]) -> None:
        if self._item is None:
            self._graphs += 1
        if self._graphs > 1:
            raise DataError(
                f"{self.path}: expected one graph, received several", hint="Save each in its own file."
            )
        said = found.get("edgedefault", found.get("defaultedgetype", ""))
        if said in ("directed", "undirected") and self.document.directed is None:
            self.document.directed, self.document.name = said == "directed", f"the document says {said}"

    def _new(self, kind: str, found: Mapping[str, str]) -> Item:
        made = {name: text for (what, name), text in self._defaults.items() if what in (kind, "all")}
        wanted = ("id",) if kind == "node" else ("source", "target", "weight")
        made |= {name: found[name] for name in wanted if name in found}
        if kind == "node" and found.get("label", made.get("id")) != made.get("id"):
            made["name"] = found["label"]
        missing = [name for name in wanted[:2] if name not in made]
        if missing:
            raise DataError(f"{self.path}: expected {' and '.join(missing)} of each {kind}, received none")
        (self.document.nodes if kind == "node" else self.document.edges).append(made)
        return made

    def _called(self, key: str) -> str:
        name = self._names.get((self._kind, key), self._names.get(("all", key), key))
        return f"attribute {name}" if name in ("id", "source", "target") else name

    def _characters(self, text: str) -> None:
        self._text.append(text)

    def _end(self, tag: str) -> None:
        name = tag.rpartition("}")[2]
        self._depth -= 1
        if name == "data" and self._item is not None:
            self._item[self._called(self._key)] = "".join(self._text).strip()
        elif name == "default" and self._default in self._names:
            self._defaults[self._default[0], self._names[self._default]] = "".join(self._text).strip()
        elif name in ("node", "edge"):
            self._item = None


def _gml(path: Path) -> Document:
    """GML, whose lists are `key [ ... ]`."""
    text = read_text(path, None, MOST_CHARACTERS)
    document = Document()
    stack: list[tuple[str, Item]] = [("", {})]
    key, graphs = "", 0
    for match in _GML.finditer(text):
        kind = match.lastgroup
        if kind == "skip":
            continue
        if kind == "odd" or (kind == "mark" and match["mark"] == "]" and len(stack) < 2):
            line = text.count("\n", 0, match.start()) + 1
            raise DataError(f"{path}, line {line}: expected keys and values of GML, received {match[0]!r}")
        if kind == "key" and not key:
            key = match["key"]
        elif kind == "mark" and match["mark"] == "[":
            graphs += key.lower() == "graph"
            stack.append((key.lower(), {}))
            key = ""
        elif kind == "mark":
            what, item = stack.pop()
            _take_gml(document, what, item, path)
        else:
            value = match["text"] if kind == "text" else match[0]
            stack[-1][1].setdefault(key, _plain(value))
            key = ""
        if len(stack) > _DEEPEST or graphs > 1:
            raise DataError(
                f"{path}: expected one graph, received several, or lists that are nested too deeply"
            )
    if len(stack) > 1:
        raise DataError(f"{path}: the list {stack[-1][0]!r} does not end", hint="The file is cut off.")
    _by_label(document)
    return document


def _by_label(document: Document) -> None:
    """Nodes of GML are called by their labels, where each has another one."""
    names = {node["id"]: node.get("name", node["id"]) for node in document.nodes}
    ends = {edge[end] for edge in document.edges for end in ("source", "target")}
    if len(set(names.values())) == len(document.nodes) and ends <= set(names):
        document.nodes[:] = [{**node, "id": node.pop("name", node["id"])} for node in document.nodes]
        for edge in document.edges:
            edge["source"], edge["target"] = names[edge["source"]], names[edge["target"]]


def _take_gml(document: Document, what: str, item: Item, path: Path) -> None:
    if what == "graph":
        document.directed = item.get("directed", "0") == "1"
        document.name = f"the document says directed {int(document.directed)}"
    wanted = {"node": ("id",), "edge": ("source", "target")}.get(what, ())
    missing = [name for name in wanted if name not in item]
    if missing:
        raise DataError(f"{path}: expected {' and '.join(missing)} of each {what}, received {item}"[:300])
    if what == "node":
        name = item.pop("label", item["id"])
        document.nodes.append(item if name == item["id"] else {**item, "name": name})
    elif what == "edge":
        document.edges.append(item)


def _plain(text: str) -> str:
    return re.sub("|".join(_ENTITY), lambda match: _ENTITY[match[0]], text) if "&" in text else text


def _node_link(path: Path) -> Document | None:
    """JSON of nodes and links, as networkx, D3 and Cytoscape write it."""
    found = _json(path)
    if not isinstance(found, dict):
        return None
    inner = found.get("elements", found.get("graph") if "nodes" not in found else None)
    held = inner if isinstance(inner, dict) and "nodes" in inner else found
    links = next((held[key] for key in ("links", "edges") if isinstance(held.get(key), list)), None)
    nodes = held.get("nodes")
    if links is None or not isinstance(nodes, list):
        return None
    document = Document()
    said = found.get("directed", held.get("directed"))
    if isinstance(said, bool):
        document.directed, document.name = said, f"the document says directed {said}".lower()
    for place, node in enumerate(nodes, 1):
        item = _item(node, path, f"node {place}") if isinstance(node, dict) else {"id": _text(node)}
        key = next((key for key in ("id", "key", "name") if key in item), None)
        document.nodes.append({"id": str(place - 1) if key is None else item[key], **item})
    by_place = "id" not in document.nodes[0] if document.nodes else False
    for place, link in enumerate(links, 1):
        item = _item(link, path, f"link {place}")
        if "source" not in item or "target" not in item:
            raise DataError(f"{path}: expected source and target of link {place}, received {', '.join(item)}")
        document.edges.append(item)
    return _by_place(document) if not by_place else document


def _by_place(document: Document) -> Document:
    """Links that name the places of nodes, as those of D3 do, name their ids instead."""
    ids = [node["id"] for node in document.nodes]
    known, ends = set(ids), {item[end] for item in document.edges for end in ("source", "target")}
    places = all(end.isdecimal() and int(end) < len(ids) for end in ends)
    if places and not ends <= known:
        for item in document.edges:
            item["source"], item["target"] = ids[int(item["source"])], ids[int(item["target"])]
    return document


def _item(found: object, path: Path, what: str) -> Item:
    if isinstance(found, dict) and isinstance(found.get("data"), dict):
        found = found["data"]  # of Cytoscape
    if not isinstance(found, dict):
        raise DataError(f"{path}: expected an object for {what}, received {type(found).__name__}")
    return {str(name): _text(value) for name, value in found.items() if not isinstance(value, list | dict)}


def _text(value: object) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _json(path: Path) -> Any:
    text = read_text(path, None, MOST_CHARACTERS)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None  # lines of objects, or damaged: whoever reads tables says what is wrong


def listed_features(path: Path) -> NodeRows | None:
    """JSON that lists the numbers of the features that each node has, as `{"0": [3, 7], "1": []}`.

    Returns:
        A sparse matrix of zeros and ones; None of JSON of another form.

    Raises:
        DataError: It is too large, or a number is below 0.
    """
    found = _json(path)
    if not isinstance(found, dict) or not found or not all(isinstance(each, list) for each in found.values()):
        return None
    lists = list(found.values())
    if not all(isinstance(each, int) and not isinstance(each, bool) for row in lists for each in row):
        return None
    lengths = np.array([len(row) for row in lists])
    columns = np.array([each for row in lists for each in row], np.int64)
    if len(columns) and (columns.min() < 0 or columns.max() >= 2**31):
        raise DataError(
            f"{path}: expected numbers of features from 0, received {columns.min()} to {columns.max()}"
        )
    rows = np.repeat(np.arange(len(lists)), lengths)
    shape = (len(lists), int(columns.max(initial=-1)) + 1)
    matrix = sp.csr_array((np.ones(len(columns), np.float32), (rows, columns)), shape=shape)
    matrix.data[:] = 1
    return NodeRows(len(lists), path.name, pa.array([str(key) for key in found]), matrix)
