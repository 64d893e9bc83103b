"""Small files that become large when they are read: they end the process that decodes, and nothing else."""

from __future__ import annotations

import gzip
import time

import nibabel
import numpy as np
import pytest
from opened_studio import array_of, json_of, let_in
from small_runs import SAMPLE

SIDE = 2000


def scan_of_zeros():
    """A volume of 64 GB as 63 MB: one member of zeros again and again."""
    header = nibabel.Nifti1Header()
    header.set_data_shape((SIDE, SIDE, SIDE))
    header.set_data_dtype(np.float64)
    header["vox_offset"] = 352
    zeros = gzip.compress(bytes(2**24), 9)
    start = gzip.compress(header.binaryblock + bytes(4))
    return start + zeros * min(8 * SIDE**3 // 2**24, (63 * 2**20 - len(start)) // len(zeros))


def sent(client, content):
    headers = {"Content-Type": "application/gzip"}
    return client.post("api/inputs", content=content, params={"name": "a.nii.gz"}, headers=headers)


@pytest.mark.slow
@pytest.mark.parametrize("run", ["volume"], indirect=True)
def test_a_scan_that_grows_is_refused_and_the_next_input_is_taken(run):
    with let_in(run.studio) as client:
        begun = time.monotonic()
        answer = sent(client, scan_of_zeros())
        assert answer.status_code == 409, answer.text
        assert time.monotonic() - begun < 60
        assert json_of(client.get(f"api/models/0/samples/{SAMPLE}/prediction"))
        values = array_of(client.get(f"api/samples/{SAMPLE}/input.npy"))
        file = gzip.compress(nibabel.Nifti1Image(values[..., 0], np.eye(4)).to_bytes())
        own = json_of(sent(client, file))["id"]
        assert json_of(client.get(f"api/models/0/samples/{own}/prediction"))["probabilities"]
