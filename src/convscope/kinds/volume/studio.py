"""How the studio shows volumes."""

from __future__ import annotations

from convscope.data.masks import Classes, Mask
from convscope.kinds.contract.representation import SampleDescription
from convscope.kinds.contract.studio import Facts, Labeled, StudioElement
from convscope.kinds.tasks.segmentation_windows import middle_of_mask
from convscope.kinds.volume.representation import VolumeDescription
from convscope.kinds.volume.segmentation.representation import MaskedVolumeRepresentation
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


def true_mask(labeled: Labeled) -> Classes | None:
    """The mask of the label in voxels of the input."""
    mask, representation = labeled.label, labeled.representation
    if not isinstance(mask, Mask) or not isinstance(representation, MaskedVolumeRepresentation):
        return None
    return middle_of_mask(representation, labeled.samples.load(labeled.index), mask)


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
    true_mask=true_mask,
)
