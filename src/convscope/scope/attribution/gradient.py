"""Attribution by gradients of the explained score, at the input or behind a layer.

With x the values at the place (the input, or what the layer puts out) and S the score:

    saliency                |dS/dx|
    smoothgrad              |mean over noise e of dS/dx at x + e|
    integrated gradients    (x - b) * mean over t in [0, 1] of dS/dx at b + t (x - b),  b the baseline
    guided backpropagation  |dS/dx| with only positive gradients let through each ReLU

Channels become one number per position. Behind a layer the values are laid over the input by interpolation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import replace
from typing import Literal

import keras
import numpy as np
from keras import ops

from convscope.errors import UsageError
from convscope.scope.attribution.head import ending_activation, ends_in_activation, instead
from convscope.scope.attribution.programs import Gradients, Values, add_to_rows, batches
from convscope.scope.attribution.query import AttributionQuery, AttributionValues
from convscope.scope.attribution.resize import Resize
from convscope.scope.graph.graph import Call, LayerGraph
from convscope.types import Array, Tensor

Channels = Literal["largest", "norm", "sum"]
_RELUS = ("relu", "relu6")


def saliency(
    query: AttributionQuery, *, channels: Channels | None = None, resize: Resize = "corners"
) -> AttributionValues:
    """Size of the gradient (Simonyan et al. 2014).

    Args:
        query: What is asked.
        channels: How the channels of a position become one number: `largest` magnitude (the default at the
            input), Euclidean `norm` (the default behind a layer), or `sum`, which keeps signs.
        resize: How values behind a layer are brought to the input's resolution.
    """
    return _plain(query, "saliency", channels, resize, nullcontext)


def guided_backpropagation(
    query: AttributionQuery, *, channels: Channels | None = None, resize: Resize = "corners"
) -> AttributionValues:
    """Gradient that each ReLU passes back only where it is positive (Springenberg et al. 2015).

    ReLU layers, layers with a ReLU activation, and ReLU operations between the layers of a functional model
    are reached. `details` count them in `relus` and name in `not_reached` what a model computes in its own
    code.

    Args:
        query: What is asked.
        channels: As in `saliency`.
        resize: As in `saliency`.
    """
    reached, missed = _relus(query.graph)
    found = _plain(query, "guided-backpropagation", channels, resize, lambda: _guided(reached))
    details: dict[str, float | str] = {"relus": float(len(reached))}
    if missed:
        details["not_reached"] = ", ".join(missed)
    return replace(found, details=[details] * query.samples)


def smoothgrad(
    query: AttributionQuery,
    *,
    draws: int = 32,
    noise: float = 0.2,
    average: Literal["gradients", "magnitudes"] = "gradients",
    channels: Channels | None = None,
    resize: Resize = "corners",
) -> AttributionValues:
    """Gradient averaged over noisy copies (Smilkov et al. 2017).

    Args:
        query: What is asked.
        draws: How many noisy copies.
        noise: Standard deviation of the normal noise, as a share of the sample's range (largest minus
            smallest value).
        average: `gradients` averages them with their signs, as in the paper; `magnitudes` averages their
            magnitudes, by which noise does not cancel.
        channels: As in `saliency`.
        resize: As in `saliency`.

    Raises:
        UsageError: An option out of range.
    """
    if draws < 1 or not noise >= 0 or average not in ("gradients", "magnitudes"):
        raise UsageError(
            "draws must be at least 1, noise at least 0, and average 'gradients' or 'magnitudes'. "
            f"Received: draws={draws}, noise={noise}, average={average!r}."
        )
    call = query.place("smoothgrad")
    gradients = Gradients(query, call, query.samples * draws)
    spread = _ranges(query, call) * noise
    total = np.zeros((query.samples, *gradients.shape), "float32")
    rng = np.random.default_rng(query.seed)
    for pairs in batches(query.samples * draws, query.batch_size):
        rows = pairs // draws
        drawn = rng.standard_normal((len(rows), *gradients.shape), dtype="float32")
        g = gradients(rows, shift=drawn * spread[rows].reshape(-1, *[1] * len(gradients.shape)))[0]
        add_to_rows(total, rows, np.abs(g) if average == "magnitudes" else g)
    details: dict[str, float | str] = {"draws": float(draws), "noise": float(noise)}
    return _reduced(query, call, total / draws, channels, resize, details)


def integrated_gradients(
    query: AttributionQuery, *, baseline: float | Array = 0.0, steps: int = 64, resize: Resize = "corners"
) -> AttributionValues:
    """Integrated gradients (Sundararajan et al. 2017), by Gauss-Legendre quadrature.

    The values of a sample sum up to the score at x minus the score at the baseline; `details` hold this
    `difference` and the `completeness_gap`, by which the sum misses it. Behind a layer, the path leads from
    what the layer puts out for the baseline to what it puts out for x, and the sum is that of its own
    positions, before they are laid over the input.

    Args:
        query: What is asked.
        baseline: An input without content: a number (0: black for images in [0, 1]), or an array of
            the shape of one sample. For token ids, 0 stands for vectors of zeros, which is how padding looks
            to a model that leaves it out; name the embedding as the layer for the vector of id 0.
        steps: How many gradients are taken along the path.
        resize: As in `saliency`.

    Raises:
        UsageError: `steps` below 1, or a baseline of another shape.
    """
    if steps < 1:
        raise UsageError(f"steps must be at least 1. Received: steps={steps}.")
    call = query.place("integrated-gradients")
    gradients = Gradients(query, call, query.samples * steps)
    start = query.baseline(baseline)
    empty = query.ids and query.layer is None and np.ndim(baseline) == 0 and not baseline
    way, difference = _ways(query, gradients, None if empty else start)
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    total = np.zeros_like(way)
    for pairs in batches(query.samples * steps, query.batch_size):
        rows, step = pairs // steps, pairs % steps
        back = ((nodes[step] - 1) / 2).astype("float32").reshape(-1, *[1] * (way.ndim - 1))
        g = gradients(rows, shift=back * way[rows])[0]
        add_to_rows(total, rows, g * (weights[step] / 2).astype("float32").reshape(back.shape))
    parts = query.channels_last(way * total, call)
    shares = parts.sum(-1)
    sums = shares.reshape(len(shares), -1).sum(1, dtype="float64")
    details = [
        {"steps": float(steps), "difference": float(d), "completeness_gap": abs(float(s - d))}
        for s, d in zip(sums, difference, strict=True)
    ]
    values, over_bands = query.laid_over(shares, resize)
    return AttributionValues(
        values, True, call.path if call else None, details, parts if over_bands is None else over_bands
    )


def _ways(
    query: AttributionQuery, gradients: Gradients, baseline: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """From the baseline (None: zeros at the place) to each sample: differences of values and of scores."""
    ways, differences = [], []
    for rows in batches(query.samples, query.batch_size):
        _, values, scores = gradients(rows)
        start = np.zeros_like(values)
        if baseline is not None:
            start = gradients(rows, changed=np.broadcast_to(baseline, (len(rows), *baseline.shape)))[1]
        ways.append(values - start)
        differences.append(scores - gradients(rows, shift=start - values)[2])
    return np.concatenate(ways), np.concatenate(differences)


def _plain(
    query: AttributionQuery,
    method: str,
    channels: Channels | None,
    resize: Resize,
    around: Callable[[], AbstractContextManager[object]],
) -> AttributionValues:
    call = query.place(method)
    gradients = Gradients(query, call, query.samples, around)
    found = [
        _reduced(query, call, gradients(rows)[0], channels, resize)
        for rows in batches(query.samples, query.batch_size)
    ]
    values, parts = (np.concatenate(each) for each in zip(*((f.values, f.parts) for f in found), strict=True))
    return replace(found[0], values=values, parts=parts, details=())


def _reduced(
    query: AttributionQuery,
    call: Call | None,
    g: np.ndarray,
    channels: Channels | None,
    resize: Resize,
    details: dict[str, float | str] | None = None,
) -> AttributionValues:
    """One number per position, at the input's resolution."""
    if channels not in (None, "largest", "norm", "sum"):
        raise UsageError(f"channels must be 'largest', 'norm' or 'sum'. Received: channels={channels!r}.")
    g = query.channels_last(g, call)
    way = channels or ("largest" if call is None else "norm")
    if way == "sum":
        values = g.sum(-1)
    else:
        values = np.abs(g).max(-1) if way == "largest" else np.linalg.norm(g, axis=-1)
    values, over_bands = query.laid_over(values, resize)
    parts = over_bands if over_bands is not None else g if way == "sum" else np.abs(g)
    return AttributionValues(
        values, way == "sum", call.path if call else None, [details or {}] * len(g), parts
    )


