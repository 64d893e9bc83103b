"""How much each part of a sample mattered for a class, by methods of attribution."""

from __future__ import annotations

import keras
import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from convscope.scope.attribution.methods import METHODS, Attribution, find_method
from convscope.scope.attribution.request import usual_batch
from convscope.scope.geometry.geometry import gathers
from convscope.scope.layer_spec import has_trait
from convscope.studio.answers import answered, array_answer, quick, slow, text_parameter
from convscope.studio.errors import BadParameterError
from convscope.studio.models import StudioModel
from convscope.studio.predictions import prediction_of
from convscope.studio.session import Session
from convscope.types import Json, Progress
from convscope.workflows.inspect.attribution import explained

TITLES = {
    "grad-cam": "Grad-CAM",
    "grad-cam++": "Grad-CAM++",
    "layer-cam": "LayerCAM",
    "score-cam": "Score-CAM",
    "saliency": "Saliency",
    "smoothgrad": "SmoothGrad",
    "integrated-gradients": "Integrated gradients",
    "guided-backpropagation": "Guided backpropagation",
    "occlusion": "Occlusion",
    "rise": "RISE",
}
"""As their authors spell them."""
USUAL = ("grad-cam", "integrated-gradients", "occlusion")
MANY_PASSES = ("score-cam", "smoothgrad", "integrated-gradients", "occlusion", "rise")
"""Methods that compute the model many times."""


def methods(session: Session, request: Request) -> Response:
    """All methods, and which of them are shown where none was chosen."""
    usual = usual_methods(session.model(request.path_params["m"]))
    listed: list[Json] = [
        {
            "name": name,
            "title": TITLES.get(name, name),
            "layer": method.family == "cam",
            "slow": name in MANY_PASSES,
            "usual": name in usual,
            "summary": method.summary,
            "source": method.source,
        }
        for name, method in METHODS.items()
    ]
    return answered(listed)


def usual_methods(model: StudioModel) -> tuple[str, ...]:
    """The methods that are shown where none was chosen.

    Class activation maps are none of them where layers gather from tables of neighbors, of which they mark
    some that no answer depends on, or select positions, so that maps do not lie over the input.
    """
    selects = any(has_trait(call.layer, "selects") for call in model.graph.calls)
    return USUAL[1:] if gathers(model.graph) or selects else USUAL


def _found(session: Session, request: Request, progress: Progress) -> Attribution:
    model = session.model(request.path_params["m"])
    sample = request.path_params["s"]
    method = find_method(text_parameter(request, "method", "grad-cam")).name
    layer = text_parameter(request, "layer")
    path = model.path(layer) if layer else None
    target = _target(session, model, text_parameter(request, "class"))
    observed = session.observed(model, sample)

    arrays = [np.asarray(each) for each in keras.tree.flatten(observed.x)]
    usual = min(usual_batch(each, arrays) for each in arrays)

    def compute() -> Attribution:
        return explained(
            model.model,
            observed.graph,
            observed.x,
            method,
            layer=path,
            target=target,
            batch_size=model.at_once(usual),
            progress=progress,
        )[0]

    return session.results.once(("why", model.id, sample, method, path, target), compute)


def _target(session: Session, model: StudioModel, given: str) -> int | None:
    """The number of a class; None for the predicted one."""
    if not given:
        return None
    names = session.classes(model)
    if given in names and not given.isdigit():
        return names.index(given)
    count = model.graph.outputs[0].shape[-1] or len(names)
    if not (given.isascii() and given.isdigit() and int(given) < max(count, 2)):
        raise BadParameterError("class", f"the number of a class, below {count}", given)
    return int(given)


def values(session: Session, request: Request, progress: Progress) -> Response:
    """One value for each position of the input, those that repeat others left out."""
    found, model = _found(session, request, progress), session.model(request.path_params["m"])
    description = session.observed(model, request.path_params["s"]).description
    added = METHODS[found.method].family == "gradient"
    return array_answer(
        found.values if description is None else description.joined(np.asarray(found.values), added=added)
    )


def facts(session: Session, request: Request, progress: Progress) -> Response:
    """What was explained, and where."""
    found = _found(session, request, progress)
    model = session.model(request.path_params["m"])
    names = session.classes(model)
    predicted = prediction_of(session, model, request.path_params["s"])["probabilities"]
    score: Json = found.score
    if isinstance(predicted, list) and found.target < len(predicted):
        score = predicted[found.target]
    named = names[found.target] if found.target < len(names) else None
    empty = not np.any(found.values)
    about = f"0 everywhere: nothing at {found.path or 'the input'} speaks for the class" if empty else ""
    return answered(
        {
            "method": found.method,
            "class": found.target,
            "name": named,
            "score": score,
            "model_output": found.score,
            "layer": found.path,
            "output": found.output,
            "signed": found.signed,
            "at": None if found.at is None else list(found.at),
            "details": {**found.details},
            "note": about,
        }
    )


ROUTES = (
    Route("/api/models/{m}/methods", quick(methods)),
    Route("/api/models/{m}/samples/{s}/why.npy", slow(values)),
    Route("/api/models/{m}/samples/{s}/why.json", slow(facts)),
)
