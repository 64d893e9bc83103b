"""The selection as a file: one page that works without a server."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from convscope.studio.answers import failed
from convscope.studio.saved.asking import Asking
from convscope.studio.saved.page import saved_page
from convscope.studio.saved.selection import Selection


async def page(request: Request) -> Response:
    """The page with what is selected, as its address says it."""
    selection = Selection(dict(request.query_params))
    try:
        content = await saved_page(Asking(request.app, request.receive), selection)
    except Exception as error:  # noqa: BLE001 - the page must be told whatever it is
        return failed(error)
    name = f"studio-{datetime.now(UTC).date().isoformat()}.html"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type="text/html; charset=utf-8", headers=headers)


ROUTES = (Route("/api/saved.html", page),)
