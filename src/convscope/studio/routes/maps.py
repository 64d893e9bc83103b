"""What a model makes of a sample: maps of a layer, one position taken apart, the prediction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from convscope.scope.channels.effective_field import HELD, EffectiveField, spans_of
from convscope.scope.channels.position import Position, position
from convscope.studio.answers import answered, array_answer, number_parameter, position_parameter, quick
from convscope.studio.arrays import listed_values
from convscope.studio.errors import BadParameterError
from convscope.studio.layers import maps_of
from convscope.studio.models import Observed
from convscope.studio.predictions import prediction_of
from convscope.studio.session import Session
from convscope.types import Array, Json

MOST_VALUES = 16_384
"""Of a patch, a kernel and their products, that are sent in full."""
LARGEST = 50
"""Products that are sent where these are too many."""


def _maps(session: Session, request: Request) -> tuple[str, Observed, Array]:
    """A layer's path, what is made of a sample, and the layer's maps of it, (channels, positions...)."""
    model = session.model(request.path_params["m"])
    path = model.path(request.path_params["l"])
    observed = session.observed(model, request.path_params["s"], path)
    tap = model.tap(observed, path)
    return path, observed, maps_of(tap.array[0], tap.geometry)


def maps(session: Session, request: Request) -> Response:
    """The maps of a layer: in 256 steps, or with `exact=1` as they are."""
    path, observed, found = _maps(session, request)
    if number_parameter(request, "exact", 0, high=1):
        return array_answer(found)
    return array_answer(observed.in_steps(path, found).steps)


def map_facts(session: Session, request: Request) -> Response:
    """What the steps of the maps mean, and which maps are strong."""
    path, observed, found = _maps(session, request)
    return answered({"name": path, **observed.in_steps(path, found).to_json()})


def taken_apart(session: Session, request: Request) -> Response:
    """How one position of one map is computed."""
    model = session.model(request.path_params["m"])
    path = model.path(request.path_params["l"])
    observed = session.observed(model, request.path_params["s"], path)
    model.tap(observed, path)
    found = position(
        model.model,
        observed.x,
        path,
        number_parameter(request, "channel", None),
        position_parameter(request),
        recording=observed.recording,
    )
    return answered(position_json(found))


def position_json(found: Position) -> dict[str, Json]:
    """One position as plain values; products that are too many by the largest and the sum of the others.

    Args:
        found: The position.
    """
    small = found.products.size <= MOST_VALUES
    flat = found.products.ravel()
    largest = np.argsort(-np.abs(flat), kind="stable")[:LARGEST]
    top: list[Json] = [
        {
            "index": [int(i) for i in np.unravel_index(int(i), found.products.shape)],
            "value": float(found.patch.ravel()[i]),
            "weight": float(found.kernel.ravel()[i]),
            "product": float(flat[i]),
        }
        for i in largest
    ]
    rest = found.sum - float(np.sum(flat[largest], dtype=np.float64)) if flat.size > LARGEST else 0.0
    return {
        "layer": found.path,
        "type": found.type,
        "channel": found.channel,
        "at": list(found.at),
        "field": [list(each) for each in found.input_window] or None,
        "shape": list(found.patch.shape),
        **{name: _listed(getattr(found, name), small) for name in ("patch", "kernel", "products")},
        "padded": listed_values(found.padded),
        "channels_read": list(found.channels_read),
        "places": [each.tolist() for each in found.places],
        "top": top,
        "rest": rest,
        "gathered": found.gathered,
        "shares": None if found.shares is None else _listed(found.shares, True),
        "held": found.held,
        **_values(found),
    }


def _values(found: Position) -> Mapping[str, Json]:
    count = found.products.size
    said = f"{count:,} product{'' if count == 1 else 's'} {found.sum:+.6g}, bias {found.bias:+.6g}"
    after = f", {found.activation} {found.value:.6g}" if found.activation != "linear" else ""
    return {
        "sum": found.sum,
        "bias": found.bias,
        "before": found.before,
        "activation": found.activation,
        "value": found.value,
        "recorded": float(found.map[found.at]),
        "rounding": found.rounding,
        "text": f"{said}: {found.before:.6g}{after}",
    }


def _listed(array: Array, small: bool) -> Json:
    return listed_values(array) if small else None


def _effective(session: Session, request: Request) -> EffectiveField:
    """The field over the positions of the sample; what repeats others is added to them."""
    model = session.model(request.path_params["m"])
    path = model.path(request.path_params["l"])
    observed = session.observed(model, request.path_params["s"], path)
    channel, at = number_parameter(request, "channel", None), position_parameter(request)
    if at is None:
        raise BadParameterError("at", "a position such as 3,27", "")
    found = session.field_finder(model, path, observed.x)(observed.x, channel, at)
    if observed.description is None:
        return found
    values = np.asarray(observed.description.joined(found.values, added=True), np.float32)
    return replace(found, values=values, spans=spans_of(values))


def effective(session: Session, request: Request) -> Response:
    """How much each position of the input moves a value, one number for each."""
    return array_answer(_effective(session, request).values)


def effective_facts(session: Session, request: Request) -> Response:
    """Where nearly all of that lies."""
    found = _effective(session, request)
    return answered(
        {
            "layer": found.path,
            "channel": found.channel,
            "at": list(found.at),
            "share": HELD,
            "spans": [list(each) for each in found.spans],
            "largest": float(found.values.max(initial=0)),
            "before": found.before,
        }
    )


def prediction(session: Session, request: Request) -> Response:
    """What a model predicts for a sample."""
    model = session.model(request.path_params["m"])
    return answered(prediction_of(session, model, request.path_params["s"]))


ROUTES = (
    Route("/api/models/{m}/samples/{s}/layers/{l}/maps.npy", quick(maps)),
    Route("/api/models/{m}/samples/{s}/layers/{l}/maps.json", quick(map_facts)),
    Route("/api/models/{m}/samples/{s}/layers/{l}/position", quick(taken_apart)),
    Route("/api/models/{m}/samples/{s}/layers/{l}/effective.npy", quick(effective)),
    Route("/api/models/{m}/samples/{s}/layers/{l}/effective.json", quick(effective_facts)),
    Route("/api/models/{m}/samples/{s}/prediction", quick(prediction)),
)
