"""Long streams with a class for each row are cut into windows, which stay on one side by person."""

import numpy as np
import pytest

from convscope.data.snapshot import DataSnapshot
from convscope.errors import DataError
from convscope.kinds.series.detect import detect
from convscope.kinds.series.readers.reader import read_series, read_series_inputs

CLASSES = ("walking", "sitting", "jogging")


def stream(folder, persons=6, rows=100, name="motion.csv", who="user", label="activity", header=True, end=""):
    """A row for each time, one stretch of each class after another for each person."""
    rng = np.random.default_rng(0)
    lines = [f"{who},{label},timestamp,x,y"] if header else []
    time = 49_105_962_326_000
    for person in range(persons):
        for at, one in enumerate(CLASSES):
            for x in rng.normal(at, 1, rows):
                time += 50_000_000
                lines.append(f"p{person},{one},{time},{x:.3f},{-x:.3f}{end}")
    (folder / name).write_text("\n".join(lines) + "\n")
    return folder / name


def shapes(split):
    return {split.samples.load(i).values.shape for i in range(len(split))}


@pytest.mark.parametrize("end", ["", ";"])
def test_a_stream_is_recognized_and_cut_into_windows_by_person(tmp_path, end):
    path = stream(tmp_path, end=end)
    found = detect(DataSnapshot(path))
    assert found.recipe == "series-classification" and "'activity' per row" in found.reason
    splits = read_series(path)
    assert splits.class_names == tuple(sorted(CLASSES))
    assert shapes(splits.train) == {(32, 2)} and splits.reading["window"] == 32
    said = " ".join(splits.decisions)
    assert "windows: 32 rows, one every 16, from 18 stretches of one 'activity' of one 'user'" in said
    persons = [
        {name.split("#")[1].split("/")[0] for name in splits[part].names()} for part in ("train", "test")
    ]
    assert not persons[0] & persons[1] and "groups: 6, by column 'user'" in said


def test_rows_of_several_persons_that_take_turns_are_sorted_by_person_first(tmp_path):
    path = stream(tmp_path)
    header, *rows = path.read_text().splitlines()
    rows = [rows[at % 6 * 300 + at // 6] for at in range(len(rows))]
    (tmp_path / "turns.csv").write_text("\n".join([header, *rows]) + "\n")
    splits = read_series(tmp_path / "turns.csv")
    assert len(splits.train) + len(splits.test) == 18 * 5  # validation is train, as there are so few


def test_without_persons_windows_of_one_stretch_stay_together_or_it_is_said_that_they_do_not(tmp_path):
    path = stream(tmp_path, persons=6, who="day")
    path.write_text("\n".join(line.split(",", 1)[1] for line in path.read_text().splitlines()) + "\n")
    splits = read_series(path)
    assert "by the stretches that windows are cut from" in " ".join(splits.decisions)
    one = stream(tmp_path, persons=1, rows=400, name="one.csv")
    few = read_series(one)
    assert any("windows of one stretch are in several splits" in line for line in few.warnings)
    assert "one every 128" in " ".join(few.decisions)


def test_the_length_of_windows_is_chosen_and_short_stretches_are_told(tmp_path):
    path = stream(tmp_path)
    assert shapes(read_series(path, window=50).train) == {(50, 2)}
    with path.open("a") as file:
        file.writelines(f"p0,walking,{60_000_000_000_000 + i},0,{i}\n" for i in range(20))
    splits = read_series(path, window=50)
    assert any("1 stretches of less than 50 rows" in line for line in splits.warnings)


def test_other_streams_are_cut_as_in_training_so_that_no_row_is_lost(tmp_path):
    path = stream(tmp_path, persons=2, rows=30)
    found = read_series_inputs([str(path)], window=40)
    places = ["1-40", "41-80", "51-90"]
    assert [found.name(i).rpartition("#")[2] for i in range(6)] == [
        f"p{k // 3}@{places[k % 3]}" for k in range(6)
    ]
    assert shapes_of(found) == {(40, 2)}


def shapes_of(samples):
    return {samples.load(i).values.shape for i in range(len(samples))}


def test_a_label_for_each_series_and_a_state_of_a_machine_are_no_stream_to_cut(tmp_path):
    lines = [f"{name},{at},{at * k}.5,{'ab'[k % 2]}" for k, name in enumerate("uvwxyz") for at in range(40)]
    (tmp_path / "long.csv").write_text("series_id,time,value,label\n" + "\n".join(lines) + "\n")
    assert len(read_series(tmp_path / "long.csv", window=10).train) <= 6
    rows = [f"2026-01-01 00:{at // 60:02}:{at % 60:02},{at % 7}.5,NORMAL" for at in range(200)]
    (tmp_path / "pump.csv").write_text("timestamp,sensor,machine_status\n" + "\n".join(rows) + "\n")
    assert detect(DataSnapshot(tmp_path / "pump.csv")).recipe == "series-anomaly"


def test_a_class_that_changes_from_row_to_row_is_refused(tmp_path):
    rows = [f"{at},{at}.5,{'abc'[at % 3]}" for at in range(200)]
    (tmp_path / "rows.csv").write_text("timestamp,value,activity\n" + "\n".join(rows) + "\n")
    with pytest.raises(DataError):
        read_series(tmp_path / "rows.csv")
