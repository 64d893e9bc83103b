"""Remarks about what a model holds: broken or empty weights, layers left out or frozen, silent kernels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import keras
import numpy as np

from convscope.scope.channels.statistics import ChannelStatistics
from convscope.scope.describe import phrasing
from convscope.scope.describe.overview import Note, Overview
from convscope.scope.layer_spec import has_trait, role_of

_NUMBERS_SHOWN = 8


def broken_weights(overview: Overview) -> list[Note]:
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
            if role_of(call.layer) == "convolution" and variable.name.endswith("kernel"):
                notes += _empty(call.path, values)
    return notes


def _not_finite(path: str, name: str, values: np.ndarray) -> list[Note]:
    with np.errstate(all="ignore"):
        if np.isfinite(values.sum(dtype=np.float32)):
            return []
    broken = int(np.count_nonzero(~np.isfinite(values.astype(np.float32))))
    if not broken:
        return []
    text = (
        f"{broken:,} of {values.size:,} weights of '{path}' ({name}) are NaN or infinite. Training diverged "
        "or the file is damaged."
    )
    return [Note("weights", (path,), text)]


def _empty(path: str, values: np.ndarray) -> list[Note]:
    used = np.any(values != 0, axis=tuple(range(values.ndim - 1)))
    empty = np.flatnonzero(~used)
    if not len(empty):
        return []
    which, numbers = f"{len(empty):,} of {used.size:,} kernels", f" ({_numbers(empty)})"
    if len(empty) == used.size:
        which, numbers = f"All {used.size:,} kernels", ""
    return [Note("weights", (path,), f"{which} of '{path}' are all zero{numbers}.")]


def _numbers(channels: np.ndarray) -> str:
    shown = [str(channel) for channel in channels[:_NUMBERS_SHOWN]]
    more = len(channels) - len(shown)
    if more:
        return f"indices {', '.join(shown)} and {more:,} more"
    return f"{'index' if len(shown) == 1 else 'indices'} {phrasing.listed(shown)}"


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
    names = tuple(layer.name for layer in idle)
    verb = "is part of the model but is" if len(idle) == 1 else "are part of the model but are"
    return [Note("unused", names, f"{phrasing.some(names)} {verb} never called.")]


def frozen_layers(overview: Overview) -> list[Note]:
    """Layers with weights that training does not change."""
    frozen = {
        id(call.layer): call.path
        for call in reversed(overview.leaves)
        if getattr(call.layer, "weights", None)
        and not call.layer.trainable_variables
        and not has_trait(call.layer, "fixed weights")
    }
    if not frozen:
        return []
    paths = tuple(path for path in overview.parameters if path in set(frozen.values()))
    held = sum(overview.parameters[path] for path in paths)
    share = phrasing.percent(held, overview.all_parameters)
    amount = f"{phrasing.plural(held, 'parameter')} ({share} of the model)"
    if len(paths) == 1:
        text = f"'{paths[0]}' is not trainable: {amount}."
    else:
        text = f"{len(paths):,} layers are not trainable ('{paths[0]}' to '{paths[-1]}'): {amount}."
    return [Note("frozen", paths, text)]


def silent_kernels(statistics: Mapping[str, ChannelStatistics]) -> list[Note]:
    """Kernels that never fired on the data at hand, that repeat others, and values that are not finite."""
    return [
        Note("kernels", (path,), text) for path, each in statistics.items() for text in _remarks(path, each)
    ]


def _remarks(path: str, each: ChannelStatistics) -> Iterator[str]:
    dead = np.flatnonzero(each.dead)
    samples = phrasing.plural(each.samples, "sample")
    if len(dead):
        verb = "activates" if len(dead) == 1 else "activate"
        yield (
            f"{len(dead):,} of {len(each.dead):,} kernels of '{path}' never {verb} on {samples} "
            f"({_numbers(dead)})."
        )
    if each.duplicates:
        verb = "duplicates" if len(each.duplicates) == 1 else "duplicate"
        pairs = ", ".join(f"{pair[0]} and {pair[1]}" for pair in each.duplicates[:_NUMBERS_SHOWN])
        count = phrasing.plural(len(each.duplicates), "kernel")
        yield f"{count} of '{path}' {verb} another one ({pairs})."
    if each.nonfinite:
        yield f"'{path}' produced {each.nonfinite:,} NaN or infinite values on {samples}."
