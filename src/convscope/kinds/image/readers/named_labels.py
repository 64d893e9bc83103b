"""Labels in the names of images that lie in one folder: `cat.0.jpg`, `dog_12.png`, `1_0.png`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

_WORD = re.compile(r"(?P<label>[^\W\d_]+(?:[-_. ][^\W\d_]+)*)[-_. ]*\(?\d+\)?")
_NUMBER = re.compile(r"(?P<label>\d{1,3})[-_. ]+\d+")
_CAMERA = frozenset(
    {"img", "image", "dsc", "dscn", "pic", "picture", "photo", "frame", "sample", "test", "train"}
)
_FEWEST = 3
"""Images of each label that a name must have, so that it is a label."""
MOST_LABELS = 200


@dataclass(frozen=True)
class NamedLabels:
    """Labels that the names of files say.

    Args:
        labels: One for each file.
        line: What was found, for the decisions.
    """

    labels: tuple[str, ...]
    line: str


def labels_of_names(keys: Sequence[str]) -> NamedLabels | None:
    """The labels that all names of some files say: a word, or a number, before the number of the file.

    Args:
        keys: The files.

    Returns:
        None where not all names have that form, or the labels are not few.

    Example:
        >>> labels_of_names([f"{name}.{k}.jpg" for name in ("cat", "dog") for k in range(3)]).labels[::3]
        ('cat', 'dog')
    """
    stems = [PurePosixPath(key).stem for key in keys]
    for form in (_WORD, _NUMBER):
        found = [form.fullmatch(stem) for stem in stems]
        labels = tuple(match["label"] for match in found if match is not None)
        if len(labels) != len(keys):
            continue
        counts = Counter(labels)
        few = 1 < len(counts) <= min(MOST_LABELS, len(keys) / _FEWEST)
        if few and min(counts.values()) >= 2 and not {name.lower() for name in counts} <= _CAMERA:
            name = PurePosixPath(keys[0]).name
            return NamedLabels(
                labels, f"labels: from the names of the files, such as {labels[0]!r} of {name}"
            )
    return None
