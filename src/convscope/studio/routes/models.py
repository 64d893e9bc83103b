"""What there is: models, samples, layers and their explanations."""

from __future__ import annotations

import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from convscope.studio.answers import answered, quick
from convscope.studio.facts import facts_of
from convscope.studio.layers import field_of, layers_of
from convscope.studio.models import StudioModel
from convscope.studio.over_input import is_drawn_over
from convscope.studio.predictions import predicts_classes
from convscope.studio.session import Session
from convscope.types import Json


def state(session: Session, request: Request) -> Response:
    """Models and samples."""
    samples = session.samples
    data: Json = None
    if samples is not None:
        data = {
            "count": len(samples),
            "splits": list(samples.splits),
            "classes": list(samples.class_names),
            "name": samples.first.inputs.folder,
        }
    return answered(
        {
            "models": [_model(model, session) for model in session.models.values()],
            "data": data,
            "notes": list(session.notes),
            "version": session.version,
        }
    )


def _model(model: StudioModel, session: Session) -> Json:
    loaded, element = model.loaded, model.element
    kind = None if model.kind is None else model.kind.name
    spec = None if loaded.recipe is None else loaded.recipe.spec
    return {
        "id": model.id,
        "name": loaded.name,
        "kind": kind,
        "recipe": None if spec is None else spec.name,
        "task": None if spec is None else spec.task,
        "element": None if element is None else element.name,
        "script": None if element is None else f"kinds/{kind}/{element.script.partition(':')[2]}",
        "thumbnails": element is not None and element.has_thumbnails,
        "accepts": list(element.accepts.values())
        if element is not None and model.id in session.encoders
        else [],
        "drawn_over": is_drawn_over(model),
        "output": "classes" if predicts_classes(model) else "values",
        "classes": None if loaded.class_names is None else list(loaded.class_names),
        "inputs": list(model.graph.input_names),
        "blank": _blank(model, session),
        "complete": not model.unfinished,
        "epochs": list(model.epochs),
        "best_epoch": model.best_epoch,
        "summary": model.unfinished,
    }


def _blank(model: StudioModel, session: Session) -> Json:
    """What an input of one's own has to be, where no sample shows it; None where that is open."""
    shapes = [tuple(value.shape[1:]) for value in model.graph.inputs]
    if len(shapes) != 1 or None in shapes[0] or model.element is None:
        return None
    lengths = tuple(length or 1 for length in shapes[0])
    values, description = np.zeros(lengths, np.float32), session.usual(model)
    return {**facts_of(values, description), **model.element.facts(values, description)}


def layers(session: Session, request: Request) -> Response:
    """The layers of a model."""
    return answered(layers_of(session.model(request.path_params["m"])))


def explanation(session: Session, request: Request) -> Response:
    """A model in words and numbers."""
    return answered(session.model(request.path_params["m"]).explanation.to_json())


def field(session: Session, request: Request) -> Response:
    """Which part of a sample each position of a layer depends on."""
    model = session.model(request.path_params["m"])
    observed = session.observed(model, request.path_params["s"])
    return answered(field_of(observed.graph, model.path(request.path_params["l"])))


ROUTES = (
    Route("/api/state", quick(state)),
    Route("/api/models/{m}/layers", quick(layers)),
    Route("/api/models/{m}/explain", quick(explanation)),
    Route("/api/models/{m}/samples/{s}/layers/{l}/field", quick(field)),
)
