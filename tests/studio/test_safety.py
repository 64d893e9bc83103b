"""Nobody but the page that opened a link gets an answer, from any address."""

import socket

import httpx
import pytest
from starlette.routing import Mount

from convscope.errors import UsageError
from convscope.studio.application import application
from convscope.studio.opening import check_host
from convscope.studio.safety import HEADERS, Keys
from convscope.studio.server import allowed_hosts, bound


@pytest.fixture(scope="module")
def addresses(studio):
    """Every address of the application, with an id for each parameter, and one that does not exist."""
    found = ["/nothing", "/static/main.js", "/static/../session.py"]
    for route in application(studio.session).routes:
        if not isinstance(route, Mount):
            path = route.path
            for name in ("m", "s", "l", "c"):
                path = path.replace("{" + name + "}", "0")
            found.append(path.replace("{kind}", "image").replace("{script}", "studio.js"))
    assert len(found) > 25
    return found


def asked(studio, method, path, **headers):
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    with httpx.Client(base_url=studio.address) as stranger:
        return stranger.request(method, path, headers=given)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_every_address_refuses_who_has_no_cookie(studio, addresses, method):
    found = {path: asked(studio, method, path).status_code for path in addresses}
    taken = {"GET": addresses, "HEAD": addresses, "POST": ["/api/inputs"], "OPTIONS": []}[method]
    assert found == {path: 403 if path in taken else 405 for path in addresses}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "attacker.example"}, 421),
        ({"Host": "127.0.0.1"}, 421),
        ({"Host": "localhost:1"}, 421),
        ({"Host": "127.0.0.1.nip.io:8765"}, 421),
        ({"Origin": "http://attacker.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:1"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ],
)
def test_every_address_refuses_other_pages_even_with_the_cookie(studio, client, addresses, headers, status):
    with httpx.Client(base_url=studio.address, cookies=client.cookies) as browser:
        found = {path: browser.get(path, headers=headers).status_code for path in addresses}
    assert found == dict.fromkeys(addresses, status)


def test_every_response_has_the_headers_that_keep_the_page_to_itself(client, studio, addresses):
    answers = [client.get(path) for path in addresses if "events" not in path]
    for answer in [*answers, asked(studio, "GET", "/"), asked(studio, "GET", "/", Host="a")]:
        for name, value in HEADERS.items():
            assert answer.headers.get_list(name) == [value]
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "access-control-allow-origin" not in answer.headers


def test_a_link_opens_the_page_once(studio):
    link = studio.link()
    with httpx.Client() as browser:
        first = browser.get(link)
        assert first.status_code == 200
        cookie = first.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert "token" not in first.text
        assert browser.get(f"{studio.address}api/state").status_code == 200
        assert browser.get(link).status_code == 200  # the same browser may open it again
    assert httpx.get(link).status_code == 403
    assert httpx.get(f"{studio.address}?token=").status_code == 403
    assert httpx.get(f"{studio.address}?token=guess").status_code == 403


def test_the_cookie_of_another_port_is_of_no_use():
    one, other = Keys(1), Keys(2)
    cookie = one.exchanged(one.new_token()).partition(";")[0]
    assert one.fits(cookie)
    assert not other.fits(cookie)
    assert not one.fits(cookie.replace("studio_1", "studio_2"))
    assert not one.fits("")


def test_only_inputs_are_taken_and_only_from_the_page(studio, client, addresses):
    for path in addresses:
        if path != "/api/inputs":
            assert client.post(path, content=b"x").status_code == 405
    assert client.delete("/api/inputs").status_code == 405
    with httpx.Client(base_url=studio.address, cookies=client.cookies) as browser:
        assert browser.post("/api/inputs", content=b"x").status_code == 403
        told = browser.post("/api/inputs", content=b"x", headers={"Sec-Fetch-Site": "same-origin"})
        assert told.status_code == 422


def test_too_long_a_body_is_refused_before_and_while_it_is_read(client, studio, monkeypatch):
    length = {"Content-Length": str(2**40)}
    with socket.create_connection((studio.host, studio.port)) as raw:
        cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        host = f"{studio.host}:{studio.port}"
        lines = [
            "POST /api/inputs HTTP/1.1",
            f"Host: {host}",
            f"Origin: http://{host}",
            f"Cookie: {cookies}",
            f"Content-Length: {length['Content-Length']}",
        ]
        raw.sendall("\r\n".join([*lines, "", ""]).encode())
        assert raw.recv(64).startswith(b"HTTP/1.1 413")

    def endless():
        for _ in range(65):
            yield bytes(2**20)

    assert (
        client.post("/api/inputs", content=endless(), headers={"Content-Type": "image/png"}).status_code
        == 413
    )


def test_two_names_of_a_host_are_refused(studio):
    with socket.create_connection((studio.host, studio.port)) as raw:
        host = f"{studio.host}:{studio.port}"
        raw.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\nHost: attacker.example\r\n\r\n".encode())
        assert raw.recv(64).split()[1] in (b"400", b"421")


@pytest.mark.parametrize(
    ("host", "named"),
    [
        ("127.0.0.1", {"127.0.0.1:9", "localhost:9", "[::1]:9"}),
        ("192.168.0.7", {"127.0.0.1:9", "localhost:9", "[::1]:9", "192.168.0.7:9"}),
        ("fe80::1", {"127.0.0.1:9", "localhost:9", "[::1]:9", "[fe80::1]:9"}),
    ],
)
def test_hosts_are_exact(host, named):
    assert allowed_hosts(host, 9) == named


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.7", "::", "example.org"])
def test_an_address_that_others_reach_needs_leave(host):
    with pytest.raises(UsageError, match="other machines"):
        check_host(host, allow_remote=False)
    check_host(host, allow_remote=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_an_address_of_this_machine_needs_none(host):
    check_host(host, allow_remote=False)


def test_a_port_that_is_taken_is_an_error_only_where_it_was_asked_for(studio):
    with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{studio.port}"):
        bound("127.0.0.1", studio.port)
    with bound("127.0.0.1", None) as free:
        assert free.getsockname()[1] != studio.port
