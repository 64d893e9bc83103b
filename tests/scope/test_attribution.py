"""What is asked of an attribution: any model, output, class and layer; and what is refused."""

import keras
import numpy as np
import pytest
from keras import layers
from many_models import SMALL
from small_network import SmallNetwork, values_of

from convscope.errors import UsageError
from convscope.scope.attribution.methods import METHODS, attribute
from convscope.scope.graph.call_hooks import operations_of

pytestmark = pytest.mark.portable

FEW = {"rise": {"masks": 10}, "integrated-gradients": {"steps": 4}, "smoothgrad": {"draws": 2}}


def state_of(model):
    """All that a layer's instance holds, and all weights."""
    return (
        {id(each): {k: id(v) for k, v in vars(each).items()} for each in (model, *operations_of(model))},
        [np.array(keras.ops.convert_to_numpy(weight)) for weight in model.weights],
    )


@pytest.mark.parametrize("method", METHODS)
def test_the_model_is_left_as_it_was(method):
    network = SmallNetwork()
    attribute(network.model, network.x[:1], method, **FEW.get(method, {}))
    before = state_of(network.model)
    attribute(network.model, network.x[:1], method, **FEW.get(method, {}))
    after = state_of(network.model)
    assert before[0] == after[0]
    for first, second in zip(before[1], after[1], strict=True):
        np.testing.assert_array_equal(first, second)


def test_the_model_is_left_as_it_was_when_something_fails():
    network = SmallNetwork()
    attribute(network.model, network.x[:1], "saliency")
    before = state_of(network.model)[0]
    with pytest.raises(UsageError):
        attribute(network.model, network.x, "guided-backpropagation", channels="mean")
    assert state_of(network.model)[0] == before


@pytest.mark.parametrize(
    "name", ["two_inputs", "shared_layer", "subclassed", "conv3d", "over_time", "nested_deeply"]
)
def test_every_make_of_model_is_explained_at_the_input_and_at_a_layer(name):
    model, x = SMALL[name]()
    first = x[0] if isinstance(x, list) else x
    for method in ("grad-cam", "integrated-gradients"):
        found = attribute(model, x, method, **FEW.get(method, {}))
        assert len(found) == len(first)
        assert found[0].values.shape == first.shape[1:-1]
        assert np.isfinite(values_of(found)).all()
        assert found[0].path or method != "grad-cam"


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("two_inputs", "look"),
        ("shared_layer", "encoder/edges"),
        ("over_time", "each/frame/edges"),
        ("nested_deeply", "middle/on"),
    ],
)
def test_the_layer_chosen_is_the_last_with_positions_and_is_said(name, path):
    model, x = SMALL[name]()
    found = attribute(model, x)[0]
    assert found.path == path
    assert found.details["layer"] == "the last whose maps still have positions"
    assert "layer" not in attribute(model, x, layer=path)[0].details


def test_a_nested_model_gives_what_it_gives_alone():
    network = SmallNetwork()
    outer = keras.Sequential([keras.Input(network.x.shape[1:]), network.model])
    for method in ("grad-cam", "saliency", "guided-backpropagation"):
        alone = attribute(network.model, network.x, method, target=1)
        nested = attribute(outer, network.x, method, target=1)
        np.testing.assert_allclose(values_of(nested), values_of(alone), atol=1e-6)
        assert nested[0].details["explained"] == "before softmax"
    assert attribute(outer, network.x)[0].path == f"{network.model.name}/maps"


def test_the_second_input_and_the_second_output_are_named():
    model, x = SMALL["two_inputs"]()
    found = attribute(model, x, "saliency", output="size", input_name="more")[0]
    assert (found.output, found.target, found.values.shape) == ("size", 0, (3,))
    assert found.details["input"] == "more"
    named = dict(zip(("picture", "more"), x, strict=True))
    for output in ("kind", "size"):
        by_name = attribute(model, named, "grad-cam", output=output, target=0)
        np.testing.assert_array_equal(
            values_of(by_name), values_of(attribute(model, x, "grad-cam", output=output, target=0))
        )


def test_the_predicted_class_is_explained_unless_one_is_named(backend):
    network = SmallNetwork()
    predicted = network.outputs(network.x).argmax(1)
    found = attribute(network.model, network.x, "saliency")
    assert [each.target for each in found] == predicted.tolist()
    each_its_own = attribute(network.model, network.x, "saliency", target=[2, 0, 1])
    for i, target in enumerate([2, 0, 1]):
        alone = attribute(network.model, network.x[i : i + 1], "saliency", target=target)[0]
        bound = 2e-6 if backend == "jax" else 1e-6  # which sums in another order without its optimizations
        np.testing.assert_allclose(each_its_own[i].values, alone.values, atol=bound)


