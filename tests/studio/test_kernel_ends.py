"""A studio that a notebook has opened ends with its kernel, however that ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

KERNEL = """
import sys, time
import convscope
shown = convscope.studio(sys.argv[1], sys.argv[2])
print(shown.studio.port, shown.studio.session.decoder._process.pid, flush=True)
time.sleep(600)
"""
SECONDS = 120


def runs(process):
    """Whether a process is there, and is no dead one that nobody has buried."""
    try:
        state = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.slow
def test_nothing_is_left_of_a_kernel_that_is_killed(finished, pictures):
    pytest.importorskip("starlette")
    if not Path("/proc/self/stat").exists():
        pytest.skip("there is no /proc")
    kernel = subprocess.Popen(
        [sys.executable, "-c", KERNEL, str(finished.folder), str(pictures)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert kernel.stdout is not None
    port, decoder = map(int, kernel.stdout.readline().split())
    socket.create_connection(("127.0.0.1", port), 5).close()
    assert runs(decoder)
    kernel.send_signal(signal.SIGKILL)
    kernel.wait()
    kernel.stdout.close()
    end = time.monotonic() + SECONDS
    while runs(decoder):
        assert time.monotonic() < end, "the process that decodes is still there"
        time.sleep(0.1)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), 5)
