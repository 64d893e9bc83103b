"""Remaining life as a whole: intervals, every cycle, options, and what is said about too few units."""

import keras
import numpy as np
import pytest
from small_series import CASES, SETTINGS, write_wear

import convscope
from convscope.errors import UsageError
from convscope.kinds.registry import find_recipe

pytest.importorskip("pandas")

CASE = CASES["series-remaining-life"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run, to be read; its data lies beside it."""
    folder = tmp_path_factory.mktemp("wear")
    return convscope.train(write_wear(folder / "data"), out=folder / "run", **CASE.settings)


@pytest.fixture
def data(run):
    return run.folder.parent / "data" / "wear.csv"


def test_every_cycle_is_answered_as_if_the_history_ended_there(run, data, tmp_path):
    every = [row for row in convscope.predict(run.folder, [data], every=True).rows if row.name.endswith("#3")]
    lines = data.read_text("utf-8").splitlines()
    mine = [line for line in lines if line.startswith("3,")]
    for stop in (1, 5, 20, len(mine)):
        path = tmp_path / f"{stop}.csv"
        path.write_text("\n".join([lines[0], *mine[:stop]]), "utf-8")
        (alone,) = convscope.predict(run.folder, [path]).rows
        assert alone.cycle == every[stop - 1].cycle == stop
        assert alone.life == pytest.approx(every[stop - 1].life, abs=1e-3)
    assert [row.cycle for row in every] == list(range(1, len(mine) + 1))


def test_a_unit_is_answered_the_same_whatever_units_it_comes_with(run, data, tmp_path):
    lines = data.read_text("utf-8").splitlines()
    some = tmp_path / "some.csv"
    some.write_text("\n".join([lines[0], *(line for line in lines if line[:2] in ("7,", "9,"))]), "utf-8")
    whole = {row.name.rpartition("#")[2]: row for row in convscope.predict(run.folder, [data]).rows}
    for row in convscope.predict(run.folder, [some]).rows:
        assert row.life == pytest.approx(whole[row.name.rpartition("#")[2]].life, abs=1e-4)


def test_a_wider_interval_holds_more_of_other_units(run, tmp_path):
    other = write_wear(tmp_path / "other", seed=5, units=60)
    judged = {}
    for coverage in (0.5, 0.8):
        rows = convscope.predict(run.folder, [other], every=True, coverage=coverage).rows
        assert all(row.low <= row.life and (row.high is None or row.life <= row.high) for row in rows)
        lives, width = [], []
        for after, row in zip(rows[1:] + rows[:1], rows, strict=True):
            lives.append(0.0 if after.cycle == 1 else np.nan)
            width.append((row.high or 25.0) - row.low)
        last = np.flatnonzero(np.array(lives) == 0)
        begin = np.concatenate([[0], last[:-1] + 1])
        true = np.concatenate([np.arange(e - b + 1)[::-1] for b, e in zip(begin, last, strict=True)])
        held = [row.low <= life <= (row.high or np.inf) for row, life in zip(rows, true, strict=True)]
        judged[coverage] = np.mean(held), np.mean(width)
    for coverage, (held, _) in judged.items():
        assert held >= coverage - 0.15
    assert judged[0.5] < judged[0.8]


def test_the_last_epoch_is_kept_so_that_validation_units_stay_unseen(run):
    assert run.metrics()["best_epoch"]["epoch"] == CASE.settings["epochs"]
    with pytest.raises(UsageError, match="does not support the setting 'patience'"):
        convscope.train(run.folder.parent / "data" / "wear.csv", out=run.folder / "x", patience=2)


def test_too_few_units_for_an_interval_are_told_before_the_training(tmp_path):
    said = []
    few = write_wear(tmp_path / "few", units=12)
    settings = {**CASE.settings, "epochs": 1, "options": {**CASE.settings["options"], "coverage": 0.9}}
    run = convscope.train(few, out=tmp_path / "run", say=said.append, **settings)
    assert any("validation has 2 units" in line and "needs 9" in line for line in said)
    rows = convscope.predict(run.folder, [few]).rows
    assert all((row.low, row.high) == (0.0, None) for row in rows)
    assert rows[0].to_cells()["90% interval"] == "0 or more"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"coverage": 1.0}, "coverage must be above 0"),
        ({"window": 1}, "window must be at least 2"),
        ({"cap": 0}, "cap must be above 0"),
        ({"unit_column": "pump"}, "has no column 'pump'"),
        ({"conditions": "wind,rain"}, "has no column of numbers 'wind'"),
        ({"window": 12, "pool": 20}, "averages 20 rows at a time"),
    ],
)
def test_options_that_cannot_be_are_refused_before_there_is_a_folder(tmp_path, options, message):
    path = write_wear(tmp_path / "data", units=6)
    with pytest.raises(UsageError, match=message):
        convscope.train(path, out=tmp_path / "run", **SETTINGS, options=options)
    assert not (tmp_path / "run").exists()


def test_an_answer_is_the_mean_of_members_that_would_learn_alone():
    recipe = find_recipe("series-remaining-life")
    assert isinstance(recipe.objective.loss(None), keras.losses.MeanSquaredError)
