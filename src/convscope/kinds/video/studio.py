"""How the studio shows clips."""

from __future__ import annotations

from convscope.kinds.contract.representation import SampleDescription
from convscope.kinds.contract.studio import Facts, StudioElement
from convscope.kinds.video.representation import FramesDescription
from convscope.types import Array, Json


def facts(values: Array, description: SampleDescription | None) -> Facts:
    """The axes, with the time of each frame in seconds."""
    found: Facts = {"media": "film"}
    if not isinstance(description, FramesDescription):
        return found
    times: list[Json] = [float(time) for time in description.times]
    axes: list[Json] = [
        {"name": "time", "unit": "s", "length": values.shape[0], "places": times},
        {"name": "row", "unit": "px", "length": values.shape[1]},
        {"name": "column", "unit": "px", "length": values.shape[2]},
    ]
    return {**found, "axes": axes, "difference": description.shown is not None}


STUDIO = StudioElement(
    "cs-input-video",
    "convscope.kinds.video:studio.js",
    facts=facts,
    accepts={
        "video/mp4": ".mp4",
        "video/webm": ".webm",
        "video/x-msvideo": ".avi",
        "video/quicktime": ".mov",
        "video/x-matroska": ".mkv",
        "image/gif": ".gif",
    },
)
