"""Files of a run that are damaged: an error of the package that names the file, and never a traceback."""

import errno
import json
import shutil
from pathlib import Path

import pytest

from convscope.api.runs import metrics
from convscope.errors import ConvscopeError, RunError
from convscope.kinds.series.anomaly.surprisal import Surprisal, checked_histories
from convscope.kinds.series.remaining_life.intervals import BANDS, LEVELS, LifeIntervals
from convscope.kinds.tasks.regression import half_width_of
from convscope.run import Run
from convscope.workflows.cross_validation import read_request
from convscope.workflows.recorded_splits import recorded_rows

RUN = Path(__file__).parent / "run_of_format_1"
HEADER = b"name,label,split,digest\n"


@pytest.fixture
def run(tmp_path):
    return Run(Path(shutil.copytree(RUN, tmp_path / "run")))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"name,split\na.png,trainx\n", "row 2"),
        (b"name\na.png\n", "row 2"),
        (HEADER + b"a.png,cat,train,00\n\xff\xfe,cat,test,01\n", "decode"),
        (b"\xef\xbb\xbf" + HEADER + b"a.png,cat,train,00\n", "row 2"),
    ],
    ids=["another split", "no split", "no UTF-8", "another header"],
)
def test_damaged_splits_are_an_error_that_names_them(run, content, said):
    (run.folder / "splits.csv").write_bytes(content)
    with pytest.raises(RunError, match=rf"splits\.csv is damaged: .*{said}"):
        recorded_rows(run)


def test_damaged_history_does_not_hide_that_a_run_is_unfinished(run):
    run.write_record({**run.record(), "status": "training"})
    (run.folder / "history.csv").write_bytes(b"epoch,loss\n1,\xff\xfe\n")
    assert run.unfinished() == "epoch 1 of 2"


@pytest.mark.parametrize("content", [[], {}, {"test": 3}, {"test": {"accuracy": 1.0}}], ids=json.dumps)
def test_damaged_metrics_are_an_error(run, content):
    (run.folder / "metrics.json").write_text(json.dumps(content))
    with pytest.raises(RunError, match=r"metrics"):
        metrics(run)


def test_counts_of_nothing_have_a_line(run):
    saved = run.metrics()
    for each in saved["test"]["reliability"]:
        each["count"] = 0
    run.write("metrics.json", saved)
    assert "(0.000 by chance)" in metrics(run).to_line()
    saved["test"]["reliability"][0]["count"] = -1
    run.write("metrics.json", saved)
    with pytest.raises(RunError, match="count"):
        metrics(run)


def test_half_of_a_surrogate_pair_is_no_text(run):
    content = (run.folder / "run.json").read_text("utf-8").replace("image-classification", r"\ud800")
    (run.folder / "run.json").write_text(content, "utf-8")
    with pytest.raises(RunError, match=r"run\.json is damaged"):
        run.record()


def test_a_full_disk_says_how_to_go_on(run):
    with (
        pytest.raises(RunError, match=f"written to {run.folder}: No space left.*--resume"),
        run.full_disk_told(),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(OSError, match="refused"), run.full_disk_told():
        raise OSError(errno.EACCES, "refused")


@pytest.mark.parametrize("width", ["1.5", -1.0, True, float("nan"), [1.0]], ids=repr)
def test_a_half_width_that_cannot_be_is_an_error(width):
    with pytest.raises(RunError, match="half_width"):
        half_width_of({"half_width": width, "coverage": 0.9})
    assert half_width_of({}) is None


@pytest.mark.parametrize(
    "change",
    [{"cap": 0}, {"cap": -5.0}, {"units": -1}, {"half_widths": [[-1.0] * len(LEVELS)] * BANDS}],
    ids=repr,
)
def test_intervals_of_lives_that_cannot_be_are_an_error(change):
    saved = {"cap": 30.0, "units": 9, "levels": LEVELS.tolist(), "half_widths": [[1.0] * len(LEVELS)] * BANDS}
    LifeIntervals.from_json(saved)
    with pytest.raises(RunError, match=next(iter(change))):
        LifeIntervals.from_json({**saved, **change})


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), 10**400, "1"], ids=["nan", "inf", "huge", "text"]
)
def test_memories_that_are_no_numbers_are_an_error(value):
    saved = Surprisal(1).histories()
    checked_histories(saved, 1)
    saved[next(iter(saved))][0].append(value)
    with pytest.raises(RunError, match="calibration of the run"):
        checked_histories(saved, 1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"recipe": 3}, "'recipe' must be a string"),
        ({"recipe": "no-such-task"}, "no-such-task"),
        ({"architecture": "no_such"}, "no architecture 'no_such'"),
        ({"options": {"size": "large"}}, "size"),
        ({"options": []}, "'options' must be an object"),
        ({"settings": {"epochs": -1}}, "epochs"),
        ({"settings": {"unknown": 1}}, "unknown"),
        ({"place": "a" * 300}, "cannot be read"),
        ({"path": "a\0b"}, "null"),
    ],
    ids=repr,
)
def test_a_damaged_summary_of_folds_is_an_error(tmp_path, change, said):
    asked = {
        "path": str(tmp_path),
        "place": str(tmp_path.resolve()),
        "recipe": "image-classification",
        "why": "",
        "architecture": "compact_cnn",
        "options": {},
        "settings": {"epochs": 2},
    }
    summary = tmp_path / "folds.json"
    summary.write_text(json.dumps({"format": 1, "folds": 3, "asked": asked}))
    assert read_request(summary, None)[1] == 3
    summary.write_text(json.dumps({"format": 1, "folds": 3, "asked": {**asked, **change}}))
    with pytest.raises(ConvscopeError, match=said):
        read_request(summary, None)


@pytest.mark.parametrize("folds", [1, 10**9, "3", None])
def test_a_number_of_folds_that_cannot_be_resumed_is_an_error(tmp_path, folds):
    (tmp_path / "folds.json").write_text(json.dumps({"format": 1, "folds": folds, "asked": {}}))
    with pytest.raises(RunError, match="folds"):
        read_request(tmp_path / "folds.json", None)
