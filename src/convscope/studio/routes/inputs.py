"""Takes inputs of one's own: files, texts, recordings, and arrays that were drawn."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from convscope.errors import UsageError
from convscope.studio.answers import answered, awaited_value, failed, session_of, text_parameter
from convscope.studio.frames import array_of
from convscope.studio.models import StudioModel
from convscope.studio.own import OwnInput, array_input, decoded_input, shown_name
from convscope.studio.session import Session
from convscope.studio.worker import Computation
from convscope.types import Array

DECODING = ThreadPoolExecutor(1, "convscope-studio-decoding")
"""Waits for the process that decodes."""
AT_ONCE = asyncio.Semaphore(4)
"""Bodies that are held in memory."""
ARRAY = "application/x-npy"


async def take(request: Request) -> Response:
    """Keeps an input and gives its id."""
    try:
        async with AT_ONCE:
            sample = await _taken(request)
        session_of(request).observe_ahead(text_parameter(request, "m", "0"), sample)
        return answered({"id": sample})
    except Exception as error:  # noqa: BLE001 - the page must be told whatever it is
        return failed(error)


async def _taken(request: Request) -> str:
    session = session_of(request)
    model = session.model(text_parameter(request, "m", "0"))
    body = await request.body()
    if not body:
        raise UsageError("The input is empty.", "Choose another file.")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    given = text_parameter(request, "name")
    if kind == ARRAY:
        work = Computation(lambda progress: _drawn(session, _array(body), shown_name(given, "drawing")))
        return await awaited_value(request, work)
    ending = ending_of(model, kind, given)
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(
        DECODING, _decoded, session, body, ending, shown_name(given, f"input{ending}")
    )


def _array(body: bytes) -> Array:
    try:
        return array_of(body)
    except (ValueError, EOFError, OSError) as error:
        raise UsageError("The body is no .npy array of numbers.") from error


def _drawn(session: Session, values: Array, name: str) -> str:
    """Keeps an array for each model that takes it; at least the first one must."""
    found: dict[str, OwnInput] = {}
    for model in session.models.values():
        try:
            one = array_input(model, session.encoders.get(model.id), values, name)
            model.observe(one.inputs, 0)
            found[model.id] = one
        except UsageError:
            if not found:
                raise
    return session.own.add(found)


def _decoded(session: Session, body: bytes, ending: str, name: str) -> str:
    """Decodes a file in the process that is there for it."""
    folder = Path(tempfile.mkdtemp(prefix="convscope-studio-"))
    try:
        path = folder / f"input{ending}"
        path.write_bytes(body)
        # In a folder, a text file is one text, and not one in each line.
        decoded = session.decoder.decode(folder if ending == ".txt" else path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    found = {
        number: decoded_input(session.models[number], session.encoders[number], each, name)
        for number, each in decoded.items()
    }
    return session.own.add(found)


def ending_of(model: StudioModel, kind: str, name: str) -> str:
    """The ending of a file by its content type, else by its name.

    Raises:
        UsageError: The model does not read such files.
    """
    accepts = {} if model.element is None else dict(model.element.accepts)
    ending = Path(name).suffix.lower() if len(name) < 300 else ""
    double = "".join(Path(name).suffixes[-2:]).lower() if len(name) < 300 else ""
    for known in (double, ending):
        if known in accepts.values():
            return known
    if kind in accepts:
        return accepts[kind]
    listed = ", ".join(dict.fromkeys(accepts.values())) or "none"
    raise UsageError(
        f"{model.loaded.name} does not read '{kind or 'files without a type'}'.", f"It reads {listed}."
    )


ROUTES = (Route("/api/inputs", take, methods=["POST"]),)
