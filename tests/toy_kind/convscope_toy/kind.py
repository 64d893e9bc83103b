"""Rings: what is known of the kind before Keras is imported."""

from convscope.kinds.contract.kind import Architecture, Kind, RecipeSpec
from convscope.lazy import Lazy
from convscope.option import Option, at_least

RING_CLASSIFICATION = RecipeSpec(
    name="ring-classification",
    task="classification",
    steps=Lazy("convscope_toy.recipe:RECIPE"),
    summary="which class does a ring belong to",
    reads=("a folder per class of .ring files", "train/, validation/ and test/ of such folders"),
    architectures=("ring_cnn",),
    options=(Option("positions", int, None, "Values that every ring is resampled to", at_least(8)),),
    settings={"ring_cnn": {"epochs": 6, "batch_size": 16, "learning_rate": 1e-2, "precision": "float32"}},
    model_options=(Option("width", int, 8, "Kernels of the first convolution", at_least(1)).of(ring_cnn=8),),
)

RING = Kind(
    name="ring",
    extra=None,
    input_shape=(64, 1),
    detect=Lazy("convscope_toy.detect:detect"),
    recipes=(RING_CLASSIFICATION,),
    architectures=(
        Architecture("ring_cnn", Lazy("convscope_toy.models:ring_cnn"), "circular convolutions, pooled"),
    ),
    layers="convscope_toy.layers",
    view=Lazy("convscope_toy.view:VIEW"),
)
