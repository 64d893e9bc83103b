"""Tables whose columns are no times are refused with what to use; series of any names are read."""

import numpy as np
import pytest

pandas = pytest.importorskip("pandas")

from convscope.data.snapshot import DataSnapshot  # noqa: E402
from convscope.errors import DataError  # noqa: E402
from convscope.kinds.series.anomaly.reader import read_streams  # noqa: E402
from convscope.kinds.series.detect import detect  # noqa: E402
from convscope.kinds.series.readers.reader import read_series  # noqa: E402

NAMES = ("age", "sex", "pressure", "sugar", "rate", "slope", "vessels", "weight", "height", "pulse")


def records(count=80, seed=0, scales=True):
    """Rows of unlike measurements, drawn one by one."""
    rng = np.random.default_rng(seed)
    spread = 10.0 ** (np.arange(len(NAMES)) % 4) if scales else np.full(len(NAMES), 20.0)
    return 50 + rng.normal(0, 1, (count, len(NAMES))) * spread


def waves(count=40, length=30, seed=0):
    rng = np.random.default_rng(seed)
    phases = rng.uniform(0, 6, count)[:, None] + np.arange(length) / 4
    rows = np.where(np.arange(count)[:, None] % 2, np.sin(phases), np.sign(np.sin(phases)))
    return rows + rng.normal(0, 0.1, rows.shape)


def written(path, values, names=None, label="target", first=False):
    labels = np.arange(len(values)) % 2
    columns = [labels, *values.T] if first else [*values.T, labels]
    heads = None if names is None else [label, *names] if first else [*names, label]
    frame = pandas.DataFrame(np.stack(columns, axis=1))
    frame.to_csv(path, index=False, header=heads is not None if heads is None else heads, float_format="%.4g")
    return path


@pytest.mark.parametrize("scales", [True, False])
def test_records_of_people_are_no_series_in_any_recipe(tmp_path, scales):
    path = written(tmp_path / "heart.csv", records(scales=scales), NAMES)
    for read in (read_series, read_streams):
        with pytest.raises(DataError, match="are no series") as caught:
            read(path)
        assert "HistGradientBoostingClassifier" in caught.value.hint


def test_records_without_a_header_are_no_series_either(tmp_path):
    with pytest.raises(DataError, match="no series"):
        read_series(written(tmp_path / "wine.csv", records()), label_column="-1")
    few = records()[:, :4]
    with pytest.raises(DataError, match="they are only 4"):
        read_series(written(tmp_path / "flowers.csv", few, NAMES[:4]))


def test_the_user_knows_better(tmp_path):
    path = written(tmp_path / "heart.csv", records(), NAMES)
    splits = read_series(path, rows="series")
    assert any("if their order means nothing" in line for line in splits.warnings)


@pytest.mark.parametrize(
    "names",
    [
        [f"t{place}" for place in range(30)],
        [f"{place / 2:g}" for place in range(30)],
        [f"2026-01-{place + 1:02d}" for place in range(30)],
        [f"{'abcdefghij'[place % 10]}{'xyz'[place // 10]}" for place in range(30)],
        None,
    ],
)
def test_series_with_any_names_are_read(tmp_path, names):
    splits = read_series(written(tmp_path / "waves.csv", waves(), names))
    assert len(splits.class_names) == 2
    assert not splits.warnings


def test_a_log_without_times_is_a_series_where_rows_follow_each_other(tmp_path):
    at = np.arange(300)[:, None] / np.array([3, 5, 7, 9])
    frame = pandas.DataFrame(np.sin(at), columns=["flow", "heat", "level", "speed"])
    frame.to_csv(tmp_path / "log.csv", index=False)
    assert len(read_streams(tmp_path / "log.csv").train.samples.load(0).variables) == 4


@pytest.mark.parametrize(("first", "place"), [(True, "first"), (False, "last")])
def test_the_label_of_a_table_without_header_is_found_at_either_end(tmp_path, first, place):
    splits = read_series(written(tmp_path / "beats.csv", waves(), first=first))
    assert splits.class_names == ("0", "1")
    assert any(line.startswith(f"label: the {place} column") for line in splits.decisions)
    assert splits.reading == {"label_column": "0" if first else "-1"}


