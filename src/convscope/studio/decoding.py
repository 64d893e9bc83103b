"""The process that decodes inputs of one's own: `python -m convscope.studio.decoding`.

Decoders read files that anybody may have made. They run here, apart from models and sessions, with bounded
memory, and are killed when they take too long. It gives back arrays, pictures and plain values.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from convscope.backend import prepare_backend
from convscope.errors import ConvscopeError, DataError

prepare_backend()

from convscope.kinds.contract.representation import RasterDescription  # noqa: E402 - behind the backend
from convscope.kinds.contract.studio import Media, StudioElement  # noqa: E402
from convscope.kinds.registry import kind_of  # noqa: E402
from convscope.studio.facts import facts_of  # noqa: E402
from convscope.studio.frames import flattened, read_message, write_message  # noqa: E402
from convscope.types import Array, ArrayTree, Json, no_progress  # noqa: E402
from convscope.workflows.model_inputs.encoder import Encoder, saved_encoder  # noqa: E402
from convscope.workflows.model_inputs.model_inputs import PIXELS  # noqa: E402
from convscope.workflows.model_inputs.reading import as_dataset  # noqa: E402

MEMORY = 3 * 2**30
"""What decoding may take besides what the process has when it is ready."""
THUMBNAIL = 64
FIRST = np.zeros(1, np.int64)


@dataclass(frozen=True, eq=False)
class DecodedInput:
    """An input as a model takes it before scaling, and as the page shows it.

    Args:
        compact: As it is encoded, with a batch axis.
        facts: What the page is told.
        original: As people know it.
        thumbnail: Drawn small.
    """

    compact: ArrayTree
    facts: dict[str, Json]
    original: Media | None
    thumbnail: Media | None


def decoded(encoder: Encoder, path: Path) -> DecodedInput:
    """Reads and encodes one input.

    Args:
        encoder: Of a model.
        path: The file, or a folder that holds it alone.

    Raises:
        DataError: It cannot be read.
    """
    found = encoder.read([str(path)], no_progress)
    if not len(found):
        raise DataError("Nothing readable was found in it.")
    dataset = as_dataset(found, encoder, None, None, ()).dataset
    first = np.array([dataset.shown(0)], np.int64)
    compact = dataset.take(first)
    compact = compact[0] if dataset.at_once else compact
    sample = found.load(0)
    description = encoder.representation.describe(sample)
    if encoder.preprocess is not None:
        description = RasterDescription(PIXELS)
    shown = _shown(encoder, compact)
    facts = facts_of(shown, description)
    kind = kind_of(encoder.recipe.spec)
    element = StudioElement("", "") if kind.studio is None else kind.studio.load()
    facts |= element.facts(shown, description)
    facts["more"] = len(found) - 1
    return DecodedInput(
        compact, facts, element.original(sample), element.thumbnail(shown, description, THUMBNAIL)
    )


def _shown(encoder: Encoder, compact: ArrayTree) -> Array:
    """The input as it is drawn, as far as it is known without the model."""
    x = compact
    if not isinstance(compact, Mapping | list | tuple) and encoder.preprocess is None:
        x = encoder.representation.to_inputs(compact)
    listed = list(x.values()) if isinstance(x, Mapping) else list(x) if isinstance(x, list | tuple) else [x]
    arrays: list[Array] = [np.asarray(each) for each in listed]
    wide = [each for each in arrays if each.ndim > 2]
    shown: Array = (wide or arrays)[0][0]
    return shown


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Decodes what is asked for, one input after the other.

    The first message has the encoders by the id of their model.

    Args:
        requests: Messages with a path.
        answers: Receives an answer to each.
    """
    setup, _ = read_message(requests)
    assert isinstance(setup, dict)
    encoders = {name: saved_encoder(_mapping(saved)) for name, saved in setup.items()}
    _bound_memory()
    write_message(answers, {"ready": True})
    while True:
        try:
            request, _ = read_message(requests)
        except EOFError:
            return
        path = Path(str(_mapping(request)["path"]))
        try:
            answer, blobs = _answer(encoders, path)
        except ConvscopeError as error:
            answer, blobs = {"error": _without(error.message, path), "hint": _without(error.hint, path)}, []
        except MemoryError:
            answer, blobs = {"error": "It takes more memory than an input may.", "hint": ""}, []
        except Exception as error:  # noqa: BLE001 - a decoder may fail in any way on what anybody has made
            answer, blobs = {"error": f"It cannot be decoded: {type(error).__name__}.", "hint": ""}, []
        write_message(answers, answer, blobs)


def _answer(encoders: Mapping[str, Encoder], path: Path) -> tuple[dict[str, Json], list[bytes]]:
    blobs: list[bytes] = []
    models: dict[str, Json] = {}
    for name, encoder in encoders.items():
        found = decoded(encoder, path)
        models[name] = {
            "compact": flattened(found.compact, blobs),
            "facts": found.facts,
            "original": _media(found.original, blobs),
            "thumbnail": _media(found.thumbnail, blobs),
        }
    return {"models": models}, blobs


def _media(media: Media | None, blobs: list[bytes]) -> Json:
    if media is None:
        return None
    blobs.append(media.content)
    return {"content_type": media.content_type, "blob": len(blobs) - 1}


def _mapping(value: Json) -> dict[str, Json]:
    assert isinstance(value, dict)
    return value


def _without(text: str, path: Path) -> str:
    """A message without the place where the input was put."""
    return text.replace(str(path), "the input").replace(str(path.parent), "the input")


def _bound_memory() -> None:
    """Bounds the address space to what is taken now and `MEMORY` more, where the system can."""
    try:
        import resource

        taken = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, taken + MEMORY))
    except (ImportError, OSError, ValueError):
        return


def main() -> None:
    """Serves on standard input and output; what libraries print goes to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
