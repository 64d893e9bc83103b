"""A probe finds classes where they can be told apart by a straight line, and not where they cannot."""

import csv
import json

import numpy as np
import pytest
from drawn import THEMES, assert_tidy, named, pixels, texts
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import convscope
from convscope.errors import UsageError
from convscope.features.probe import STRENGTHS, LayerProbe, Probe, chosen_layers, interval
from convscope.lenses.figures.depth import Level, draw_depth

COUNT = 240


def samples(noise, seed=0, count=COUNT):
    """Two features of three classes at the corners of a triangle."""
    random = np.random.default_rng(seed)
    codes = np.arange(count) % 3
    corners = np.array([[0, 0], [1, 0], [0.5, 0.9]])
    return corners[codes] + random.normal(0, noise, (count, 2)), codes


def ordered(count=COUNT):
    return ["train"] * (count // 2) + ["validation"] * (count // 4) + ["test"] * (count // 4)


def labels_of(codes):
    return [("cat", "cow", "dog")[code] for code in codes]


@pytest.fixture
def layered(made):
    """Noise, then a layer with the classes, then a clearer one."""
    noise = np.random.default_rng(5).normal(0, 1, (COUNT, 4))
    middle, codes = samples(0.35)
    late, _ = samples(0.05, 1)
    labels = labels_of(codes)
    answers = ["dog", "cat", *labels[2:]]
    return made({"in": noise, "block/mid": middle, "out": late}, labels, ordered(), answers)


def test_accuracy_rises_where_the_classes_become_separable(layered):
    found = convscope.probe(layered)
    assert [each.layer for each in found.layers] == ["in", "block/mid", "out"]
    blind, middle, late = (each.accuracy for each in found.layers)
    assert blind < 0.55 < 0.7 < middle < late == 1.0
    assert found.separable.layer == found.best.layer == "out"
    assert found.samples == (120, 60, 60)
    assert found.baseline == pytest.approx(1 / 3)
    assert found.model == 1.0
    assert found.finding == "The best of 3 layers is out with 100.0%."


@pytest.mark.parametrize(
    ("shares", "separable", "words"),
    [
        ((0.5, 0.97, 1.0, 0.98), "b", "is c with 100.0%; from b (97.0%) on, all are within its interval."),
        ((0.5, 0.97, 1.0, 0.6), None, "is c with 100.0%."),
        ((0.97, 0.5, 1.0, 0.98), "c", "is c with 100.0%."),
        ((1.0, 0.5, 0.98, 0.98), None, "is a with 100.0%."),
    ],
)
def test_classes_are_separable_from_a_layer_on_only_if_they_stay_so(shares, separable, words):
    layers = tuple(
        LayerProbe(name, 4, share, share - 0.05, share, share, 1.0, True)
        for name, share in zip("abcd", shares, strict=True)
    )
    found = Probe(None, layers, 2, (8, 8, 8), 0.5, None, ())
    assert (found.separable and found.separable.layer) == separable
    assert found.finding == f"The best of 4 layers {words}"


def test_a_probe_is_the_best_of_scikit_learns_on_the_validation_split(layered):
    found = convscope.probe(layered, layers="block/mid").layers[0]
    matrix = layered.matrix("block/mid")
    codes = layered.columns().codes(("cat", "cow", "dog"))
    fitted = [
        make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=500)).fit(
            matrix[:120], codes[:120]
        )
        for strength in STRENGTHS
    ]
    reached = [each.score(matrix[120:180], codes[120:180]) for each in fitted]
    best = int(np.argmax(reached))
    assert found.strength == STRENGTHS[best]
    assert found.validation_accuracy == pytest.approx(reached[best])
    assert found.accuracy == pytest.approx(fitted[best].score(matrix[180:], codes[180:]), abs=1 / 60)
    assert found.converged
    assert found.values == 2


def test_test_labels_take_no_part(made):
    matrix, codes = samples(0.1)
    wrong = codes.copy()
    wrong[180:] = (wrong[180:] + 1) % 3
    right = convscope.probe(made({"a": matrix}, labels_of(codes), ordered())).layers[0]
    other = convscope.probe(made({"a": matrix}, labels_of(wrong), ordered())).layers[0]
    assert right.strength == other.strength
    assert right.accuracy > 0.95
    assert other.accuracy < 0.05


@pytest.mark.parametrize(("right", "samples"), [(0, 5), (9, 10), (10, 10), (173, 179), (1, 2000)])
def test_the_interval_is_that_of_scipy(right, samples):
    expected = binomtest(right, samples).proportion_ci(0.95, method="wilson")
    np.testing.assert_allclose(interval(right, samples), (expected.low, expected.high), atol=1e-6)


