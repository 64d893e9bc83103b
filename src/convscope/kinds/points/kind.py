"""Point clouds: what is known of the kind before Keras is imported."""

from __future__ import annotations

from typing import Literal

from convscope.data.options import (
    DROP_COLUMN,
    ENCODING,
    GROUP,
    LABEL_COLUMN,
    LABEL_PATTERN,
    SHEET,
    VOID_CLASSES,
)
from convscope.kinds.contract.kind import Architecture, Kind, RecipeSpec
from convscope.lazy import Lazy
from convscope.models.options import DEPTH, DROPOUT, WIDTH
from convscope.option import Multiples, Option, above, at_least, several_names, within

MOST_POINTS = 2**16


def _number_of_points(value: object) -> str | None:
    fits = isinstance(value, int) and 16 <= value <= MOST_POINTS
    return None if fits else f"a whole number from 16 to {MOST_POINTS}"


def _not_negative(value: object) -> str | None:
    fits = isinstance(value, int | float) and 0 <= value < 1e12
    return None if fits else "a length of at least 0"


def _names(text: str) -> tuple[str, ...]:
    """Parses `intensity,red` and `none`."""
    return () if text.strip().lower() == "none" else several_names(text)


NEIGHBORHOOD = Option(
    "neighborhood", int, None, "Points of a neighborhood", at_least(1), tries=Multiples((0.5, 2))
)
ATTRIBUTES = Option(
    "attributes",
    tuple[str, ...],
    None,
    "Features of points that a model gets besides x, y and z, such as intensity, or none",
    parse=_names,
)
TURN = Option(
    "turn",
    Literal["any", "little"],
    None,
    "How far clouds are turned about z in training; found by the train clouds",
)
RESOLUTION = Option(
    "resolution", int, None, "Cells along each axis of the grid that points are put into", within(8, 128)
)
EXPANSION = Option("expansion", int, None, "Times that a bottleneck widens channels", at_least(1))
POINTS_CLASSIFICATION = RecipeSpec(
    name="points-classification",
    task="classification",
    steps=Lazy("convscope.kinds.points.classification:RECIPE"),
    summary="which class does a point cloud, such as an object cut from a scan, belong to",
    reads=(
        "a folder per class of PLY, PCD, XYZ, LAS, LAZ, OFF, OBJ, STL, NumPy or KITTI files",
        "train/, validation/ and test/ of such folders",
        "a table that names clouds, with a label, and a split, a group or folds or none",
        "clouds in one folder whose names say the label, such as chair_0001.off",
    ),
    architectures=("pointnext_s", "pointnet", "dgcnn", "voxel_resnet"),
    options=(
        LABEL_COLUMN,
        LABEL_PATTERN,
        DROP_COLUMN,
        ENCODING,
        SHEET,
        GROUP,
        Option("points", int, None, "Points of each cloud that a model takes", _number_of_points),
        Option("keep_scale", bool, False, "Whether large clouds stay larger than small ones"),
        ATTRIBUTES,
        TURN,
        Option(
            "votes",
            int,
            1,
            "Turned copies of each cloud that answers are averaged over",
            at_least(1),
            predicts=True,
        ),
    ),
    model_options=(
        WIDTH.of(pointnext_s=16, pointnet=64, dgcnn=64, voxel_resnet=16),
        DEPTH.of(pointnext_s=1, voxel_resnet=1),
        RESOLUTION.of(voxel_resnet=32),
        NEIGHBORHOOD.of(pointnext_s=16, dgcnn=20),
        EXPANSION.of(pointnext_s=4),
        DROPOUT.of(pointnext_s=0.4, pointnet=0.3, dgcnn=0.5, voxel_resnet=0.3),
    ),
    settings={
        name: {
            "epochs": 60,
            "batch_size": 32,
            "learning_rate": 2e-3,
            "weight_decay": 0.05,
            "label_smoothing": 0.1,
        }
        for name in ("pointnext_s", "pointnet", "dgcnn", "voxel_resnet")
    },
)

POINTS_SEGMENTATION = RecipeSpec(
    name="points-segmentation",
    task="segmentation",
    steps=Lazy("convscope.kinds.points.segmentation.recipe:RECIPE"),
    main_metric="mean_iou",
    summary="which class, such as ground or wire, does each point of a scene have",
    reads=(
        "clouds with a column of labels, LAS and LAZ with classifications",
        "clouds with a file of labels beside each, such as .labels, .label or _labels.npy",
        "the same below train/, validation/ and test/; a few clouds are cut into tiles of ground",
        "names of classes in classes.txt or classes.json beside them",
    ),
    architectures=("pointnext_unet",),
    options=(
        LABEL_COLUMN,
        GROUP,
        Option("points", int, None, "Points of a block that a model takes at a time", _number_of_points),
        Option(
            "tile_side", float, None, "Side of the tiles that scenes are cut into; 0 for none", _not_negative
        ),
        ATTRIBUTES,
        TURN,
        VOID_CLASSES,
        Option(
            "masks",
            str,
            None,
            "Folder that clouds with the predicted class of each point are written to",
            predicts=True,
        ),
    ),
    model_options=(
        WIDTH.of(pointnext_unet=32),
        DEPTH.of(pointnext_unet=1),
        NEIGHBORHOOD.of(pointnext_unet=16),
        EXPANSION.of(pointnext_unet=2),
        DROPOUT.of(pointnext_unet=0.2),
    ),
    settings={
        "pointnext_unet": {
            "epochs": 60,
            "batch_size": 8,
            "learning_rate": 3e-3,
            "weight_decay": 0.02,
            "class_weights": True,
        }
    },
    ignored_settings=("mixing",),
)

