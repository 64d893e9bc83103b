"""Link prediction by PyTorch Geometric, for graphs.py; runs where `torch_geometric` is installed.

    python benchmarks/graph_link_peers.py FILE.npz ...

Each file holds `features` (nodes, features), `edges` (2, edges, both ways) that may be seen, `links`,
those of train, `chosen` of validation with `chosen_hard`, the hard negatives of each; `asked` (pairs, 2):
what is to be scored; and `seed`. The scores are written beside it, as FILE.scores.npy. The epoch is the one
whose links of validation rank best among their hard negatives.
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
"""As in PyTorch Geometric's own example of link prediction, as are the sizes and the rate below."""


class GCN(nn.Module):
    """Two graph convolutions, and the product of both ends."""

    def __init__(self, features: int, hidden: int = 128, units: int = 64) -> None:
        super().__init__()
        self.first, self.second = GCNConv(features, hidden), GCNConv(hidden, units)

    def encode(self, values: torch.Tensor, edges: torch.Tensor) -> torch.Tensor:
        """Vectors of the nodes, shape (nodes, units)."""
        return self.second(functional.relu(self.first(values, edges)), edges)


def score(vectors: torch.Tensor, pairs: torch.Tensor) -> torch.Tensor:
    """Logits of pairs of shape (..., 2)."""
    return (vectors[pairs[..., 0]] * vectors[pairs[..., 1]]).sum(-1)


def reciprocal_rank(links: torch.Tensor, hard: torch.Tensor) -> float:
    """Mean of 1 by the rank of each link among its negatives; among equals the mean of their ranks."""
    above, not_below = (hard > links[:, None]).sum(1), (hard >= links[:, None]).sum(1)
    return float((1 / ((above + not_below) / 2 + 1)).mean())


def scores_of(given: dict[str, np.ndarray]) -> np.ndarray:
    """Scores of the pairs that are asked, by a model that learns from what may be seen."""
    torch.manual_seed(int(given["seed"]))
    names = ("edges", "links", "chosen", "chosen_hard", "asked")
    edges, links, chosen, hard, asked = (torch.from_numpy(given[name].astype(np.int64)) for name in names)
    values = torch.from_numpy(given["features"].astype(np.float32))
    model = GCN(values.shape[1])
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    best, found = -1.0, None
    for _ in range(EPOCHS):
        model.train()
        others = negative_sampling(edges, len(values), len(links), method="sparse").T
        logits = score(model.encode(values, edges), torch.cat([links, others]))
        targets = torch.cat([torch.ones(len(links)), torch.zeros(len(others))])
        loss = functional.binary_cross_entropy_with_logits(logits, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        model.eval()
        with torch.no_grad():
            vectors = model.encode(values, edges)
            reached = reciprocal_rank(score(vectors, chosen), score(vectors, hard))
            if reached > best:
                best, found = reached, score(vectors, asked)
    return found.numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+")
    for file in parser.parse_args().files:
        with np.load(file, allow_pickle=False) as archive:
            given = dict(archive)
        np.save(file.with_suffix(".scores.npy"), scores_of(given))


if __name__ == "__main__":
    main()
