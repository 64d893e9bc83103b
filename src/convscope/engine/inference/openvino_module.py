"""The OpenVINO package, brought in so that it sends nothing to anybody."""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import openvino

NAMED = "features_"
"""What the names of a converted function's outputs begin with, where it has names; numbers follow."""


def load_openvino() -> ModuleType:
    """Imports OpenVINO without its usage reports.

    Its `openvino_telemetry` would otherwise tell its makers of each import and conversion, from a forked
    process, which no program with threads should start. OpenVINO does without that package if it is missing.

    Raises:
        ImportError: OpenVINO is not installed.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    return import_module("openvino")


@cache
def openvino_core() -> openvino.Core:
    """The one Core of this process, which stays until its end.

    Each Core gives the thread that makes it a stack for signals and frees it when it goes, whichever of them
    the thread uses by then: with a second Core gone, Ctrl-C ended the process by a segmentation fault.

    Raises:
        ImportError: OpenVINO is not installed.
    """
    return load_openvino().Core()
