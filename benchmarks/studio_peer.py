"""TensorBoard's projector at as many points, for `studio.py`."""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
from playwright.sync_api import Frame, Page
from results import Figure
from studio_browser import browser, frames_while_dragged, waited

VALUES = 50
SECONDS_TO_START = 60.0
POINTS = """(() => {
  const texts = [];
  const walk = (node) => {
    for (const each of node.childNodes) {
      if (each.nodeType === Node.TEXT_NODE) texts.push(each.data);
      if (each.shadowRoot) walk(each.shadowRoot);
      walk(each);
    }
  };
  walk(document.body);
  return /Points:\\s*COUNT/.test(texts.join(' ')) && performance.now();
})()"""


def projector_figures(folder: Path, count: int) -> list[Figure]:
    """How long the projector takes to show points, and how many frames a second it draws; none without it."""
    if importlib.util.find_spec("tensorboard") is None:
        print("TensorBoard is not installed: pip install tensorboard")
        return []
    _write_logs(folder, count)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(folder), "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--load_fast=false"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        address = f"http://127.0.0.1:{port}/"
        _wait_for(address)
        return _measured(address, count)
    finally:
        process.kill()
        process.wait()


def _write_logs(folder: Path, count: int) -> None:
    folder.mkdir(parents=True)
    values = np.random.default_rng(0).normal(size=(count, VALUES)) + np.arange(count)[:, None] % 10
    np.savetxt(folder / "tensors.tsv", values, "%.5f", delimiter="\t")
    (folder / "metadata.tsv").write_text("\n".join(str(i % 10) for i in range(count)) + "\n")
    (folder / "projector_config.pbtxt").write_text(
        'embeddings { tensor_name: "features" tensor_path: "tensors.tsv" metadata_path: "metadata.tsv" }\n'
    )


def _wait_for(address: str) -> None:
    end = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
        else:
            return
    raise SystemExit("TensorBoard did not start.")


def _measured(address: str, count: int) -> list[Figure]:
    with browser() as chromium:
        page = chromium.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(180_000)
        started = time.monotonic()
        page.goto(f"{address}#projector")
        waited(_projector(page), POINTS.replace("COUNT", str(count)))
        took = time.monotonic() - started
        rate = frames_while_dragged(page, 700, 400)
    name = f"TensorBoard's projector, {count:,} points"
    return [
        Figure(f"{name}: shown by PCA", took, "s", None, "lower"),
        Figure(f"{name}: frames while dragged", rate, "frames/s"),
    ]


def _projector(page: Page) -> Frame:
    """The frame in which the projector is."""
    while True:
        found = [frame for frame in page.frames if "projector_binary" in frame.url]
        if found:
            return found[0]
        page.wait_for_timeout(30)
