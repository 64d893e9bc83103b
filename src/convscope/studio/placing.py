"""The process that places points by t-SNE or UMAP: `python -m convscope.studio.placing`.

Neither can be stopped between two of its steps, and both keep the interpreter busy. Here they hold up no
answer of the studio, and end with their process.
"""

from __future__ import annotations

import os
import sys
from typing import BinaryIO

from convscope.errors import ConvscopeError
from convscope.features.projection import METHODS, placed_on_plane
from convscope.studio.frames import array_of, flattened, read_message, write_message
from convscope.types import Json


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Places what is asked for, one after the other.

    Args:
        requests: Messages with a method, a seed and the values, (samples, values).
        answers: Receives points, (samples, 2), or an error with its hint.
    """
    while True:
        try:
            request, values = read_message(requests)
        except EOFError:
            return
        write_message(answers, *_answer(request, values))


def _answer(request: Json, values: list[bytes]) -> tuple[Json, list[bytes]]:
    assert isinstance(request, dict)
    method, seed, blobs = request["method"], request["seed"], list[bytes]()
    known = next(each for each in METHODS if each == method)
    assert isinstance(seed, int)
    try:
        points, _ = placed_on_plane(array_of(values[0]), known, seed)
    except ConvscopeError as error:
        return {"error": error.message, "hint": error.hint}, []
    except Exception as error:  # noqa: BLE001 - whoever waits for the points is told whatever it is
        return {"error": f"The samples cannot be placed: {type(error).__name__}: {error}", "hint": ""}, []
    return {"points": flattened(points, blobs)}, blobs


def main() -> None:
    """Serves on standard input and output; what libraries print goes to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
