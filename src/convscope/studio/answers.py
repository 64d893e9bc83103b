"""Questions of the page and their answers: parameters, responses, errors, and who waits for them."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from math import isfinite
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from convscope.errors import ConvscopeError, DataError, RunError, UsageError
from convscope.kinds.contract.studio import Media
from convscope.studio.arrays import narrowed, npy_bytes
from convscope.studio.errors import BadParameterError, UnknownIdError
from convscope.studio.safety import BodyTooLargeError
from convscope.studio.session import Session
from convscope.studio.worker import AbandonedError, Computation
from convscope.types import Array, Json, Progress

T = TypeVar("T")
Endpoint = Callable[[Request], Awaitable[Response]]
Quick = Callable[[Session, Request], Response]
"""An answer that takes no longer than a forward pass."""
Slow = Callable[[Session, Request, Progress], Response]
"""An answer that computes over many samples, a step at a time."""

NPY = "application/x-npy"
DAY = 86_400
_RANGE = re.compile(r"bytes=(\d{0,12})-(\d{0,12})", re.ASCII)
STATUS: tuple[tuple[type[Exception], int], ...] = (
    (UnknownIdError, 404),
    (UsageError, 422),
    (DataError, 409),
    (RunError, 410),
    (ConvscopeError, 422),
    (BodyTooLargeError, 413),
    (AbandonedError, 503),
)


def session_of(request: Request) -> Session:
    """The session that a request is about."""
    found: Session = request.app.state.session
    return found


def quick(answer: Quick) -> Endpoint:
    """An address whose answer is computed by the worker, before slow ones."""

    async def endpoint(request: Request) -> Response:
        session = session_of(request)
        return await awaited(request, Computation(lambda progress: answer(session, request)))

    return endpoint


def slow(answer: Slow) -> Endpoint:
    """An address whose answer takes a while; it ends when nobody waits for it any more."""

    async def endpoint(request: Request) -> Response:
        session = session_of(request)
        return await awaited(
            request, Computation(lambda progress: answer(session, request, progress), slow=True)
        )

    return endpoint


async def awaited(request: Request, work: Computation[Response]) -> Response:
    """The answer of the worker, or an error as the page understands it; 503 where the page has gone."""
    try:
        return _cached(request, await awaited_value(request, work))
    except asyncio.CancelledError:  # the studio ends
        return failed(AbandonedError())
    except Exception as error:  # noqa: BLE001 - the page must be told whatever it is
        return failed(error)


async def awaited_value(request: Request, work: Computation[T]) -> T:
    """What the worker computes, while the page waits for it.

    A computation that did not begin when the page went does not begin; a slow one ends at its next step.

    Raises:
        AbandonedError: The page has gone.
    """
    submitted = session_of(request).worker.submit(work)
    try:
        return await while_waited_for(request, submitted.future)
    finally:
        if not submitted.future.done():
            work.abandon()


async def while_waited_for(request: Request, result: Future[T]) -> T:
    """A result, as long as the page waits for it.

    Raises:
        AbandonedError: The page has gone.
    """
    future = asyncio.wrap_future(result)
    gone = asyncio.ensure_future(_gone(request))
    waited: list[asyncio.Future[Any]] = [future, gone]
    try:
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        if not future.done() or future.cancelled():
            raise AbandonedError
        return future.result()
    finally:
        gone.cancel()
        future.add_done_callback(_heard)  # else the terminal is told of an error that nobody waits for


def _heard(future: asyncio.Future[T]) -> None:
    """Takes note of how something ended."""
    if not future.cancelled():
        future.exception()


async def _gone(request: Request) -> None:
    """Returns when the page does not wait any more."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _cached(request: Request, response: Response) -> Response:
    """An answer that never changes within a session may be kept where the address names the session."""
    asked = request.query_params.get("v")
    if response.status_code == 200 and asked == session_of(request).version:
        response.headers["cache-control"] = f"private, max-age={DAY}, immutable"
    return response


def failed(error: Exception) -> Response:
    """An error as JSON: `error`, and `hint` on what to do."""
    status = next((code for kind, code in STATUS if isinstance(error, kind)), 500)
    if isinstance(error, ConvscopeError):
        return answered({"error": error.message, "hint": error.hint}, status)
    if status != 500:
        said = {413: "The input is too large.", 503: "The computation was abandoned."}[status]
        return answered({"error": said, "hint": ""}, status)
    traceback.print_exception(error, file=sys.stderr)
    said = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:300]}"
    return answered({"error": said, "hint": "The terminal of the studio has the traceback."}, status)


def answered(content: Json | Mapping[str, Json], status: int = 200) -> Response:
    """Plain values as JSON; what is not finite is null."""
    try:
        return JSONResponse(content, status)
    except ValueError:
        return JSONResponse(_finite(content), status)


def _finite(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def array_answer(array: Array, about: Mapping[str, Json] | None = None) -> Response:
    """An array as `.npy`; what belongs to it in the header `X-About`, as JSON in ASCII."""
    headers = {} if about is None else {"x-about": json.dumps(_finite(about))}
    return Response(npy_bytes(narrowed(array)), media_type=NPY, headers=headers)


def media_answer(request: Request, media: Media) -> Response:
    """A picture, a recording or a text, which is shown and never run; a part of it where one is asked for.

    Players go to another place of a recording by asking for the bytes from there on.
    """
    size = len(media.content)
    headers = {"content-disposition": "inline", "accept-ranges": "bytes"}
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    if asked is None or asked.groups() == ("", ""):
        return Response(media.content, media_type=media.content_type, headers=headers)
    start, stop = asked.groups()
    first = int(start) if start else max(size - int(stop), 0)
    last = min(int(stop), size - 1) if start and stop else size - 1
    if first > last:
        return Response(status_code=416, headers={**headers, "content-range": f"bytes */{size}"})
    headers["content-range"] = f"bytes {first}-{last}/{size}"
    return Response(media.content[first : last + 1], 206, headers, media.content_type)


def text_parameter(request: Request, name: str, default: str = "") -> str:
    """A parameter as it was given."""
    return request.query_params.get(name, default)


def number_parameter(
    request: Request, name: str, default: int | None, low: int = 0, high: int = 2**31
) -> int | None:
    """A whole number within bounds.

    Raises:
        BadParameterError: It is none.
    """
    given = request.query_params.get(name)
    if given is None or not given:
        return default
    try:
        number = int(given)
    except ValueError:
        number = low - 1
    if len(given) > 12 or not low <= number <= high:
        raise BadParameterError(name, f"a whole number from {low} to {high}", given)
    return number


def position_parameter(request: Request, name: str = "at") -> tuple[int, ...] | None:
    """A position such as `3,27`; empty for one without axes, None where none was given.

    Raises:
        BadParameterError: It is none.
    """
    given = request.query_params.get(name)
    if given is None:
        return None
    parts = given.split(",") if given else []
    if len(given) > 100 or not all(part.isascii() and part.isdigit() for part in parts):
        raise BadParameterError(name, "a position such as 3,27", given)
    return tuple(map(int, parts))
