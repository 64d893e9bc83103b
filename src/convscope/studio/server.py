"""Starts and stops the studio: a port on this machine, a link that opens the page once, a thread."""

from __future__ import annotations

import errno
import ipaddress
import socket
import threading
import time
from dataclasses import dataclass
from functools import partial

import uvicorn

from convscope.errors import UsageError
from convscope.studio.application import application
from convscope.studio.proxies import Proxy
from convscope.studio.safety import Application, Keys, Safety
from convscope.studio.session import Session

LOOPBACK = "127.0.0.1"
USUAL_PORT = 8765
"""Taken where it is free, so that links stay valid from one start to the next."""
MOST_CONNECTIONS = 128
SECONDS_TO_START = 30.0
UPLOADS = {"/api/inputs": 64 * 2**20}
"""Bytes that an input of one's own may have."""


def bound(host: str, port: int | None) -> socket.socket:
    """A socket that listens.

    Args:
        host: An address of this machine.
        port: None takes the usual one, or else any that is free.

    Raises:
        UsageError: The port is taken, or the address is none of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for wanted in (USUAL_PORT, 0) if port is None else (port,):
        # The protocol is named, as asyncio sends small answers at once for TCP alone.
        found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((host, wanted))
        except OSError as error:
            found.close()
            if port is None and wanted and error.errno == errno.EADDRINUSE:
                continue
            raise UsageError(
                f"The studio cannot listen on {host}:{wanted}: {error.strerror}.", "Choose another --port."
            ) from error
        found.listen(MOST_CONNECTIONS)
        return found
    raise UsageError(f"No port of {host} is free.", "End another program that listens.")


def allowed_hosts(host: str, port: int) -> frozenset[str]:
    """What `Host` may be: the names of this machine's loopback, or the address that was asked for."""
    names = ["127.0.0.1", "localhost", "[::1]"]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return frozenset(f"{name}:{port}" for name in [*names, host.lower()])
    if not address.is_loopback:
        names.append(f"[{host}]" if address.version == 6 else host)
    return frozenset(f"{name}:{port}" for name in names)


@dataclass(eq=False)
class Studio:
    """A running studio.

    Args:
        session: What it shows.
        host: The address that it listens on.
        port: The port.
        keys: What its links are made of.
        proxy: One through which links lead.
    """

    session: Session
    host: str
    port: int
    keys: Keys
    proxy: Proxy | None
    _server: uvicorn.Server
    _socket: socket.socket
    _thread: threading.Thread | None = None

    @property
    def address(self) -> str:
        """Where the page is, for those who have opened a link."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/"

    def link(self) -> str:
        """A link that opens the page once; through the proxy where there is one."""
        address = self.address if self.proxy is None else self.proxy.address
        return f"{address}?token={self.keys.new_token()}"

    def serve(self, *, warm: bool = True) -> None:
        """Serves until it is stopped, by Ctrl+C or by `stop`.

        Args:
            warm: Whether what the first questions need is started before they are asked.
        """
        if warm:
            warming = threading.Thread(
                target=self.session.warm_up, name="convscope-studio-warming", daemon=True
            )
            warming.start()
        try:
            self._server.run([self._socket])
        finally:
            self.session.close()

    def start(self, *, warm: bool = True) -> None:
        """Serves in a thread of its own, which ends with the process.

        Args:
            warm: As `serve` takes it.
        """
        serve = partial(self.serve, warm=warm)
        self._thread = threading.Thread(target=serve, name="convscope-studio-server", daemon=True)
        self._thread.start()
        end = time.monotonic() + SECONDS_TO_START
        while not self._server.started and self._thread.is_alive() and time.monotonic() < end:
            time.sleep(0.01)

    def stop(self) -> None:
        """Ends serving; connections that are open are closed."""
        self._server.should_exit = True
        self._server.force_exit = True
        if self._thread is not None:
            self._thread.join(timeout=10)
        self.session.close()


def studio_of(
    session: Session,
    host: str = LOOPBACK,
    port: int | None = None,
    *,
    frames: str = "'none'",
    proxy: Proxy | None = None,
) -> Studio:
    """A studio that does not serve yet.

    Args:
        session: What it shows.
        host: The address that it listens on.
        port: None takes the usual one, or else any that is free.
        frames: Who may frame the page.
        proxy: One through which the page may also be opened.

    Raises:
        UsageError: The port is taken.
    """
    listening = bound(host, port)
    number = int(listening.getsockname()[1])
    keys = Keys(number)
    app: Application = Safety(
        application(session),
        keys,
        allowed_hosts(host, number),
        frames=frames,
        uploads=UPLOADS,
        proxy=proxy,
    )
    config = uvicorn.Config(
        app,
        ws="none",
        lifespan="off",
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=2,
    )
    return Studio(session, host, number, keys, proxy, uvicorn.Server(config), listening)
