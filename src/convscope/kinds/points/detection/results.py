"""What a detection in clouds found: predictions, and files of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from convscope.data.splits import Samples
from convscope.files import written_whole
from convscope.kinds.points.detection.average_precision import SpaceFound
from convscope.kinds.points.detection.boxes import COLUMNS, Floats
from convscope.kinds.points.detection.labels import kitti_lines
from convscope.kinds.points.detection.sources import BoxedClouds

BOXES_FILE = "boxes.json"


@dataclass(frozen=True, eq=False)
class SpaceDetections:
    """What was found in some clouds.

    Args:
        found: The boxes of each cloud, unsure ones among them.
        thresholds: Least score of each class of a box that is predicted, shape (classes,).
        files: What was written of each cloud; empty where nothing was asked for.
        camera: Whether a camera says how large objects are.
    """

    found: Sequence[SpaceFound]
    thresholds: Floats
    files: Sequence[str] = ()
    camera: bool = False

    def __len__(self) -> int:
        return len(self.found)


@dataclass(frozen=True, eq=False)
class SpacePrediction:
    """One box that was found in a cloud, or that none was.

    Args:
        name: The file.
        class_name: Of the object; empty where no object was found.
        score: How sure that is, from 0 to 1.
        values: As `COLUMNS`, in the coordinates of the file; empty where no object was found.
        file: What was written of the cloud; empty where nothing was asked for.
    """

    name: str
    class_name: str = ""
    score: float = 0.0
    values: tuple[float, ...] = ()
    file: str = ""

    def to_json(self) -> dict[str, object]:
        """Cloud, class, score, and the box by the names that the reader of tables takes again."""
        written = {"written": self.file} if self.file else {}
        found = dict(zip(COLUMNS, (round(value, 4) for value in self.values), strict=False))
        box = {name: found.get(name) for name in COLUMNS}
        known = (self.class_name, self.score) if self.values else (None, None)
        return {"sample": self.name, "class": known[0], "score": known[1], **box, **written}

    def to_row(self) -> dict[str, str]:
        """Cloud, class, score and the box, which the reader of tables takes again."""
        score = f"{self.score:.6f}" if self.values else ""
        found = dict(zip(COLUMNS, (f"{value:.4f}" for value in self.values), strict=False))
        box = {name: found.get(name, "") for name in COLUMNS}
        written = {"written": self.file} if self.file else {}
        return {"sample": self.name, "class": self.class_name, "score": score, **box, **written}

    def to_cells(self) -> dict[str, str]:
        """Cloud, class, score, where the box is, how large, and its heading in degrees."""
        if not self.values:
            return {
                "sample": self.name,
                "class": "nothing found",
                **dict.fromkeys(("score", "middle", "sides", "heading"), ""),
            }
        middle = " ".join(f"{value:.2f}" for value in self.values[:3])
        sides = " x ".join(f"{value:.2f}" for value in self.values[3:6])
        return {
            "sample": self.name,
            "class": self.class_name,
            "score": f"{self.score:.1%}",
            "middle": middle,
            "sides": sides,
            "heading": f"{self.values[6] * 57.29578:.0f}°",
        }


def to_predictions(
    outputs: SpaceDetections, samples: Samples, class_names: Sequence[str]
) -> list[SpacePrediction]:
    """A prediction for each box, and one for each cloud without any."""
    made = []
    for index, each in enumerate(outputs.found):
        sure, name = each.sure(outputs.thresholds), samples.name(index)
        file = outputs.files[index] if outputs.files else ""
        made += [
            SpacePrediction(name, class_names[k], float(score), tuple(map(float, box)), file)
            for box, k, score in zip(sure.values, sure.classes.tolist(), sure.scores, strict=True)
        ] or [SpacePrediction(name, file=file)]
    return made


def write_boxes(
    folder: Path, samples: Samples, found: Sequence[SpaceFound], class_names: Sequence[str]
) -> list[str]:
    """Writes the boxes of all clouds to one JSON, and of clouds with a calibration also as KITTI has them.

    `boxes.json` has a row for each box by the names that the reader takes again. A text with the results of
    a frame of KITTI is called as its cloud, with a number where another cloud of this name comes before.

    Returns:
        The file with the boxes of each cloud.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, object]] = []
    files, stems = [], dict[str, int]()
    for index, each in enumerate(found):
        name = samples.name(index)
        for box, k, score in zip(
            each.values.tolist(), each.classes.tolist(), each.scores.tolist(), strict=True
        ):
            rows.append(SpacePrediction(name, class_names[k], score, tuple(box)).to_json())
        if not len(each):
            rows.append({"sample": name})
        calibration = samples.calibration(index) if isinstance(samples, BoxedClouds) else None
        if calibration is None:
            files.append(str(folder / BOXES_FILE))
            continue
        stem = Path(name).stem
        stems[stem] = stems.get(stem, 0) + 1
        path = folder / f"{stem}{f'_{stems[stem]}' if stems[stem] > 1 else ''}.txt"
        names = [class_names[k] for k in each.classes.tolist()]
        lines = kitti_lines(each.values, names, calibration, scores=each.scores)
        with written_whole(path) as part:
            part.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        files.append(str(path))
    with written_whole(folder / BOXES_FILE) as part:
        part.write_text(json.dumps(rows, ensure_ascii=False, indent=1), encoding="utf-8")
    return files
