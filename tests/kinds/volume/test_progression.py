"""Progression: registration, growth, courses, risk, and a run of each answer from end to end."""

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
from made_visits import AFFINE, RADIUS, scan, turned, write_table, write_visits
from made_volumes import write_nifti

import convscope
from convscope.errors import DataError, UsageError
from convscope.kinds.volume.progression.change import (
    change_map,
    deformation,
    growth,
    halfway,
    on_one_scale,
)
from convscope.kinds.volume.progression.course import Thresholds, rate_of
from convscope.kinds.volume.progression.diameters import bidimensional
from convscope.kinds.volume.progression.hazards import Landmarks, ranked
from convscope.kinds.volume.progression.models import visit_hazard
from convscope.kinds.volume.progression.reader import read_subjects, read_visits
from convscope.kinds.volume.progression.registration import align
from convscope.kinds.volume.progression.representation import fit_representation
from convscope.kinds.volume.volume import Volume


def volume(values, name="scan"):
    return Volume.of(values, AFFINE, name, "NIfTI")


def test_a_known_move_is_found_to_a_tenth_of_a_voxel():
    move = turned()
    first, later = volume(scan(noise=2)[0]), volume(scan(move=move, noise=2)[0])
    found = align(first, later)
    corners = np.array([[x, y, z, 1] for x in (4, 28) for y in (4, 28) for z in (4, 20)], float).T
    apart = ((found.matrix - move) @ first.affine @ corners)[:3] / np.array(first.spacing)[:, None]
    assert np.sqrt(np.square(apart).sum(axis=0).mean()) < 0.1
    assert found.apart < 0.5
    assert found.turned == pytest.approx(4.0, abs=0.3)
    assert np.array_equal(align(first, later).matrix, found.matrix)


def test_scans_that_show_something_else_are_refused():
    other = np.random.default_rng(0).normal(size=scan()[0].shape).astype(np.float32)
    with pytest.raises(DataError, match="cannot be registered to first") as caught:
        align(volume(scan()[0], "first"), volume(other, "later"))
    assert "same part of the same subject" in caught.value.hint


@pytest.mark.parametrize("factor", [1.0, 0.92])
def test_growth_is_measured_and_turns_round_with_the_scans(factor):
    values, mask = scan(noise=2)
    first, later = volume(values), volume(scan(factor, turned(), noise=2)[0])
    labels = first.source.to_canonical(mask)
    alignment = align(first, later)
    half = on_one_scale(halfway(first, later, alignment))
    (found,) = growth(half, first, labels, [1], alignment)
    assert found == pytest.approx(factor, abs=0.02)


def test_the_same_scans_give_the_same_deformation_to_the_bit():
    one, other = (volume(scan(factor)[0]).values[..., 0] for factor in (1.0, 0.8))
    first = deformation(one, other)
    assert all(np.array_equal(deformation(one, other), first) for _ in range(4))


def test_the_change_is_where_the_ball_grew_and_brighter_there():
    values, mask = scan()
    first, later = volume(values), volume(scan(1.5)[0])
    alignment = align(first, later)
    changes = change_map(first, on_one_scale(halfway(first, later, alignment)))
    assert changes.shape == first.shape
    grown = first.source.to_canonical(scan(1.5)[1].astype(bool) & ~mask.astype(bool))
    assert changes[grown].mean() > 0.1
    assert abs(changes[first.source.to_canonical(mask == 1)].mean()) < 0.1


def test_rates_are_those_of_a_line_and_their_error_that_of_least_squares():
    years, volumes = np.array([0.0, 1, 2, 4]), np.array([5.0, 4.8, 4.9, 4.2])
    found = rate_of(years, volumes, None)
    fit, covariance = np.polyfit(years, volumes, 1, cov=True)
    assert found.ml == pytest.approx(fit[0])
    assert found.error == pytest.approx(np.sqrt(covariance[0, 0]))
    pair = rate_of(years[:2], volumes[:2], 1.5)
    assert pair.error == pytest.approx(5.0 * 0.015)
    assert pair.percent == pytest.approx(-4.0)
    assert rate_of(years[:2], volumes[:2], None).error is None
    assert rate_of(np.zeros(2), volumes[:2], 1.0) is None


def test_categories_follow_the_thresholds():
    assert Thresholds().category([2.0, 0.5, 0.8]) == "progression"
    assert Thresholds(growth=80).category([2.0, 0.5, 0.8]) == "stable"
    assert Thresholds(growth=80, shrinkage=50).category([2.0, 0.5, 0.8]) == "partial response"
    assert Thresholds().category([0.0, 0.4]) == "progression"
    assert Thresholds().category([1.0, float("nan")]) == "not judged"
    assert "by volume" in str(Thresholds()) and "40 % above" in str(Thresholds())
    area = Thresholds.of("diameters", None, None)
    assert area.category([100.0, 126.0]) == "progression"
    assert area.category([100.0, 49.0]) == "partial response"
    assert "diameters" in str(area) and "25 % above" in str(area) and "50 % below" in str(area)
    assert Thresholds.of("diameters", 60.0, None).category([100.0, 126.0]) == "stable"


