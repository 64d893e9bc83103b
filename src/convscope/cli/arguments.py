"""Arguments that several commands share, and checks of paths before Keras is imported."""

from __future__ import annotations

import glob
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from cyclopts import Parameter

from convscope.data.named_files import joined_paths
from convscope.errors import DataError, UsageError
from convscope.kinds.registry import architectures
from convscope.option import Option, at_least
from convscope.workflows.opening.contents import contents_of, unknown_model

HINT = "Check the spelling of the path."


def check_data(path: Path) -> None:
    """Refuses a data set that does not exist; the common beginning of several files exists.

    Raises:
        DataError: There is nothing of that name.
    """
    if not path.exists() and not any(path.parent.glob(f"{glob.escape(path.name)}*")):
        raise DataError(f"{path}: there is no such file or folder.", HINT)


def check_inputs(inputs: Iterable[str]) -> None:
    """Refuses files that do not exist, and patterns of files that match none.

    Texts, `-` and single words are left to the recipe.

    Raises:
        DataError: There is nothing of that name.
    """
    for name in inputs:
        suffix = Path(name).suffix[1:]
        if any(map(str.isspace, name)) or not (suffix or "/" in name):
            continue
        if not glob.has_magic(name):
            for part in joined_paths(name):
                check_data(Path(part))
        elif suffix.isalnum() and next(glob.iglob(name, recursive=True), None) is None:  # noqa: PTH207
            raise DataError(f"{name}: the pattern matches no file", "Check the folder of the pattern.")


def check_model(name: str) -> None:
    """Refuses a name that stands for no model, and a file that is none.

    What `module:function` names is left to what calls it.

    Raises:
        UsageError: There is no file, run or architecture of that name.
        DataError: It is no Keras model, is damaged, or takes more memory than there is.
    """
    path = Path(name)
    if path.exists():
        if not path.is_dir():
            contents_of(path)
    elif ":" not in name and name.partition("(")[0] not in architectures():
        raise unknown_model(name)


def check_features(path: Path) -> None:
    """Refuses features that do not exist.

    Raises:
        UsageError: There is nothing of that name.
    """
    if not path.exists():
        raise UsageError(f"{path}: there is no such file or folder.", HINT)


def _shape(text: str) -> tuple[int, ...]:
    parts = text.lower().split("x")
    if not all(part.isdigit() and int(part) > 0 for part in parts):
        raise ValueError("lengths such as 48x48x1")
    return tuple(int(part) for part in parts)


SAFE_CSV = Parameter(
    name="--safe-csv",
    negative="--no-safe-csv",
    help="In CSV, put an apostrophe before texts that a spreadsheet would take for formulas",
)
LAYER = Option(
    "layer",
    tuple[str, ...],
    None,
    "Layer path, name or pattern such as block*/conv*; may be repeated",
)
THEME = Option("theme", Literal["light", "dark"], "light", "Theme of figures")
SEED = Option("seed", int, 0, "Seed of random numbers", at_least(0))
INPUT_SHAPE = Option(
    "input_shape",
    tuple[int, ...],
    None,
    "Input shape of an architecture or an unbuilt model, such as 48x48x1",
    parse=_shape,
)
TRUST = Option(
    "trust", bool, False, "Open a file that contains code (a Lambda layer), which runs when it is opened"
)
CODE = Option(
    "code", tuple[str, ...], None, "Module to import first, which registers custom layers; may be repeated"
)
