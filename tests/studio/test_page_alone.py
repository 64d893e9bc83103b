"""The page in a place without any network: nothing is missing, and nothing is asked for outside."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import socket, struct, fcntl, sys
with socket.socket() as loopback:
    up = struct.pack("16sh", b"lo", 0x1 | 0x40)  # IFF_UP and IFF_RUNNING
    fcntl.ioctl(loopback, 0x8914, up)  # SIOCSIFFLAGS
from studio_pages import page_of
from convscope.studio.opening import open_studio
from convscope.types import no_progress
from playwright.sync_api import sync_playwright

try:
    socket.create_connection(("192.0.2.1", 80), timeout=1)
    sys.exit("there is a network")
except OSError:
    pass
studio = open_studio([sys.argv[1]], port=0, progress=no_progress)
studio.start(warm=False)
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=sys.argv[2], args=["--no-sandbox"])
    with page_of(studio, browser) as page:
        for view in ("inspect", "why", "kernels", "data", "projection", "compare", "training"):
            page.show(s=1, view=view)
            page.page.wait_for_timeout(500)
            assert page.page.locator(".problem").all_inner_texts() == [], view
    browser.close()
studio.stop()
print("shown")
"""


@pytest.mark.slow
def test_the_page_needs_no_network(finished):
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    unshare, chromium = shutil.which("unshare"), os.environ.get("CHROMIUM") or shutil.which("chromium")
    if unshare is None or chromium is None:
        pytest.skip("there is no unshare or no Chromium")
    if subprocess.run([unshare, "-rn", "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine gives nobody a network of its own")
    paths = [str(Path(__file__).parent), *sys.path]
    done = subprocess.run(
        [unshare, "-rn", sys.executable, "-c", SCRIPT, str(finished.folder), chromium],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
    )
    assert done.stdout.endswith("shown\n"), done.stderr[-2000:]
