"""What only detectors are inspected by: maps with boxes over them, and what the surest ones are due to."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from convscope.errors import UsageError
from convscope.kinds.contract.inspection import InspectedModel, InspectionResult
from convscope.kinds.tasks.detection_boxes import boxes_of_maps
from convscope.kinds.tasks.detection_metrics import USUAL_THRESHOLD
from convscope.lenses.figures.boxes import BoxCase, DrawnBoxes, draw_box_cases
from convscope.lenses.pages.pages import LazyFigure
from convscope.lenses.sheet.theme import LIGHT, Colors, Numbers, scale_of
from convscope.scope.attribution.methods import attribute
from convscope.scope.record import Recording, record

CLASSES = 6
"""Maps of classes that are shown at most."""
EXPLAINED = 3
"""The surest boxes whose attribution is shown: one of each class, then others."""
METHOD = "saliency"
OPACITY = 0.65


def inspect_boxes(inspected: InspectedModel) -> InspectionResult:
    """The boxes over each input, over the maps of centers and of layers, and what the surest ones are due to.

    Boxes are those with a score of at least `USUAL_THRESHOLD`. Attributions are saliency, of the score at the
    position of a box.

    Raises:
        UsageError: The model has no maps of centers.
    """
    shapes = [tuple[Any, ...](getattr(value, "shape", ())) for value in inspected.model.outputs]
    maps = [shape for shape in shapes if len(shape) == 4]
    if len(maps) != 2 or maps[1][-1] != 4 or maps[0][1:3] != maps[1][1:3]:
        raise UsageError(
            f"Boxes are those of models with maps of centers and sides; '{inspected.name}' has none.",
            "Give a model of image-detection, such as center_net.",
        )
    recorded = record(inspected.model, inspected.inputs, list(inspected.layers))
    classes = inspected.class_names or tuple(f"class {k}" for k in range(maps[0][-1]))
    figures, arrays, about = [], dict[str, np.ndarray](), dict[str, Any]()
    for at, name in enumerate(inspected.names):
        found = _Found(inspected, recorded, at, classes)
        figures.append(
            LazyFigure(partial(_drawn, found, name, inspected.name, tuple(classes)), f"boxes in {name}")
        )
        arrays[f"{name}/scores"] = found.scores
        arrays[f"{name}/boxes"] = found.corners
        about[name] = {
            "boxes": [
                {"class": classes[k], "score": float(score), "corners": box.round(2).tolist()}
                for box, k, score in zip(found.corners, found.classes, found.sure, strict=True)
            ]
        }
    notes = (*inspected.notes, f"boxes with a score of at least {USUAL_THRESHOLD:g}; {METHOD} of the surest")
    return InspectionResult(f"Boxes of {inspected.name}", figures, arrays, {"inputs": about}, notes)


class _Found:
    """One input with its boxes and maps."""

    def __init__(
        self, inspected: InspectedModel, recorded: Recording, at: int, class_names: tuple[str, ...]
    ) -> None:
        self._inspected, self._at, self._names = inspected, at, class_names
        self.picture: Numbers = np.asarray(inspected.inputs)[at]
        self.scores, sides = (np.asarray(each, np.float32)[at] for each in recorded.predictions[:2])
        self.stride = self.picture.shape[0] / self.scores.shape[0]
        corners, classes, sure = boxes_of_maps(self.scores, sides, self.stride)
        kept = sure >= USUAL_THRESHOLD
        limits = np.array([self.picture.shape[1], self.picture.shape[0]] * 2, np.float64)
        self.corners = np.clip(corners[kept], 0, limits)
        self.classes, self.sure = classes[kept], sure[kept]
        self._maps = {path: np.asarray(tap.array[at], np.float32) for path, tap in recorded.items()}

    def panels(self) -> list[DrawnBoxes]:
        """The input, the maps of classes, those of layers, and attributions."""
        labels = [f"{self._names[k]} {s:.2f}" for k, s in zip(self.classes.tolist(), self.sure, strict=True)]
        whole = np.arange(len(self.classes))
        shown = [self._over(self.picture, whole, labels, f"{len(whole)} boxes")]
        for k, name in enumerate(self._names[:CLASSES]):
            of_class = np.flatnonzero(self.classes == k)
            title = f"centers of {name}, up to {self.scores[..., k].max():.2f}"
            shown.append(self._over(self._heat(self.scores[..., k]), of_class, [], title))
        for path, maps in self._maps.items():
            if maps.ndim == 3:
                strongest = np.argsort(-maps.max(axis=(0, 1)), kind="stable")[: self._inspected.channels]
                shown += [
                    self._over(self._heat(maps[..., channel]), whole, [], f"{path}, channel {channel}")
                    for channel in strongest.tolist()
                ]
        return [*shown, *self._attributed(labels)]

    def _attributed(self, labels: list[str]) -> list[DrawnBoxes]:
        """What the surest boxes are due to, of different classes as far as there are."""
        firsts = [int(np.flatnonzero(self.classes == k)[0]) for k in np.unique(self.classes)]
        others = [index for index in range(len(self.classes)) if index not in firsts]
        asked = self._inspected.target
        chosen = [index for index in (*firsts, *others) if asked is None or self.classes[index] == asked]
        shown = []
        for index in chosen[:EXPLAINED]:
            middle = (self.corners[index, :2] + self.corners[index, 2:]) / 2
            place = self._peak(middle, int(self.classes[index]))
            [found] = attribute(
                self._inspected.model,
                np.asarray(self._inspected.inputs)[self._at : self._at + 1],
                METHOD,
                target=int(self.classes[index]),
                at=place,
            )
            title = f"{METHOD} of {labels[index]} at {place[0]},{place[1]}"
            shown.append(self._over(self._heat(found.values), np.array([index]), [], title))
        return shown

    def _peak(self, middle: npt.NDArray[np.float64], k: int) -> tuple[int, int]:
        """The position with the largest score of a class near the middle of a box."""
        column, row = (int(value) for value in middle / self.stride)
        rows = slice(max(row - 2, 0), row + 3)
        columns = slice(max(column - 2, 0), column + 3)
        part = self.scores[rows, columns, k]
        down, across = np.unravel_index(int(part.argmax()), part.shape)
        return rows.start + int(down), columns.start + int(across)

    def _over(
        self, picture: Numbers, chosen: npt.NDArray[np.int64], labels: list[str], title: str
    ) -> DrawnBoxes:
        texts = [labels[index] if labels else "" for index in chosen.tolist()]
        faults = np.zeros(len(chosen), bool)
        return DrawnBoxes(picture, self.corners[chosen], self.classes[chosen], texts, faults, title)

    def _heat(self, values: Numbers) -> Colors:
        """A map in colors over the input in gray, uint8 (rows, columns, 4)."""
        from PIL import Image

        rows, columns = self.picture.shape[:2]
        colors = scale_of(LIGHT, values).colors(values)
        wide = np.asarray(Image.fromarray(colors).resize((columns, rows), Image.Resampling.BILINEAR))
        gray = 255 * np.clip(self.picture, 0, 1).mean(axis=-1, keepdims=True)
        made = wide.copy()
        made[..., :3] = np.rint(OPACITY * wide[..., :3] + (1 - OPACITY) * gray)
        return made


def _drawn(found: _Found, name: str, model: str, class_names: tuple[str, ...], theme: str) -> Any:
    """The figure of one input."""
    caption = f"{len(found.classes)} boxes with a score of {USUAL_THRESHOLD:g} or more"
    case = BoxCase(name, caption, found.panels())
    return draw_box_cases([case], class_names, theme=theme, title=f"Boxes of {model}")