@pytest.mark.parametrize("score", ["logit", "probability"])
def test_a_single_sigmoid_unit_is_two_classes(score):
    network = SmallNetwork(ending="sigmoid", classes=1)
    unit = network.outputs(network.x)[:, 0]
    g = network.gradient(network.x, 0)
    if score == "probability":
        g = g * (unit * (1 - unit)).reshape(-1, 1, 1, 1)
    for target, sign in ((1, 1), (0, -1)):
        found = attribute(network.model, network.x, "saliency", target=target, score=score, channels="sum")
        np.testing.assert_allclose(values_of(found), sign * g.sum(-1), atol=1e-5)
        own = unit if target else 1 - unit
        np.testing.assert_allclose([each.score for each in found], own, atol=1e-5)
    predicted = attribute(network.model, network.x, "occlusion")
    assert [each.target for each in predicted] == (unit >= 0.5).astype(int).tolist()
    assert all(each.score >= 0.5 for each in predicted)


@pytest.mark.parametrize("end", ["activation", "layer", "operation", "reshaped", "cast"])
def test_the_logit_is_found_however_the_model_ends(end):
    network = SmallNetwork(ending="none")
    x = inputs = keras.Input(network.x.shape[1:])
    x = network.model(x)
    x = {
        "activation": layers.Activation("softmax"),
        "layer": layers.Softmax(),
        "operation": keras.ops.softmax,
        "reshaped": lambda z: layers.Reshape((3,))(layers.Softmax()(z)),
        "cast": lambda z: layers.Activation("linear", dtype="float32")(layers.Softmax()(z)),
    }[end](x)
    found = attribute(keras.Model(inputs, x), network.x, "saliency", target=1)
    np.testing.assert_allclose(values_of(found), np.abs(network.gradient(network.x, 1)).max(-1), atol=1e-5)
    assert found[0].details["explained"] == "before softmax"
    assert 0 < found[0].score < 1


def test_an_output_with_positions_can_be_averaged_over_them():
    model = keras.Sequential(
        [
            keras.Input((5, 5, 1)),
            layers.Conv2D(3, 3, padding="same", name="maps"),
            layers.Conv2D(2, 1, activation="softmax", name="every_pixel"),
        ]
    )
    x = np.random.default_rng(0).normal(size=(1, 5, 5, 1)).astype("float32")
    found = attribute(model, x, target=1, at="mean")[0]
    maps = keras.ops.convert_to_numpy(model.layers[0](x))[0]
    head = keras.ops.convert_to_numpy(model.layers[1].kernel)[0, 0, :, 1]
    assert found.path == "maps"
    np.testing.assert_allclose(found.values, np.maximum(maps @ head, 0) / 25, atol=1e-6)


def test_half_precision_gives_nearly_the_same():
    network = SmallNetwork()
    weights = network.model.get_weights()
    config = network.model.get_config()
    for layer in config["layers"]:
        layer["config"]["dtype"] = "mixed_bfloat16" if layer["class_name"] != "InputLayer" else "float32"
    mixed = keras.Sequential.from_config(config)
    mixed.set_weights(weights)
    for method in ("grad-cam", "saliency"):
        exact = values_of(attribute(network.model, network.x, method, target=1))
        found = values_of(attribute(mixed, network.x, method, target=1))
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, exact, atol=0.05 * exact.max())


def test_channels_first_is_explained_like_channels_last(backend):
    if backend == "tensorflow":
        pytest.skip("TensorFlow has no such convolution on a processor")
    network = SmallNetwork()
    first = keras.Sequential(
        [
            keras.Input((2, 7, 6)),
            layers.Conv2D(3, 3, activation="relu", use_bias=False, data_format="channels_first", name="maps"),
            layers.Permute((2, 3, 1)),
            *network.model.layers[1:],
        ]
    )
    first.layers[0].set_weights([network.kernel])
    for method in ("saliency", "occlusion", "score-cam"):
        options = {} if method != "score-cam" else {"layer": "maps"}
        exact = attribute(network.model, network.x, method, target=1, **options)
        found = attribute(first, np.moveaxis(network.x, -1, 1), method, target=1, **options)
        np.testing.assert_allclose(values_of(found), values_of(exact), atol=1e-5)


def test_whole_number_pictures_are_explained_as_what_the_model_takes():
    network = SmallNetwork()
    pictures = (np.abs(network.x) * 10).astype("uint8")
    found = attribute(network.model, pictures, "saliency", target=0)
    expected = np.abs(network.gradient(pictures.astype("float32"), 0)).max(-1)
    np.testing.assert_allclose(values_of(found), expected, atol=1e-5)