POINTS_DETECTION = RecipeSpec(
    name="points-detection",
    task="detection",
    steps=Lazy("convscope.kinds.points.detection.recipe:RECIPE"),
    main_metric="mean_ap",
    summary="where are the objects of a scan, how large are they, and which way do they look",
    reads=(
        "KITTI: velodyne/, label_2/ and calib/, perhaps below training/, and lists in ImageSets/",
        "clouds and a table or JSON with a row for each box: cloud, class, x, y, z, length, width, height,"
        " heading",
    ),
    architectures=("pillar_net",),
    options=(
        GROUP,
        Option("points", int, None, "Points of each cloud that a model takes", _number_of_points),
        ATTRIBUTES,
        TURN,
        Option("pillar", float, None, "Side of a cell of the grid, in the unit of the clouds", above(0)),
        Option("flip", bool, True, "Whether a mirrored cloud keeps its objects", common=True),
        Option(
            "mirror", bool, True, "Average predictions over each cloud and its mirror image", predicts=True
        ),
        Option(
            "threshold",
            float,
            None,
            "Least score of a predicted box; by default that of the best F1 on validation, for each class",
            within(0, 1),
            predicts=True,
        ),
        Option(
            "boxes", str, None, "Folder that boxes.json and results of KITTI are written to", predicts=True
        ),
    ),
    model_options=(
        WIDTH.of(pillar_net=32),
        Option("blocks", int, None, "Residual blocks of each level", at_least(1)).of(pillar_net=1),
        DROPOUT.of(pillar_net=0.0),
    ),
    settings={
        "pillar_net": {
            "epochs": 40,
            "batch_size": 4,
            "learning_rate": 2e-3,
            "weight_decay": 0.02,
            "averaging": 0.02,
        }
    },
    ignored_settings=("class_weights", "label_smoothing", "mixing"),
)

POINTS = Kind(
    name="points",
    extra="points",
    input_shape=(256, 3),
    detect=Lazy("convscope.kinds.points.detect:detect"),
    recipes=(POINTS_CLASSIFICATION, POINTS_SEGMENTATION, POINTS_DETECTION),
    architectures=(
        Architecture(
            "pointnext_s",
            Lazy("convscope.kinds.points.models:pointnext_s"),
            "a small PointNeXt: neighborhoods of fewer and fewer points",
        ),
        Architecture(
            "pointnet",
            Lazy("convscope.kinds.points.models:pointnet"),
            "PointNet: each point by itself, then the largest values",
        ),
        Architecture(
            "dgcnn",
            Lazy("convscope.kinds.points.models:dgcnn"),
            "a dynamic graph CNN: neighbors by the values of each layer",
        ),
        Architecture(
            "voxel_resnet",
            Lazy("convscope.kinds.points.voxel_models:voxel_resnet"),
            "a 3-D residual network over the cells of a grid that points fill",
        ),
        Architecture(
            "pointnext_unet",
            Lazy("convscope.kinds.points.models:pointnext_unet"),
            "a small PointNeXt and the way back to all points: a class for each",
            usual_classes=3,
        ),
        Architecture(
            "pillar_net",
            Lazy("convscope.kinds.points.detection.models:pillar_net"),
            "points to a picture of the ground, centers and boxes of objects on it",
            usual_classes=3,
            input_shape=(4096, 4),
            fewest_classes=1,
        ),
    ),
    layers="convscope.kinds.points.layers",
    view=Lazy("convscope.kinds.points.view:VIEW"),
    model_reader=Lazy("convscope.kinds.points.model_reader:MODEL_READER"),
    inspections={
        "critical-points": Lazy("convscope.kinds.points.inspections:inspect_critical_points"),
        "boxes-above": Lazy("convscope.kinds.points.detection.inspection:inspect_boxes_above"),
        "sight": Lazy("convscope.kinds.points.inspections:inspect_sight"),
    },
    requires=("laspy", "scipy", "trimesh"),
    studio=Lazy("convscope.kinds.points.studio:STUDIO"),
)