def test_diameters_are_those_of_the_largest_part_of_one_axial_slice():
    x, y, z = np.indices((40, 40, 5))
    ellipse = np.square((x - 20) / 15) + np.square((y - 20) / 6) <= 1
    lies = ellipse & (z == 2) | (z == 1) & (np.abs(x - 20) < 4) & (np.abs(y - 20) < 4)
    lies[0:3, 0:3, 2] = True
    assert bidimensional(lies, (1.0, 1.0, 5.0)) == pytest.approx(31 * 13, rel=0.03)
    assert bidimensional(lies, (2.0, 0.5, 5.0)) == pytest.approx(31 * 13, rel=0.03)
    turned_by = np.linalg.inv(np.array([[0.8, -0.6], [0.6, 0.8]]))
    across = turned_by[0, 0] * (x - 20) + turned_by[0, 1] * (y - 20)
    along = turned_by[1, 0] * (x - 20) + turned_by[1, 1] * (y - 20)
    leaning = np.square(across / 15) + np.square(along / 6) <= 1
    assert bidimensional(leaning, (1.0, 1.0, 1.0)) == pytest.approx(31 * 13, rel=0.08)
    assert bidimensional(np.zeros((4, 4, 4), bool), (1.0, 1.0, 1.0)) == 0.0


@pytest.fixture(scope="module")
def visits(tmp_path_factory):
    return write_visits(tmp_path_factory.mktemp("visits") / "data", [(1.1, 1.2), (0.9,), (1.5,)])


@pytest.fixture(scope="module")
def run(visits, tmp_path_factory):
    """A finished run of measures; to be read, not changed."""
    return convscope.train(
        visits, out=tmp_path_factory.mktemp("run") / "run", repeats=2, affine=False, verbose=0
    )


def test_it_measures_all_visits_and_knows_its_repeat_error(run):
    record = run.record()
    assert record["recipe"] == "volume-progression"
    assert record["architecture"] == "change_kernels"
    measured = run.metrics()["test"]
    assert (measured["subjects"], measured["pairs"], measured["refused"]) == (3, 4, 0)
    assert measured["repeats"] == 2
    assert 0 < measured["smallest"] < 4
    assert convscope.evaluate(run.folder).to_json() == measured
    assert "Volumes over visits" in run.report_path.read_text() or run.report_path.stat().st_size > 10_000


def test_predictions_have_a_row_for_each_visit_and_maps_on_the_grid_of_the_first_scan(run, visits, tmp_path):
    rows = convscope.predict(run.folder, [str(visits)], change_maps=str(tmp_path / "maps")).rows
    assert [(row.name, row.to_json()["visit"]) for row in rows] == [
        ("sub-00", "ses-20210301"),
        ("sub-00", "ses-20220301"),
        ("sub-01", "ses-20210301"),
        ("sub-02", "ses-20210301"),
    ]
    last = rows[1].to_json()
    assert last["measured_by"] == "masks"
    assert last["percent_a_year"] == pytest.approx(10, abs=2)
    assert last["error_from"] == "the residuals of 3 visits"
    assert [row.to_json()["category"] for row in rows] == ["stable", "stable", "stable", "progression"]
    assert all(row.to_json()["thresholds"].startswith("by volume: progression from 40 %") for row in rows)
    assert rows[0].to_json()["first_mm2"] is None
    found = nibabel.load(last["change_map"])
    first = nibabel.load(visits / "sub-00" / "ses-20200301" / "anat.nii.gz")
    assert found.shape == first.shape
    assert np.allclose(found.affine, first.affine)
    assert set(rows[0].to_row()) == {"subject", *rows[0].facts}


def test_categories_can_follow_diameters(run, visits):
    rows = convscope.predict(run.folder, [str(visits)], criterion="diameters").rows
    told = [row.to_json() for row in rows]
    assert [each["category"] for each in told] == ["stable", "stable", "stable", "progression"]
    assert told[3]["later_mm2"] / told[3]["first_mm2"] == pytest.approx(1.5 ** (2 / 3), abs=0.1)
    assert told[0]["first_mm2"] == pytest.approx((2 * RADIUS) ** 2, rel=0.15)
    assert told[0]["thresholds"].startswith("by the product of perpendicular diameters")


