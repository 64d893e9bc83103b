"""The kernels of a layer, and what excites a channel most: in the data set, and by optimization."""

from __future__ import annotations

import time
from collections.abc import Iterator

import keras
import numpy as np
import numpy.typing as npt
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from convscope.errors import UsageError
from convscope.scope.channels.kernels import Kernels, kernels
from convscope.scope.channels.patches import Patches, patches
from convscope.scope.channels.places import Filled
from convscope.studio.answers import answered, array_answer, number_parameter, quick, slow
from convscope.studio.errors import UnknownIdError
from convscope.studio.models import StudioModel
from convscope.studio.predictions import class_number
from convscope.studio.session import Session
from convscope.types import ArrayTree, Json, Progress
from convscope.workflows.model_inputs.model_inputs import ModelInputs

BATCH = 64
MOST_SAMPLES = 2000
"""That are looked through unless more are asked for."""
MOST_SECONDS = 30.0
"""For which samples are looked through."""
MOST_BYTES = 64 * 2**20
"""Of the samples of a batch."""
MOST_STEPS = 512


def weights(session: Session, request: Request) -> Response:
    """The kernels of a layer, (positions..., channels in, kernels)."""
    model = session.model(request.path_params["m"])
    path = model.path(request.path_params["l"])
    found = session.results.once(("kernels", model.id, path), lambda: kernels(model.model, path))
    about: dict[str, Json] = {"dilation": found.dilation, "step": found.step, "type": found.type}
    return array_answer(found.weights, about)


def _channel(model: StudioModel, request: Request) -> int:
    given = request.path_params["c"]
    call = model.graph.find(model.path(request.path_params["l"]))
    if not (given.isascii() and given.isdigit() and len(given) < 9):
        raise UnknownIdError("channel", given)
    if not call.outputs:
        raise UsageError(f"'{call.path}' puts out no tensor.", "Choose another layer.")
    return int(given)


def strongest(session: Session, request: Request, progress: Progress) -> Response:
    """The parts of the data set that excite a channel most, one of each sample at most."""
    model = session.model(request.path_params["m"])
    path, channel = model.path(request.path_params["l"]), _channel(model, request)
    most = number_parameter(request, "most", MOST_SAMPLES, 1) or MOST_SAMPLES
    if session.samples is None:
        raise UsageError("There is no data to look through.", "Start the studio with data.")
    inputs, numbers = session.rows_of(model)
    shown = np.random.default_rng(0).permutation(np.flatnonzero(numbers >= 0))[:most]

    def compute() -> tuple[Patches, int]:
        batches = _Batches(inputs, numbers[shown], progress, f"what excites {path}", model.at_once(BATCH))
        best = patches(model.model, iter(batches), [path], filled=_filled(inputs, numbers[shown]))
        return best[path], batches.given

    found, seen = session.results.once(("patches", model.id, path, most), compute)
    if channel >= len(found.values):
        raise UnknownIdError("channel", str(channel))
    rows: list[Json] = []
    for value, sample, at, window in zip(
        found.values[channel],
        found.samples[channel],
        found.positions[channel],
        found.windows[channel],
        strict=True,
    ):
        if sample >= 0:
            row = session.samples.rows[int(shown[sample])]
            rows.append(
                {
                    "sample": str(row.number),
                    "name": row.name,
                    "label": class_number(row.label, session.classes(model)),
                    "value": float(value),
                    "at": [int(place) for place in at],
                    "field": [[int(first), int(last)] for first, last in window] or None,
                }
            )
    count = len(session.samples)
    note = f"Of {seen:,} of {count:,} samples, drawn at random." if seen < count else ""
    return answered({"patches": rows, "hops": found.hops, "note": note, "samples": seen})


class _Batches:
    """Batches of samples, as many as there is time for, each of bounded memory."""

    def __init__(
        self, inputs: ModelInputs, rows: npt.NDArray[np.int64], progress: Progress, what: str, at_once: int
    ) -> None:
        self._inputs, self._rows, self._progress, self._what = inputs, rows, progress, what
        self._at_once = at_once
        self.given = 0

    def __iter__(self) -> Iterator[ArrayTree]:
        end = time.monotonic() + MOST_SECONDS
        size = 1
        while self.given < len(self._rows) and (time.monotonic() < end or not self.given):
            batch = self._inputs.take(self._rows[self.given : self.given + size])
            each = sum(array.nbytes for array in keras.tree.flatten(batch)) // size
            self.given = min(self.given + size, len(self._rows))
            yield batch
            self._progress(self.given, len(self._rows), self._what)
            size = max(1, min(self._at_once, MOST_BYTES // max(each, 1)))


def _filled(inputs: ModelInputs, rows: npt.NDArray[np.int64]) -> Filled | None:
    known = inputs.filled
    return None if known is None else lambda number, length: known(int(rows[number]), length)


def _excited(session: Session, request: Request, progress: Progress) -> Kernels:
    model = session.model(request.path_params["m"])
    path, channel = model.path(request.path_params["l"]), _channel(model, request)
    steps = number_parameter(request, "steps", 128, 1, MOST_STEPS) or 1

    def compute() -> Kernels:
        return kernels(model.model, path, excite=[channel], steps=steps, progress=progress)

    return session.results.once(("excited", model.id, path, channel, steps), compute)


def excitation(session: Session, request: Request, progress: Progress) -> Response:
    """The input that excites a channel most, found by optimization, (positions..., channels)."""
    found = _excited(session, request, progress)
    assert found.excitations is not None
    return array_answer(found.excitations[0])


def excitation_facts(session: Session, request: Request, progress: Progress) -> Response:
    """Where in the input it lies, its range, and the value that it brings about."""
    found = _excited(session, request, progress)
    reached = 0.0 if found.reached is None else float(found.reached[0])
    return answered(
        {
            "window": [[first, last] for first, last in found.window],
            "limits": list(found.limits),
            "reached": reached,
            "note": "The value in front of the activation, at the center of the map.",
        }
    )


_CHANNEL = "/api/models/{m}/layers/{l}/channels/{c}"
ROUTES = (
    Route("/api/models/{m}/layers/{l}/kernels.npy", quick(weights)),
    Route(f"{_CHANNEL}/patches", slow(strongest)),
    Route(f"{_CHANNEL}/excitation.npy", slow(excitation)),
    Route(f"{_CHANNEL}/excitation.json", slow(excitation_facts)),
)
