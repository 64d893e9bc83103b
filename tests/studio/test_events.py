"""Curves of a training that runs: many tabs share one connection, and slow clients hold up nobody."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import time

import pytest
from opened_studio import let_in

SECONDS = 60


@pytest.fixture(scope="module")
def running(finished, pictures, tmp_path_factory):
    """A studio of a run of which two of its four epochs are written."""
    pytest.importorskip("starlette")
    from convscope.studio.opening import open_studio

    folder = tmp_path_factory.mktemp("running") / "run"
    shutil.copytree(finished.folder, folder)
    record = json.loads((folder / "run.json").read_text("utf-8"))
    (folder / "run.json").write_text(json.dumps({**record, "status": "running"}), "utf-8")
    studio = open_studio([folder], [str(pictures)], port=0, progress=lambda *_: None)
    studio.start()
    yield studio, folder
    studio.stop()


@pytest.fixture(autouse=True)
def two_epochs(running, finished):
    """Each test finds two epochs, and may write the others."""
    _, folder = running
    lines = (finished.folder / "history.csv").read_text("utf-8").splitlines(keepends=True)
    (folder / "history.csv").write_text("".join(lines[:3]), "utf-8")
    return lines


def until(condition):
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def told(stream):
    """The next history of a stream."""
    line = next(line for line in stream if line.startswith("data: "))
    return json.loads(line.removeprefix("data: "))


def test_an_epoch_that_is_written_is_told(running, two_epochs):
    studio, folder = running
    with let_in(studio) as client, client.stream("GET", "api/events?m=0") as answer:
        lines = answer.iter_lines()
        assert len(told(lines)["epochs"]) == 2
        (folder / "history.csv").write_text("".join(two_epochs[:4]), "utf-8")
        found = told(lines)
        assert len(found["epochs"]) == 3
        assert found["running"] is True
    until(lambda: studio.session.listeners == 0)


def test_more_listeners_than_there_may_be_are_told_to_stop(running):
    """An event source that is answered 204 does not ask again."""
    from convscope.studio.routes.evaluation import MOST_LISTENERS

    studio, _ = running
    with let_in(studio) as client, contextlib.ExitStack() as streams:
        open_ones = []  # a stream that nobody holds is closed
        for _ in range(MOST_LISTENERS):
            answer = streams.enter_context(client.stream("GET", "api/events?m=0"))
            assert answer.status_code == 200
            open_ones.append(answer.iter_lines())
            told(open_ones[-1])
        until(lambda: studio.session.listeners == MOST_LISTENERS)
        assert client.get("api/events?m=0").status_code == 204
        assert client.get("api/state").status_code == 200
    until(lambda: studio.session.listeners == 0)


def test_clients_that_do_not_read_hold_up_nobody(running):
    """Twenty ask for arrays and events and read nothing; another one is answered meanwhile."""
    studio, _ = running
    with let_in(studio) as client, contextlib.ExitStack() as slow:
        cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        for number in range(20):
            path = "/api/events?m=0" if number < 4 else "/api/models/0/samples/0/layers/1/maps.npy?exact=1"
            raw = slow.enter_context(socket.create_connection((studio.host, studio.port)))
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            lines = (f"GET {path} HTTP/1.1", f"Host: {studio.host}:{studio.port}", f"Cookie: {cookies}")
            raw.sendall("\r\n".join([*lines, "", ""]).encode())
        for sample in range(5):
            assert client.get(f"api/models/0/samples/{sample}/prediction").status_code == 200
    until(lambda: studio.session.listeners == 0)


def test_many_tabs_share_one_connection(running, browser, two_epochs):
    """Browsers open six to a server: tabs that each listened would leave none for anything else."""
    studio, folder = running
    context = browser.new_context(viewport={"width": 800, "height": 600})
    tabs = []
    for number in range(7):
        page = context.new_page()
        page.goto(studio.link() if not number else f"{studio.address}#view=training&s=0")
        if not number:
            page.wait_for_selector("cs-maps")
            page.goto("about:blank")
            page.goto(f"{studio.address}#view=training&s=0")
        page.wait_for_selector("cs-training .charts canvas")
        tabs.append(page)
    assert studio.session.listeners == 1

    def epochs(page):
        return page.evaluate("() => document.querySelector('cs-training').history.epochs.length")

    (folder / "history.csv").write_text("".join(two_epochs[:4]), "utf-8")
    until(lambda: [epochs(page) for page in tabs] == [3] * 7)
    tabs[0].close()
    until(lambda: studio.session.listeners == 1)
    (folder / "history.csv").write_text("".join(two_epochs[:5]), "utf-8")
    until(lambda: [epochs(page) for page in tabs[1:]] == [4] * 6)
    context.close()
    until(lambda: studio.session.listeners == 0)
