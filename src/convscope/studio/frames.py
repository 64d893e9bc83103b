"""Messages between the studio and the process that decodes: JSON, and arrays and files behind it.

Nothing of a message is run or unpickled: a header in JSON, and blobs whose lengths it names.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Mapping, Sequence
from typing import IO

import numpy as np

from convscope.types import Array, ArrayTree, Json

MOST_BYTES = 2**30
"""Of a header or a blob."""
_LENGTH = struct.Struct("<Q")


def write_message(stream: IO[bytes], header: Json, blobs: Sequence[bytes] = ()) -> None:
    """Writes one message.

    Args:
        stream: Where to.
        header: Plain values.
        blobs: What belongs to them.
    """
    content = json.dumps([header, len(blobs)]).encode()
    for part in (content, *blobs):
        stream.write(_LENGTH.pack(len(part)))
        stream.write(part)
    stream.flush()


def read_message(stream: IO[bytes]) -> tuple[Json, list[bytes]]:
    """Reads one message.

    Raises:
        EOFError: The other side has ended.
        ValueError: A part is longer than any may be.
    """
    header, count = json.loads(_part(stream))
    return header, [_part(stream) for _ in range(count)]


def _part(stream: IO[bytes]) -> bytes:
    (length,) = _LENGTH.unpack(_exactly(stream, _LENGTH.size))
    if length > MOST_BYTES:
        raise ValueError(f"a part of {length} bytes")
    return _exactly(stream, length)


def _exactly(stream: IO[bytes], length: int) -> bytes:
    found = stream.read(length)
    if len(found) < length:
        raise EOFError
    return found


def flattened(tree: ArrayTree, blobs: list[bytes]) -> Json:
    """Arrays in lists and dicts as plain values that name blobs, which are appended.

    Args:
        tree: The arrays.
        blobs: Receives each as `.npy`.
    """
    if isinstance(tree, Mapping):
        return {"named": {name: flattened(each, blobs) for name, each in tree.items()}}
    if isinstance(tree, list | tuple):
        return {"listed": [flattened(each, blobs) for each in tree]}
    file = io.BytesIO()
    np.save(file, np.asarray(tree), allow_pickle=False)
    blobs.append(file.getvalue())
    return {"blob": len(blobs) - 1}


def unflattened(said: Json, blobs: Sequence[bytes]) -> ArrayTree:
    """The reverse of `flattened`.

    Raises:
        ValueError: It is no such value.
    """
    if not isinstance(said, dict):
        raise ValueError("expected arrays")
    if isinstance(named := said.get("named"), dict):
        return {name: unflattened(each, blobs) for name, each in named.items()}
    if isinstance(listed := said.get("listed"), list):
        return [unflattened(each, blobs) for each in listed]
    number = said.get("blob")
    if not isinstance(number, int) or not 0 <= number < len(blobs):
        raise ValueError("expected a blob")
    return array_of(blobs[number])


def array_of(content: bytes) -> Array:
    """An array from the bytes of a file `.npy`.

    Raises:
        ValueError: It is none, or holds objects.
    """
    found = np.load(io.BytesIO(content), allow_pickle=False)
    if not isinstance(found, np.ndarray):
        raise ValueError("expected one array")
    return found
