"""Speed of training on graphs beside PyTorch Geometric: whole graphs, and neighbors drawn from a large one.

    python benchmarks/graph_speed.py [--data FOLDER] [--geometric PYTHON] [--backends tensorflow jax torch]
        [--parts epochs large] [--json FILE] [--quick]

`epochs` times an epoch of the same graph convolutional network (two convolutions, 16 or 64 kernels, dropout,
weight decay, Adam) on Cora and Amazon Photo: a step over the whole graph, and the loss and accuracy of the
validation split. Ours is what the history of `convscope train --architecture gcn` says, by each Keras
backend; that of PyTorch Geometric is a loop as in its own example, with normalized edges cached, over an edge
index, compiled or not, or a matrix of compressed rows (CSR, or its SparseTensor where torch-sparse is there),
which it does not compile. Figures are medians over the later half of the epochs.

`large` writes a generated graph of 1,000,000 nodes and 10,000,000 edges as CSV, and runs the whole
`convscope train` on it: the largest memory of the process, and nodes a second of training with 10 neighbors
drawn in each of two hops. PyTorch Geometric trains SAGE of the same size with its NeighborLoader on the same
graph in memory; it needs `pyg-lib` or `torch-sparse` for that, and is left out where it has neither.

`PYTHON` is an interpreter that has torch_geometric, which the one of this project need not have.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from results import Figure, add_arguments, print_table, write_results

BACKENDS = ("tensorflow", "jax", "torch")
GRAPHS = {"Cora": "cora", "Photo": "amazon-photo"}
FILTERS = (16, 64)
EPOCHS = {"Cora": 200, "Photo": 100}
QUICK_EPOCHS = {"Cora": 100, "Photo": 40}
AIM = 5.0
"""Milliseconds of an epoch on Cora."""
NODES, EDGES, CHANNELS, CLASSES = 1_000_000, 10_000_000, 16, 10
QUICK_SHARE = 20
"""The graph of a quick run is so many times smaller."""
TRAIN_SHARE = 0.2
HOPS, NEIGHBORS, ASKED = 2, 10, 1024
MEMORY = 8.0
"""GiB that the large graph may take."""


def later(seconds: list[float]) -> float:
    """Median over the later half, in milliseconds."""
    return 1000 * statistics.median(seconds[len(seconds) // 2 :])


def own_epoch(given: argparse.Namespace, graph: str, filters: int) -> float:
    """Milliseconds of an epoch of a training by this project, in this process."""
    from convscope import api

    epochs = (QUICK_EPOCHS if given.quick else EPOCHS)[graph]
    options: dict[str, Any] = {"filters": filters}
    if graph == "Photo":
        options["protocol"] = "shchur"
    with tempfile.TemporaryDirectory() as folder:
        run = api.train(
            given.data / GRAPHS[graph],
            out=Path(folder) / "run",
            recipe="node-classification",
            architecture="gcn",
            epochs=epochs,
            patience=epochs,
            seed=0,
            verbose=0,
            options=options,
        )
        with (run.folder / "history.csv").open(newline="", encoding="utf-8") as file:
            return later([float(row["seconds"]) for row in csv.DictReader(file)])


def arrays(data: Path, graph: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Features, edges both ways (2, arcs), labels, train and validation nodes."""
    if graph == "Cora":
        found = np.load(data / "cora/cora.npz")
        arcs = found["edge_index"].astype(np.int64)
        arcs = np.unique(np.concatenate([arcs, arcs[::-1]], axis=1), axis=1)
        x = found["x"].astype(np.float32)
        return x, arcs, found["y"], found["train_idx"], found["val_idx"]
    import scipy.sparse as sp

    found = np.load(data / "amazon-photo/amazon_photo.npz")
    parts = [[found[f"{name}_{part}"] for part in ("data", "indices", "indptr")] for name in ("adj", "attr")]
    nodes = len(found["labels"])
    adjacency = sp.csr_matrix(tuple(parts[0]), shape=(nodes, nodes))
    adjacency = ((adjacency + adjacency.T) > 0).tocoo()
    apart = adjacency.row != adjacency.col
    arcs = np.stack([adjacency.row[apart], adjacency.col[apart]]).astype(np.int64)
    x = sp.csr_matrix(tuple(parts[1]), shape=tuple(found["attr_shape"])).toarray().astype(np.float32)
    drawn = np.random.default_rng(0).permutation(nodes)
    return x, arcs, found["labels"].astype(np.int64), drawn[:160], drawn[160:400]


