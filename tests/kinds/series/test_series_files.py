"""Series whose labels stand in files of their own, and archives whose class comes first."""

import numpy as np
import pytest

pandas = pytest.importorskip("pandas")

from convscope.data.snapshot import DataSnapshot  # noqa: E402
from convscope.errors import DataError, UsageError  # noqa: E402
from convscope.kinds.series.anomaly.reader import read_streams  # noqa: E402
from convscope.kinds.series.detect import detect  # noqa: E402
from convscope.kinds.series.readers.reader import read_series, read_series_inputs  # noqa: E402


def waves(count=24, length=32, seed=0):
    rng = np.random.default_rng(seed)
    phases = rng.uniform(0, 6, count)[:, None] + np.arange(length) / 4
    rows = np.where(np.arange(count)[:, None] % 2, np.sin(phases), np.sign(np.sin(phases)))
    return rows + rng.normal(0, 0.1, rows.shape)


def phones(folder, channels=("acc_x", "acc_y"), nested=True):
    """Recordings of phones as they are published: folders of splits with a file for each channel."""
    for seed, split in enumerate(("train", "test")):
        inside = folder / split / "Inertial Signals" if nested else folder
        inside.mkdir(parents=True, exist_ok=True)
        beside = folder / split if nested else folder
        for number, channel in enumerate(channels):
            np.savetxt(inside / f"{channel}_{split}.txt", waves(seed=10 * seed + number), fmt=" %.6e")
        np.savetxt(beside / f"X_{split}.txt", np.random.default_rng(seed).normal(size=(24, 12)))
        (beside / f"y_{split}.txt").write_text("\n".join("12"[row % 2] for row in range(24)))
        (beside / f"subject_{split}.txt").write_text("\n".join(str(row // 4 + 7 * seed) for row in range(24)))
    (folder / "activity_labels.txt").write_text("1 WALKING\n2 SITTING\n")
    return folder


def test_recordings_of_phones_are_read_with_their_channels_and_people(tmp_path):
    folder = phones(tmp_path / "phones")
    splits = read_series(folder)
    assert splits.class_names == ("SITTING", "WALKING")
    assert splits.train.samples.load(0).variables == ("acc_x", "acc_y")
    assert len(splits.test) == 24
    assert any("groups:" in line for line in splits.decisions)
    assert detect(DataSnapshot(folder)).recipe == "series-classification"
    assert len(read_series_inputs([str(folder / "test")])) == 24


def test_rows_of_series_lie_beside_their_labels(tmp_path):
    for seed, split in enumerate(("train", "test")):
        np.savetxt(tmp_path / f"X_{split}.csv", np.hstack([waves(seed=seed)] * 2), delimiter=",", fmt="%.4f")
        np.savetxt(tmp_path / f"y_{split}.csv", np.arange(24) % 2, fmt="%d")
    splits = read_series(tmp_path)
    assert (len(splits.test), splits.class_names) == (24, ("0", "1"))
    (tmp_path / "y_test.csv").write_text("1\n0\n")
    with pytest.raises(DataError, match=r"y_test\.csv: expected 24 rows, as X_test\.csv has, received 2"):
        read_series(tmp_path)


def test_features_of_series_are_no_series(tmp_path):
    folder = phones(tmp_path / "phones")
    for split in ("train", "test"):
        for file in (folder / split / "Inertial Signals").iterdir():
            file.unlink()
    with pytest.raises(DataError, match="are no series"):
        read_series(folder)


@pytest.mark.parametrize("named", [True, False])
def test_many_columns_of_features_are_refused_by_their_names_or_doubted(tmp_path, named):
    for seed, split in enumerate(("train", "test")):
        np.savetxt(tmp_path / f"X_{split}.txt", np.random.default_rng(seed).normal(size=(24, 60)))
        (tmp_path / f"y_{split}.txt").write_text("\n".join("12"[row % 2] for row in range(24)))
    if named:
        rows = [f"{number} {'mean' if number % 2 else 'std'}()-{number}-X" for number in range(1, 61)]
        (tmp_path / "features.txt").write_text("\n".join(rows))
        with pytest.raises(DataError, match=r"are no series: a file beside names them as features"):
            read_series(tmp_path)
    else:
        assert "if their order means nothing" in " ".join(read_series(tmp_path).warnings)


def test_a_long_table_lies_beside_its_labels(tmp_path):
    lines = ["series_id,step,turn,push"]
    lines += [
        f"{row},{at},{value:.4f},{-value:.4f}"
        for row, one in enumerate(waves())
        for at, value in enumerate(one)
    ]
    (tmp_path / "X_train.csv").write_text("\n".join(lines))
    (tmp_path / "y_train.csv").write_text(
        "series_id,group_id,surface\n"
        + "".join(f"{row},{row // 2},{('wood', 'stone')[row % 2]}\n" for row in range(24))
    )
    splits = read_series(tmp_path)
    assert splits.class_names == ("stone", "wood")
    assert len(splits.train.samples.load(0)) == 32


@pytest.mark.parametrize("ending", [".csv", ""])
def test_a_table_names_the_files_of_series(tmp_path, ending):
    rows = ["file,label"]
    for number, one in enumerate(waves()):
        split = ("train", "test")[number >= 16]
        (tmp_path / split).mkdir(exist_ok=True)
        text = "time,value\n" + "".join(f"{at},{value:.4f}\n" for at, value in enumerate(one))
        (tmp_path / split / f"r{number}.csv").write_text(text)
        rows.append(f"r{number}{ending},{('calm', 'storm')[number % 2]}")
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    assert detect(DataSnapshot(tmp_path)).recipe == "series-classification"
    splits = read_series(tmp_path)
    assert (len(splits.test), splits.class_names) == (8, ("calm", "storm"))
    assert "columns: file from 'file', label from 'label'; all are used" in splits.decisions


def test_the_class_of_an_arff_file_may_come_first(tmp_path):
    lines = [
        "@relation toy",
        "@attribute kind {a,b}",
        *(f"@attribute t{place} numeric" for place in range(32)),
        "@data",
    ]
    lines += [
        "ab"[row % 2] + "," + ",".join(f"{value:.3f}" for value in one) for row, one in enumerate(waves())
    ]
    (tmp_path / "toy.arff").write_text("\n".join(lines))
    splits = read_series(tmp_path / "toy.arff")
    assert splits.class_names == ("a", "b")
    (tmp_path / "toy.arff").write_text("\n".join([*lines, "a,x,1"]))
    with pytest.raises(DataError, match="line 60: expected numbers and a class at place 1"):
        read_series(tmp_path / "toy.arff")


def rows_of(folder, extra, name="rows.csv"):
    """A series in each row, with a label and another column."""
    names = ",".join(f"t{place}" for place in range(32))
    lines = [f"label,{extra[0]},{names}"]
    for row, values in enumerate(waves()):
        lines.append(",".join([("up", "dé")[row % 2], str(extra[1](row)), *map("{:.3f}".format, values)]))
    (folder / name).write_bytes("\n".join(lines).encode("cp1252"))
    return folder / name


def test_a_number_of_the_label_is_no_value(tmp_path):
    splits = read_series(rows_of(tmp_path, ("target", lambda row: row % 2)), encoding="cp1252")
    assert splits.class_names == ("dé", "up")
    assert splits.train.samples.load(0).values.shape == (32, 1)
    assert any("not used: 'target'" in line for line in splits.decisions)


def test_labels_that_differ_are_asked_about_unless_one_is_dropped(tmp_path):
    path = rows_of(tmp_path, ("target", lambda row: row % 3))
    with pytest.raises(DataError, match=r"'label' \(2 classes: up, dé\); 'target' \(3 classes: 0, 1, 2\)"):
        read_series(path)
    splits = read_series(path, drop_column=("target",))
    assert splits.class_names == ("dé", "up")
    with pytest.raises(UsageError, match="no column 'gone', which --drop-column names"):
        read_series(path, drop_column=("gone",))
    assert len(read_series_inputs([str(path)], drop_column=("target", "gone"))) == 24


def test_measurements_that_are_called_y_are_no_labels(tmp_path):
    lines = ["id,x,y,label"]
    rng = np.random.default_rng(0)
    for series in range(12):
        lines += [f"{series},{x:.3f},{y:.3f},{'ab'[series % 2]}" for x, y in rng.normal(size=(20, 2))]
    (tmp_path / "long.csv").write_text("\n".join(lines))
    assert read_series(tmp_path / "long.csv").train.samples.load(0).variables == ("x", "y")


def recorded(folder, *names, header="time,x,y,z", rows=120):
    """Tables of an accelerometer, a recording each."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(names):
        values = np.random.default_rng(seed).normal(size=(rows, header.count(",")))
        lines = [
            f"{row / 50:.2f},{','.join(f'{one:.4f}' for one in each)}" for row, each in enumerate(values)
        ]
        (folder / name).write_text("\n".join([header, *lines]))
    return folder


def of_each(*words, count=3):
    return [f"{word}_{number}.csv" for word in words for number in range(1, count + 1)]


def test_names_of_recordings_are_their_classes_where_each_class_has_several(tmp_path):
    folder = recorded(tmp_path, *of_each("walking", "running"))
    found = detect(DataSnapshot(folder))
    assert (found.recipe, "--recipe series-anomaly" in found.reason) == ("series-classification", True)
    splits = read_series(folder)
    assert splits.class_names == ("running", "walking")
    assert splits.train.samples.load(0).variables == ("x", "y", "z")
    assert any("from the names of the files" in line for line in splits.decisions)


def test_names_of_recordings_are_their_classes_in_folders_of_splits_too(tmp_path):
    for split in ("train", "test"):
        recorded(tmp_path / split, *of_each("walking", "running"))
    assert detect(DataSnapshot(tmp_path)).recipe == "series-classification"
    assert [len(read_series(tmp_path)[name]) for name in ("train", "test")] == [6, 6]


@pytest.mark.parametrize(
    ("names", "warned"),
    [
        (("walking.csv", "running.csv"), True),
        (("pump.csv", "valve.csv", "fan.csv"), True),
        (("sensor_1.csv", "sensor_2.csv", "sensor_3.csv"), False),
        (("site_a_2021.csv", "site_a_2022.csv"), False),
    ],
    ids=["activities", "machines", "numbers", "years"],
)
def test_names_that_could_be_classes_are_said_not_to_be_learned(tmp_path, names, warned):
    folder = recorded(tmp_path, *names)
    assert detect(DataSnapshot(folder)).recipe == "series-anomaly"
    warnings = read_streams(folder).warnings
    assert any("--recipe series-classification --label-pattern" in line for line in warnings) is warned


def test_a_pattern_takes_labels_and_splits_from_names(tmp_path):
    recorded(tmp_path, *[f"train-p{k}-{word}.csv" for k in range(4) for word in ("walk", "run")])
    recorded(tmp_path, "test-p9-walk.csv", "test-p9-run.csv")
    splits = read_series(tmp_path, label_pattern=r"(?P<split>train|test)-p\d-(?P<label>[a-z]+)")
    assert (splits.class_names, len(splits.test)) == (("run", "walk"), 2)
    with pytest.raises(UsageError, match="has no group"):
        read_series(tmp_path, label_pattern=r"[a-z]+")


def test_the_axis_y_is_no_label_beside_x(tmp_path):
    rows = [f"{k // 20},{k},{k % 7},{k % 3},{k % 5},{'ab'[k // 20 % 2]}" for k in range(240)]
    (tmp_path / "a.csv").write_text("\n".join(["id,time,x,y,z,activity", *rows]))
    splits = read_series(tmp_path / "a.csv")
    assert (splits.class_names, splits.train.samples.load(0).variables) == (("a", "b"), ("x", "y", "z"))


def signals(folder, name="a.npz", **changed):
    """Arrays of series with labels, as they are saved for Keras."""
    found = {"X_train": np.float32(waves(length=60))[:, :, None].repeat(3, 2), "y_train": np.arange(24) % 2}
    np.savez(folder / name, **{**found, **changed})
    return folder / name


def test_stored_arrays_hold_series_with_labels(tmp_path):
    place = signals(tmp_path)
    assert detect(DataSnapshot(place)).recipe == "series-classification"
    splits = read_series(place)
    assert (splits.class_names, splits.train.samples.load(0).values.shape) == (("0", "1"), (60, 3))
    assert len(read_series_inputs([str(place)])) == 24
    np.save(tmp_path / "X_train.npy", np.float32(waves(length=60))[:, None])
    np.save(tmp_path / "y_train.npy", np.array(["walk", "run"])[np.arange(24) % 2])
    place.unlink()
    splits = read_series(tmp_path)
    assert (splits.class_names, splits.train.samples.load(0).values.shape) == (("run", "walk"), (60, 1))
    assert any("(series, variables, times)" in line for line in splits.decisions)


def test_a_column_for_each_class_is_read_where_each_row_has_a_single_one(tmp_path):
    one_hot = np.eye(3)[np.arange(24) % 3]
    splits = read_series(signals(tmp_path, y_train=one_hot))
    assert splits.class_names == ("0", "1", "2")
    assert any("the place of the 1" in line for line in splits.decisions)
    one_hot[0] = 1
    with pytest.raises(DataError, match="multi-label"):
        read_series(signals(tmp_path, y_train=one_hot))
    with pytest.raises(DataError, match="received shape"):
        read_series(signals(tmp_path, y_train=one_hot / 2))
    with pytest.raises(DataError, match="expected 24 labels"):
        read_series(signals(tmp_path, y_train=np.arange(5)))


def test_arrays_of_unlike_columns_and_of_objects_are_no_series(tmp_path):
    columns = np.random.default_rng(0).normal(size=(24, 13)) * 10.0 ** np.arange(13)
    with pytest.raises(DataError, match="are no series"):
        read_series(signals(tmp_path, X_train=columns))
    with pytest.raises(DataError):
        read_series(signals(tmp_path, X_train=np.array([{}] * 24, object)))
    assert detect(DataSnapshot(signals(tmp_path, X_train=np.zeros((24, 28, 28))))) is None