def test_a_label_that_could_be_at_both_ends_is_asked_for(tmp_path):
    values = np.round(waves() * 3)
    path = written(tmp_path / "counts.csv", values)
    with pytest.raises(DataError, match="could be in its first column") as caught:
        read_series(path)
    assert "--label-column 0 or --label-column -1" in caught.value.hint
    assert read_series(path, label_column="-1").class_names == ("0", "1")


@pytest.mark.parametrize("first", [True, False])
def test_whole_numbers_beside_decimals_are_the_label_though_each_class_has_one_row(tmp_path, first):
    for part, rows in (("TRAIN", 12), ("TEST", 24)):
        labels = np.arange(rows)[:, None] % 12 + 1
        columns = [labels, waves()[:rows]] if first else [waves()[:rows], labels]
        frame = pandas.DataFrame(np.hstack(columns))
        frame.to_csv(tmp_path / f"Kinds_{part}.tsv", sep="\t", header=False, index=False)
    assert len(read_series(tmp_path).class_names) == 12


def test_columns_in_another_order_are_put_right(tmp_path):
    names = [f"t{place}" for place in range(30)]
    mixed = [*names[10:], *names[:10]]
    frame = pandas.DataFrame(waves(), columns=names)
    frame[mixed].assign(label=["a", "b"] * 20).to_csv(tmp_path / "mixed.csv", index=False)
    splits = read_series(tmp_path / "mixed.csv")
    assert "columns: put in the order in which their names count (mixed.csv)" in splits.decisions
    row = int(splits.train.samples.name(0).rpartition("#")[2]) - 1
    np.testing.assert_allclose(splits.train.samples.load(0).values[:, 0], waves()[row], atol=1e-6)


def test_classes_called_na_and_none_are_classes(tmp_path):
    lines = ["label," + ",".join(f"t{place}" for place in range(30))]
    for number, row in enumerate(waves()):
        lines.append(f"{('NA', 'None')[number % 2]}," + ",".join(f"{value:.3f}" for value in row))
    (tmp_path / "waves.csv").write_text("\n".join(lines))
    assert read_series(tmp_path / "waves.csv").class_names == ("NA", "None")


def test_groups_stay_together_and_columns_are_said(tmp_path):
    frame = pandas.DataFrame(waves(), columns=[f"t{place}" for place in range(30)])
    frame.insert(0, "patient", [f"p{number // 4}" for number in range(40)])
    frame["label"] = ["a", "b"] * 20
    frame.to_csv(tmp_path / "beats.csv", index=False)
    splits = read_series(tmp_path / "beats.csv")
    assert any(line.startswith("groups: 10, by column 'patient'") for line in splits.decisions)
    assert any(
        "label from 'label', group from 'patient', values from 't0'" in line for line in splits.decisions
    )


def bits(path, others=""):
    names = ["walk", "run", *(f"t{number}" for number in range(12))]
    rows = [[row % 2, row % 3 % 2, *(f"{np.sin(row + k / 4):.3f}" for k in range(12))] for row in range(20)]
    path.write_text("\n".join(",".join(map(str, each)) for each in [names, *rows]))
    return path


def test_several_columns_of_classes_are_refused_and_one_of_them_is_learned(tmp_path):
    path = bits(tmp_path / "a.csv")
    assert detect(DataSnapshot(path)).recipe == "series-classification"
    with pytest.raises(
        DataError, match=r"2 columns of 0 and 1 \('walk', 'run'\), .*\(multi-label\)"
    ) as caught:
        read_series(path)
    assert "--label-column walk" in caught.value.hint
    splits = read_series(path, label_column="walk")
    assert len(splits.train.samples.load(0)) == 12
    assert any(line.partition(" (")[0].endswith("not used: 'run'") for line in splits.decisions)


def test_columns_that_count_beside_others_are_unlike_all_the_same(tmp_path):
    rng = np.random.default_rng(0)
    names = ["Time", *(f"V{number}" for number in range(1, 13)), "Amount", "Class"]
    rows = [[row, *rng.normal(size=12), 50 * rng.random(), row % 2] for row in range(60)]
    (tmp_path / "cards.csv").write_text("\n".join(",".join(map(str, each)) for each in [names, *rows]))
    with pytest.raises(DataError):
        read_series(tmp_path / "cards.csv")
