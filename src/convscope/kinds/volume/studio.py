"""How the studio shows volumes."""

from __future__ import annotations

from convscope.kinds.contract.representation import SampleDescription
from convscope.kinds.contract.studio import Facts, StudioElement
from convscope.kinds.volume.representation import VolumeDescription
from convscope.types import Array, Json

NAMES = ("right", "anterior", "superior")
"""Where the axes of an oriented volume lead."""


def facts(values: Array, description: SampleDescription | None) -> Facts:
    """The axes with the size of a voxel along each, in mm where that is known."""
    found: Facts = {"media": "volume"}
    if not isinstance(description, VolumeDescription):
        return found
    names = NAMES if description.oriented else ("x", "y", "z")
    axes: list[Json] = [
        {"name": name, "unit": "mm", "length": length, "spacing": spacing}
        for name, length, spacing in zip(names, values.shape, description.spacing, strict=False)
    ]
    return {**found, "axes": axes, "oriented": description.oriented}


STUDIO = StudioElement(
    "cs-input-volume",
    "convscope.kinds.volume:studio.js",
    facts=facts,
    accepts={
        "application/gzip": ".nii.gz",
        "application/x-nifti": ".nii",
        "application/dicom": ".dcm",
        "application/x-nrrd": ".nrrd",
        "application/x-mha": ".mha",
        "application/x-npz": ".npz",
        "application/x-numpy": ".npy",
    },
)
