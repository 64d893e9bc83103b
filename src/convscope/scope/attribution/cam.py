"""Class activation maps: the feature maps of one layer, weighted by what they do for the score.

With A the maps (positions i, channels k), g their gradient of the explained score, and ReLU to keep what
speaks for the target:

    Grad-CAM    ReLU(sum_k mean_i(g_ik) A_ik)
    Grad-CAM++  ReLU(sum_k w_k A_ik),  w_k = sum_i a_ik ReLU(g_ik) / sum_i a_ik,
                a_ik = 1 / (2 + g_ik sum_j A_jk), 0 where g_ik is 0
    Layer-CAM   ReLU(sum_k ReLU(g_ik) A_ik)
    Score-CAM   ReLU(sum_k s_k A_ik),  s_k the score of the input times A_k scaled to [0, 1]
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from convscope.errors import UsageError
from convscope.scope.attribution.programs import Gradients, Scores, Values, batches
from convscope.scope.attribution.query import AttributionQuery, AttributionValues
from convscope.scope.attribution.resize import Resize

_TINY = 1e-7


def grad_cam(query: AttributionQuery, *, resize: Resize = "corners") -> AttributionValues:
    """Grad-CAM (Selvaraju et al. 2017).

    Args:
        query: What is asked.
        resize: How maps are brought to the input's resolution, see `resized`.
    """
    return _weighted(query, resize, lambda maps, g: (maps * _mean(g)).sum(-1))


def grad_cam_plus_plus(query: AttributionQuery, *, resize: Resize = "corners") -> AttributionValues:
    """Grad-CAM++ (Chattopadhay et al. 2018), with the weights normalized per channel.

    The paper takes the exponential of the score, by which all weights of a sample grow alike; that factor is
    left out here, as it overflows for scores above 88.

    Args:
        query: What is asked.
        resize: How maps are brought to the input's resolution, see `resized`.
    """

    def combined(maps: np.ndarray, g: np.ndarray) -> np.ndarray:
        below = 2 + g * _sum(maps)
        shares = np.divide(1, below, out=np.zeros_like(g), where=(g != 0) & (below != 0))
        total = _sum(shares)
        shares = shares / np.where(total == 0, 1, total)
        return np.asarray((maps * _sum(np.maximum(g, 0) * shares)).sum(-1))

    return _weighted(query, resize, combined)


def layer_cam(query: AttributionQuery, *, resize: Resize = "corners") -> AttributionValues:
    """Layer-CAM (Jiang et al. 2021).

    Args:
        query: What is asked.
        resize: How maps are brought to the input's resolution, see `resized`.
    """
    return _weighted(query, resize, lambda maps, g: (maps * np.maximum(g, 0)).sum(-1))


def score_cam(
    query: AttributionQuery, *, channels: int | None = None, resize: Resize = "corners"
) -> AttributionValues:
    """Score-CAM (Wang et al. 2020): one forward pass per channel, none backward.

    Args:
        query: What is asked.
        channels: How many channels are taken, those whose maps vary most; by default all.
        resize: How maps are brought to the input's resolution, see `resized`.

    Raises:
        UsageError: `channels` is below 1.
    """
    if channels is not None and channels < 1:
        raise UsageError(f"channels must be at least 1. Received: channels={channels}.")
    call = query.cam_layer()
    kept = _Kept(query) if query.ids else None
    values = Values(query, call, query.samples)
    scores: Scores | _Kept | None = None
    found = []
    taken = 0
    for rows in batches(query.samples, query.batch_size):
        for row, maps in zip(rows, query.channels_last(values(rows), call), strict=True):
            chosen = _most_varying(maps, channels)
            taken = chosen.shape[-1]
            scores = scores or kept or Scores(query, query.samples * taken)
            weights = [
                scores(_masked(query, row, chosen[..., some], resize, kept), np.full(len(some), row))
                for some in batches(taken, query.batch_size)
            ]
            found.append(np.maximum((chosen * np.concatenate(weights)).sum(-1), 0))
    maps, over_bands = query.laid_over(np.stack(found), resize)
    return AttributionValues(maps, False, call.path, [{"channels": float(taken)}] * query.samples, over_bands)


def _most_varying(maps: np.ndarray, channels: int | None) -> np.ndarray:
    """The channels of (*positions, channels) whose values vary most."""
    if channels is None:
        return maps
    spread = maps.std(axis=tuple(range(maps.ndim - 1)))
    return maps[..., np.sort(np.argsort(-spread, kind="stable")[:channels])]


def _weighted(
    query: AttributionQuery, resize: Resize, combined: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> AttributionValues:
    """Maps and their gradients, both (samples, *positions, channels), combined and laid over the input."""
    call = query.cam_layer()
    gradients = Gradients(query, call, query.samples)
    found = []
    for rows in batches(query.samples, query.batch_size):
        g, maps, _ = gradients(rows)
        together = combined(query.channels_last(maps, call), query.channels_last(g, call))
        found.append(np.maximum(together, 0))
    values, over_bands = query.laid_over(np.concatenate(found), resize)
    return AttributionValues(values, False, call.path, parts=over_bands)


class _Kept:
    """Scores of ids whose vectors are kept in part; ids themselves cannot be multiplied.

    Args:
        query: About token ids.
    """

    def __init__(self, query: AttributionQuery) -> None:
        self._gradients = Gradients(query, query.place("score-cam"), query.samples)

    def __call__(self, kept: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Scores, (n,), with each position's vector multiplied by its share of `kept`, (n, *positions)."""
        found = []
        for row, share in zip(rows, kept, strict=True):
            vectors = self._gradients(row[None])[1]
            found.append(self._gradients(row[None], shift=vectors * (share[None, ..., None] - 1))[2])
        return np.concatenate(found)


def _masked(
    query: AttributionQuery, row: int, maps: np.ndarray, resize: Resize, kept: _Kept | None
) -> np.ndarray:
    """The input under each map scaled to [0, 1], (channels, ...); of token ids only these shares."""
    masks, _ = query.laid_over(np.moveaxis(maps, -1, 0), resize)
    axes = tuple(range(1, masks.ndim))
    low, high = masks.min(axes, keepdims=True), masks.max(axes, keepdims=True)
    shares: np.ndarray = (masks - low) / (high - low + _TINY)
    return shares if kept is not None else query.x[row] * query.shaped_as_input(shares)


def _mean(array: np.ndarray) -> np.ndarray:
    """Over positions."""
    return np.asarray(array.mean(axis=tuple(range(1, array.ndim - 1)), keepdims=True))


def _sum(array: np.ndarray) -> np.ndarray:
    return np.asarray(array.sum(axis=tuple(range(1, array.ndim - 1)), keepdims=True))
