"""What only models of clouds are inspected by: points that decide, and points that a point can see."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from convscope.errors import UsageError
from convscope.kinds.contract.inspection import InspectedModel, InspectionResult
from convscope.kinds.points.layers import NearestPoints, PointConv, PointPooling
from convscope.kinds.points.picture import OBLIQUE, SIDES
from convscope.kinds.points.representation import CloudDescription
from convscope.kinds.points.view import TALL, CloudView
from convscope.lenses.pages.pages import LazyFigure
from convscope.lenses.sheet.sheet import INNER, MARGIN, SMALL, Sheet
from convscope.lenses.sheet.theme import count, find_theme
from convscope.scope.graph.graph import Call, LayerGraph, trace
from convscope.scope.record import record
from convscope.types import Array

Marked = npt.NDArray[np.bool_]
_SIDES = (SIDES[0], OBLIQUE)
_LAYERS = 4
"""Layers whose sight is shown."""


def inspect_critical_points(inspected: InspectedModel) -> InspectionResult:
    """The points of which a channel takes its largest value over the whole cloud, such as those of PointNet.

    Raises:
        UsageError: The model has no pooling over points.
    """
    graph = trace(inspected.model)
    pooling = next((call for call in graph.calls if isinstance(call.layer, PointPooling)), None)
    if pooling is None:
        raise UsageError(
            f"Critical points are those that a pooling over points takes; '{inspected.name}' has none.",
            "Give a model of points-classification, such as pointnet.",
        )
    maker = _maker_of(graph, pooling.inputs[0])
    assert maker is not None
    before = maker.path
    maps = np.asarray(record(inspected.model, inspected.inputs, [before])[before].array, np.float32)
    figures, arrays, about = [], {}, {}
    for at, name in enumerate(inspected.names):
        view = _view(inspected, at)
        taken = np.bincount(maps[at].argmax(axis=0), minlength=maps.shape[1])
        channels = np.zeros(view.points, np.int64)
        np.add.at(channels, np.flatnonzero(taken) % view.points, taken[taken > 0])
        figures.append(
            LazyFigure(partial(_draw_critical, view, channels, name, inspected), f"critical {name}")
        )
        arrays[f"{name}/channels"] = channels
        arrays[f"{name}/positions"] = np.asarray(view.places)
        about[name] = {"critical": int((channels > 0).sum()), "points": int(maps.shape[1])}
    title = f"Critical points of {inspected.name}"
    return InspectionResult(title, figures, arrays, {"inputs": about, "layer": before}, inspected.notes)


def _view(inspected: InspectedModel, at: int) -> CloudView:
    values = np.asarray(inspected.inputs)[at]
    found = None if inspected.describe is None else inspected.describe(at)
    return CloudView(values, found if isinstance(found, CloudDescription) else None)


def _draw_critical(
    view: CloudView, channels: npt.NDArray[np.int64], name: str, inspected: InspectedModel, theme: str
) -> Figure:
    sheet = Sheet(find_theme(theme))
    y = sheet.title(f"Critical points of {inspected.name}")
    sheet.text(MARGIN, y, f"{name}  ·  {view.note}", color=sheet.theme.muted, width=INNER)
    critical = channels > 0
    joined = any(isinstance(layer, PointConv) for layer in inspected.model.layers)
    then = "each stands for its neighborhood" if joined else "without all others the answer stays the same"
    said = (
        f"{count(int(critical.sum()), 'point')} of {view.points:,} (blue) have the largest value of one"
        f" channel or more, {int(channels.max())} at most (orange); {then}."
    )
    y = int(sheet.paragraph(MARGIN, y + 30, said, INNER, size=SMALL)) + 8
    colors = view.shaded(sheet, critical, int(channels.argmax()))
    y += view.picture.place_sides(sheet, (MARGIN, y, INNER, TALL), colors, front=critical, name="critical")
    return sheet.finish(y + 30)


def inspect_sight(inspected: InspectedModel) -> InspectionResult:
    """The points that one point of a layer can see, through all neighborhoods in between.

    The point is the one with the largest value of the layer. Neighborhoods depend on the cloud, so that they
    are followed back through the tables of this one.

    Raises:
        UsageError: The model has no convolution over neighborhoods.
    """
    graph = trace(inspected.model)
    convolutions = [call for call in graph.calls if isinstance(call.layer, PointConv)]
    asked = graph.select(inspected.layers) if inspected.layers else []
    chosen = [call for call in convolutions if not asked or call.path in {each.path for each in asked}]
    if not chosen:
        raise UsageError(
            f"Sight is that of convolutions over neighborhoods; '{inspected.name}' has none among these"
            " layers.",
            "In PointNet each point sees itself alone; give a model such as pointnext_s.",
        )
    chosen = chosen[:_LAYERS]
    tables = [call for call in graph.calls if isinstance(call.layer, NearestPoints)]
    paths = list(dict.fromkeys(call.path for call in (*tables, *chosen)))
    recorded = {
        path: np.asarray(tap.array) for path, tap in record(inspected.model, inspected.inputs, paths).items()
    }
    figures, arrays, about = [], {}, {}
    for at, name in enumerate(inspected.names):
        view = _view(inspected, at)
        shown = []
        for call in chosen:
            values = recorded[call.path][at]
            row = int(values.max(axis=1).argmax())
            marked = np.zeros(len(values), bool)
            marked[row] = True
            of_input = _seen(
                graph, call, marked, {key: each[at] for key, each in recorded.items()}, len(view.values)
            )
            seen = np.zeros(view.points, bool)
            seen[np.flatnonzero(of_input) % view.points] = True
            shown.append((call.path, row, seen))
            arrays[f"{name}/{call.path}"] = of_input
        figures.append(LazyFigure(partial(_draw_sight, view, shown, name, inspected), f"sight in {name}"))
        about[name] = {path: {"point": row, "sees": int(seen.sum())} for path, row, seen in shown}
    title = f"What points of {inspected.name} can see"
    return InspectionResult(title, figures, arrays, {"inputs": about}, inspected.notes)


def _seen(graph: LayerGraph, call: Call, marked: Marked, tables: dict[str, Array], points: int) -> Marked:
    """Which points of the input some points of a call's output depend on, shape (points,)."""
    seen = np.zeros(points, bool)
    waiting: list[tuple[Call, Marked]] = [(call, marked)]
    while waiting:
        layer, mark = waiting.pop()
        sources = list(layer.inputs)
        if isinstance(layer.layer, PointConv):
            table = tables[_maker_of(graph, layer.inputs[1]).path]  # type: ignore[union-attr]
            wide = np.zeros(points, bool)
            wide[np.unique(table[np.flatnonzero(mark)])] = True
            wide[: len(mark)] |= mark
            mark, sources = wide, [layer.inputs[0]]
        for value in sources:
            maker = _maker_of(graph, value)
            if maker is None:
                seen[: len(mark)] |= mark[:points]
            else:
                waiting.append((maker, mark))
    return seen


def _maker_of(graph: LayerGraph, value: Any) -> Call | None:
    return next((each for each in graph.calls if each.kind != "group" and value in each.outputs), None)


def _draw_sight(
    view: CloudView,
    shown: Sequence[tuple[str, int, Marked]],
    name: str,
    inspected: InspectedModel,
    theme: str,
) -> Figure:
    sheet = Sheet(find_theme(theme))
    y = sheet.title(f"What points of {inspected.name} can see")
    sheet.text(MARGIN, y, f"{name}  ·  {view.note}", color=sheet.theme.muted, width=INNER)
    y += 40
    for path, row, seen in shown:
        said = f"{path}: point {row}, where the layer has its largest value (orange), sees"
        sheet.text(
            MARGIN, y, f"{said} {int(seen.sum())} of {view.points:,} points (blue)", bold=True, width=INNER
        )
        colors = view.shaded(sheet, seen, row % view.points)
        y += (
            14
            + view.picture.place_sides(
                sheet, (MARGIN, y + 14, INNER, 280), colors, front=seen, name=path, sides=_SIDES
            )
            + 26
        )
    return sheet.finish(y + 6)
