"""Behind a proxy: its name and its origin are admitted exactly, and the cookie stays below its path."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from opened_studio import let_in

from convscope.errors import UsageError
from convscope.studio.proxies import Proxy, proxy_of
from convscope.studio.server import studio_of

HUB = "hub.example.org"
PREFIX = "/user/anna/proxy/8765/"


@pytest.fixture(scope="module")
def hubs(studio):
    """A studio of the same session that a proxy serves too."""
    found = studio_of(studio.session, port=0, proxy=proxy_of(f"https://{HUB}{PREFIX}"))
    thread = threading.Thread(target=found._server.run, args=([found._socket],), daemon=True)
    thread.start()
    while not found._server.started:
        pass
    yield found
    found._server.should_exit = found._server.force_exit = True
    thread.join(10)


def asked(studio, path="/api/state", **headers):
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    with httpx.Client(base_url=studio.address) as client:
        return client.get(path, headers=given)


def test_links_lead_through_the_proxy_and_the_cookie_stays_below_it(hubs):
    link = hubs.link()
    assert link.startswith(f"https://{HUB}{PREFIX}?token=")
    answer = asked(hubs, f"/?{link.partition('?')[2]}", Host=HUB)
    assert answer.status_code == 200
    cookie = answer.headers["set-cookie"]
    assert cookie.endswith(f"HttpOnly; SameSite=Strict; Path={PREFIX}; Secure")
    line = cookie.partition(";")[0]
    for path in ("/api/state", f"{PREFIX}api/state", f"{PREFIX}static/main.js", PREFIX):
        assert asked(hubs, path, Host=HUB, Cookie=line, Origin=f"https://{HUB}").status_code == 200
    for headers in (
        {"Host": "other.example.org"},
        {"Host": f"{HUB}:8765"},
        {"Host": f"{HUB}.example.com"},
        {"Host": HUB, "Origin": f"http://{HUB}"},
        {"Host": HUB, "Origin": "https://other.example.org"},
        {"Host": HUB, "Sec_Fetch_Site": "cross-site"},
        {"Host": HUB, "Cookie": ""},
    ):
        assert asked(hubs, **{"Cookie": line, **headers}).status_code in (403, 421)


def test_a_proxy_that_names_itself_is_known_by_what_it_forwards(hubs):
    query = hubs.link().partition("?")[2]
    answer = asked(hubs, f"/?{query}", X_Forwarded_Host=HUB)
    assert f"Path={PREFIX}" in answer.headers["set-cookie"]
    answer = asked(hubs, f"/?{hubs.link().partition('?')[2]}")
    assert answer.headers["set-cookie"].endswith("Path=/")


def test_without_one_the_name_of_a_hub_is_refused(studio):
    assert asked(studio, Host=HUB).status_code == 421
    with let_in(studio) as client:
        assert client.get("api/state", headers={"Origin": f"https://{HUB}"}).status_code == 403


@pytest.mark.parametrize(
    ("named", "found"),
    [
        ("hub.example.org", Proxy("hub.example.org")),
        ("HUB.example.org:8443/a", Proxy("hub.example.org:8443", "/a/")),
        (
            "http://localhost:8000/user/a%40b/proxy/1/",
            Proxy("localhost:8000", "/user/a%40b/proxy/1/", "http"),
        ),
        ("[::1]:8000", Proxy("[::1]:8000")),
    ],
)
def test_names_of_proxies(named, found):
    assert proxy_of(named) == found


@pytest.mark.parametrize(
    "named",
    [
        "",
        "*",
        "*.example.org",
        "a b",
        "user@hub",
        "hub/../x",
        "ftp://hub",
        "hub?x=1",
        "hub/a;b",
        "hub/\r\nX: y",
    ],
)
def test_what_names_no_proxy_is_refused(named):
    with pytest.raises(UsageError, match="no host with a path"):
        proxy_of(named)


class Hub(BaseHTTPRequestHandler):
    """A hub's proxy: takes its own path off, leaves `Host` as it is, and hands all else on."""

    target = ""
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self._hand_on()

    def do_POST(self):
        self._hand_on()

    def _hand_on(self):
        if not self.path.startswith(PREFIX):
            self.send_error(404)
            return
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with httpx.Client(base_url=self.target) as client:
            answer = client.request(
                self.command, self.path[len(PREFIX) - 1 :], headers=dict(self.headers), content=body
            )
        self.send_response(answer.status_code)
        for name, value in answer.headers.multi_items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "date"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, *arguments):
        """Says nothing."""


def test_the_page_works_below_the_path_of_a_hub(studio, browser):
    """All its addresses are relative: modules, arrays, inputs of one's own."""
    hub = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    port = hub.server_address[1]
    behind = studio_of(studio.session, port=0, proxy=proxy_of(f"http://127.0.0.1:{port}{PREFIX}"))
    Hub.target = behind.address
    threads = [
        threading.Thread(target=behind._server.run, args=([behind._socket],), daemon=True),
        threading.Thread(target=hub.serve_forever, daemon=True),
    ]
    for thread in threads:
        thread.start()
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    said, failed = [], []
    page.on("console", lambda message: message.type == "error" and said.append(message.text))
    page.on("response", lambda answer: answer.status >= 400 and failed.append((answer.status, answer.url)))
    page.goto(behind.link())
    page.wait_for_selector("cs-maps canvas")
    for _ in range(500):
        if page.evaluate("() => Boolean(document.querySelector('cs-maps').own)"):
            break
        page.wait_for_timeout(40)
    assert page.url.startswith(f"http://127.0.0.1:{port}{PREFIX}#")
    sent = page.evaluate(
        """async () => { const { send } = await import('./static/api.js');
          const { writeNpy } = await import('./static/npy.js');
          const drawn = writeNpy(new Float32Array(256), [16, 16, 1]);
          return send('api/inputs?m=0', drawn, 'application/x-npy'); }"""
    )
    assert sent["id"].startswith("u")
    context.close()
    hub.shutdown()
    hub.server_close()
    behind._server.should_exit = behind._server.force_exit = True
    threads[0].join(10)
    assert not said
    assert not failed
