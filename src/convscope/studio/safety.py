"""Who may ask the studio for anything: one page, on one address, of the person who holds the link.

| checked | refused |
|---|---|
| `Host` | a name that was pointed at this machine (DNS rebinding), another port, two names at once |
| `Origin`, `Sec-Fetch-Site` | pages of other origins, sandboxed pages, pictures and scripts in such pages |
| cookie | whoever did not open a link with a token; each token is exchanged once |
| method, size of the body | what no address takes |

The name of a proxy is admitted where it was given.

The checks stand in front of everything else, so that no address can be left out of them.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any, TypeAlias
from urllib.parse import parse_qs

from convscope.studio.proxies import Proxy

Message: TypeAlias = MutableMapping[str, Any]
"""A message or scope of ASGI."""
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

TOKEN_BYTES = 32
MOST_TOKENS = 64
"""Links that were made and not opened; an older one is forgotten."""
READING = ("GET", "HEAD")
SELF = "'self'"

POLICY = {
    "default-src": "'none'",
    "script-src": SELF,
    "style-src": SELF,
    "img-src": f"{SELF} blob: data:",
    "media-src": f"{SELF} blob:",
    "connect-src": SELF,
    "worker-src": SELF,
    "base-uri": "'none'",
    "form-action": "'none'",
}
"""What the page may load, besides who may frame it."""
HEADERS = {
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(self), microphone=(self), geolocation=(), usb=(), payment=()",
}
"""On every response."""

_WELCOME = """<!doctype html><html lang="en"><meta charset="utf-8"><title>convscope studio</title>
<link rel="icon" href="data:,">
<meta http-equiv="refresh" content="0;url={path}"><p><a href="{path}">Open the studio</a></p></html>"""
_STRANGER = """<!doctype html><html lang="en"><meta charset="utf-8"><title>convscope studio</title>
<link rel="icon" href="data:,">
<h1>This link does not open the studio</h1>
<p>Each link that <code>convscope studio</code> prints opens it once, in one browser. Press Enter in the
terminal in which it runs for another link.</p></html>"""


@dataclass(eq=False)
class Keys:
    """The tokens of links, each good for one exchange, and the cookie that they are exchanged for.

    Args:
        port: Cookies are sent to all ports of a host, so that its name has the port.
    """

    port: int
    _tokens: list[str] = field(default_factory=list)
    _session: str = field(default_factory=lambda: secrets.token_urlsafe(TOKEN_BYTES))

    @property
    def cookie(self) -> str:
        """The name of the cookie."""
        return f"convscope_studio_{self.port}"

    def new_token(self) -> str:
        """A token for a link."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        self._tokens = [*self._tokens[1 - MOST_TOKENS :], token]
        return token

    def exchanged(self, token: str, limits: str = "Path=/") -> str | None:
        """The line `Set-Cookie` for a token, which is then of no more use; None for one that is not valid.

        Args:
            token: Of a link.
            limits: For which addresses the cookie is.
        """
        known = [each for each in self._tokens if hmac.compare_digest(each.encode(), token.encode())]
        if not known:
            return None
        self._tokens.remove(known[0])
        return f"{self.cookie}={self._session}; HttpOnly; SameSite=Strict; {limits}"

    def fits(self, line: str) -> bool:
        """Whether a line `Cookie` has the right value."""
        try:
            found = SimpleCookie(line).get(self.cookie)
        except CookieError:
            return False
        return found is not None and hmac.compare_digest(found.value.encode(), self._session.encode())


