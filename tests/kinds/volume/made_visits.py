"""Visits of made subjects: a ball that grows by a known share with what is around it; tables of visits."""

import csv

import numpy as np
from made_volumes import write_nifti

SHAPE = (32, 32, 24)
RADIUS = 7.0
AFFINE = np.array([[-1.0, 0, 0, 12], [0, 1.0, 0, -9], [0, 0, 1.25, 4], [0, 0, 0, 1.0]])
"""From right to left along the first axis, so that the file's grid is not the canonical one."""


def scan(factor=1.0, move=None, *, seed=0, noise=0.0):
    """A scan and its mask, (x, y, z): the ball has `factor` times its volume, and all of it is moved."""
    rng = np.random.default_rng(seed)
    index = np.indices(SHAPE).reshape(3, -1)
    places = AFFINE[:3, :3] @ index + AFFINE[:3, 3:]
    if move is not None:
        back = np.linalg.inv(move)
        places = back[:3, :3] @ places + back[:3, 3:]
    middle = (AFFINE[:3, :3] @ (np.array(SHAPE) / 2) + AFFINE[:3, 3])[:, None]
    away = np.sqrt(np.square(places - middle).sum(axis=0))
    grown = RADIUS * factor ** (1 / 3)
    taper = np.clip((away - grown) / RADIUS, 0, 1)
    shrink = 1 + (factor ** (-1 / 3) - 1) * (1 + np.cos(np.pi * taper)) / 2
    places = middle + shrink * (places - middle)
    waves = sum(
        rng.uniform(5, 15) * np.cos(rng.normal(0, 0.4, 3) @ places + rng.uniform(0, 6)) for _ in range(12)
    )
    ball = 1 / (1 + np.exp((shrink * away - RADIUS) / 0.5))
    values = (200 + waves + 150 * ball).reshape(SHAPE)
    values += np.random.default_rng([seed, round(1000 * factor)]).normal(0, noise, SHAPE)
    return values.astype(np.float32), (away < grown).astype(np.uint8).reshape(SHAPE)


def turned(degrees=4.0, shift=(1.5, -1.0, 0.7)):
    """A rigid move about the middle of a scan, in mm."""
    angle = np.radians(degrees)
    move = np.eye(4)
    move[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    middle = (AFFINE @ np.array([16, 16, 12, 1.0]))[:3]
    move[:3, 3] = middle + np.array(shift) - move[:3, :3] @ middle
    return move


def write_visits(folder, growths, *, masks="all"):
    """`sub-NN/ses-DATE/` with a scan for each visit and masks of all visits, of the first, or of none."""
    for number, growth in enumerate(growths):
        for visit, factor in enumerate((1.0, *growth)):
            values, mask = scan(factor, turned(2.0 * visit) if visit else None, seed=number, noise=2.0)
            place = folder / f"sub-{number:02d}" / f"ses-{2020 + visit}0301"
            write_nifti(place / "anat.nii.gz", values, AFFINE)
            if masks == "all" or (masks == "first" and not visit):
                write_nifti(place / "anat_mask.nii.gz", mask, AFFINE)
    return folder


def write_table(path, subjects=60, seed=0):
    """Visits of subjects whose `marker` foretells when a state passes from 0 to 1; `age` says nothing."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(subjects):
        marker, age, state = rng.normal(), rng.uniform(60, 90), 0
        for visit in range(5):
            state = max(state, int(visit > 0 and rng.random() < 1 / (1 + np.exp(2.2 - 1.8 * marker))))
            rows.append(
                (
                    f"S{number:03d}",
                    365 * visit,
                    f"{age + visit:.1f}",
                    f"{marker:.3f}",
                    "FM"[number % 2],
                    state,
                )
            )
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("subject", "days", "age", "marker", "sex", "state"))
        writer.writerows(rows)
    return path
