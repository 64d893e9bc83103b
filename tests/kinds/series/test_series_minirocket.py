"""An architecture that is solved in closed form, from a path to a run that is put to use."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
from reading_runs import CONTENT, assert_same_run, files_of, rows
from small_series import write_waves

import convscope
from convscope.errors import UsageError

pytest.importorskip("pandas")
pytest.importorskip("aeon")

SETTINGS = {"architecture": "minirocket", "options": {"features": 84 * 4, "dilations": 3}}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A finished run, its data, and what was said; to be read, not changed."""
    folder, said = tmp_path_factory.mktemp("solved"), []
    data = write_waves(folder / "data")
    run = convscope.train(data, out=folder / "run", say=said.append, **SETTINGS)
    return SimpleNamespace(run=run, folder=run.folder, data=data, said=said)


def test_it_is_solved_and_what_that_means_is_said(trained):
    assert trained.run.metrics()["test"]["accuracy"] > 0.9
    assert files_of(trained) == CONTENT
    (row,) = rows(trained.run)
    assert float(row["accuracy"]) >= float(row["val_accuracy"]) > 0.8
    record = trained.run.record()
    assert record["settings"] == {"seed": 0, "class_weights": False}
    assert record["device"]["policy"] == "float32"
    assert any("solved in closed form" in line for line in record["decisions"])
    assert record["epochs"] == 1
    # The validation split was learned from, so that it says nothing of how sure a model should be.
    assert record["calibrated"] is False
    assert not (trained.folder / "calibration.json").exists()


def test_a_resumed_run_is_solved_again_with_the_same_result(trained, tmp_path):
    def stop(done, total, what):
        if what == "ridge regression":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convscope.train(trained.data, out=tmp_path / "run", progress=stop, **SETTINGS)
    assert not (tmp_path / "run" / "model.keras").exists()
    assert_same_run(convscope.train(resume=tmp_path / "run"), trained.run)


def test_it_learns_from_the_validation_split_as_well(trained, tmp_path):
    lines = trained.data.read_text("utf-8").splitlines()
    few = tmp_path / "few.csv"
    few.write_text("\n".join(line for line in lines if ",validation," not in line) + "\n", "utf-8")
    fewer = convscope.train(few, out=tmp_path / "run", **SETTINGS)
    models = [keras.models.load_model(run.model_path) for run in (trained.run, fewer)]
    scales = [model.get_layer("standardized").get_weights() for model in models]
    assert scales[0][2] == 90  # the table has 60 train and 30 validation series
    assert scales[1][2] == 60  # of which the reader made a validation split again


def test_evaluating_and_predicting_need_the_run_alone(trained):
    assert convscope.evaluate(trained.folder).to_json() == trained.run.metrics()["test"]
    found = convscope.predict(trained.folder, [trained.data]).rows
    assert len(found) == 120
    assert all(sum(row.probabilities.values()) == pytest.approx(1, abs=1e-5) for row in found)


@pytest.mark.parametrize("method", ["maps", "why", "kernels", "statistics", "patches"])
def test_it_can_be_looked_at(trained, tmp_path, method):
    given = [] if method == "kernels" else [trained.data]
    found = convscope.look(trained.folder, *given, method=method)
    assert found.pictures
    attributions = [array for name, array in found.arrays.items() if method == "why"]
    assert all(np.abs(array).max() > 0 for array in attributions)


def test_its_features_can_be_taken(trained, tmp_path):
    made = convscope.extract(trained.folder, trained.data, layers=["features"], out=tmp_path / "features")
    shares = made.matrix("features")
    assert shares.shape == (120, 84 * 4)
    assert shares.min() >= 0
    assert shares.max() <= 1
    answers = {row.name: row.label for row in convscope.predict(trained.folder, [trained.data]).rows}
    columns = made.columns()
    assert dict(zip(columns.paths, columns.predictions, strict=True)) == answers


def test_it_is_explained(trained):
    told = convscope.explain(trained.folder)
    assert "thresholds" in str(told)


def test_callbacks_and_settings_that_would_do_nothing_leave_no_folder(trained, tmp_path):
    with pytest.raises(UsageError, match="does not support callbacks"):
        convscope.train(
            trained.data, out=tmp_path / "run", callbacks=[keras.callbacks.Callback()], **SETTINGS
        )
    with pytest.raises(UsageError, match="does not support epochs"):
        convscope.train(trained.data, out=tmp_path / "run", epochs=2, **SETTINGS)
    assert list(tmp_path.iterdir()) == []
