"""What only detectors in clouds are inspected by: maps from above with boxes over them, and their reasons."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from convscope.errors import UsageError
from convscope.kinds.contract.inspection import InspectedModel, InspectionResult
from convscope.kinds.points.detection.above import AboveCase, AbovePanel, Region, draw_above
from convscope.kinds.points.detection.metrics import USUAL_THRESHOLD
from convscope.kinds.points.detection.representation import FAR, PillarRepresentation
from convscope.kinds.points.detection.targets import STRIDE, decoded
from convscope.lenses.pages.pages import LazyFigure
from convscope.lenses.sheet.theme import Numbers
from convscope.scope.attribution.methods import attribute
from convscope.scope.record import Recording, record

CLASSES = 6
"""Maps of classes that are shown at most."""
EXPLAINED = 3
"""The surest boxes whose attribution is shown: one of each class, then others."""
METHOD = "saliency"
ROOM = 1.5
"""Half the side of what is shown of an attribution, in lengths of its box."""


def inspect_boxes_above(inspected: InspectedModel) -> InspectionResult:
    """The boxes over each cloud from above, over the maps of centers and of layers, and their reasons.

    Boxes are those with a score of at least `USUAL_THRESHOLD`. Attributions are saliency, of the score at the
    position of a box.

    Raises:
        UsageError: The model is none of a run that finds boxes in clouds.
    """
    if not isinstance(inspected.representation, PillarRepresentation):
        raise UsageError(
            f"Boxes from above are those of runs of points-detection; '{inspected.name}' is none.",
            "Give the folder of such a run.",
        )
    recorded = record(inspected.model, inspected.inputs, list(inspected.layers))
    classes = inspected.class_names or ()
    figures, arrays, about = [], dict[str, np.ndarray](), dict[str, dict[str, object]]()
    for at, name in enumerate(inspected.names):
        found = _Found(inspected, inspected.representation, recorded, at, tuple(classes))
        title = f"Boxes of {inspected.name}"
        figures.append(LazyFigure(partial(_drawn, found, name, title, tuple(classes)), f"boxes in {name}"))
        arrays[f"{name}/scores"], arrays[f"{name}/boxes"] = found.scores, found.boxes
        about[name] = {
            "boxes": [
                {"class": classes[k], "score": float(score), "values": box.round(3).tolist()}
                for box, k, score in zip(found.boxes, found.classes, found.sure, strict=True)
            ]
        }
    notes = (
        *inspected.notes,
        f"boxes with a score of at least {USUAL_THRESHOLD:g}, about the middle of the grid; {METHOD} of the"
        " surest: the more a point matters, the more orange it is",
    )
    return InspectionResult(f"Boxes of {inspected.name}", figures, arrays, {"inputs": about}, notes)


class _Found:
    """One cloud with its boxes and maps."""

    def __init__(
        self,
        inspected: InspectedModel,
        represent: PillarRepresentation,
        recorded: Recording,
        at: int,
        class_names: tuple[str, ...],
    ) -> None:
        self._inspected, self._at, self._names = inspected, at, class_names
        values = np.asarray(inspected.inputs)[at].astype(np.float64)
        self._there = np.abs(values[:, 0]) < FAR * represent.cell
        self.points = values[self._there, :3]
        self.scores, sides = (np.asarray(each, np.float32)[at] for each in recorded.predictions[:2])
        boxes, classes, sure = decoded(self.scores, sides, represent)
        kept = sure >= USUAL_THRESHOLD
        self.boxes, self.classes, self.sure = boxes[kept], classes[kept], sure[kept]
        self._step = represent.cell * STRIDE
        wide, high = represent.columns * represent.cell / 2, represent.rows * represent.cell / 2
        self.region: Region = (-wide, wide, -high, high)
        self._maps = {path: np.asarray(tap.array[at], np.float32) for path, tap in recorded.items()}

    def panels(self) -> list[AbovePanel]:
        """The cloud, the maps of classes, those of layers, and attributions."""
        labels = [f"{self._names[k]} {s:.2f}" for k, s in zip(self.classes.tolist(), self.sure, strict=True)]
        whole = np.arange(len(self.classes))
        shown = [self._over(whole, labels, f"{len(whole)} boxes")]
        for k, name in enumerate(self._names[:CLASSES]):
            of_class = np.flatnonzero(self.classes == k)
            title = f"centers of {name}, up to {self.scores[..., k].max():.2f}"
            shown.append(self._over(of_class, [], title, self.scores[..., k]))
        for path, maps in self._maps.items():
            if maps.ndim == 3:
                strongest = np.argsort(-maps.max(axis=(0, 1)), kind="stable")[: self._inspected.channels]
                shown += [
                    self._over(whole, [], f"{path}, channel {channel}", maps[..., channel])
                    for channel in strongest.tolist()
                ]
        return [*shown, *self._attributed(labels)]

    def _attributed(self, labels: list[str]) -> list[AbovePanel]:
        """What the surest boxes are due to, of different classes as far as there are."""
        firsts = [int(np.flatnonzero(self.classes == k)[0]) for k in np.unique(self.classes)]
        others = [index for index in range(len(self.classes)) if index not in firsts]
        asked = self._inspected.target
        chosen = [index for index in (*firsts, *others) if asked is None or self.classes[index] == asked]
        shown = []
        for index in chosen[:EXPLAINED]:
            place = self._peak(self.boxes[index, :2], int(self.classes[index]))
            [found] = attribute(
                self._inspected.model,
                np.asarray(self._inspected.inputs)[self._at : self._at + 1],
                METHOD,
                target=int(self.classes[index]),
                at=place,
            )
            values = np.asarray(found.values, np.float64)[self._there]
            title = f"{METHOD} of {labels[index]} at {place[0]},{place[1]}"
            panel = self._over(np.array([index]), [], title, values=values)
            shown.append(replace(panel, region=self._around(self.boxes[index])))
        return shown

    def _around(self, box: npt.NDArray[np.float64]) -> Region:
        """A square around a box that is some times as large."""
        half = ROOM * float(max(box[3], box[4])) + 4 * self._step
        return box[0] - half, box[0] + half, box[1] - half, box[1] + half

    def _peak(self, middle: npt.NDArray[np.float64], k: int) -> tuple[int, int]:
        """The position with the largest score of a class near the middle of a box."""
        rows, columns = self.scores.shape[:2]
        row = int(np.clip(rows / 2 - middle[1] / self._step, 0, rows - 1))
        column = int(np.clip(columns / 2 + middle[0] / self._step, 0, columns - 1))
        down, across = slice(max(row - 2, 0), row + 3), slice(max(column - 2, 0), column + 3)
        part = self.scores[down, across, k]
        first, second = np.unravel_index(int(part.argmax()), part.shape)
        return down.start + int(first), across.start + int(second)

    def _over(
        self,
        chosen: npt.NDArray[np.int64],
        labels: list[str],
        title: str,
        over: Numbers | None = None,
        values: Numbers | None = None,
    ) -> AbovePanel:
        texts = [labels[index] for index in chosen.tolist()] if labels else []
        faults = np.zeros(len(chosen), bool)
        boxes, classes = self.boxes[chosen], self.classes[chosen]
        return AbovePanel(self.region, self.points, boxes, classes, texts, faults, title, over, values)


def _drawn(found: _Found, name: str, title: str, class_names: tuple[str, ...], theme: str) -> Figure:
    """The figure of one cloud."""
    caption = f"{len(found.classes)} boxes with a score of {USUAL_THRESHOLD:g} or more; orange: what mattered"
    return draw_above([AboveCase(name, caption, found.panels())], class_names, theme=theme, title=title)
