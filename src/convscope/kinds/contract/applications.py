"""The networks of `keras.applications`, known by the names of their layers, and what each was trained on."""

from __future__ import annotations

from dataclasses import dataclass

from convscope.scope.graph.graph import Graph


@dataclass(frozen=True)
class Family:
    """Networks that take pictures prepared in one way.

    Args:
        name: As Keras calls them.
        markers: Names of layers of which a network of this family has all.
        expects: What `preprocess_input` of their module does: `caffe`, `tf` or `torch`.
    """

    name: str
    markers: frozenset[str]
    expects: str


FAMILIES = tuple(
    Family(name, frozenset(markers.split()), expects)
    for name, markers, expects in (
        ("Xception", "block1_conv1_bn block2_sepconv1", "tf"),
        ("VGG", "block1_conv1 block1_conv2 block2_conv1 block3_conv3", "caffe"),
        ("ResNetV2", "conv1_conv conv2_block1_preact_bn", "tf"),
        ("DenseNet", "conv1_conv conv2_block1_concat", "torch"),
        ("ResNet", "conv1_conv conv1_bn conv2_block1_1_conv conv2_block1_3_bn", "caffe"),
        ("MobileNet", "conv1 conv_dw_1 conv_pw_1", "tf"),
        ("MobileNetV2", "Conv1 bn_Conv1 expanded_conv_depthwise", "tf"),
        ("MobileNetV3", "conv conv_bn expanded_conv_depthwise", "tf"),
        ("InceptionResNetV2", "mixed_5b block35_1", "tf"),
        ("InceptionV3", "mixed0 mixed1 mixed2", "tf"),
        ("NASNet", "stem_conv1 stem_bn1", "tf"),
        ("EfficientNetV2", "stem_conv stem_bn block1a_project_conv", "tf"),
    )
)
"""The first that fits is taken; ConvNeXt and EfficientNet scale their input by layers of their own."""


def family_of(graph: Graph) -> tuple[str, str] | None:
    """The family of a network, alone or inside of another model, and what it was trained on.

    Args:
        graph: Of a model that takes colored pictures.

    Returns:
        Name and `caffe`, `tf` or `torch`; None for all else.
    """
    if len(graph.inputs) != 1 or 3 not in (graph.inputs[0].shape[1:2] + graph.inputs[0].shape[-1:]):
        return None
    names = {call.path.rpartition("/")[2] for call in graph.calls}
    return next(((each.name, each.expects) for each in FAMILIES if each.markers <= names), None)