def _ranges(query: AttributionQuery, call: Call | None) -> np.ndarray:
    """Largest minus smallest value at the place, (samples,)."""
    values = query.x.__getitem__ if call is None else Values(query, call, query.samples)
    found = []
    for rows in batches(query.samples, query.batch_size):
        flat = values(rows).reshape(len(rows), -1)
        found.append(flat.max(1) - flat.min(1))
    return np.concatenate(found)


def _relus(graph: LayerGraph) -> tuple[list[keras.Operation], list[str]]:
    """The layers and operations that end in ReLU, each once, and what cannot be reached."""
    reached: dict[int, keras.Operation] = {}
    missed = [] if graph.linked else ["operations in the model's own code, which are not seen"]
    for call in graph.calls:
        if isinstance(call.layer, keras.layers.RNN):
            inner = getattr(call.layer, "activation", None)
            if getattr(inner, "__name__", "") in _RELUS:
                missed.append(call.path)
        elif ending_activation(call.layer) in _RELUS and not getattr(call.layer, "negative_slope", 0):
            if call.recordable:
                reached[id(call.layer)] = call.layer
            else:
                missed.append(call.path)
    return list(reached.values()), missed


@contextmanager
def _guided(relus: list[keras.Operation]) -> Iterator[None]:
    """Within it, what these put out lets only positive gradients back."""

    def gated(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        return lambda *args, **kwargs: _positive_back(function(*args, **kwargs))

    with ExitStack() as stack:
        for layer in relus:
            name = "activation" if ends_in_activation(layer) else "call"
            stack.enter_context(instead(layer, name, gated(getattr(layer, name))))
        yield


def _passed_on(values: Tensor) -> tuple[Tensor, Callable[..., Tensor]]:
    """The same values; of their gradient only what is positive."""

    def gradient(*args: Tensor, upstream: Tensor = None) -> Tensor:
        above = args[0] if upstream is None else upstream
        return ops.maximum(above, 0)

    return values * 1, gradient


_positive_back = ops.custom_gradient(_passed_on)
