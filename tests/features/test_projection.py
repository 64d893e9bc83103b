"""Points on a plane: those of scikit-learn, the same for a seed, with labels and mistakes."""

import csv
import sys

import numpy as np
import pytest
from drawn import THEMES, assert_tidy, named, pixels, texts
from matplotlib.colors import to_rgba
from sklearn.decomposition import PCA
from sklearn.metrics import silhouette_score

import convscope
from convscope.errors import BackendError, UsageError, install_command
from convscope.features.projection import COLORS
from convscope.lenses.figures.scatter import draw_scatter


def clusters(per_class=20, values=12, seed=0):
    random = np.random.default_rng(seed)
    centers = random.normal(0, 6, (3, values))
    return np.concatenate([center + random.normal(0, 1, (per_class, values)) for center in centers])


def three(per_class=20):
    return [name for name in ("cat", "cow", "dog") for _ in range(per_class)]


def test_pca_is_that_of_scikit_learn_and_says_how_much_it_shows(made):
    matrix = clusters()
    made_up = convscope.project(made({"a": matrix}, three()))
    fitted = PCA(2).fit(matrix.astype(np.float32))
    expected = fitted.transform(matrix)
    signs = np.sign((expected * made_up.points).sum(axis=0))
    np.testing.assert_allclose(made_up.points * signs, expected, atol=1e-4)
    np.testing.assert_allclose(made_up.explained, fitted.explained_variance_ratio_, rtol=1e-4)


@pytest.mark.parametrize("method", ["tsne", pytest.param("umap", marks=pytest.mark.slow)])
def test_neighbors_stay_together_and_a_seed_gives_the_same_points(made, method):
    if method == "umap":
        pytest.importorskip("umap", reason="umap-learn is not installed", exc_type=ImportError)
    features = made({"a": clusters(values=60)}, three())
    first = convscope.project(features, method=method, seed=1)
    again = convscope.project(features, method=method, seed=1)
    np.testing.assert_array_equal(first.points, again.points)
    assert silhouette_score(first.points, three()) > 0.5
    assert first.points.shape == (60, 2)
    assert first.points.dtype == np.float32


def test_few_samples_can_be_placed_by_every_method(made):
    features = made({"a": np.random.default_rng(0).normal(0, 1, (5, 3))})
    for method in ("pca", "tsne"):
        assert np.isfinite(convscope.project(features, method=method).points).all()
    with pytest.raises(UsageError, match="has 4 samples, expected at least 5"):
        convscope.project(made({"a": np.eye(4)}))


@pytest.mark.parametrize("matrix", [np.ones((6, 3)), np.arange(6.0)[:, None]])
def test_constant_features_and_a_single_one_have_places_too(made, matrix):
    found = convscope.project(made({"a": matrix}))
    assert np.isfinite(found.points).all()
    assert np.allclose(found.points[:, 1], 0)
    assert_tidy(found.draw())


def test_large_sets_are_sampled_by_the_seed_and_pca_places_all(made):
    said = []
    features = made({"a": clusters(30)}, three(30))
    placed = convscope.project(features, method="tsne", most=40, seed=3, say=said.append)
    assert len(placed.rows) == 40
    assert said == ["t-SNE of 40 of 90 samples, drawn with seed 3"]
    assert np.all(np.diff(placed.rows) > 0)
    other = convscope.project(features, method="tsne", most=40, seed=4)
    assert not np.array_equal(other.rows, placed.rows)
    whole = convscope.project(features, most=40)
    assert len(whole.rows) == 90
    assert whole.notes == ("PCA fitted to 40 of 90 samples, drawn with seed 0",)


def test_samples_that_are_no_numbers_are_left_out_and_counted(made):
    matrix = clusters()
    matrix[[3, 50], 2] = np.nan, np.inf
    found = convscope.project(made({"a": matrix}, three()))
    assert found.notes == ("2 samples left out: some of their features are not finite",)
    assert len(found.rows) == 58
    assert not {3, 50} & set(found.rows.tolist())