@dataclass(frozen=True, eq=False)
class Safety:
    """Lets requests of the page through to an application and answers all others itself.

    Args:
        app: The application.
        keys: Tokens and the cookie.
        hosts: What `Host` may be, such as `127.0.0.1:8765`.
        frames: Who may frame the page, as in `frame-ancestors`; nobody by default.
        uploads: Bytes that the body of a request may have, by the path that takes one.
        proxy: One through which the page may also be opened.
    """

    app: Application
    keys: Keys
    hosts: frozenset[str]
    frames: str = "'none'"
    uploads: Mapping[str, int] = field(default_factory=dict)
    proxy: Proxy | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            raise TypeError(f"the studio speaks HTTP alone, received {scope['type']}")
        if self.proxy is not None and self._comes_through(scope, self.proxy):
            path = self.proxy.inner_path(scope["path"])
            scope = {**scope, "path": path, "raw_path": path.encode()}
        guarded = self._with_headers(send)
        refusal = self._refusal(scope)
        if refusal is not None:
            await _answer(guarded, *refusal)
        elif scope["path"] == "/" and (token := _token_of(scope)) is not None:
            await self._exchange(token, scope, guarded)
        elif not self.keys.fits(_header(scope, b"cookie") or ""):
            await _answer(guarded, 403, _STRANGER, html=True)
        else:
            limit = self.uploads.get(scope["path"], 0) if scope["method"] not in READING else 0
            await self.app(scope, _bounded(receive, limit), guarded)

    def _refusal(self, scope: Message) -> tuple[int, str] | None:
        """Status and text for what is refused whoever asks; None for all else."""
        hosts = _all(scope, b"host")
        through = self.proxy is not None and [name.lower() for name in hosts] == [self.proxy.host]
        if len(hosts) != 1 or not (through or hosts[0].lower() in self.hosts):
            return 421, "The studio answers to its own address alone."
        origins = _all(scope, b"origin")
        own = {f"{scheme}://{hosts[0].lower()}" for scheme in ("http", "https") if not through}
        own |= self.proxy.origins if self.proxy is not None else set()
        if any(origin.lower() not in own for origin in origins):
            return 403, "The studio answers to its own page alone."
        site = _header(scope, b"sec-fetch-site")
        opened = scope["path"] == "/" and _header(scope, b"sec-fetch-mode") == "navigate"
        if site not in (None, "same-origin", "none") and not opened:
            return 403, "The studio answers to its own page alone."
        if scope["method"] in READING:
            return None
        return self._refused_body(scope, from_page=bool(origins) or site == "same-origin")

    def _refused_body(self, scope: Message, *, from_page: bool) -> tuple[int, str] | None:
        limit = self.uploads.get(scope["path"])
        if scope["method"] != "POST" or limit is None:
            return 405, f"{scope['path'][:100]} takes GET alone."
        if not from_page:
            return 403, "The studio takes inputs from its own page alone."
        return _too_long(_header(scope, b"content-length"), limit)

    async def _exchange(self, token: str, scope: Message, send: Send) -> None:
        """Sets the cookie and moves on to the page by itself.

        A redirect would still count as coming from where the link was, and would not send the cookie.
        """
        proxy = self.proxy
        through = proxy is not None and self._comes_through(scope, proxy)
        cookie = self.keys.exchanged(token, proxy.cookie if proxy and through else "Path=/")
        if cookie is not None:
            await _answer(send, 200, _WELCOME.format(path="./"), html=True, cookie=cookie)
        elif self.keys.fits(_header(scope, b"cookie") or ""):
            await _answer(send, 200, _WELCOME.format(path="./"), html=True)  # the link was opened again
        else:
            await _answer(send, 403, _STRANGER, html=True)

    @staticmethod
    def _comes_through(scope: Message, proxy: Proxy) -> bool:
        """Whether a request comes through the proxy, which may put its own name for that of the browser."""
        return proxy.host in {(_header(scope, name) or "").lower() for name in (b"host", b"x-forwarded-host")}

    def _with_headers(self, send: Send) -> Send:
        policy = "; ".join(f"{name} {value}" for name, value in POLICY.items())
        always = {**HEADERS, "content-security-policy": f"{policy}; frame-ancestors {self.frames}"}

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", ()))
                names = {name.lower() for name, _ in given}
                added = [(name.encode(), value.encode()) for name, value in always.items()]
                if b"cache-control" not in names:
                    added.append((b"cache-control", b"no-store"))
                kept = [(name, value) for name, value in given if name.lower().decode() not in always]
                message = {**message, "headers": [*kept, *added]}
            await send(message)

        return sending


class BodyTooLargeError(Exception):
    """A body that is longer than its address takes."""


def _bounded(receive: Receive, limit: int) -> Receive:
    """Receives no more bytes of a body than a limit."""
    left = limit

    async def receiving() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b"")) if message["type"] == "http.request" else 0
        if left < 0:
            raise BodyTooLargeError
        return message

    return receiving


def _too_long(length: str | None, limit: int) -> tuple[int, str] | None:
    if length is None:
        return None  # counted as it comes
    if not length.isdigit():
        return 400, "Content-Length is no number."
    if int(length) > limit:
        return 413, f"An input may have {limit:,} bytes, received {int(length):,}."
    return None


def _all(scope: Message, name: bytes) -> list[str]:
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    return [value.decode("latin-1") for key, value in headers if key.lower() == name]


def _header(scope: Message, name: bytes) -> str | None:
    return next(iter(_all(scope, name)), None)


def _token_of(scope: Message) -> str | None:
    found = parse_qs(scope["query_string"].decode("latin-1")).get("token")
    return found[0] if found else None


async def _answer(send: Send, status: int, text: str, *, html: bool = False, cookie: str = "") -> None:
    body = text.encode()
    kind = "text/html" if html else "text/plain"
    headers = [
        (b"content-type", f"{kind}; charset=utf-8".encode()),
        (b"content-length", str(len(body)).encode()),
    ]
    if cookie:
        headers.append((b"set-cookie", cookie.encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
