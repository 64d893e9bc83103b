"""Link prediction by PyTorch Geometric, for graphs.py; runs where `torch_geometric` is installed.

    python benchmarks/graph_link_peers.py FILE.npz ...

Each file holds `features` (nodes, features), `edges` (2, edges, both ways) that may be seen, `links`,
those of train, `chosen` of validation with `chosen_hard`, the hard negatives of each; `asked` (pairs, 2):
what is to be scored; and `seed`. The scores are written beside it, as FILE.scores.npy. Of several
sizes and all epochs, those are taken whose links of validation rank best among their hard negatives.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch_geometric.nn import GCNConv
from torch_geometric.utils import negative_sampling

EPOCHS = 100
"""As in PyTorch Geometric's own example of link prediction, as is the rate below."""
CANDIDATES = (((128, 64), 0.0), ((512,), 0.4))
"""Units of each convolution, and dropout before it: those of the example, and those of `link_gcn`."""


class GCN(nn.Module):
    """Graph convolutions, whose output is compared by products."""

    def __init__(self, features: int, units: tuple[int, ...], dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.layers = nn.ModuleList(
            GCNConv(before, after) for before, after in zip((features, *units), units, strict=False)
        )

    def encode(self, values: torch.Tensor, edges: torch.Tensor) -> torch.Tensor:
        """Vectors of the nodes, shape (nodes, units)."""
        for number, layer in enumerate(self.layers):
            values = functional.relu(values) if number else values
            values = layer(functional.dropout(values, self.dropout, self.training), edges)
        return values


def score(vectors: torch.Tensor, pairs: torch.Tensor) -> torch.Tensor:
    """Logits of pairs of shape (..., 2)."""
    return (vectors[pairs[..., 0]] * vectors[pairs[..., 1]]).sum(-1)


def reciprocal_rank(links: torch.Tensor, hard: torch.Tensor) -> float:
    """Mean of 1 by the rank of each link among its negatives; among equals the mean of their ranks."""
    above, not_below = (hard > links[:, None]).sum(1), (hard >= links[:, None]).sum(1)
    return float((1 / ((above + not_below) / 2 + 1)).mean())


def scores_of(given: dict[str, np.ndarray]) -> np.ndarray:
    """Scores of what is asked, by the candidate and the epoch that rank links of validation best."""
    torch.manual_seed(int(given["seed"]))
    names = ("edges", "links", "chosen", "chosen_hard", "asked")
    parts = {name: torch.from_numpy(given[name].astype(np.int64)) for name in names}
    values = torch.from_numpy(given["features"].astype(np.float32))
    found = [trained(GCN(values.shape[1], *candidate), values, **parts) for candidate in CANDIDATES]
    return max(found, key=lambda each: each[0])[1].numpy()


def trained(
    model: GCN,
    values: torch.Tensor,
    edges: torch.Tensor,
    links: torch.Tensor,
    chosen: torch.Tensor,
    chosen_hard: torch.Tensor,
    asked: torch.Tensor,
) -> tuple[float, torch.Tensor]:
    """The reciprocal rank in validation of the best epoch, and the scores of what is asked."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    best, found = -1.0, torch.zeros(0)
    targets = torch.cat([torch.ones(len(links)), torch.zeros(len(links))])
    for _ in range(EPOCHS):
        model.train()
        others = negative_sampling(edges, len(values), len(links), method="sparse").T
        logits = score(model.encode(values, edges), torch.cat([links, others]))
        labels = targets[: len(logits)]
        loss = functional.binary_cross_entropy_with_logits(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        model.eval()
        with torch.no_grad():
            vectors = model.encode(values, edges)
            reached = reciprocal_rank(score(vectors, chosen), score(vectors, chosen_hard))
            if reached > best:
                best, found = reached, score(vectors, asked)
    return best, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+")
    for file in parser.parse_args().files:
        with np.load(file, allow_pickle=False) as archive:
            given = dict(archive)
        np.save(file.with_suffix(".scores.npy"), scores_of(given))


if __name__ == "__main__":
    main()
