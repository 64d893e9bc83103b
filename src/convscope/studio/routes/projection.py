"""The samples on a plane by the features of a layer, and the nearest ones to each."""

from __future__ import annotations

import asyncio

import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from convscope.errors import UsageError
from convscope.features.projection import METHODS, MOST, NAMES, Method
from convscope.studio.answers import (
    answered,
    array_answer,
    awaited_value,
    failed,
    number_parameter,
    session_of,
    slow,
    text_parameter,
    while_waited_for,
)
from convscope.studio.errors import BadParameterError
from convscope.studio.features import LayerFeatures, features_of
from convscope.studio.placer import Plane
from convscope.studio.predicted import UNKNOWN
from convscope.studio.predictions import class_number, predict_all
from convscope.studio.samples import spread_rows
from convscope.studio.session import Session
from convscope.studio.worker import AbandonedError, Computation
from convscope.types import SPLITS, Json, Progress


def _features(session: Session, request: Request, progress: Progress) -> LayerFeatures:
    model = session.model(request.path_params["m"])
    path = model.path(request.path_params["l"])
    split = text_parameter(request, "split")
    if split not in ("", *SPLITS):
        raise BadParameterError("split", f"empty or one of {', '.join(SPLITS)}", split)
    if session.samples is None:
        raise UsageError("There is no data to place.", "Start the studio with data.")
    rows = np.array([row.number for row in session.samples.rows if split in ("", row.split)], np.int64)
    if _method(request) != "pca":
        rows = spread_rows(rows, number_parameter(request, "most", MOST, 5) or MOST)
    key = ("features", model.id, path, split, len(rows))
    return session.results.once(key, lambda: features_of(session, model, path, rows, progress))


def _method(request: Request) -> Method:
    given = text_parameter(request, "method", "pca")
    if given not in METHODS:
        raise BadParameterError("method", f"one of {', '.join(METHODS)}", given)
    return given


async def _placed(request: Request) -> tuple[LayerFeatures, Plane]:
    """The features, from the worker, and the points, from the placer, which holds up nobody."""
    session = session_of(request)
    method, seed = _method(request), number_parameter(request, "seed", 0) or 0
    work = Computation(lambda progress: _features(session, request, progress), slow=True)
    found = await awaited_value(request, work)
    path = (request.path_params["m"], request.path_params["l"], text_parameter(request, "split"))
    placer = session.placer
    placement = placer.wanted((*path, method, seed, len(found.rows)), found.values, method, seed)
    try:
        return found, await while_waited_for(request, placement.future)
    except asyncio.CancelledError as error:  # the studio ends
        raise AbandonedError from error
    finally:
        placer.leave(placement)


async def points(request: Request) -> Response:
    """Points, (samples, 2)."""
    try:
        return array_answer((await _placed(request))[1][0])
    except Exception as error:  # noqa: BLE001 - the page must be told whatever it is
        return failed(error)


async def facts(request: Request) -> Response:
    """Which samples the points are, and what they are colored by."""
    try:
        found, (_, explained) = await _placed(request)
        session = session_of(request)
        work = Computation(lambda progress: _facts(session, request, found, explained, progress), slow=True)
        return await awaited_value(request, work)
    except Exception as error:  # noqa: BLE001 - the page must be told whatever it is
        return failed(error)


def _facts(
    session: Session,
    request: Request,
    found: LayerFeatures,
    explained: tuple[float, float] | None,
    progress: Progress,
) -> Response:
    assert session.samples is not None
    model = session.model(request.path_params["m"])
    classes = session.classes(model)
    known = predict_all(session, model, progress, found.rows)
    rows = [session.samples.rows[int(number)] for number in found.rows]
    predicted: list[Json] = [None] * len(rows)
    if known is not None:
        numbers = known.classes[found.rows]
        predicted = [None if number == UNKNOWN else int(number) for number in numbers]
    method = _method(request)
    all_rows = sum(text_parameter(request, "split") in ("", row.split) for row in session.samples.rows)
    notes = [f"{found.left_out:,} samples left out: their features are not finite."] if found.left_out else []
    if len(rows) + found.left_out < all_rows:
        notes.append(f"{NAMES[method]} of {len(rows):,} of {all_rows:,} samples, evenly chosen.")
    words = ("first", "second")
    axes: list[Json] = [
        f"{word} component, {share:.0%} of the variance"
        for word, share in zip(words, explained or (), strict=False)
    ]
    return answered(
        {
            "ids": [str(row.number) for row in rows],
            "labels": [class_number(row.label, classes) for row in rows],
            "predicted": predicted,
            "splits": [row.split for row in rows],
            "classes": [*classes],
            "axes": axes,
            "note": " ".join(notes),
        }
    )


def neighbors(session: Session, request: Request, progress: Progress) -> Response:
    """The samples whose features are most similar to those of one, by the cosine."""
    found = _features(session, request, progress)
    assert session.samples is not None
    number = session.samples.number(text_parameter(request, "s"))
    count = number_parameter(request, "count", 12, 1, 200) or 12
    model = session.model(request.path_params["m"])
    places = np.flatnonzero(found.rows == number)
    if not len(places):
        raise UsageError("This sample has no features here.", "Choose another split or sample.")
    lengths = np.linalg.norm(found.values, axis=1)
    units = found.values / np.where(lengths > 0, lengths, 1)[:, None]
    cosines = units @ units[places[0]]
    order = [int(i) for i in np.argsort(-cosines, kind="stable") if i != places[0]][:count]
    classes = session.classes(model)
    rows: list[Json] = []
    for i in order:
        row = session.samples.rows[int(found.rows[i])]
        rows.append(
            {
                "sample": str(row.number),
                "name": row.name,
                "label": class_number(row.label, classes),
                "similarity": float(cosines[i]),
            }
        )
    return answered({"neighbors": rows})


_LAYER = "/api/models/{m}/layers/{l}"
ROUTES = (
    Route(f"{_LAYER}/projection.npy", points),
    Route(f"{_LAYER}/projection.json", facts),
    Route(f"{_LAYER}/neighbors", slow(neighbors)),
)
