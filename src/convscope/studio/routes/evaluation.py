"""How good a model is on the data, and how its training went, or goes."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import AsyncIterator
from math import isfinite
from pathlib import Path

import numpy as np
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from convscope.errors import ConvscopeError, UsageError
from convscope.run import Run
from convscope.studio.answers import answered, failed, quick, session_of, slow, text_parameter
from convscope.studio.errors import BadParameterError
from convscope.studio.predicted import UNKNOWN
from convscope.studio.predictions import predict_all
from convscope.studio.session import Session
from convscope.types import SPLITS, Json, Progress

EVERY_SECONDS = 1.0
SILENT_SECONDS = 15.0
"""After which a line without content shows that the connection lives."""
MOST_LISTENERS = 16


def confusion(session: Session, request: Request, progress: Progress) -> Response:
    """How many samples of each class are predicted as which, of one split."""
    model, samples = session.model(request.path_params["m"]), session.samples
    if samples is None or not samples.class_names:
        raise UsageError("The data has no classes.", "Start the studio with labeled data.")
    split = text_parameter(request, "split") or ("test" if "test" in samples.splits else "")
    if split not in ("", "all", *SPLITS):
        raise BadParameterError("split", f"all, {', '.join(SPLITS)}", split)
    classes = session.classes(model)
    chosen = [row for row in samples.rows if row.label in classes and split in ("", "all", str(row.split))]
    numbers = np.array([row.number for row in chosen], np.int64)
    known = predict_all(session, model, progress, numbers)
    if known is None:
        raise UsageError(f"{model.loaded.name} predicts no classes.", "Look at its predictions by sample.")
    matrix = np.zeros((len(classes), len(classes)), np.int64)
    for row in chosen:
        if known.classes[row.number] != UNKNOWN:
            matrix[classes.index(str(row.label)), known.classes[row.number]] += 1
    left_out = sum(split in ("", "all", str(row.split)) for row in samples.rows) - int(matrix.sum())
    note = f"{left_out:,} samples without a label among the classes are left out." if left_out else ""
    return answered(
        {
            "classes": [*classes],
            "matrix": [[int(value) for value in line] for line in matrix],
            "split": split or None,
            "splits": [*samples.splits],
            "note": note,
        }
    )


def history(session: Session, request: Request) -> Response:
    """Losses and metrics by epoch."""
    run = session.model(request.path_params["m"]).loaded.run
    return answered(_nothing() if run is None else history_of(run))


def _nothing() -> dict[str, Json]:
    return {"epochs": [], "series": {}, "running": False, "total": None}


def history_of(run: Run) -> dict[str, Json]:
    """What a run has written of its epochs so far.

    Args:
        run: A run, finished or not.

    Raises:
        RunError: It is gone.
    """
    record = run.record()
    path = run.folder / "history.csv"
    rows = _rows(path) if path.exists() else []
    names = [name for name in (rows[0] if rows else {}) if name != "epoch"]
    columns: dict[str, Json] = {name: [_number(row.get(name)) for row in rows] for name in names}
    total = record["settings"].get("epochs")
    return {
        "epochs": [_number(row.get("epoch")) for row in rows],
        "series": columns,
        "running": record["status"] != "complete",
        "total": total if isinstance(total, int) else None,
    }


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if isfinite(value) else None


async def events(request: Request) -> Response:
    """Server-sent events: `history` whenever a training has written another epoch."""
    session = session_of(request)
    try:
        run = session.model(text_parameter(request, "m", "0")).loaded.run
    except ConvscopeError as error:
        return failed(error)
    if run is None or session.listeners >= MOST_LISTENERS:
        return Response(status_code=204)
    return StreamingResponse(_told(session, run), media_type="text/event-stream")


async def _told(session: Session, run: Run) -> AsyncIterator[str]:
    """The history after each change; ends with the training, or when the run is gone."""
    session.listeners += 1
    last, silent = "", 0.0
    try:
        while not session.closed:
            try:
                found = history_of(run)
            except ConvscopeError:
                return
            now = json.dumps(found)
            silent = 0.0 if now != last else silent + EVERY_SECONDS
            if now != last:
                yield f"event: history\ndata: {now}\n\n"
            elif silent >= SILENT_SECONDS:
                silent = 0.0
                yield ": \n\n"
            if not found["running"]:
                return
            last = now
            await asyncio.sleep(EVERY_SECONDS)
    finally:
        session.listeners -= 1


ROUTES = (
    Route("/api/models/{m}/confusion", slow(confusion)),
    Route("/api/models/{m}/history", quick(history)),
    Route("/api/events", events),
)