def test_nan_stays_where_it_is_and_is_counted():
    network = SmallNetwork()
    x = network.x.copy()
    x[1, 0, 0, 0] = np.nan
    with pytest.raises(UsageError, match="NaN for sample 1"):
        attribute(network.model, x)
    found = attribute(network.model, x, target=0)
    assert "nonfinite" not in found[0].details
    assert np.isfinite(found[0].values).all()
    assert found[1].details["nonfinite"] == np.isnan(found[1].values).sum() > 0


def test_a_map_of_one_sample_does_not_depend_on_the_batch():
    network = SmallNetwork()
    for method in METHODS:
        options = {"target": 1, **FEW.get(method, {})}
        together = attribute(network.model, network.x[:2], method, batch_size=3, **options)[0]
        alone = attribute(network.model, network.x[:1], method, batch_size=64, **options)[0]
        np.testing.assert_allclose(together.values, alone.values, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "grad-kam"}, r"No attribution method is named 'grad-kam'.*grad-cam"),
        ({"layer": "mapss"}, r"no layer 'mapss'.*maps"),
        ({"output": "outt"}, r"No output is named 'outt'.*out"),
        ({"input_name": "z"}, "No input is named 'z'"),
        ({"target": 3}, r"targets 0 to 2. Received: target=3"),
        ({"target": -1}, "target=-1"),
        ({"target": [0, 1]}, "each of the 3 samples"),
        ({"target": "cat"}, "target='cat'"),
        ({"score": "loss"}, "score='loss'"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"steps": 3}, r"grad-cam has no option 'steps'.*resize"),
        ({"x": np.zeros((7, 6, 2))}, r"Received: \(7, 6, 2\)"),
        ({"x": np.zeros((0, 7, 6, 2))}, "no samples"),
        ({"x": np.full((1, 7, 6, 2), "a")}, "is not numeric"),
        ({"x": {"picture": np.zeros((1, 7, 6, 2))}}, "No input is named 'picture'"),
    ],
)
def test_what_cannot_be_asked_is_refused(arguments, message):
    network = SmallNetwork()
    asked = {"x": network.x, **arguments}
    with pytest.raises(UsageError, match=message):
        attribute(network.model, asked.pop("x"), **asked)


def test_there_is_no_probability_without_softmax_or_sigmoid():
    network = SmallNetwork(ending="none")
    assert attribute(network.model, network.x)[0].details["explained"] == "the output"
    with pytest.raises(UsageError, match="is not a probability"):
        attribute(network.model, network.x, score="probability")


@pytest.mark.parametrize("method", METHODS)
def test_every_method_tells_what_it_does_and_its_options(method):
    entry = METHODS[method]
    assert entry.summary
    assert entry.source
    assert entry.function().__doc__
    assert "question" not in entry.options()


def test_a_layer_before_the_last_is_explained_through_all_behind_it():
    network = SmallNetwork()
    early = layers.Conv2D(2, 1, use_bias=False, name="early")
    model = keras.Sequential([keras.Input(network.x.shape[1:]), early, network.model])
    maps = network.x @ keras.ops.convert_to_numpy(early.kernel)[0, 0]
    g = network.gradient(maps, 1).mean((1, 2), keepdims=True)
    found = attribute(model, network.x, layer="early", target=1)
    np.testing.assert_allclose(values_of(found), np.maximum((maps * g).sum(-1), 0), atol=1e-5)


@pytest.mark.parametrize("before", ["nothing", "rescaled", "operation"])
def test_a_picture_without_channels_keeps_its_rows_and_columns(before):
    network = SmallNetwork()
    x = inputs = keras.Input((7, 6))
    if before == "rescaled":
        x = layers.Rescaling(1.0)(x)
    x = keras.ops.expand_dims(x, -1) if before == "operation" else layers.Reshape((7, 6, 1))(x)
    x = layers.Concatenate()([x, x])
    model = keras.Model(inputs, network.model(x))
    pictures = network.x[..., :1]
    g = network.gradient(np.repeat(pictures, 2, -1), 1).sum(-1)
    found = attribute(model, pictures[..., 0], "saliency", target=1, channels="sum")
    np.testing.assert_allclose(values_of(found), g, atol=1e-5)
    for method in ("grad-cam", "score-cam", "occlusion", "rise"):
        found = attribute(model, pictures[..., 0], method, target=1, **FEW.get(method, {}))
        assert found[0].values.shape == (7, 6)


