"""How the recipes of text read what they are asked about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convscope.kinds.text.readers.inputs import TextInputs, read_text_inputs
from convscope.types import Progress, no_progress


def read_given(
    paths: Sequence[str],
    *,
    progress: Progress = no_progress,
    encoding: str | None = None,
    text_column: str | None = None,
    **_: Any,
) -> TextInputs:
    """Texts without labels."""
    return read_text_inputs(paths, progress=progress, encoding=encoding, text_column=text_column)
