"""Targets are kept to one process, and what a killed one leaves is taken over."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from convscope.errors import RunError
from convscope.files import lock_file, locked

HOLD = textwrap.dedent("""
    import sys, time
    from pathlib import Path
    from convscope.files import locked
    with locked(Path(sys.argv[1])):
        print("held", flush=True)
        time.sleep(60)
""")


def held_by_another(target):
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(target)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    return process


def test_a_target_is_held_once_and_free_afterwards(tmp_path):
    target = tmp_path / "deep" / "run"
    with locked(target):
        says = rf"being written by another process \(process {os.getpid()} on"
        with pytest.raises(RunError, match=says), locked(target):
            raise AssertionError
        with locked(tmp_path / "deep" / "other"):
            pass
    assert list(target.parent.iterdir()) == []
    with locked(target):
        pass


def test_an_error_frees_the_target(tmp_path):
    with pytest.raises(KeyError), locked(tmp_path / "x.parquet"):
        raise KeyError
    assert not lock_file(tmp_path / "x.parquet").exists()


def test_another_process_is_refused_until_it_is_killed(tmp_path):
    other = held_by_another(tmp_path / "run")
    with pytest.raises(RunError, match=f"process {other.pid} on"), locked(tmp_path / "run"):
        raise AssertionError
    other.send_signal(signal.SIGKILL)
    other.communicate()
    assert lock_file(tmp_path / "run").exists()
    for _ in range(100):
        try:
            with locked(tmp_path / "run"):
                break
        except RunError:
            time.sleep(0.05)
    else:
        raise AssertionError
    assert list(tmp_path.iterdir()) == []


def test_a_folder_removed_underneath_is_no_trouble(tmp_path):
    with locked(tmp_path / "a" / "run"):
        shutil.rmtree(tmp_path / "a")


def test_what_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written"), locked(tmp_path / "file" / "run"):
        raise AssertionError
