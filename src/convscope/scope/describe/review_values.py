"""Remarks about what a model holds: broken or empty weights, layers left out or frozen, silent kernels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import keras
import numpy as np

from convscope.scope.describe import phrasing as words
from convscope.scope.describe.key_points import Overview
from convscope.scope.describe.note import Note
from convscope.scope.graph.core_layers import CONVOLUTIONS, core_class

if TYPE_CHECKING:
    from convscope.scope.channels.statistics import ChannelStatistics

_NUMBERS_SHOWN = 8


def broken_weights(overview: Overview, model: keras.Model) -> list[Note]:
    """NaN and infinite weights, and kernels that are all zero."""
    notes, seen = [], set()
    for call in overview.leaves:
        if id(call.layer) in seen or not isinstance(call.layer, keras.layers.Layer):
            continue
        seen.add(id(call.layer))
        for variable in call.layer.weights:
            if not str(variable.dtype).startswith(("float", "bfloat")):
                continue
            values = keras.ops.convert_to_numpy(variable)
            notes += _not_finite(call.path, variable.name, values)
            if core_class(call.layer) in CONVOLUTIONS and variable.name.endswith("kernel"):
                notes += _empty(call.path, variable.name, values)
    return notes


def _not_finite(path: str, name: str, values: np.ndarray) -> list[Note]:
    with np.errstate(all="ignore"):
        if np.isfinite(values.sum(dtype=np.float32)):
            return []
    broken = int(np.count_nonzero(~np.isfinite(values.astype(np.float32))))
    if not broken:
        return []
    text = (
        f"{broken:,} of the {values.size:,} values of '{path}' ({name}) are NaN or infinite: every output "
        "that "
        "depends on them is useless. The training has diverged, or the file is damaged."
    )
    return [Note("weights", (path,), text)]


def _empty(path: str, name: str, values: np.ndarray) -> list[Note]:
    used = np.any(values != 0, axis=tuple(range(values.ndim - 1)))
    empty = np.flatnonzero(~used)
    if not len(empty):
        return []
    which = "All" if len(empty) == used.size else f"{len(empty):,} of the"
    numbers = "" if len(empty) == used.size else f" ({_numbers(empty)})"
    text = f"{which} {used.size:,} kernels of '{path}' are all zero{numbers}: their maps hold the bias alone."
    return [Note("weights", (path,), text)]


def _numbers(channels: np.ndarray) -> str:
    shown = [str(channel) for channel in channels[:_NUMBERS_SHOWN]]
    more = len(channels) - len(shown)
    return (
        f"numbers {', '.join(shown)} and {more:,} more"
        if more
        else f"number{'s' * (len(shown) > 1)} {words.listed(shown)}"
    )


def unused_layers(overview: Overview, model: keras.Model) -> list[Note]:
    """Layers that the model owns and never calls."""
    called = {id(call.layer) for call in overview.graph.calls}
    groups = [call.layer for call in overview.graph.calls if call.kind == "group"]
    owned = [layer for each in (model, *groups) for layer in getattr(each, "layers", ())]
    idle = [
        layer
        for layer in {id(layer): layer for layer in owned}.values()
        if id(layer) not in called and not isinstance(layer, keras.layers.InputLayer)
    ]
    if not idle or not overview.graph.linked:
        return []
    names = words.listed([f"'{layer.name}'" for layer in idle])
    text = (
        f"{names} {'belongs' if len(idle) == 1 else 'belong'} to the model but "
        f"{'is' if len(idle) == 1 else 'are'} never called."
    )
    return [Note("unused", tuple(layer.name for layer in idle), text)]


def frozen_layers(overview: Overview) -> list[Note]:
    """Layers with weights that training does not change."""
    frozen = {
        id(call.layer): call.path
        for call in reversed(overview.leaves)
        if getattr(call.layer, "weights", None)
        and not call.layer.trainable_variables
        and core_class(call.layer) not in ("Normalization", "STFTSpectrogram", "MelSpectrogram")
    }
    if not frozen:
        return []
    paths = [path for path in overview.parameters if path in set(frozen.values())]
    held = sum(overview.parameters[path] for path in paths)
    share = words.share(held, overview.all_parameters)
    if len(paths) == 1:
        text = (
            f"'{paths[0]}' is frozen: its {words.plural(held, 'parameter')} ({share} of all) stay as they "
            "are in training."
        )
    else:
        text = (
            f"{words.plural(len(paths), 'layer')} are frozen, '{paths[0]}' to '{paths[-1]}': their "
            f"{words.plural(held, 'parameter')} ({share} of all) stay as they are in training."
        )
    return [Note("frozen", tuple(paths), text)]


def silent_kernels(statistics: Mapping[str, ChannelStatistics]) -> list[Note]:
    """Kernels that never fired on the data at hand, that repeat others, and values that are not finite."""
    notes = []
    for path, each in statistics.items():
        dead = np.flatnonzero(each.dead)
        of = len(each.dead)
        if len(dead):
            fire, they = (
                ("fires", "it costs time and adds nothing")
                if len(dead) == 1
                else ("fire", "they cost time and add nothing")
            )
            text = (
                f"{len(dead):,} of the {of:,} kernels of '{path}' never {fire} on "
                f"{words.plural(each.samples, 'sample')} "
                f"({_numbers(dead)}): {they}."
            )
            notes.append(Note("kernels", (path,), text))
        if each.duplicates:
            repeat = "repeats" if len(each.duplicates) == 1 else "repeat"
            pairs = ", ".join(f"{pair[0]} like {pair[1]}" for pair in each.duplicates[:_NUMBERS_SHOWN])
            text = (
                f"{words.plural(len(each.duplicates), 'kernel')} of '{path}' {repeat} another one ({pairs})."
            )
            notes.append(Note("kernels", (path,), text))
        if each.nonfinite:
            text = (
                f"'{path}' gave {each.nonfinite:,} values that are NaN or infinite on "
                f"{words.plural(each.samples, 'sample')}."
            )
            notes.append(Note("kernels", (path,), text))
    return notes
