"""Video: what is known of the kind before Keras is imported."""

from __future__ import annotations

from typing import Literal

from convscope.data.options import DROP_COLUMN, ENCODING, GROUP, LABEL_COLUMN, LABEL_PATTERN, SHEET
from convscope.kinds.contract.kind import Architecture, Kind, RecipeSpec
from convscope.lazy import Lazy
from convscope.models.options import DEPTH, DROPOUT, WIDTH
from convscope.option import Choices, Option, above, at_least, within

MOST_FRAMES, MOST_SIDE = 256, 1024
FRAME_RATE = Option(
    "frame_rate",
    float,
    None,
    "Frames a second of folders of frames, 25 by default",
    above(0),
    predicts=True,
)
READING_OPTIONS = (
    LABEL_COLUMN,
    LABEL_PATTERN,
    DROP_COLUMN,
    ENCODING,
    SHEET,
    GROUP,
    FRAME_RATE,
    Option(
        "part",
        float,
        None,
        "Seconds of the parts that long films are cut into when they are predicted",
        above(0),
        predicts=True,
    ),
)
GRID_OPTIONS = (
    Option("frames", int, None, "Frames of a window that a model takes", within(2, MOST_FRAMES)),
    Option("side", int, None, "Pixels of the longer side of a frame", within(16, MOST_SIDE)),
    Option("span", float, None, "Seconds of a window", above(0)),
    Option(
        "camera",
        Literal["fixed", "moving"],
        None,
        "Whether the camera stands still, so that what differs from the background is learned from",
    ),
)
_SETTINGS = {
    "epochs": 80,
    "batch_size": 16,
    "learning_rate": 3e-3,
    "weight_decay": 0.05,
    "label_smoothing": 0.05,
    "averaging": 0.02,
}
_ANOMALY_SETTINGS = {"epochs": 15, "batch_size": 16, "learning_rate": 2e-3, "precision": "float32"}
ARCHITECTURES = (
    Architecture(
        "temporal_shift",
        Lazy("convscope.kinds.video.models:temporal_shift"),
        "a residual network over frames whose blocks move channels to the frames beside",
    ),
    Architecture(
        "r2plus1d",
        Lazy("convscope.kinds.video.models:r2plus1d"),
        "a residual network of 2-D kernels, each followed by one along time",
    ),
    Architecture(
        "c3d",
        Lazy("convscope.kinds.video.models:c3d"),
        "kernels of 3x3x3 over frames and pixels, each normalized and pooled",
    ),
)
_NAMES = tuple(each.name for each in ARCHITECTURES)
VIDEO_CLASSIFICATION = RecipeSpec(
    name="video-classification",
    task="classification",
    steps=Lazy("convscope.kinds.video.classification:RECIPE"),
    summary="which class, such as an action or a scene, does a clip belong to, and when in a long film",
    reads=(
        "a folder per class of films (MP4, AVI, MKV, WebM, MOV and others), of GIF, or of folders of frames",
        "train/, validation/ and test/ of such folders",
        "a table that names clips, with a label, and a split and a group or none",
    ),
    architectures=_NAMES,
    options=(
        *READING_OPTIONS,
        *GRID_OPTIONS,
        Option("flip", bool, True, "Whether a mirrored clip keeps its class", common=True),
        Option(
            "mirror",
            bool,
            False,
            "Average predictions over each clip and its mirror image, where it keeps its class",
            predicts=True,
        ),
        Option(
            "windows",
            int,
            5,
            "Windows of a clip that a prediction is averaged over",
            within(1, 64),
            predicts=True,
        ),
    ),
    model_options=(
        WIDTH.of(temporal_shift=24, r2plus1d=24, c3d=24),
        DEPTH.of(temporal_shift=1, r2plus1d=1, c3d=4),
        DROPOUT.of(temporal_shift=0.4, r2plus1d=0.4, c3d=0.5),
        Option(
            "changes",
            bool,
            None,
            "Whether the first kernels see what has changed since the frame before",
            tries=Choices((True, False)),
        ).of(temporal_shift=True),
    ),
    settings=dict.fromkeys(_NAMES, _SETTINGS),
)

VIDEO_ANOMALY = RecipeSpec(
    name="video-anomaly",
    task="anomaly detection",
    steps=Lazy("convscope.kinds.video.anomaly.recipe:RECIPE"),
    main_metric="auc",
    summary="what is unusual in the film of a fixed camera, when, and where in the frame",
    reads=(
        "a folder of normal films, or of folders of frames",
        "train/ with normal films, and test/ with others, whose anomalies are known or not",
        "films beside a table with columns for the film, start and end in seconds",
        "UCSD, Avenue and ShanghaiTech, where what is unusual is marked in .npy files or in folders of masks",
    ),
    architectures=("frame_forecaster", "change_autoencoder"),
    options=(
        FRAME_RATE,
        ENCODING,
        SHEET,
        Option("frames", int, 6, "Frames of a window that a model takes", within(3, 64)),
        *(option for option in GRID_OPTIONS if option.name in ("side", "span")),
        Option(
            "false_alarms",
            float,
            3.0,
            "Expected false alarms per thousand normal frames",
            within(1e-3, 499),
            predicts=True,
        ),
        Option(
            "hold",
            int,
            100,
            "Frames after which an alarm that goes on is reported again",
            at_least(1),
            predicts=True,
        ),
        Option("every", bool, False, "Predict for every frame instead of each alarm", predicts=True),
    ),
    model_options=(
        WIDTH.of(frame_forecaster=16, change_autoencoder=16),
        DEPTH.of(frame_forecaster=2, change_autoencoder=3),
        Option("code", int, None, "Number of channels of the code", at_least(1)).of(change_autoencoder=8),
        Option("cell", int, None, "Pixels along each side of the cells that are scored", at_least(1)).of(
            frame_forecaster=4, change_autoencoder=4
        ),
    ),
    settings=dict.fromkeys(("frame_forecaster", "change_autoencoder"), _ANOMALY_SETTINGS),
    ignored_settings=("class_weights", "label_smoothing", "mixing", "augmentation"),
    untried=("architecture",),
    no_folds="its normal films alone are learned from",
)

VIDEO = Kind(
    name="video",
    extra="video",
    input_shape=(12, 80, 96, 1),
    detect=Lazy("convscope.kinds.video.detect:detect"),
    recipes=(VIDEO_CLASSIFICATION, VIDEO_ANOMALY),
    architectures=(
        *ARCHITECTURES,
        Architecture(
            "frame_forecaster",
            Lazy("convscope.kinds.video.anomaly.models:frame_forecaster"),
            "a U-Net that forecasts a frame from those before it: how far off each part is",
            answers="values",
        ),
        Architecture(
            "change_autoencoder",
            Lazy("convscope.kinds.video.anomaly.models:change_autoencoder"),
            "an auto-encoder of the changes from frame to frame: how far off each part is",
            answers="values",
        ),
    ),
    layers="convscope.kinds.video.models",
    view=Lazy("convscope.kinds.video.view:VIEW"),
    model_reader=Lazy("convscope.kinds.video.model_reader:MODEL_READER"),
    requires=("av",),
    studio=Lazy("convscope.kinds.video.studio:STUDIO"),
)