@pytest.mark.parametrize("color", COLORS)
@pytest.mark.parametrize("theme", THEMES)
def test_every_coloring_is_drawn_tidily(made, color, theme):
    labels = three()
    predictions = ["dog", *labels[1:]]
    splits = ["train", "test"] * 30
    found = convscope.project(made({"a": clusters()}, labels, splits, predictions), color=color)
    figure = found.draw(theme)
    assert_tidy(figure)
    shown = {"label": "cat", "prediction": "cow", "mistake": "right", "split": "train"}[color]
    assert shown in texts(figure)
    rings = named(figure, "rings")
    assert len(rings) == (0 if color == "mistake" else 2)  # those in the plot, and the one that explains them
    if rings:
        assert len(rings[0].get_offsets()) == 1
    pixels(figure)


def test_points_lie_where_they_belong_in_the_color_of_their_group():
    points = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 5.0]])
    figure = draw_scatter(points, np.array([0, 1, 0]), ["left", "right"], title="Points")
    drawn = named(figure, "points")[0]
    places, colors = np.asarray(drawn.get_offsets()), drawn.get_facecolors()
    groups = [to_rgba(color) for color in colors]
    right = places[:, 0].argmax()
    assert groups[right] not in [groups[i] for i in range(3) if i != right]
    top = places[:, 1].argmin()  # up is down on a sheet
    assert np.isclose(places[top, 0], places[:, 0].min())
    reach = np.ptp(places, axis=0)
    assert np.isclose(reach[0], 2 * reach[1])


def test_many_groups_share_one_mark_and_the_legend_stays_tidy():
    random = np.random.default_rng(0)
    names = [f"a rather long class name, number {i}" for i in range(60)]
    figure = draw_scatter(random.normal(0, 1, (500, 2)), np.arange(500) % 60, names)
    assert_tidy(figure)
    assert "21 smaller groups" in texts(figure)
    with pytest.raises(UsageError, match="no point"):
        draw_scatter(np.empty((0, 2)), np.empty(0, np.int64), [])


def test_the_command_writes_a_picture_and_the_numbers(run_command, everything, tmp_path):
    code, out, err = run_command("project", everything.path, "--layer", "block2_conv")
    assert code == 0, err
    assert out == ""
    assert "Wrote all-pca.png and all-pca.csv." in err
    with (tmp_path / "here" / "all-pca.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["id", "path", "label", "prediction", "x", "y"]
    assert len(rows) == 120
    columns = everything.columns()
    assert [row["path"] for row in rows] == columns.paths
    assert [row["label"] for row in rows] == columns.labels
    points = convscope.project(everything, layer="block2_conv").points
    np.testing.assert_allclose([[float(row["x"]), float(row["y"])] for row in rows], points, rtol=1e-4)


@pytest.mark.parametrize("ending", [".html", ".svg", ".csv", ".json"])
def test_the_ending_says_what_is_written(made, tmp_path, ending):
    written = convscope.project(made({"a": clusters()}, three())).save(tmp_path / f"out{ending}")
    assert all(path.stat().st_size > 500 for path in written)
    assert len(written) == (2 if ending in (".html", ".svg") else 1)


def test_mistakes_are_answered_with_what_there_is(made):
    features = made({"a": clusters(), "b": clusters(seed=1)})
    for options, message in (
        ({"layer": "c"}, "no layer 'c'"),
        ({"layer": "a", "method": "lda"}, "No method is named 'lda'"),
        ({"layer": "a", "color": "red"}, "No color is named 'red'"),
        ({"layer": "a", "most": 2}, "must be at least 5"),
    ):
        with pytest.raises(UsageError, match=message):
            convscope.project(features, **options)


def test_of_several_layers_the_last_is_taken_and_said(made):
    said = []
    features = made({"a": clusters(), "b": clusters(seed=1)})
    assert convscope.project(features, say=said.append).layer == "b"
    assert said[0] == "by b, the last of 2 layers"
    said.clear()
    assert convscope.project(features, layer="a", say=said.append).layer == "a"
    assert said == []


def test_without_umap_the_message_says_how_to_get_it(made, monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(BackendError, match="UMAP is not installed") as caught:
        convscope.project(made({"a": clusters()}), method="umap")
    assert install_command("features") in caught.value.hint


def test_the_bar_can_show_work_of_unknown_length(made, capsys, monkeypatch):
    from convscope.cli import console

    monkeypatch.setattr(console, "AFTER_SECONDS", -1.0)
    with console.ProgressBar() as bar:
        found = convscope.project(made({"a": clusters()}), progress=bar)
        bar(3, 4, "comparing")
    assert len(found.rows) == 60
    assert capsys.readouterr().out == ""
