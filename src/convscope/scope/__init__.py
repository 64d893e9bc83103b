"""Opens any Keras model: what its layers put out, where they look, and what they do.

Works on TensorFlow, JAX and PyTorch, and knows nothing of recipes or runs.
"""

from convscope.backend import prepare_backend

prepare_backend()

import convscope.scope.keras_layers  # noqa: E402, F401 - registers what is known about them
from convscope.scope.attribution.methods import Attribution, attribute  # noqa: E402
from convscope.scope.channels.effective_field import EffectiveField, effective_field  # noqa: E402
from convscope.scope.channels.kernels import Kernels, kernels  # noqa: E402
from convscope.scope.channels.position import Position, position  # noqa: E402
from convscope.scope.channels.statistics import ChannelStatistics, statistics  # noqa: E402
from convscope.scope.describe.explanation import Explanation, explain  # noqa: E402
from convscope.scope.geometry.geometry import geometries  # noqa: E402
from convscope.scope.geometry.receptive_field import Geometry  # noqa: E402
from convscope.scope.graph.graph import Call, LayerGraph, trace  # noqa: E402
from convscope.scope.record import (  # noqa: E402
    Recording,
    Tap,
    gradients,
    record,
    recorded_batches,
)

__all__ = [
    "Attribution",
    "Call",
    "ChannelStatistics",
    "EffectiveField",
    "Explanation",
    "Geometry",
    "Kernels",
    "LayerGraph",
    "Position",
    "Recording",
    "Tap",
    "attribute",
    "effective_field",
    "explain",
    "geometries",
    "gradients",
    "kernels",
    "position",
    "record",
    "recorded_batches",
    "statistics",
    "trace",
]
