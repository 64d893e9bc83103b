"""A proxy in front of the studio, such as that of JupyterHub: its name, and the path of the page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from convscope.errors import UsageError

_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?|\[[0-9a-f:]+\](:[0-9]{1,5})?")
_PATH = re.compile(r"(/[A-Za-z0-9._~@%+-]+)*/?")


@dataclass(frozen=True)
class Proxy:
    """Where browsers find the page behind a proxy.

    Args:
        host: What `Host` then is, in lower case, with the port where it has one.
        prefix: The path of the page, which begins and ends with a slash.
        scheme: `http` or `https`; None for either.
    """

    host: str
    prefix: str = "/"
    scheme: str | None = None

    @property
    def origins(self) -> frozenset[str]:
        """What `Origin` may be."""
        schemes = ("http", "https") if self.scheme is None else (self.scheme,)
        return frozenset(f"{scheme}://{self.host}" for scheme in schemes)

    @property
    def address(self) -> str:
        """Of the page."""
        return f"{self.scheme or 'https'}://{self.host}{self.prefix}"

    @property
    def cookie(self) -> str:
        """What keeps a cookie to the page, on a name that other servers of a hub share."""
        return f"Path={self.prefix}" + ("; Secure" if self.scheme == "https" else "")

    def inner_path(self, path: str) -> str:
        """A path below the page, whether the proxy has taken its own part off or not.

        Example:
            >>> proxy = Proxy("hub.example.org", "/user/anna/proxy/8765/")
            >>> proxy.inner_path("/user/anna/proxy/8765/api/state"), proxy.inner_path("/api/state")
            ('/api/state', '/api/state')
        """
        return path[len(self.prefix) - 1 :] if path.startswith(self.prefix) else path


def proxy_of(named: str) -> Proxy:
    """A proxy by its name, with or without scheme and path.

    Args:
        named: Such as `hub.example.org` or `https://hub.example.org/user/anna/proxy/8765`.

    Raises:
        UsageError: It is no name of a host with a path.

    Example:
        >>> proxy_of("https://Hub.example.org/user/anna/proxy/8765")
        Proxy(host='hub.example.org', prefix='/user/anna/proxy/8765/', scheme='https')
    """
    parts = urlsplit(named if "://" in named else f"//{named}")
    host, path = parts.netloc.lower(), parts.path
    plain = parts.scheme in ("", "http", "https") and not parts.query and not parts.fragment
    if not (plain and _HOST.fullmatch(host) and _PATH.fullmatch(path)) or "/../" in f"{path}/":
        raise UsageError(
            f"'{named}' is no host with a path.",
            "Give --proxy-host such as hub.example.org/user/anna/proxy/8765",
        )
    return Proxy(host, f"{path.rstrip('/')}/", parts.scheme or None)
