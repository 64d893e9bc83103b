"""Every recipe of series, from a path to a finished run, and that run put to use."""

import csv
import json
import re
import shutil
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from drawn import assert_tidy
from reading_runs import CONTENT, assert_same_run, files_of, interrupted, leftovers, rows
from small_series import CASES

import convscope
from convscope.errors import DataError, RunError, UsageError
from convscope.kinds.registry import find_recipe, recipe_specs
from convscope.run import Run

pytest.importorskip("pandas")


@pytest.fixture(scope="module", params=CASES)
def case(request):
    """Each recipe of series with small data for it."""
    return CASES[request.param]


@pytest.fixture(scope="module")
def trained(case, built_once):
    """A finished run of it, its data, and what was said while it was trained; to be read, not changed."""

    def train(folder):
        said = []
        data = case.write(folder / "data")
        run = convscope.train(data, out=folder / "run", say=said.append, **case.settings)
        return SimpleNamespace(run=run, folder=run.folder, data=data, said=said)

    return built_once(case.recipe, train)


def answers(case, folder, paths, **options):
    return [case.numbers(row) for row in convscope.predict(folder, paths, **options).rows]


@pytest.mark.portable("series-classification")
def test_what_is_to_be_learned_is_recognized_said_and_learned(case, trained):
    if case.reason:
        assert f"recipe: {case.recipe}, because {case.reason}" in trained.said
    judged = trained.run.metrics()["test"]
    assert case.holds(judged), judged
    assert float(rows(trained.run)[-1]["loss"]) < float(rows(trained.run)[0]["loss"])


def test_a_run_folder_holds_everything_and_nothing_else(case, trained):
    assert files_of(trained) == CONTENT | case.files - {"calibration.json"}
    record = trained.run.record()
    assert (record["status"], record["recipe"]) == ("complete", case.recipe)
    assert record["architecture"] == recipe_specs()[case.recipe].architectures[0]
    assert leftovers(trained.folder) == []
    with (trained.folder / "splits.csv").open(newline="", encoding="utf-8") as file:
        listed = list(csv.DictReader(file))
    assert len({row["name"] for row in listed}) == len(listed) > 0
    assert {row["split"] for row in listed} == {"train", "validation", "test"}


def test_the_report_needs_no_network(trained):
    page = trained.run.report_path.read_text("utf-8")
    addresses = set(re.findall(r"https?://[^\s\"'<>)]+", page))
    assert all(address.startswith("http://www.w3.org/") for address in addresses)
    assert 'src="data:' in page or "<svg" in page


def test_a_resumed_training_ends_with_the_same_weights_bit_for_bit(case, trained, tmp_path):
    run = interrupted(trained.data, tmp_path / "run", case.settings, 1, 2)
    assert run.record()["status"] == "training"
    assert_same_run(convscope.train(resume=run.folder), trained.run)
    for name in case.files:
        assert (run.folder / name).read_text("utf-8") == (trained.folder / name).read_text("utf-8")


def test_evaluating_gives_the_figures_of_the_training_and_those_of_other_data(case, trained, tmp_path):
    assert convscope.evaluate(trained.folder).to_json() == trained.run.metrics()["test"]
    other = convscope.evaluate(trained.folder, case.write(tmp_path / "other", seed=1))
    assert case.holds(other.to_json())
    assert other.to_json() != trained.run.metrics()["test"]
    assert isinstance(other.to_line(), str)
    headings, table = other.to_table()
    assert all(len(row) == len(headings) for row in table)


def test_every_answer_can_be_written_in_every_form(case, trained):
    for row in convscope.predict(trained.folder, case.ask(trained.data)).rows:
        json.dumps(row.to_json(), allow_nan=False)
        assert np.isfinite(case.numbers(row)).all()
        assert all(isinstance(value, str) for value in (row.to_row() | row.to_cells()).values())


def test_a_run_needs_nothing_but_its_folder(trained, case, tmp_path):
    moved = shutil.copytree(trained.folder, tmp_path / "moved")
    before, after = (answers(case, folder, case.ask(trained.data)) for folder in (trained.folder, moved))
    assert before == after


