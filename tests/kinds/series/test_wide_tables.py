"""A row for each series: what stands beside its times describes it, and is none of its values."""

import numpy as np
import pytest

pytest.importorskip("pandas")

from convscope.kinds.registry import choose_spec
from convscope.kinds.series.readers.reader import read_series, read_series_inputs

TIMES = [f"t{number}" for number in range(24)]
RECIPE = "series-classification"


def written(path, beside, names=TIMES, rows=60):
    """Waves of two classes behind columns of the given names, each with what a function says of a row."""
    rng = np.random.default_rng(1)
    lines = [",".join([*beside, *names])]
    for row in range(rows):
        values = np.sin(np.arange(len(names)) / (2 + row % 2)) + rng.normal(0, 0.1, len(names))
        lines.append(
            ",".join([*(str(of(row)) for of in beside.values()), *(f"{each:.3f}" for each in values)])
        )
    path.write_text("\n".join(lines))
    return path


def label(row):
    return ("walk", "run")[row % 2]


def who(row):
    return f"s{row % 12}"


@pytest.mark.parametrize("name", ["subject", "patient", "source", "Speaker_ID"])
@pytest.mark.parametrize("asked", [True, False])
def test_a_column_of_groups_is_none_of_the_values(tmp_path, name, asked):
    path = written(tmp_path / "data.csv", {name: who, "label": label})
    group = name if asked else None
    assert choose_spec(path, None, group)[0].name == RECIPE
    splits = read_series(path, group=group)
    assert f"groups: 12, by column '{name}'; a group stays in one split" in splits.decisions
    assert splits.train.samples.load(0).values.shape == (24, 1)


def test_a_group_or_a_label_of_any_name_is_taken_as_it_is_given(tmp_path):
    path = written(tmp_path / "data.csv", {"rider": who, "gait_kind": label})
    assert choose_spec(path, "gait_kind", "rider")[0].name == RECIPE
    splits = read_series(path, label_column="gait_kind", group="rider")
    assert splits.class_names == ("run", "walk")
    assert any(line.startswith("groups: 12, by column 'rider'") for line in splits.decisions)


def test_a_lone_column_called_group_is_the_label(tmp_path):
    path = written(tmp_path / "data.csv", {"group": label})
    assert choose_spec(path)[0].name == RECIPE
    assert read_series(path).class_names == ("run", "walk")


def test_an_age_beside_the_times_is_no_time_in_training_and_prediction(tmp_path):
    beside = {"age": lambda row: 30 + row, "town": who, "label": label}
    path = written(tmp_path / "data.csv", beside)
    assert choose_spec(path)[0].name == RECIPE
    splits = read_series(path)
    assert len(splits.train.samples.load(0)) == 24
    assert any("not used: 'age', 'town'" in line for line in splits.decisions)
    del beside["label"]
    asked = read_series_inputs([str(written(tmp_path / "new.csv", beside))])
    assert {len(each) for each in asked.series} == {24}


def test_columns_of_several_variables_are_variables(tmp_path):
    names = [f"{axis}_{time}" for axis in ("ax", "ay", "az") for time in range(8)]
    path = written(tmp_path / "data.csv", {"label": label}, names)
    assert choose_spec(path)[0].name == RECIPE
    series = read_series(path).train.samples.load(0)
    assert (series.variables, series.values.shape) == (("ax", "ay", "az"), (8, 3))
    first = np.loadtxt(path, delimiter=",", skiprows=1, usecols=range(1, 25))[0]
    np.testing.assert_allclose(series.values.T.reshape(-1), first, atol=1e-6)


def test_wavelengths_name_the_columns_of_spectra(tmp_path):
    path = written(
        tmp_path / "data.csv", {"patient": who, "label": label}, [f"{400 + 2.5 * n}" for n in range(24)]
    )
    assert choose_spec(path)[0].name == RECIPE
    assert len(read_series(path).train.samples.load(0)) == 24