def test_a_mask_of_the_first_visit_is_enough_by_registration(run, tmp_path):
    data = write_visits(tmp_path / "data", [(0.92,)], masks="first")
    (row,) = convscope.predict(run.folder, [str(data)]).rows
    told = row.to_json()
    assert told["measured_by"] == "registration"
    assert told["change_percent"] == pytest.approx(-8, abs=2.5)
    assert told["error_from"] == "the repeat error"
    assert told["percent_a_year_error"] > 0


def test_two_scans_can_be_given_in_the_order_of_time(run, visits, tmp_path):
    paths = [str(visits / "sub-02" / visit / "anat.nii.gz") for visit in ("ses-20200301", "ses-20210301")]
    (row,) = convscope.predict(run.folder, paths).rows
    assert row.to_json()["ways_apart_mm"] < 0.5
    assert row.to_json()["years"] is None


def test_a_pair_that_cannot_be_registered_says_so_and_ends_nothing(run, tmp_path):
    data = write_visits(tmp_path / "data", [(1.1,), (1.1,)], masks="none")
    noise = np.random.default_rng(0).normal(size=scan()[0].shape).astype(np.float32)
    write_nifti(data / "sub-01" / "ses-20210301" / "anat.nii.gz", noise, AFFINE)
    good, bad = convscope.predict(run.folder, [str(data)]).rows
    assert good.to_json()["problem"] == ""
    assert "cannot be registered" in bad.to_json()["problem"]


def test_a_run_of_measures_is_looked_at_explained_and_extracted(run, visits, tmp_path):
    seen = convscope.look(run.folder, [str(visits)], out=tmp_path / "look")
    assert seen.pictures
    assert "gain_and_loss" in json.dumps(convscope.explain(run.folder).to_json())
    convscope.extract(run.folder, [str(visits)], out=tmp_path / "features", layers=["answers"])


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return write_table(tmp_path_factory.mktemp("table") / "visits.csv")


@pytest.fixture(scope="module")
def risk(table, tmp_path_factory):
    """A finished run of risks; to be read, not changed."""
    out = tmp_path_factory.mktemp("risk") / "run"
    given = {"recipe": "volume-progression", "event": "state>0", "resamples": 12, "epochs": 25}
    return convscope.train(table, out=out, verbose=0, **given)


def test_risk_is_learned_and_judged_beside_each_column(risk):
    assert risk.record()["architecture"] == "visit_hazard"
    measured = risk.metrics()["test"]
    beside = {each["name"]: each["concordance"] for each in measured["beside"]}
    assert measured["concordance"] > 0.6
    assert set(beside) == {"age alone", "marker alone", "sex alone"}
    assert beside["marker alone"] > beside["age alone"]
    assert convscope.evaluate(risk.folder).to_json() == measured


def test_risk_rises_over_the_years_within_its_interval(risk, table):
    told = convscope.predict(risk.folder, [str(table)]).rows[0].to_json()
    risks = [told[name] for name in told if name.startswith("risk_")]
    assert risks == sorted(risks)
    assert all(
        told[f"low_{y}_years"] <= told[f"risk_{y}_years"] <= told[f"high_{y}_years"] for y in (1, 2, 3)
    )
    assert told["high_3_years"] > told["low_3_years"]


def test_a_run_of_risks_is_looked_at_explained_and_extracted(risk, table, tmp_path):
    assert convscope.look(risk.folder, [str(table)], out=tmp_path / "look").pictures
    assert "PeriodHazards" in json.dumps(convscope.explain(risk.folder).to_json())
    convscope.extract(risk.folder, [str(table)], out=tmp_path / "features", layers=["hazards"])


def test_a_table_without_the_columns_of_the_training_is_refused(risk, tmp_path):
    path = tmp_path / "few.csv"
    path.write_text("subject,days,age\na,0,70\na,300,71\n")
    with pytest.raises(DataError, match="'marker' among them"):
        convscope.predict(risk.folder, [str(path)])


def test_folds_are_by_subject(table, tmp_path):
    found = convscope.train(
        table,
        out=tmp_path / "folds",
        recipe="volume-progression",
        event="state>0",
        folds=2,
        resamples=2,
        epochs=2,
        verbose=0,
    )
    names = [
        {row.split(",")[0] for row in (run.folder / "splits.csv").read_text().splitlines() if ",test," in row}
        for run in found.runs
    ]
    assert not names[0] & names[1]
    assert len(names[0] | names[1]) > 40