@pytest.mark.parametrize("name", ["representation.json", "calibration.json", "model.keras"])
def test_a_damaged_run_is_told(case, trained, tmp_path, name):
    if name not in CONTENT | case.files:
        pytest.skip("its runs have no such file")
    for number, content in enumerate(("", "{}", "[]", '{"kind": "other", "version": 1}')):
        moved = Run(shutil.copytree(trained.folder, tmp_path / f"moved{number}"))
        (moved.folder / name).write_text(content)
        with pytest.raises((RunError, DataError), match=name.partition(".")[0]):
            convscope.predict(moved.folder, case.ask(trained.data))


@pytest.mark.parametrize("inputs", [["nowhere.csv"], ["nowhere/*.csv"], []])
def test_nothing_to_answer_is_told(trained, tmp_path, monkeypatch, inputs):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError):
        convscope.predict(trained.folder, inputs)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"mixing": 0.2}, "mixing|Mixing"),
        ({"options": {"kernels": 3}}, "does not support --kernels"),
        ({"architecture": "compact_cnn"}, "has no architecture 'compact_cnn'"),
        ({"epochs": 0}, "epochs must be at least 1"),
    ],
)
def test_what_cannot_be_trained_leaves_no_folder(case, trained, tmp_path, wrong, message):
    if "mixing" in wrong and case.recipe == "series-classification":
        pytest.skip("series of two classes can be blended")
    settings = {**case.settings, "recipe": case.recipe, **wrong}
    with pytest.raises(UsageError, match=message):
        convscope.train(trained.data, out=tmp_path / "run", **settings)
    assert list(tmp_path.iterdir()) == []


def test_a_run_is_explained_alone_and_with_data(case, trained):
    alone = convscope.explain(trained.folder)
    with_data = convscope.explain(trained.folder, data=case.ask(trained.data))
    assert {layer.path for layer in alone.layers} == {layer.path for layer in with_data.layers}
    assert any("conv" in layer.path for layer in alone.layers)
    assert all(layer.here for layer in with_data.layers)


@pytest.mark.parametrize(
    "method", ["maps", "position", "why", "statistics", "patches", "kernels", "occlusion"]
)
def test_every_way_to_look_gives_pictures_and_numbers(case, trained, tmp_path, method):
    asked = None if method == "kernels" else case.ask(trained.data)
    seen = convscope.look(trained.folder, asked, method=method, channels=2)
    assert seen.save(tmp_path / "seen.png")
    assert all(path.stat().st_size > 0 for path in tmp_path.glob("seen*.png"))
    assert all(np.isfinite(array).all() for array in seen.arrays.values())
    assert seen.arrays
    json.dumps(dict(seen.about))


def test_answers_are_drawn_where_a_task_draws_some(case, trained):
    page = trained.run.report_path.read_text("utf-8")
    drawn = find_recipe(case.recipe).report.plot_predictions is not None
    assert ('id="predictions"' in page) == drawn
    if not drawn:
        with pytest.raises(UsageError, match="cannot be plotted"):
            convscope.look(trained.folder, case.ask(trained.data), method="answers")
        return
    if case.recipe == "series-regression":
        return  # it is drawn over the true numbers, which are not known of inputs
    seen = convscope.look(trained.folder, case.ask(trained.data), method="answers")
    assert_tidy(seen.figures("dark")[0])


def test_features_are_a_row_for_each_sample(case, trained, tmp_path):
    features = convscope.extract(
        trained.folder, case.ask(trained.data), out=tmp_path / "all.parquet", precision="float32"
    )
    answered = convscope.predict(trained.folder, case.ask(trained.data)).rows
    assert len(features) == case.parts * len({row.name for row in answered})
    (layer,) = features.layers
    assert np.isfinite(np.asarray(features.matrix(layer))).all()


def test_the_saved_model_is_one_that_keras_opens_alone(case, trained):
    loaded = keras.models.load_model(trained.run.model_path)
    representation = find_recipe(case.recipe).representation.from_json(trained.run.representation())
    shape = (2, *(length or 16 for length in representation.shape))
    assert np.isfinite(keras.ops.convert_to_numpy(loaded(np.zeros(shape, np.float32)))).all()