def test_flattened_tables_keep_both_axes():
    model = keras.Sequential([keras.Input((4, 3)), layers.Flatten(), layers.Dense(2)])
    weights = keras.ops.convert_to_numpy(model.layers[-1].kernel)
    found = attribute(model, np.ones((1, 4, 3)), "saliency", target=1)[0]
    np.testing.assert_allclose(found.values, np.abs(weights[:, 1].reshape(4, 3)), atol=1e-6)


def segmenter(rank, classes=3):
    """A class for each position, by the 3x3 (x3) values around it, and a half that has half the positions."""
    of = {2: (layers.Conv2D, layers.MaxPooling2D, layers.UpSampling2D)}.get(
        rank, (layers.Conv3D, layers.MaxPooling3D, layers.UpSampling3D)
    )
    inputs = keras.Input((*(8, 6, 4)[:rank], 1))
    skip = of[0](4, 3, padding="same", name="fine")(inputs)
    low = of[0](6, 1, name="low")(of[1](2)(skip))
    both = layers.Concatenate()([of[2](2)(low), skip])
    model = keras.Model(inputs, of[0](classes, 1, activation="softmax", name="classes")(both))
    rng = np.random.default_rng(rank)  # the same weights on every backend
    model.set_weights([rng.normal(0, 0.5, weight.shape) for weight in model.get_weights()])
    return model


@pytest.mark.parametrize("rank", [2, 3])
def test_one_position_of_a_segmentation_is_explained_by_what_it_sees(rank):
    keras.utils.set_random_seed(rank)
    model, at = segmenter(rank), (5, 2, 1)[:rank]
    x = np.random.default_rng(rank).normal(size=(2, *model.input_shape[1:])).astype("float32")
    found = attribute(model, x, "integrated-gradients", at=at, target=2)[1]
    assert (found.at, found.target) == (at, 2)
    assert found.score == pytest.approx(keras.ops.convert_to_numpy(model(x))[(1, *at, 2)], abs=1e-6)
    assert found.values.sum() == pytest.approx(found.details["difference"], abs=1e-4)
    seen = np.zeros(found.values.shape, bool)
    seen[tuple(slice(2 * (i // 2) - 1 if 2 * (i // 2) else 0, 2 * (i // 2) + 3) for i in at)] = True
    assert np.abs(found.values[~seen]).max() == 0
    cam = attribute(model, x, "grad-cam", at=at)[0]
    assert cam.path == "low"
    assert "lowest resolution" in cam.details["layer"]


def test_the_position_is_the_surest_of_a_class_or_the_most_uncertain_one():
    keras.utils.set_random_seed(0)
    model = segmenter(2)
    x = np.random.default_rng(0).normal(size=(1, *model.input_shape[1:])).astype("float32")
    outputs = keras.ops.convert_to_numpy(model(x))[0]
    (of_class,) = attribute(model, x, "saliency", target=1)
    assert outputs[of_class.at][1] == outputs[..., 1].max() == pytest.approx(of_class.score)
    (predicted,) = attribute(model, x, "saliency")
    best = outputs.argmax(axis=-1)
    common = np.bincount(best.ravel(), minlength=3).argmax()
    assert best[predicted.at] == predicted.target != common
    (unsure,) = attribute(model, x, "saliency", at="uncertain")
    ranked = np.sort(outputs, axis=-1)
    assert unsure.at == np.unravel_index((ranked[..., -1] - ranked[..., -2]).argmin(), best.shape)


def test_the_middle_of_equally_sure_positions_is_chosen():
    model = keras.Sequential([keras.Input((5, 5, 2)), layers.Softmax()])
    x = np.zeros((1, 5, 5, 2), "float32")
    x[0, 1:4, 0:3, 1] = 90
    x[..., 0] = 1
    assert attribute(model, x, "saliency")[0].at == (2, 1)


@pytest.mark.parametrize(
    ("at", "message"),
    [((9, 0), "has positions 0,0 to 7,5"), ((1,), "has positions"), ("best", "surest, uncertain, mean")],
)
def test_a_position_that_is_not_there_is_refused(at, message):
    with pytest.raises(UsageError, match=message):
        attribute(segmenter(2), np.zeros((1, 8, 6, 1), "float32"), at=at)


def test_a_classifier_has_no_positions_to_choose_from():
    model = keras.Sequential(
        [keras.Input((4, 4, 1)), layers.Flatten(), layers.Dense(2, activation="softmax")]
    )
    with pytest.raises(UsageError, match="no positions to choose from"):
        attribute(model, np.zeros((1, 4, 4, 1), "float32"), "saliency", at=(1, 1))
