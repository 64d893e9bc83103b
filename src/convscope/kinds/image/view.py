"""How images are drawn: as they are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from convscope.kinds.contract.representation import RasterDescription
from convscope.lenses.sheet.theme import Numbers
from convscope.lenses.views.raster import RasterView
from convscope.lenses.views.view import View


class _ImageViews:
    """Makes the views of images."""

    def of_input(self, values: Numbers, description: object = None) -> View:
        """An image as a model takes it, or as its bytes."""
        described = description if isinstance(description, RasterDescription) else RasterDescription()
        limits = None if values.dtype == np.uint8 else described.limits
        return RasterView(_with_channels(values), limits, [self.of_sample(each) for each in described.beside])

    def of_sample(self, sample: npt.NDArray[np.uint8]) -> RasterView:
        """An image as it was read, uint8."""
        return RasterView(_with_channels(sample))


def _with_channels(values: Numbers) -> Numbers:
    return values[..., None] if values.ndim == 2 else values


VIEW = _ImageViews()
