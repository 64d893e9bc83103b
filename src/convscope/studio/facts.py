"""What the page is told of a sample: its axes, channels, tokens, graph, in plain values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from convscope.kinds.contract.representation import (
    GraphDescription,
    RasterDescription,
    SampleDescription,
    TextDescription,
    TimelineDescription,
)
from convscope.kinds.contract.studio import Facts
from convscope.studio.arrays import listed_values
from convscope.types import Array, Axis, Json

COLORS: dict[int, list[Json]] = {1: ["gray"], 3: ["red", "green", "blue"]}
MOST_PLACES = 4096
"""Places of positions that are listed, where their distances are equal."""
MOST_NAMES = 512
"""Channels that are told by name."""


def facts_of(values: Array, description: SampleDescription | None) -> Facts:
    """What is known of a sample whatever its kind.

    Args:
        values: As it is drawn, without the batch axis.
        description: What its representation says of it.
    """
    found: Facts = {"shape": list(values.shape), "axes": _plain_axes(values), "channels": [], "tokens": None}
    if isinstance(description, RasterDescription):
        found["axes"] = [_axis("row", "px", values, 0), _axis("column", "px", values, 1)]
        found["channels"] = list(COLORS.get(values.shape[-1], []))
        found["limits"] = list(description.limits)
    elif isinstance(description, TextDescription):
        found["axes"] = [_axis("token", "", values, 0)]
        found["tokens"] = list(description.tokens)
        found["target"] = None if description.target is None else list(description.target)
    elif isinstance(description, TimelineDescription):
        axis = description.axis
        found["axes"] = [{**_axis("time", axis.unit, values, 0), **_places(axis)}]
        found["channels"] = list(axis.variables)
        found["filled"] = list(axis.filled)
    elif isinstance(description, GraphDescription):
        found["axes"] = [_axis("node", "", values, 0)]
        found["channels"] = list(description.features[:MOST_NAMES])
        found["graph"] = _graph(description)
    return found


def _axis(name: str, unit: str, values: Array, place: int) -> dict[str, Json]:
    length = values.shape[place] if place < values.ndim else 1
    return {"name": name, "unit": unit, "length": length}


def _plain_axes(values: Array) -> list[Json]:
    names: Sequence[str] = ("position",) if values.ndim <= 2 else ("row", "column")
    if values.ndim > 3:
        names = tuple(f"axis {place}" for place in range(values.ndim - 1))
    return [_axis(name, "", values, place) for place, name in enumerate(names)]


def _places(axis: Axis) -> dict[str, Json]:
    """When the positions are: numbers of the unit, or times in ISO 8601; nothing where they are only counted.

    Of many numbers at equal distances there is the first, `start`, and the distance, `step`.
    """
    if axis.places is None:
        return {}
    if np.issubdtype(axis.places.dtype, np.datetime64):
        return {"places": [str(each) for each in axis.places.astype("datetime64[s]")]}
    places = np.asarray(axis.places, np.float64)
    steps = np.diff(places)
    even = len(steps) > 0 and bool(np.ptp(steps) <= 1e-6 * abs(steps[0]) + 1e-12)
    if len(places) > MOST_PLACES and even:
        return {"start": float(places[0]), "step": float(steps.mean())}
    return {"places": listed_values(places)}


def _graph(description: GraphDescription) -> dict[str, Json]:
    weights, hops = description.weights, description.hops
    return {
        "names": list(description.names),
        "edges": description.edges.tolist(),
        "weights": None if weights is None else weights.astype(np.float64).tolist(),
        "places": np.asarray(description.places, np.float64).round(6).tolist(),
        "centers": list(description.centers),
        "hops": None if hops is None else hops.tolist(),
        "directed": description.directed,
        "depth": description.depth,
        "note": description.note,
    }
