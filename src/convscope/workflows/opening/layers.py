"""The layers that a model file names, before Keras sees it: a name that none has is refused at once."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from convscope.errors import ConvscopeError
from convscope.layer_names import matching_paths
from convscope.run import Run
from convscope.workflows.opening.contents import WEIGHTS, contents_of

ALL, LAST = "all", "last"
CHOICES = (ALL, LAST)
"""What stands for layers that are chosen, where features are stored."""

_INSIDE = re.compile(r"(layers/[^/]+/)*(layers/[^/]+)?(/?seed_generator)?/?")
"""Where the weights of layers lie that are listed in the configuration."""


def check_named_layers(model: str, names: Sequence[str]) -> None:
    """Refuses names that no layer of a model has, as far as its file tells them.

    Layers of somebody's own may hold others that the file does not list; they are left to what opens it.

    Args:
        model: What names a model; only the files of Keras 3 and runs tell their layers.
        names: Paths, names or patterns of layers.

    Raises:
        UsageError: Nothing has that name; the nearest paths are offered.
    """
    path = Path(model)
    file = Run(path).model_path if (path / "run.json").exists() else path
    if not names or not file.is_file() or not zipfile.is_zipfile(file):
        return
    try:
        contents = contents_of(file)
    except ConvscopeError:  # what opens it says so
        return
    paths = list(dict.fromkeys(_paths(contents.config, "")))
    if not paths or (_may_hold_others(contents.entries()) and _holds_others(file)):
        return
    for name in names:
        matching_paths(re.sub(r"#\d+$", "", name), paths)  # a second call of a layer is named like the first


def _paths(config: Mapping[str, Any], outer: str) -> Iterator[str]:
    """The paths of the layers in a model or a layer, each before those around it."""
    inside = config.get("config")
    if not isinstance(inside, dict):
        return
    waiting: list[Any] = [each for key, each in inside.items() if key not in ("dtype", "compile_config")]
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, list):
            waiting = [*each, *waiting]
        elif isinstance(each, dict):
            name = each["config"].get("name") if isinstance(each.get("config"), dict) else None
            if isinstance(name, str) and each.get("class_name") not in ("InputLayer", "DTypePolicy"):
                yield from _paths(each, f"{outer}{name}/")
                yield f"{outer}{name}"
                if ".ops" in str(each.get("module")):  # `x + y` is called by what it does
                    yield f"{outer}{re.sub(r'(?<=[a-z0-9])(?=[A-Z])', '_', each['class_name']).lower()}"


def _may_hold_others(entries: Iterator[dict[str, Any]]) -> bool:
    """Whether a class is not one of Keras."""
    return any(not str(each.get("module") or "keras").startswith(("keras", "builtins")) for each in entries)


def _holds_others(file: Path) -> bool:
    """Whether weights lie in layers that the configuration does not list."""
    import h5py

    found: list[str] = []
    try:
        with zipfile.ZipFile(file) as archive, archive.open(WEIGHTS) as opened, h5py.File(opened) as weights:
            weights.visit(found.append)
    except (OSError, KeyError, RuntimeError, zipfile.BadZipFile):
        return True
    groups = [name.removesuffix("/vars") for name in found if name.endswith("/vars")]
    return not all(_INSIDE.fullmatch(each) or each.startswith("optimizer") for each in groups)
