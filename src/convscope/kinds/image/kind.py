"""Images: what is known of the kind before Keras is imported."""

from __future__ import annotations

from convscope.kinds.contract.kind import Architecture, Kind, RecipeSpec
from convscope.kinds.image.options import (
    IMAGE_CLASSIFICATION_MODEL_OPTIONS,
    IMAGE_CLASSIFICATION_OPTIONS,
    IMAGE_READER_OPTIONS,
)
from convscope.lazy import Lazy

IMAGE_CLASSIFICATION = RecipeSpec(
    name="image-classification",
    task="classification",
    steps=Lazy("convscope.kinds.image.classification:RECIPE"),
    summary="which class does an image belong to",
    reads=(
        "a folder per class",
        "train/, validation/ and test/ of such folders",
        "a CSV or Parquet table of path, label and split",
        "the FER2013 CSV: emotion, pixels, Usage",
        "Parquet with encoded images, as Hugging Face `datasets` writes it",
        ".npz with arrays of images and labels",
        "IDX files, compressed or not",
    ),
    architectures=("compact_cnn", "deep_cnn", "padded_cnn", "residual_cnn"),
    options=IMAGE_CLASSIFICATION_OPTIONS,
    model_options=IMAGE_CLASSIFICATION_MODEL_OPTIONS,
    settings={
        "compact_cnn": {"epochs": 60, "augmentation": 0.1},
        "deep_cnn": {"epochs": 30, "augmentation": 0.5},
        "padded_cnn": {
            "epochs": 30,
            "batch_size": 32,
            "learning_rate": 3e-3,
            "augmentation": 0.25,
            "flip": False,
        },
        "residual_cnn": {
            "epochs": 50,
            "batch_size": 128,
            "learning_rate": 2e-3,
            "weight_decay": 0.05,
            "label_smoothing": 0.1,
            "mixing": 0.2,
            "erase": 0.5,
            "mirror": True,
            "zoom": 0.05,
        },
    },
)

IMAGE = Kind(
    name="image",
    extra=None,
    input_shape=(48, 48, 1),
    detect=Lazy("convscope.kinds.image.detect:detect"),
    recipes=(IMAGE_CLASSIFICATION,),
    architectures=(
        Architecture(
            "compact_cnn",
            Lazy("convscope.kinds.image.models:compact_cnn"),
            "three unpadded convolutions, each pooled; small and fast",
        ),
        Architecture(
            "deep_cnn",
            Lazy("convscope.kinds.image.models:deep_cnn"),
            "five padded convolutions in four normalized blocks",
        ),
        Architecture(
            "padded_cnn",
            Lazy("convscope.kinds.image.models:padded_cnn"),
            "convolutions with explicit zero padding, for digits and icons",
        ),
        Architecture(
            "residual_cnn",
            Lazy("convscope.kinds.image.models:residual_cnn"),
            "a residual network for the best accuracy on small images",
        ),
        Architecture(
            "gabor_bank",
            Lazy("convscope.kinds.image.kernel_banks:gabor_bank"),
            "fixed kernels for stripes of each width and direction",
            answers="features",
        ),
        Architecture(
            "difference_of_gaussians_bank",
            Lazy("convscope.kinds.image.kernel_banks:difference_of_gaussians_bank"),
            "fixed kernels for spots and edges of each size",
            answers="features",
        ),
    ),
    layers="convscope.kinds.image.layers",
    view=Lazy("convscope.kinds.image.view:VIEW"),
    model_reader=Lazy("convscope.kinds.image.model_reader:MODEL_READER"),
    reader_options=IMAGE_READER_OPTIONS,
)
