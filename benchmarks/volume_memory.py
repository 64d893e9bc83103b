"""Peak memory of a segmentation of one large CT scan, from its file to the mask on its own grid.

    python benchmarks/volume_memory.py [--shape 512x512x600] [--width 16] [--json FILE] [--quick]

Generates a CT scan with a body, air, lungs, bones and two organs, trains a 3-D U-Net of 3 classes for one
epoch on small scans of the same kind, and runs `convscope predict RUN SCAN --masks FOLDER --no-mirror` in a
process of its own, whose largest resident memory (`VmHWM` of Linux) is what counts. The mask that was
written is read back and has to lie on the grid of the scan. Mirrored views are left out because they take
time and no memory: the windows of a batch are seen one view after another.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nibabel
import numpy as np
from results import Figure, add_arguments, print_table, write_results

SHAPE, QUICK_SHAPE, SMALL = (512, 512, 600), (160, 160, 120), (64, 64, 64)
SPACING = (0.8, 0.8, 1.0)
TARGET = 6.0
NAMES = {"0": "background", "1": "liver", "2": "kidney"}
SCANS = 6
MIB = 2**20
PREDICT = """
import sys
from pathlib import Path
from convscope.cli.app import main
try:
    main(sys.argv[1:])
finally:
    lines = Path("/proc/self/status").read_text().splitlines()
    print(next(line.split()[1] for line in lines if line.startswith("VmHWM")), file=sys.stderr)
"""


def ct(shape: tuple[int, ...], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Hounsfield units and labels, int16 and uint8 (x, y, z), made slice by slice."""
    rng = np.random.default_rng(seed)
    x, y = (np.linspace(-1, 1, side)[:, None] for side in shape[:2])
    y = y.T
    values, labels = np.empty(shape, np.int16), np.zeros(shape, np.uint8)
    shift = rng.uniform(-0.08, 0.08, 6)
    for at, z in enumerate(np.linspace(-1, 1, shape[2])):
        body = np.square(x / 0.9) + np.square(y / 0.7) < 1
        plane = np.where(body, 40.0, -1000.0)
        lung = (np.square((np.abs(x) - 0.42) / 0.28) + np.square(y / 0.42) < 1) & (z > 0.2)
        spine = np.square(x / 0.1) + np.square((y + 0.5) / 0.1) < 1
        liver = np.square((x - 0.4 - shift[0]) / 0.35) + np.square((y - shift[1]) / 0.4) + (z / 0.5) ** 2 < 1
        kidney = np.square((x + 0.35 - shift[2]) / 0.14) + np.square((y + 0.3) / 0.16) + (z / 0.4) ** 2 < 1
        plane[lung], plane[spine] = -800, 600
        for number, (where, level) in enumerate(((liver & ~lung, 130), (kidney & ~spine, 220)), 1):
            plane[where] = level
            labels[..., at][where] = number
        values[..., at] = plane + rng.normal(0, 15, plane.shape).astype(np.float32)
    return values, labels


def write(path: Path, values: np.ndarray) -> None:
    """A NIfTI file, from left to right and from front to back, as scanners write them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    affine = np.diag([-SPACING[0], -SPACING[1], SPACING[2], 1.0])
    affine[:2, 3] = 200.0
    nibabel.save(nibabel.Nifti1Image(values, affine), path)


def trained(folder: Path, width: int) -> Path:
    """The folder of a run on small scans."""
    for seed in range(SCANS):
        values, labels = ct(SMALL, seed)
        write(folder / "data/imagesTr" / f"{seed}.nii.gz", values)
        write(folder / "data/labelsTr" / f"{seed}.nii.gz", labels)
    (folder / "data/dataset.json").write_text(json.dumps({"labels": NAMES}))
    words = ["train", str(folder / "data"), "--out", str(folder / "run"), "--epochs", "1"]
    code = "import sys; from convscope.cli.app import main; main(sys.argv[1:])"
    subprocess.run([sys.executable, "-c", code, *words, "--width", str(width)], check=True)
    return folder / "run"


def predicted(run: Path, scan: Path, masks: Path) -> tuple[float, float]:
    """Largest resident memory of a prediction in GiB, and how long it took in seconds."""
    begun = time.perf_counter()
    words = ["predict", str(run), str(scan), "--masks", str(masks), "--no-mirror", "--format", "jsonl"]
    done = subprocess.run(
        [sys.executable, "-c", PREDICT, *words],
        stderr=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    return int(done.stderr.split()[-1]) / MIB, time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--shape", default="")
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--scratch", type=Path, help="folder for the scans")
    given = parser.parse_args()
    usual = QUICK_SHAPE if given.quick else SHAPE
    shape = tuple(map(int, given.shape.split("x"))) if given.shape else usual
    with tempfile.TemporaryDirectory(dir=given.scratch) as place:
        folder = Path(place)
        run = trained(folder, given.width)
        values, _ = ct(shape, SCANS)
        write(folder / "scan.nii.gz", values)
        del values
        small = predicted(run, folder / "data/imagesTr/0.nii.gz", folder / "small")[0]
        gib, seconds = predicted(run, folder / "scan.nii.gz", folder / "masks")
        (mask,) = (folder / "masks").iterdir()
        written, scan = nibabel.load(mask), nibabel.load(folder / "scan.nii.gz")
        if written.shape != scan.shape or not np.allclose(written.affine, scan.affine):
            raise SystemExit("the mask lies on another grid than the scan")
        name = "x".join(map(str, shape))
        figures = [
            Figure(f"{name} CT, 3 classes, width {given.width}: peak memory", gib, "GiB", TARGET, "lower"),
            Figure(f"peak memory of a scan of {math.prod(SMALL):,} voxels, for comparison", small, "GiB"),
            Figure(f"{name} CT: time of the whole command", seconds, "s", better="lower"),
        ]
    print_table(figures)
    write_results(given.json, figures, [0])


if __name__ == "__main__":
    main()
