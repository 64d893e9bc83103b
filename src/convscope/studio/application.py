"""The application: all addresses, the files of the page, and the checks in front of them."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from convscope.lazy import Lazy
from convscope.studio.answers import DAY, answered, failed
from convscope.studio.page_files import PAGE, element_script
from convscope.studio.session import Session

TOPICS: tuple[Lazy[Sequence[BaseRoute]], ...] = (
    Lazy("convscope.studio.routes.models:ROUTES"),
    Lazy("convscope.studio.routes.samples:ROUTES"),
    Lazy("convscope.studio.routes.masks:ROUTES"),
    Lazy("convscope.studio.routes.maps:ROUTES"),
    Lazy("convscope.studio.routes.why:ROUTES"),
    Lazy("convscope.studio.routes.kernels:ROUTES"),
    Lazy("convscope.studio.routes.evaluation:ROUTES"),
    Lazy("convscope.studio.routes.projection:ROUTES"),
    Lazy("convscope.studio.routes.inputs:ROUTES"),
    Lazy("convscope.studio.routes.saved:ROUTES"),
)
"""Addresses by topic."""
TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}


def application(session: Session) -> Starlette:
    """The application without the checks of `Safety`.

    Args:
        session: What it is about.
    """
    own: list[BaseRoute] = [
        Route("/", page),
        Route("/kinds/{kind}/{script}", script),
        Mount("/static", PageFiles(directory=PAGE, check_dir=False)),
    ]
    routes = [route for topic in TOPICS for route in topic.load()]
    handlers: dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
        HTTPException: _refused,
        Exception: _broken,
    }
    app = Starlette(routes=[*routes, *own], exception_handlers=handlers)
    app.state.session = session
    return app


class PageFiles(StaticFiles):
    """The files of the page: a browser keeps them, and asks whether they are still the same.

    The icon it does not ask for again, which browsers otherwise load at each change of the address.
    """

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file, or that it has not changed."""
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = f"max-age={DAY}" if path == "icon.svg" else "no-cache"
        return response


async def page(request: Request) -> Response:
    """The page."""
    return FileResponse(PAGE / "index.html", media_type="text/html")


async def script(request: Request) -> Response:
    """The element of a kind: a module in its folder."""
    name = request.path_params["script"]
    content = element_script(request.path_params["kind"], name)
    if content is None:
        raise HTTPException(404)
    return Response(content, media_type=TYPES[os.path.splitext(name)[1]])  # noqa: PTH122 - of a resource


async def _refused(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    said = "There is nothing at this address." if status == 404 else "The address does not take this."
    return answered({"error": said, "hint": ""}, status)


async def _broken(request: Request, error: Exception) -> Response:
    return failed(error)
