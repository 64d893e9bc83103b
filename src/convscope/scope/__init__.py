"""Opens any Keras model: what its layers put out, where they look, and what they do.

Works on TensorFlow, JAX and PyTorch, and knows nothing of recipes or runs.
"""

from convscope.backend import prepare_backend

prepare_backend()

from convscope.scope.geometry import Geometry, geometries  # noqa: E402
from convscope.scope.graph import Call, Graph, trace  # noqa: E402
from convscope.scope.record import Recording, Tap, record, recorded_batches  # noqa: E402

__all__ = [
    "Call",
    "Geometry",
    "Graph",
    "Recording",
    "Tap",
    "geometries",
    "record",
    "recorded_batches",
    "trace",
]
