"""The studio's side of decoding: starts the process, waits for it, and kills it when it takes too long."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from convscope.errors import DataError, UsageError
from convscope.kinds.contract.studio import Facts, Media
from convscope.studio.frames import read_message, unflattened, write_message
from convscope.types import ArrayTree, Json

SECONDS = 20.0
"""That decoding one input may take."""
SECONDS_TO_START = 300.0
"""On a busy machine; the backend of Keras is imported."""


@dataclass(frozen=True, eq=False)
class Decoded:
    """An input for one model, as `convscope.studio.decoding` gives it.

    Args:
        compact: As it is encoded, before scaling, with a batch axis.
        facts: What the page is told.
        original: As people know it.
        thumbnail: Drawn small.
    """

    compact: ArrayTree
    facts: Facts
    original: Media | None
    thumbnail: Media | None


class Decoder:
    """A process that decodes inputs, one at a time; a new one follows one that was killed.

    Args:
        encoders: Plain values of the encoder of each model, by its id.
        seconds: That one input may take.
    """

    def __init__(self, encoders: Mapping[str, Json] | None = None, seconds: float = SECONDS) -> None:
        self.encoders, self._seconds = dict(encoders or {}), seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._turn = threading.Lock()
        self._ready = self._closed = False

    def start(self) -> None:
        """Starts the process before it is needed, and waits until it is ready."""
        with self._turn:
            self._started()

    def decode(self, path: Path) -> dict[str, Decoded]:
        """Decodes a file for each model.

        Args:
            path: The file, or a folder that holds it alone.

        Raises:
            DataError: It cannot be read, or takes too long or too much memory.
            UsageError: No model reads files.
        """
        if not self.encoders:
            raise UsageError(
                "It is not known how files become inputs of this model.",
                "Start the studio with a run, or with data: convscope studio MODEL DATA",
            )
        with self._turn:
            process = self._started()
            assert process.stdin is not None
            write_message(process.stdin, {"path": str(path)})
            answer, blobs = self._answer(process, self._seconds)
        if "error" in answer:
            raise DataError(str(answer["error"]), str(answer.get("hint", "")))
        models = answer["models"]
        assert isinstance(models, dict)
        return {name: _decoded(said, blobs) for name, said in models.items()}

    def close(self) -> None:
        """Ends the process."""
        self._closed = True
        process, self._process = self._process, None
        if process is not None:
            ended(process)

    def _started(self) -> subprocess.Popen[bytes]:
        if self._closed:
            raise DataError("The studio has ended.")
        process = self._process
        if process is None or process.poll() is not None:
            process = self.launch()
        if not self._ready:
            assert process.stdin is not None
            write_message(process.stdin, self.encoders)
            self._answer(process, SECONDS_TO_START)
            self._ready = True
        return process

    def launch(self) -> subprocess.Popen[bytes]:
        """Starts the process, which imports what it needs and then waits for the encoders."""
        if self._process is not None:
            ended(self._process)
        self._ready = False
        self._process = subprocess.Popen(
            [sys.executable, "-m", "convscope.studio.decoding"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
        )
        return self._process

    def _answer(
        self, process: subprocess.Popen[bytes], seconds: float
    ) -> tuple[dict[str, Json], list[bytes]]:
        """The next answer of the process, which is killed where there is none in time."""
        assert process.stdout is not None
        late = threading.Timer(seconds, process.kill)
        late.start()
        try:
            answer, blobs = read_message(process.stdout)
        except (EOFError, ValueError, OSError) as error:
            ended(process)
            self._process = None
            raise DataError(
                f"Decoding took more than {seconds:g} seconds or more memory than an input may, and was"
                " ended.",
                "Give a smaller file.",
            ) from error
        finally:
            late.cancel()
        if not isinstance(answer, dict):
            raise DataError("The input cannot be decoded.")
        return answer, blobs


def launched() -> Decoder:
    """A decoder whose process is on its way while models and data are being opened, which takes as long."""
    decoder = Decoder()
    decoder.launch()
    return decoder


def _decoded(said: Json, blobs: list[bytes]) -> Decoded:
    assert isinstance(said, dict)
    facts = said["facts"]
    assert isinstance(facts, dict)
    return Decoded(
        unflattened(said["compact"], blobs),
        facts,
        _media(said["original"], blobs),
        _media(said["thumbnail"], blobs),
    )


def _media(said: Json, blobs: list[bytes]) -> Media | None:
    if not isinstance(said, dict):
        return None
    number = said["blob"]
    assert isinstance(number, int)
    return Media(str(said["content_type"]), blobs[number])


def ended(process: subprocess.Popen[bytes]) -> None:
    """Ends a process at once, and closes its pipes."""
    process.kill()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
    process.wait()


def environment() -> dict[str, str]:
    """The environment without accelerators, whose memory is the models'."""
    kept = dict(os.environ)
    package = str(Path(__file__).parents[2])
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, [package, kept.get("PYTHONPATH", "")]))
    threads = dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"), "1")
    return {**kept, **threads, "CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}
