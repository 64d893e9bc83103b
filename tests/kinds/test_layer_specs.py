"""Every layer that convscope brings is known to scope, beside the class itself."""

import keras
import pytest

from convscope.kinds.registry import register_layers
from convscope.scope.layer_spec import registered


def layers_of_ours():
    register_layers()
    found, waiting = [], [keras.layers.Layer]
    while waiting:
        kinds = waiting.pop().__subclasses__()
        waiting += kinds
        found += [kind for kind in kinds if kind.__module__.startswith("convscope.")]
    return {
        kind.__name__: kind for kind in found if kind.__name__[0] != "_" and not issubclass(kind, keras.Model)
    }


OURS = layers_of_ours()


def test_there_are_layers_of_ours():
    assert {"LogMel", "LinearChainCRF", "ProportionsAbove", "Energy", "Standardization"} <= set(OURS)


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_layer_of_ours_has_a_spec(name):
    spec = next(spec for spec in registered() if spec.layer is OURS[name])
    assert spec.receptive_field is not None or spec.role == "merging"
    assert callable(spec.about) or (len(spec.about) > 40 and spec.about.endswith("."))
