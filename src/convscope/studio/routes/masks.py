"""The class of each position of an input: as a model finds it, and as it is known."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from convscope.errors import UsageError
from convscope.studio.answers import array_answer, quick, text_parameter
from convscope.studio.over_input import found_mask, true_mask
from convscope.studio.session import Session


def found(session: Session, request: Request) -> Response:
    """The most probable class of each position."""
    model = session.model(request.path_params["m"])
    mask = found_mask(model, session.observed(model, request.path_params["s"]))
    if mask is None:
        raise UsageError(f"{model.loaded.name} predicts no mask.", "Look at its prediction.")
    return array_answer(mask)


def known(session: Session, request: Request) -> Response:
    """The class of each position that the data set says."""
    model = session.model(text_parameter(request, "m", "0"))
    return array_answer(true_mask(session, model, request.path_params["s"]))


ROUTES = (
    Route("/api/models/{m}/samples/{s}/mask.npy", quick(found)),
    Route("/api/samples/{s}/mask.npy", quick(known)),
)