def test_splits_that_are_not_there_are_drawn_by_the_seed(made):
    matrix, codes = samples(0.1)
    said = []
    found = convscope.probe(made({"a": matrix}, labels_of(codes)), say=said.append)
    assert found.samples == (144, 48, 48)
    assert said == ["no train or no test split: splits of all 240 samples drawn with seed 0"]
    assert found.layers[0].accuracy > 0.9


def test_only_a_validation_split_is_carved_out_of_train(made):
    matrix, codes = samples(0.1)
    splits = ["test" if row % 4 == 0 else "train" for row in range(COUNT)]
    found = convscope.probe(made({"a": matrix}, labels_of(codes), splits))
    assert found.samples == (144, 36, 60)
    assert found.notes == ("validation split drawn from train with seed 0",)


def test_samples_without_a_label_and_values_that_are_no_numbers_do_no_harm(made):
    matrix, codes = samples(0.1)
    matrix[:50, 0] = np.nan
    labels = [None if row % 10 == 0 else label for row, label in enumerate(labels_of(codes))]
    found = convscope.probe(made({"a": matrix, "b": matrix * 0}, labels, ordered()))
    assert sum(found.samples) == 216
    assert found.layers[0].accuracy > 0.5
    assert found.layers[1].accuracy == pytest.approx(found.baseline, abs=0.05)
    assert found.model is None


@pytest.mark.parametrize(
    ("labels", "message"), [([None] * 30, "no labels"), (["cat"] * 30, "train samples of one class only")]
)
def test_features_that_cannot_be_probed_are_refused(made, labels, message):
    with pytest.raises(UsageError, match=message):
        convscope.probe(made({"a": np.zeros((30, 2))}, labels))


def test_layers_are_chosen_by_path_end_and_pattern_in_the_models_order(layered):
    assert chosen_layers(layered, ["out", "mid"]) == ["block/mid", "out"]
    assert chosen_layers(layered, ["*i*"]) == ["in", "block/mid"]
    with pytest.raises(UsageError, match="no layer 'nothing'"):
        chosen_layers(layered, ["nothing"])


@pytest.mark.parametrize("theme", THEMES)
def test_the_picture_has_a_dot_for_each_layer_where_its_accuracy_is(layered, theme):
    found = convscope.probe(layered)
    figure = found.draw(theme)
    assert_tidy(figure)
    shown = texts(figure)
    assert {"in", "block/mid", "out", "the most frequent class, 33.3%"} <= set(shown)
    dots = [named(figure, f"dot {each.layer}")[0] for each in found.layers]
    places = [dot.get_x() for dot in dots]
    accuracies = [each.accuracy for each in found.layers]
    steps = np.diff(places) / np.diff(accuracies)
    np.testing.assert_allclose(steps, steps[0], rtol=1e-6)
    pixels(figure)


def test_a_deep_model_with_long_names_is_drawn_tidily():
    levels = [
        Level(f"stage{i}/a/very/long/path/to/some/layer/{'x' * 40}", 0.5, 0.45, 0.55, "123,456")
        for i in range(70)
    ]
    assert_tidy(
        draw_depth(levels, [("base", 0.5), ("the model itself", 0.5)], title="T" * 200, lead="L " * 300)
    )
    assert_tidy(draw_depth([Level("only", 1.0, 1.0, 1.0, first=True)]))


def test_the_command_prints_the_figures_and_draws_them(run_command, everything, tmp_path):
    code, out, err = run_command("probe", everything.path, "--layer", "block*_conv", "--out", "probe.png")
    assert code == 0, err
    for text in (
        "block1_conv",
        "block2_conv",
        "95% interval",
        "the model itself",
        "The best of",
    ):
        assert text in out
    assert "Wrote probe.png." in err
    assert (tmp_path / "here" / "probe.png").stat().st_size > 5000
    code, out, _ = run_command(
        "probe", everything.path, "--layer", "block*_conv", "--format", "json", "--out", "probe.csv"
    )
    printed = json.loads(out)
    assert [each["layer"] for each in printed["layers"]] == ["block1_conv", "block2_conv"]
    assert printed["samples"] == {"train": 96, "validation": 12, "test": 12}
    assert printed["baseline"] == pytest.approx(1 / 3)
    with (tmp_path / "here" / "probe.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["layer"] for row in rows] == ["block1_conv", "block2_conv"]
    assert float(rows[1]["accuracy"]) == printed["layers"][1]["accuracy"]