def test_settings_mean_nothing_to_fixed_kernels(visits, tmp_path):
    with pytest.raises(UsageError) as caught:
        convscope.train(Path(visits), out=tmp_path / "run", epochs=3, verbose=0)
    assert "nothing is trained" in caught.value.hint


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory):
    """A finished run of a segmentation that finds the ball; to be read, not changed."""
    folder = tmp_path_factory.mktemp("segmenter") / "data"
    for seed in range(10):
        values, mask = scan(0.8 + 0.1 * seed, seed=seed, noise=2.0)
        write_nifti(folder / "imagesTr" / f"case_{seed:02d}.nii.gz", values, AFFINE)
        write_nifti(folder / "labelsTr" / f"case_{seed:02d}.nii.gz", mask, AFFINE)
    (folder / "dataset.json").write_text(json.dumps({"labels": {"0": "background", "1": "ball"}}))
    given = {"epochs": 10, "learning_rate": 1e-2, "averaging": 0.0, "batch_size": 2, "width": 4, "depth": 2}
    return convscope.train(folder, out=folder.parent / "run", mirror=False, verbose=0, **given)


def test_visits_without_masks_are_measured_by_a_segmentation(run, segmenter, run_command, tmp_path):
    data = write_visits(tmp_path / "data", [(1.5,)], masks="none")
    code, out, err = run_command(
        "predict", run.folder, data, "--segmenter", segmenter.folder, "--format", "jsonl"
    )
    assert code == 0, err
    (told,) = [json.loads(line) for line in out.splitlines()]
    assert (told["structure"], told["measured_by"]) == ("ball", "masks")
    scans = sorted(map(str, data.rglob("anat.nii.gz")))
    amounts = [row.amounts["ball"] for row in convscope.predict(segmenter.folder, scans).rows]
    assert [told["first_ml"], told["later_ml"]] == pytest.approx(amounts)
    assert 0 < amounts[0] < amounts[1]


def test_a_segmenter_is_the_folder_of_a_segmentation(run, visits, run_command, tmp_path):
    with pytest.raises(UsageError, match="must be a run of volume-segmentation"):
        convscope.predict(run.folder, [str(visits)], segmenter=run.folder)
    code, _, err = run_command("predict", run.folder, visits, "--segmenter", tmp_path / "nowhere")
    assert (code, "there is no such folder" in " ".join(err.split())) == (1, True)


def with_channels(folder, how):
    """Scans of two visits, each with a second channel of another kind of scan."""
    for visit, factor in enumerate((1.0, 1.5)):
        values, mask = scan(factor, seed=0, noise=2.0)
        both, place = (values, 500 - values), folder / "sub-00" / f"ses-{2020 + visit}0301"
        write_nifti(place / "anat_mask.nii.gz", mask, AFFINE)
        if how == "axis":
            write_nifti(place / "anat.nii.gz", np.stack(both, axis=3), AFFINE)
        else:
            for channel, each in enumerate(both):
                write_nifti(place / f"anat_{channel:04d}.nii.gz", each, AFFINE)
    return folder


@pytest.mark.parametrize("how", ["files", "axis"])
def test_visits_of_several_channels_are_read_as_other_scans_are(how, tmp_path):
    data = with_channels(tmp_path / "data", how)
    splits = read_visits(data, channel_layout=how)
    subject = splits.train.samples.load(0)
    assert [subject.scan(at).channels for at in (0, 1)] == [2, 2]
    assert subject.is_masked
    assert splits.reading["channel_layout"] == how
    scans = sorted(str(path) for path in data.rglob("anat*.nii.gz") if "mask" not in path.name)
    (given,) = read_subjects(scans, channel_layout=how).subjects
    assert len(given.visits) == 2
    with pytest.raises(DataError) as caught:
        splits = read_visits(data, channel_layout="none")
        splits.train.samples.load(0).scan(0)
    said = f"{caught.value.message} {caught.value.hint}"
    assert ("--channel-layout axis" if how == "axis" else "expected one scan of sub-00") in said


def test_scores_of_two_models_are_not_compared():
    marks = Landmarks(
        np.arange(4), np.zeros(4, np.int64), np.array([1.0, 3, 1, 3]), np.array([2.0, 3, 2, 3]),
        np.array([True, False, True, False]),
    )  # fmt: skip
    scores = np.array([2.0, 1, 12, 11])
    apart = ranked("model", scores, marks, 2, models=np.array([0, 0, 1, 1]))
    assert (apart.concordance, apart.auc) == (1, 1)
    assert ranked("model", scores, marks, 2).concordance == 0.75


def test_the_penalty_leaves_a_degree_of_freedom_for_ten_events_whatever_the_resamples(table):
    train = read_visits(table, event="state>0", seed=0).train
    (few, lines), (many, _) = (fit_representation(train, resamples=count) for count in (2, 90))
    assert few.l2 == many.l2 > 0
    assert any(line.startswith(f"l2: {few.l2:.3g}, which leaves ") for line in lines)
    penalties = []
    for members in (1, 50):
        model = visit_hazard((1, 3), members=members, l2=0.5)
        model.get_layer("of_last_visit").set_weights([np.ones((3, members))])
        penalties.append(float(model.losses[0]))
    assert penalties[0] == pytest.approx(penalties[1]) == pytest.approx(0.5 * 3)
