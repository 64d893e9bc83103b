"""Which architecture images have by default."""

from types import SimpleNamespace

import pytest

from convscope.kinds.image.classification import FEW, suggest
from convscope.kinds.image.representation import ImageRepresentation


@pytest.mark.parametrize(
    ("side", "count", "name"),
    [
        (8, 1437, "residual_cnn"),
        (15, FEW, "residual_cnn"),
        (8, FEW + 1, "padded_cnn"),
        (7, 100, "padded_cnn"),
        (16, 100, "padded_cnn"),
        (48, 100, None),
    ],
)
def test_the_architecture_follows_size_and_number(side, count, name):
    found = suggest(ImageRepresentation(side, side, 1), SimpleNamespace(train=range(count)))
    assert (found and found[0]) == name
    assert found is None or f"images of {side}x{side} are" in found[1]
