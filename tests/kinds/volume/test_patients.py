"""Scans of one patient stay in one split: by the PatientID of DICOM files, unless the user names groups."""

import numpy as np
import pytest
from made_volumes import solid, write_dicom, write_nifti

from convscope.kinds.volume.readers.reader import read_volumes
from convscope.kinds.volume.segmentation.reader import read_masked_volumes

PATIENTS, SERIES = 10, 3


def write_patients(folder, patient="case {at}"):
    """Three series of each patient in folders of their own, whose names say nothing of whom they are of."""
    for kind in ("ball", "slab"):
        for at in range(PATIENTS):
            for series in range(SERIES):
                number = (at * 7 + series * 11) % (PATIENTS * SERIES)
                place = folder / kind / f"scan{kind[0]}{series}x{number:02d}"
                name = patient.format(at=f"{kind[0]}{at}")
                uid = f"1.2.{at}.{series}"
                write_dicom(place, solid(kind, 10 * at + series), patient=name, series=uid)
    return folder


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    return write_patients(tmp_path_factory.mktemp("patients") / "data")


def subjects_of(split):
    return {stored.subject for stored in split.samples.stored}


def test_all_series_of_a_patient_stay_on_one_side_and_it_is_said(scans):
    splits = read_volumes(scans)
    sides = [subjects_of(splits[name]) for name in ("train", "validation", "test")]
    assert all(sides)
    assert sum(map(len, sides)) == 2 * PATIENTS, "no patient is on two sides"
    assert sum(len(splits[name]) for name in ("train", "validation", "test")) == 2 * PATIENTS * SERIES
    said = f"groups: {2 * PATIENTS}, by the PatientID in DICOM files; a group stays in one split"
    assert said in splits.decisions
    assert len(np.unique(splits.train.groups)) == len(sides[0])


def test_groups_that_the_user_names_go_before_patients(scans):
    splits = read_volumes(scans, group=r"scan\w(\d)x")
    by_series = [
        {stored.key.partition("scan")[2][1] for stored in splits[name].samples.stored}
        for name in ("train", "validation", "test")
    ]
    assert sum(map(len, by_series)) == SERIES
    assert any("by the pattern" in line for line in splits.decisions)


def test_one_patient_for_all_scans_is_no_group_and_that_is_said(tmp_path):
    splits = read_volumes(write_patients(tmp_path, "ANONYMOUS"))
    assert any(
        line.startswith("groups: the PatientID in DICOM files has 1 different ones")
        for line in splits.warnings
    )


def test_scans_with_masks_are_divided_by_patients_too(tmp_path):
    for at in range(PATIENTS):
        for series in range(2):
            values = solid("ball", 10 * at + series)
            key = f"{at * 2 + (series * 7) % 2:02d}{series}"
            uid = f"1.2.{at}.{series}"
            place = write_dicom(tmp_path / "imagesTr" / key, values, patient=f"p{at}", series=uid)
            assert place.is_dir()
            affine = np.diag([-0.5, -0.5, 2.0, 1.0])
            affine[:2, 3] = -10, -20
            write_nifti(tmp_path / "labelsTr" / f"{key}.nii.gz", (values > 150).astype(np.uint8), affine)
    splits = read_masked_volumes(tmp_path)
    sides = [subjects_of(splits[name]) for name in ("train", "validation", "test")]
    assert all(sides)
    assert sum(map(len, sides)) == PATIENTS
    assert any("by the PatientID in DICOM files" in line for line in splits.decisions)
