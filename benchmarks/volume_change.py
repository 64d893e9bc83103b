"""How finely a change of volume is measured: hippocampi warped by known shares, moved and with noise.

    python benchmarks/volume_change.py --data FOLDER [--scans 20] [--json FILE]

FOLDER holds `imagesTr` and `labelsTr` of Task04 of the Medical Segmentation Decathlon. Each scan is taken
as it is and with a smooth deformation whose divergence lies in the structure, so that its volume changes by a
known share up to 10 %; and twice without. All are moved by up to 2 mm and 3 degrees about each axis, and get
Gaussian noise of 2 % of the 99 % quantile and a smooth bias of up to 5 %, each its own. Deformation and move
are one interpolation by cubic splines, which both scans of a pair undergo, so that both are as sharp.
Parameters of the measure were chosen on the first fifteen scans, none of which is judged here; scans are
evenly chosen from the others.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from results import Figure, add_arguments, print_table, write_results
from scipy.ndimage import gaussian_filter, map_coordinates

from convscope.kinds.volume.progression.change import growth, halfway, on_one_scale
from convscope.kinds.volume.progression.measuring import random_move
from convscope.kinds.volume.progression.registration import align
from convscope.kinds.volume.readers.nifti import read_nifti
from convscope.kinds.volume.volume import Volume

CHOSEN_ON = 15
NOISE, BIAS = 0.02, 0.05
LARGEST = 10.0


def deformation(mask: np.ndarray, change: float) -> np.ndarray:
    """A smooth displacement (3, x, y, z), in voxels, by which a structure changes its volume by a share.

    It is the gradient of the potential whose Laplacian is the smoothed structure; its strength is found so
    that the determinant of its Jacobian, averaged over the structure, is 1 + change.
    """
    pad = 20
    source = gaussian_filter(np.pad(mask.astype(float), pad), 1.5)
    source -= source.mean()
    waves = np.meshgrid(
        *(2 * np.pi * np.fft.fftfreq(side) for side in source.shape[:2]),
        2 * np.pi * np.fft.rfftfreq(source.shape[2]),
        indexing="ij",
    )
    square = sum(each**2 for each in waves)
    square[0, 0, 0] = 1
    potential = -np.fft.rfftn(source) / square
    inside = (slice(pad, -pad),) * 3
    whole = np.stack([np.fft.irfftn(1j * each * potential, source.shape, axes=(0, 1, 2)) for each in waves])
    slopes = np.stack([np.stack(np.gradient(each)) for each in whole])[(slice(None), slice(None), *inside)]
    slopes = np.moveaxis(slopes[:, :, mask], -1, 0)
    low, high = -0.5, 0.5
    for _ in range(40):
        middle = (low + high) / 2
        grown = np.linalg.det(np.eye(3) + middle * slopes).mean() - 1
        low, high = (middle, high) if grown < change else (low, middle)
    return middle * whole[(slice(None), *inside)]


def smooth_bias(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """A quadratic field about 1, as receivers make it."""
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, side) for side in shape), indexing="ij")
    terms = (x, y, z, x * y, y * z, x * z, x * x, y * y, z * z)
    field = sum(rng.normal() * term for term in terms)
    field -= field.mean()
    return np.exp(BIAS * field / np.abs(field).max())


def taken(
    scan: Volume, mask: np.ndarray, change: float, rng: np.random.Generator
) -> tuple[Volume, np.ndarray]:
    """A scan after a change as a scanner might take it, and where the structure is in it."""
    values = scan.values[..., 0].astype(float)
    values /= np.quantile(values, 0.99)
    index = np.linalg.inv(scan.affine) @ np.linalg.inv(random_move(scan, rng)) @ scan.affine
    moved = index[:3, :3] @ np.indices(values.shape).reshape(3, -1) + index[:3, 3:]
    places = moved.copy()
    if change:
        field = deformation(mask, change)
        for _ in range(25):  # the inverse of the deformation, by its fixed point
            steps = [map_coordinates(each, places, order=1, mode="nearest") for each in field]
            places = moved - np.stack(steps)
    found = map_coordinates(values, places, order=3, mode="nearest").reshape(values.shape)
    found = found * smooth_bias(rng, found.shape) + rng.normal(0, NOISE, found.shape)
    structure = map_coordinates(mask.astype(float), places, order=1, mode="nearest") > 0.5
    return scan.with_values(found[..., None].astype(np.float32)), structure.reshape(values.shape)


def measured(first: Volume, later: Volume, mask: np.ndarray) -> float:
    """The change of the structure in percent, as `predict` measures it."""
    alignment = align(first, later)
    half = on_one_scale(halfway(first, later, alignment))
    return 100 * (growth(half, first, mask.astype(np.uint8), [1], alignment)[0] - 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--scans", type=int, default=20)
    given = parser.parse_args()
    paths = sorted((given.data / "imagesTr").glob("hippocampus_*.nii.gz"))[CHOSEN_ON:]
    count = 4 if given.quick else given.scans
    chosen = [paths[int(at)] for at in np.linspace(5, len(paths) - 1, count)]
    changes = -np.linspace(LARGEST / count, LARGEST, count)
    changes[1::2] *= -1
    errors, none, seconds = [], [], []
    for number, (path, change) in enumerate(zip(chosen, changes.tolist(), strict=True)):
        scan = read_nifti(path, path.name)
        label = read_nifti(given.data / "labelsTr" / path.name, path.name)
        mask = label.values[..., 0] > 0
        for share, found in ((change, errors), (0.0, none)):
            rng = np.random.default_rng([number, round(abs(share) * 100)])
            (first, structure), (later, _) = (taken(scan, mask, each, rng) for each in (0.0, share / 100))
            started = time.process_time()
            found.append(measured(first, later, structure) - share)
            seconds.append(time.process_time() - started)
        print(
            f"{path.name}: {change:+.1f} % measured with {errors[-1]:+.2f}, none with {none[-1]:+.2f}",
            flush=True,
        )
    every = np.abs([*errors, *none])
    figures = [
        Figure("mean error of changes of 0 to 10 %", float(every.mean()), "%", 0.7, "lower"),
        Figure("mean error where something changed", float(np.abs(errors).mean()), "%", None, "lower"),
        Figure("mean of what is measured where nothing changed", float(np.mean(none)), "%", None, "lower"),
        Figure(
            "smallest change told from none in 95 %",
            float(np.quantile(np.abs(none), 0.95)),
            "%",
            None,
            "lower",
        ),
        Figure("processor time of a pair", float(np.median(seconds)), "s", None, "lower"),
    ]
    print_table(figures)
    if given.json:
        write_results(given.json, figures, [0])


if __name__ == "__main__":
    main()
