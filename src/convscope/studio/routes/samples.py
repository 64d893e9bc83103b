"""The samples: the list with labels and predictions, and each as the model sees it and as people know it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from convscope.errors import DataError
from convscope.kinds.contract.studio import Facts, Media
from convscope.studio.answers import (
    answered,
    array_answer,
    media_answer,
    number_parameter,
    quick,
    slow,
    text_parameter,
)
from convscope.studio.errors import BadParameterError, UnknownIdError
from convscope.studio.facts import facts_of
from convscope.studio.models import Observed, StudioModel
from convscope.studio.over_input import truth_of
from convscope.studio.own import OwnInput
from convscope.studio.predicted import UNKNOWN, PredictedClasses
from convscope.studio.predictions import class_number, predict_all
from convscope.studio.samples import SampleRow
from convscope.studio.session import Session
from convscope.types import Json, Progress
from convscope.workflows.model_inputs.model_inputs import ModelInputs

MOST_ROWS = 5000
THUMBNAIL = 64
LARGEST_THUMBNAIL = 256


@dataclass(frozen=True)
class SampleFilter:
    """Which samples are listed; an empty text stands for all.

    Args:
        split: Their split.
        label: The number of their class, or its name.
        predicted: That of the class that a model predicts.
        mistake: `1`: those that the model gets wrong; `0`: those that it gets right.
        text: Part of their name.
        low: The least confidence.
        high: The most.
        differs: The id of another model that predicts another class.
    """

    split: str
    label: str
    predicted: str
    mistake: str
    text: str
    low: float = 0.0
    high: float = 1.0
    differs: str = ""

    @classmethod
    def of(cls, request: Request, classes: Sequence[str]) -> SampleFilter:
        """From the parameters of an address.

        Args:
            request: The request.
            classes: What numbers of classes count.

        Raises:
            BadParameterError: One of them cannot be.
        """
        named = ("split", "label", "predicted", "mistake", "text")
        given = {name: text_parameter(request, name) for name in named}
        if given["mistake"] not in ("", "0", "1"):
            raise BadParameterError("mistake", "0 or 1", given["mistake"])
        for name in ("label", "predicted"):
            number = given[name]
            if number.isascii() and number.isdigit() and int(number) < len(classes):
                given[name] = classes[int(number)]
        ends = [_share(request, "low", 0.0), _share(request, "high", 1.0)]
        return cls(**given, low=ends[0], high=ends[1], differs=text_parameter(request, "differs"))

    @property
    def asks_predictions(self) -> bool:
        """Whether it depends on what a model predicts."""
        return bool(self.predicted or self.mistake or self.low > 0 or self.high < 1 or self.differs)

    def admits(self, row: SampleRow) -> bool:
        """Whether a sample is listed, as far as no prediction decides it."""
        named = not self.text or self.text.casefold() in row.name.casefold()
        return named and self.split in ("", row.split) and self.label in ("", row.label)

    def admits_prediction(self, label: str | None, predicted: str | None, confidence: float) -> bool:
        """Whether a sample is listed for what is predicted for it."""
        if predicted is None:
            return False
        right = self.mistake == "" or (label is not None and (label != predicted) == (self.mistake == "1"))
        return right and self.predicted in ("", predicted) and self.low <= confidence <= self.high


def _share(request: Request, name: str, default: float) -> float:
    given = text_parameter(request, name)
    try:
        value = float(given) if given else default
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise BadParameterError(name, "a number from 0 to 1", given)
    return value


def listed(session: Session, request: Request, progress: Progress) -> Response:
    """A part of the list; predictions are computed for all samples where the filter asks for them."""
    if session.samples is None:
        return answered({"total": 0, "rows": []})
    model = session.model(text_parameter(request, "m", "0"))
    classes = session.classes(model)
    wanted = SampleFilter.of(request, classes)
    first = number_parameter(request, "from", 0) or 0
    count = number_parameter(request, "count", 100, high=MOST_ROWS) or 0
    predict = wanted.asks_predictions or text_parameter(request, "predict") == "1"
    known = predict_all(session, model, progress) if predict else session.predicted.get(model.id)
    other = _other_predictions(session, wanted.differs, progress)
    rows: list[Json] = []
    total = 0
    for row in session.samples.rows:
        if not wanted.admits(row):
            continue
        said, confidence = _said(known, row.number, classes)
        if wanted.asks_predictions and not wanted.admits_prediction(row.label, said, confidence or 0.0):
            continue
        beside = other(row.number) if other is not None else (None, None)
        if other is not None and beside[0] in (None, said):
            continue
        if first <= total < first + count:
            rows.append(_row(row, classes, (said, confidence), beside))
        total += 1
    return answered({"total": total, "rows": rows, "complete": known is not None and known.complete})


def _other_predictions(
    session: Session, model: str, progress: Progress
) -> Callable[[int], tuple[str | None, float | None]] | None:
    """From the number of a sample to what another model predicts for it; None where none is asked for."""
    if not model:
        return None
    other = session.model(model)
    known, names = predict_all(session, other, progress), session.classes(other)
    return lambda number: _said(known, number, names)


def _said(
    known: PredictedClasses | None, number: int, names: Sequence[str]
) -> tuple[str | None, float | None]:
    if known is None or known.classes[number] == UNKNOWN:
        return None, None
    place = int(known.classes[number])
    return names[place] if place < len(names) else f"class {place}", float(known.confidences[number])


def _row(
    row: SampleRow,
    classes: Sequence[str],
    said: tuple[str | None, float | None],
    beside: tuple[str | None, float | None],
) -> Json:
    return {
        "id": str(row.number),
        "name": row.name,
        "split": row.split,
        "label": class_number(row.label, classes),
        "predicted": class_number(said[0], classes),
        "confidence": said[1],
        "beside": class_number(beside[0], classes),
        "beside_confidence": beside[1],
    }


def _observed(session: Session, request: Request) -> tuple[StudioModel, Observed]:
    model = session.model(text_parameter(request, "m", "0"))
    return model, session.observed(model, request.path_params["s"])


def input_facts(session: Session, request: Request) -> Response:
    """What the page needs to draw a sample besides its values."""
    model, observed = _observed(session, request)
    sample = request.path_params["s"]
    own = sample in session.own
    decoded = session.own.find(model, sample) if own else None
    if decoded is not None and decoded.facts is not None:
        facts = {**decoded.facts, "shape": list(observed.shown.shape)}
    else:
        facts = _facts(session, model, observed)
    row = None if own or session.samples is None else session.samples.rows[session.samples.number(sample)]
    inputs, place = session.place(model, sample)
    base = f"api/samples/{sample}"
    return answered(
        {
            **facts,
            "id": sample,
            "title": inputs.names[place],
            "name": inputs.names[place],
            "split": None if row is None else row.split,
            "label": None if row is None else class_number(row.label, session.classes(model)),
            "truth": truth_of(session, model, sample),
            "inputs": [
                {"name": name, "shape": list(value.shape)}
                for name, value in zip(
                    observed.graph.input_names, keras.tree.flatten(observed.x), strict=True
                )
            ],
            "original": f"{base}/original?m={model.id}" if _has_original(model, inputs, decoded) else None,
            "thumbnail": f"{base}/thumbnail.png?m={model.id}" if _has_thumbnail(model) else None,
        }
    )


def _facts(session: Session, model: StudioModel, observed: Observed) -> Facts:
    """What follows from the values; of an array that was drawn with what is known of other samples."""
    description = observed.description
    if description is None:
        description = session.usual(model)
    facts = facts_of(observed.shown, description)
    return facts if model.element is None else facts | model.element.facts(observed.shown, description)


def _has_original(model: StudioModel, inputs: ModelInputs, own: OwnInput | None) -> bool:
    if own is not None:
        return own.original is not None
    return model.element is not None and model.element.has_originals and inputs.samples is not None


def _has_thumbnail(model: StudioModel) -> bool:
    return model.element is not None and model.element.has_thumbnails


def input_values(session: Session, request: Request) -> Response:
    """A sample as it is drawn, or one of the inputs of the model by its name."""
    _, observed = _observed(session, request)
    name = text_parameter(request, "name")
    if not name:
        return array_answer(observed.shown)
    if name not in observed.graph.input_names:
        raise UnknownIdError("input", name)
    arrays = keras.tree.flatten(observed.x)
    return array_answer(np.asarray(arrays[observed.graph.input_names.index(name)])[0])


def original(session: Session, request: Request) -> Response:
    """A sample as it was read, in a form that browsers show."""
    model = session.model(text_parameter(request, "m", "0"))
    inputs, row = session.place(model, request.path_params["s"])
    found: Media | None = None
    if request.path_params["s"] in session.own:
        found = session.own.find(model, request.path_params["s"]).original
    elif model.element is not None and inputs.samples is not None:
        found = model.element.original(inputs.samples.load(row))
    if found is None:
        raise DataError("This sample has no form that browsers show.", "Its values are at /input.npy.")
    return media_answer(request, found)


def thumbnail(session: Session, request: Request) -> Response:
    """A sample drawn small."""
    model = session.model(text_parameter(request, "m", "0"))
    side = number_parameter(request, "side", THUMBNAIL, 8, LARGEST_THUMBNAIL) or THUMBNAIL
    inputs, row = session.place(model, request.path_params["s"])
    found: Media | None = None
    if request.path_params["s"] in session.own:
        found = session.own.find(model, request.path_params["s"]).thumbnail
    if found is None and model.element is not None:
        shown, description = model.shown(inputs, row)
        found = model.element.thumbnail(shown, description, side)
    if found is None:
        raise DataError("Samples of this kind are not drawn small.", "Their values are at /input.npy.")
    return media_answer(request, found)


ROUTES = (
    Route("/api/samples", slow(listed)),
    Route("/api/samples/{s}/input.json", quick(input_facts)),
    Route("/api/samples/{s}/input.npy", quick(input_values)),
    Route("/api/samples/{s}/original", quick(original)),
    Route("/api/samples/{s}/thumbnail.png", quick(thumbnail)),
)
