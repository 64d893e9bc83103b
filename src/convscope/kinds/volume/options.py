"""Options that several recipes of volumes have."""

from __future__ import annotations

from typing import Literal

from convscope.option import Option

CHANNEL_LAYOUT = Option(
    "channel_layout",
    Literal["files", "axis", "none"],
    None,
    "Where channels of a scan are: files that end in _0000, _0001; a fourth axis; or none; found by default",
    predicts=True,
)
RESAMPLE_LABELS = Option(
    "resample_labels",
    bool,
    False,
    "Bring masks on another grid than their scans to it, by the nearest voxel",
)
