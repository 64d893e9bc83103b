"""How files become inputs of a plain model without data, found out by an example of each kind."""

from __future__ import annotations

import tempfile
from pathlib import Path

from convscope.errors import ConvscopeError
from convscope.kinds.contract.model_reader import PlainModel
from convscope.kinds.contract.studio import Media
from convscope.kinds.registry import kinds
from convscope.scope.graph.graph import trace
from convscope.scope.graph.model_inputs import knows_its_inputs
from convscope.types import no_progress
from convscope.workflows.load_model import LoadedModel
from convscope.workflows.model_inputs.encoder import Encoder
from convscope.workflows.model_inputs.readers import reader_of
from convscope.workflows.model_inputs.reading import read_files


def encoder_by_example(loaded: LoadedModel) -> Encoder | None:
    """How files become inputs of a plain model.

    Args:
        loaded: No run.

    Returns:
        None where no kind that has an example fits, or where the model leaves open how large its inputs are,
        so that an example would decide it.
    """
    if not knows_its_inputs(loaded.model):
        return None
    plain = PlainModel(loaded.model, trace(loaded.model), loaded.representation)
    if loaded.representation is None and None in (plain.only_shape or (None,)):
        return None
    found: list[tuple[float, Media, str]] = []
    for kind in kinds():
        reader = reader_of(kind)
        element = None if kind.studio is None else kind.studio.load()
        if reader is None or element is None or element.example is None:
            continue
        match = reader.matches(plain, (), {})
        if match is not None:
            media = element.example()
            found.append((match.confidence, media, element.accepts[media.content_type]))
    for _, media, ending in sorted(found, key=lambda each: -each[0]):
        encoder = _read(loaded, media, ending)
        if encoder is not None:
            return encoder
    return None


def _read(loaded: LoadedModel, media: Media, ending: str) -> Encoder | None:
    """The encoder that reading an example gives; None where the model does not take it."""
    with tempfile.TemporaryDirectory(prefix="convscope-example-") as folder:
        path = Path(folder) / f"example{ending}"
        path.write_bytes(media.content)
        try:
            return read_files(loaded, [str(path)], labels=False, progress=no_progress).encoder
        except ConvscopeError:
            return None
