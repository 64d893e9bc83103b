"""A studio in a process of its own, as `convscope studio` starts one, for `studio.py`."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SERVE = """
import sys, threading, time
began = time.monotonic()
from convscope.studio.decoder import launched
decoder = launched()
from convscope.backend import prepare_backend
prepare_backend()
from convscope.studio.opening import open_studio
studio = open_studio(sys.argv[1:2], sys.argv[2:], port=0, decoder=decoder, progress=lambda *told: None)
def tell():
    for line in sys.stdin:
        if line.strip() == "ready":
            while not studio.session.decoder._ready:
                time.sleep(0.01)
            print(time.monotonic() - began, flush=True)
        else:
            print(studio.link(), flush=True)
threading.Thread(target=tell, daemon=True).start()
print(time.monotonic() - began, studio.address, flush=True)
sys.setswitchinterval(5e-4)  # as the command does
studio.serve()
"""
TRAIN = """
import sys
import convscope
convscope.train(sys.argv[1], out=sys.argv[2], architecture=sys.argv[3], epochs=1, batch_size=64, seed=0)
"""
RESNET = """
import sys
import keras
keras.utils.set_random_seed(0)
keras.applications.ResNet50(weights=None).save(sys.argv[1])
"""


@dataclass(frozen=True)
class Served:
    """A studio that serves.

    Args:
        process: Its process.
        address: Of the page.
        started: Seconds from the start of the process until it serves.
    """

    process: subprocess.Popen[str]
    address: str
    started: float

    def _told(self, question: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{question}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def link(self) -> str:
        """A link that opens the page once."""
        return self._told("link")

    def decoder_ready(self) -> float:
        """Seconds from the start until a file can be decoded."""
        return float(self._told("ready"))

    def memory(self) -> float:
        """MiB that the server holds, without the process that decodes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024


@contextmanager
def serving(model: Path | str, data: Path) -> Iterator[Served]:
    """A studio of a model and its data, which ends with the block."""
    command = [sys.executable, "-c", SERVE, str(model), str(data)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline().split()
        if len(line) != 2:
            raise SystemExit(f"the studio of {model} did not start: {' '.join(command[:1])} ... {data}")
        yield Served(process, line[1], float(line[0]))
    finally:
        process.kill()
        process.wait()


def _run(code: str, *arguments: Path | str) -> None:
    started = time.monotonic()
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    print(f"prepared {arguments[-1]} in {time.monotonic() - started:.0f} s", flush=True)


def trained(out: Path, data: Path, architecture: str) -> Path:
    """A run of one epoch."""
    _run(TRAIN, data, out, architecture)
    return out


def made_resnet(path: Path) -> Path:
    """ResNet50 with random weights."""
    _run(RESNET, path)
    return path
