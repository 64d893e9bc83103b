"""Asks the studio's own addresses without a network, and keeps the answers by the names of the page."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode

import numpy as np
from starlette.applications import Starlette

from convscope.studio.safety import Message
from convscope.types import Array, Json

Query = Mapping[str, object]


@dataclass(frozen=True)
class Answer:
    """What an address answered.

    Args:
        status: Of HTTP.
        type: Of the content.
        content: Its bytes.
    """

    status: int
    type: str
    content: bytes

    @property
    def good(self) -> bool:
        """Whether it is no refusal."""
        return self.status == 200

    def json(self) -> dict[str, Json]:
        """The content, where it is an object in JSON."""
        found: dict[str, Json] = json.loads(self.content)
        return found

    def array(self) -> Array:
        """The content, where it is a file `.npy`."""
        found: Array = np.load(io.BytesIO(self.content), allow_pickle=False)
        return found

    def to_json(self) -> Json:
        """As `saved.js` reads it: texts as they are, all else in base64."""
        about: dict[str, Json] = {"type": self.type, "status": self.status}
        if self.type.startswith(("application/json", "text/")):
            return {**about, "text": self.content.decode()}
        return {**about, "base64": base64.b64encode(self.content).decode()}


def name_of(path: str, query: Query) -> str:
    """What the page calls an answer: its path, and what was asked for in alphabetical order.

    Example:
        >>> name_of("api/samples/5/input.npy", {"m": 0, "class": None})
        'api/samples/5/input.npy?m=0'
    """
    asked = sorted(f"{name}={value}" for name, value in _given(query))
    return "?".join([path, *(["&".join(asked)] if asked else [])])


def _given(query: Query) -> Iterable[tuple[str, object]]:
    return ((name, value) for name, value in query.items() if value is not None and value != "")


async def _nothing_more() -> Message:
    """The page waits as long as it takes."""
    await asyncio.Event().wait()
    raise AssertionError


@dataclass(eq=False)
class Asking:
    """Answers of an application, each asked for once.

    Args:
        app: The application, without the checks in front of it.
        receive: Tells when nobody waits any more.
        kept: The answers by the names that the page knows.
    """

    app: Starlette
    receive: Callable[[], Awaitable[Message]] = _nothing_more
    kept: dict[str, Answer] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """What all answers take."""
        return sum(len(each.content) for each in self.kept.values())

    async def ask(self, path: str, query: Query | None = None) -> Answer:
        """The answer of an address, which is kept.

        Args:
            path: Below the page, maybe with a query behind it.
            query: What is asked for besides; what is None or empty is left out.
        """
        path, _, behind = path.partition("?")
        whole = {**dict(parse_qsl(behind)), **(query or {})}
        name = name_of(path, whole)
        if name not in self.kept:
            self.kept[name] = await self._asked(path, whole)
        return self.kept[name]

    async def _asked(self, path: str, query: Query) -> Answer:
        scope: Message = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": f"/{path}",
            "raw_path": f"/{path}".encode(),
            "root_path": "",
            "query_string": urlencode([(name, str(value)) for name, value in _given(query)]).encode(),
            "headers": [],
            "client": None,
            "server": None,
        }
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        await self.app(scope, self.receive, send)
        headers = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
        content = b"".join(message.get("body", b"") for message in sent[1:])
        return Answer(sent[0]["status"], headers.get("content-type", ""), content)