def geometric_epochs(given: argparse.Namespace) -> Iterator[tuple[str, float]]:
    """Milliseconds of an epoch of PyTorch Geometric, by graph, kernels and setting; in this process."""
    import torch
    from torch_geometric.data import Data
    from torch_geometric.nn import GCNConv
    from torch_geometric.transforms import ToSparseTensor
    from torch_geometric.typing import WITH_TORCH_SPARSE

    class Network(torch.nn.Module):
        def __init__(self, channels: int, filters: int, classes: int) -> None:
            super().__init__()
            self.conv1 = GCNConv(channels, filters, cached=True)
            self.conv2 = GCNConv(filters, classes, cached=True)

        def forward(self, x: Any, edges: Any) -> Any:
            drop = torch.nn.functional.dropout
            x = self.conv1(drop(x, 0.5, self.training), edges).relu()
            return self.conv2(drop(x, 0.5, self.training), edges)

    for graph in GRAPHS:
        x, arcs, y, train, validation = arrays(given.data, graph)
        data = Data(torch.tensor(x), torch.tensor(arcs), y=torch.tensor(y))
        packed = ToSparseTensor(layout=torch.sparse_csr)(data.clone())
        forms = [("edge index", data.edge_index), ("CSR", packed.adj_t)]
        if WITH_TORCH_SPARSE:
            forms.append(("SparseTensor", ToSparseTensor()(data.clone()).adj_t))
        rows, judged = torch.tensor(train), torch.tensor(validation)
        for filters in FILTERS[-1:] if given.quick else FILTERS:
            for name, edges in forms:
                for compiled in (False, True) if name == "edge index" else (False,):  # others do not compile
                    torch._dynamo.reset()
                    torch.manual_seed(0)
                    model = Network(x.shape[1], filters, int(y.max()) + 1)
                    optimizer = torch.optim.Adam(
                        [
                            {"params": model.conv1.parameters(), "weight_decay": 5e-4},
                            {"params": model.conv2.parameters(), "weight_decay": 0},
                        ],
                        lr=0.01,
                    )
                    called = torch.compile(model, dynamic=False) if compiled else model
                    setting = f"{graph}, {filters} kernels, {name}{', compiled' if compiled else ''}"
                    seconds = []
                    try:
                        for _ in range((QUICK_EPOCHS if given.quick else EPOCHS)[graph] // 2):
                            begun = time.perf_counter()
                            model.train()
                            optimizer.zero_grad()
                            out = called(data.x, edges)[rows]
                            torch.nn.functional.cross_entropy(out, data.y[rows]).backward()
                            optimizer.step()
                            model.eval()
                            with torch.no_grad():
                                out = called(data.x, edges)[judged]
                                float(torch.nn.functional.cross_entropy(out, data.y[judged]))
                                float((out.argmax(1) == data.y[judged]).float().mean())
                            seconds.append(time.perf_counter() - begun)
                    except Exception as error:  # noqa: BLE001 - a setting that does not run is left out, and said
                        print(f"{setting}: left out, {str(error).splitlines()[0]}", file=sys.stderr)
                        continue
                    yield setting, later(seconds)


def large_graph(share: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edges (edges, 2), features and labels: most edges join nodes of one class."""
    random = np.random.default_rng(0)
    nodes, edges = NODES // share, EDGES // share
    labels = random.integers(0, CLASSES, nodes)
    order = np.argsort(labels, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(labels, minlength=CLASSES))])
    source = random.integers(0, nodes, edges)
    alike = labels[source]
    within = order[starts[alike] + (random.random(edges) * np.diff(starts)[alike]).astype(np.int64)]
    target = np.where(random.random(edges) < 0.7, within, random.integers(0, nodes, edges))
    x = random.normal(size=(nodes, CHANNELS)).astype(np.float32)
    x[np.arange(nodes), labels] += 1
    return np.stack([source, target], axis=1), x, labels


def write_graph(folder: Path, share: int) -> None:
    """`edges.csv` and `nodes.csv` of the large graph."""
    import pandas

    edges, x, labels = large_graph(share)
    folder.mkdir(parents=True, exist_ok=True)
    pandas.DataFrame(edges, columns=["source", "target"]).to_csv(folder / "edges.csv", index=False)
    random = np.random.default_rng(1)
    split = np.where(random.random(len(x)) < TRAIN_SHARE, "train", "")
    rest = np.flatnonzero(split == "")
    split[random.choice(rest, len(x) // 50, replace=False)] = "val"
    split[random.choice(np.flatnonzero(split == ""), len(x) // 50, replace=False)] = "test"
    table = pandas.DataFrame(x.round(4), columns=[f"f{number}" for number in range(CHANNELS)])
    table.insert(0, "id", np.arange(len(x)))
    table["label"] = np.char.add("class ", labels.astype(str))
    table["split"] = split
    table.to_csv(folder / "nodes.csv", index=False)


def own_large(given: argparse.Namespace, beside: float | None) -> list[Figure]:
    """What `convscope train` takes on the large graph; `beside`: nodes a second of the best other."""
    share = QUICK_SHARE if given.quick else 1
    figures = []
    with tempfile.TemporaryDirectory(dir=given.scratch) as folder:
        if given.backends:
            words = [sys.executable, __file__, "--write", str(Path(folder) / "graph"), *_quick(given)]
            subprocess.run(words, check=True)
        for backend in given.backends:
            out = Path(folder) / backend
            words = ["train", str(Path(folder) / "graph"), "--out", str(out), "--epochs", "2"]
            words += ["--recipe", "node-classification", "--neighbors", str(NEIGHBORS), "--seed", "0"]
            words += ["--architecture", "sage", "--batch-size", str(ASKED)]
            begun = time.perf_counter()
            code = "import sys; from convscope.cli.app import main; main(sys.argv[1:])"
            _measured_run([sys.executable, "-c", code, *words], backend, Path(folder) / "memory.json")
            took = time.perf_counter() - begun
            gib = json.loads((Path(folder) / "memory.json").read_text())
            with (out / "history.csv").open(newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
            trained = int(NODES // share * TRAIN_SHARE)
            rate = trained / float(rows[-1]["seconds"])
            accuracy = json.loads((out / "metrics.json").read_text())["test"]["accuracy"]
            figures += [
                Figure(f"large, {backend}, memory of the whole training", gib, "GiB", MEMORY, "lower"),
                Figure(f"large, {backend}, from files to a judged model", took, "s", better="lower"),
                Figure(f"large, {backend}, training, validation included", rate, "nodes/s", beside),
                Figure(f"large, {backend}, accuracy after two epochs", 100 * accuracy, "%"),
            ]
    return figures


def _measured_run(words: list[str], backend: str, memory: Path) -> None:
    """Runs a command; writes the largest memory of it and its children, in GiB."""
    subprocess.run(
        [sys.executable, __file__, "--measure", str(memory), "--", *words],
        env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=True,
    )


def _quick(given: argparse.Namespace) -> list[str]:
    return ["--quick"] if given.quick else []


def geometric_large(given: argparse.Namespace) -> Iterator[tuple[str, float]]:
    """Nodes a second of PyTorch Geometric with its NeighborLoader; in this process."""
    import torch
    from torch_geometric.data import Data
    from torch_geometric.loader import NeighborLoader
    from torch_geometric.nn import SAGEConv
    from torch_geometric.typing import WITH_PYG_LIB, WITH_TORCH_SPARSE

    if not (WITH_PYG_LIB or WITH_TORCH_SPARSE):
        print("neither pyg-lib nor torch-sparse: NeighborLoader is left out", file=sys.stderr)
        return
    share = QUICK_SHARE if given.quick else 1
    edges, x, labels = large_graph(share)
    arcs = torch.tensor(np.concatenate([edges, edges[:, ::-1]]).T.copy())
    data = Data(torch.tensor(x), arcs, y=torch.tensor(labels))
    chosen = torch.tensor(np.random.default_rng(1).permutation(len(x))[: int(TRAIN_SHARE * len(x))])

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1, self.conv2 = SAGEConv(CHANNELS, 64), SAGEConv(64, CLASSES)

        def forward(self, x: Any, edges: Any) -> Any:
            drop = torch.nn.functional.dropout
            x = self.conv1(drop(x, 0.5, self.training), edges).relu()
            return self.conv2(drop(x, 0.5, self.training), edges)

    for workers in (0, 1, 2):
        loader = NeighborLoader(
            data,
            [NEIGHBORS] * HOPS,
            chosen,
            batch_size=ASKED,
            shuffle=True,
            num_workers=workers,
            persistent_workers=workers > 0,
        )
        model = Network()
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        seen, begun = 0, 0.0
        for number, batch in enumerate(loader):
            if number == 5:
                seen, begun = 0, time.perf_counter()
            optimizer.zero_grad()
            out = model(batch.x, batch.edge_index)[: batch.batch_size]
            torch.nn.functional.cross_entropy(out, batch.y[: batch.batch_size]).backward()
            optimizer.step()
            seen += batch.batch_size
            if number >= 5 and time.perf_counter() - begun > (5 if given.quick else 15):
                break
        yield f"large, NeighborLoader with {workers} workers", seen / (time.perf_counter() - begun)


def inside(given: argparse.Namespace) -> None:
    """What a process of its own does; prints its figures as JSON."""
    found: list[list[Any]] = []
    if given.inside != "geometric":
        for graph in GRAPHS:
            for filters in FILTERS[-1:] if given.quick else FILTERS:
                name = f"{graph}, {filters} kernels, {given.inside}"
                found.append([name, own_epoch(given, graph, filters), "ms"])
    elif "epochs" in given.parts:
        found += [[name, value, "ms"] for name, value in geometric_epochs(given)]
    if given.inside == "geometric" and "large" in given.parts:
        found += [[name, value, "nodes/s"] for name, value in geometric_large(given)]
    print(json.dumps(found))


def asked(given: argparse.Namespace, python: str, who: str) -> list[list[Any]]:
    """The figures that a process of its own prints."""
    words = [python, __file__, "--inside", who, "--data", str(given.data), "--parts", *given.parts]
    keras = {} if who == "geometric" else {"KERAS_BACKEND": who, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [*words, *_quick(given)], stdout=subprocess.PIPE, env={**os.environ, **keras}, check=True
    )
    found: list[list[Any]] = json.loads(done.stdout.splitlines()[-1])
    for name, value, unit in found:
        print(
            f"{value:10.2f} {unit}  {'PyTorch Geometric, ' if who == 'geometric' else ''}{name}", flush=True
        )
    return found


def epoch_figures(own: list[list[Any]], theirs: list[list[Any]]) -> list[Figure]:
    """Ours with the best of theirs as target, then theirs."""
    figures = []
    for name, value, unit in own:
        beside = [each for other, each, _ in theirs if other.startswith(name.rsplit(", ", 1)[0])]
        figures.append(Figure(name, value, unit, min(beside, default=None), "lower"))
        if name.startswith("Cora"):
            figures.append(Figure(f"{name}, aim", value, unit, AIM, "lower"))
    return figures + [
        Figure(f"PyTorch Geometric, {name}", value, unit, better="lower") for name, value, unit in theirs
    ]


def measured(given: argparse.Namespace) -> list[Figure]:
    """All figures that are asked for."""
    theirs = asked(given, given.geometric, "geometric") if given.geometric else []
    figures: list[Figure] = []
    if "epochs" in given.parts:
        own = [row for backend in given.backends for row in asked(given, sys.executable, backend)]
        figures += epoch_figures(own, [each for each in theirs if each[2] == "ms"])
    if "large" in given.parts:
        rates = [(f"PyTorch Geometric, {name}", value, unit) for name, value, unit in theirs if unit != "ms"]
        figures += own_large(given, max((value for _, value, _ in rates), default=None))
        figures += [Figure(*rate) for rate in rates]
    return figures


def main() -> None:
    if "--measure" in sys.argv[1:2]:
        done = subprocess.run(sys.argv[4:], check=False)
        kilobytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        Path(sys.argv[2]).write_text(json.dumps(kilobytes / 2**20))
        raise SystemExit(done.returncode)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--geometric", default="", help="interpreter that has torch_geometric")
    parser.add_argument("--backends", nargs="*", default=list(BACKENDS), choices=BACKENDS)
    parser.add_argument("--parts", nargs="*", default=["epochs", "large"], choices=["epochs", "large"])
    parser.add_argument("--scratch", type=Path, help="folder for the large graph")
    parser.add_argument("--inside", choices=(*BACKENDS, "geometric"), help=argparse.SUPPRESS)
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.write:
        write_graph(given.write, QUICK_SHARE if given.quick else 1)
        return
    if given.inside:
        inside(given)
        return
    figures = measured(given)
    write_results(given.json, figures, [0])
    print_table(figures)


if __name__ == "__main__":
    main()
