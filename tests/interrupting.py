"""`convscope predict --follow` in a process of its own, which Ctrl-C ends while it waits for more."""

import os
import signal
import subprocess
import sys
import threading
import time

LONGEST = 240
"""Seconds until a process that answers nothing is given up."""
ENDS = 60
"""Seconds until a process that was interrupted is given up."""
_HEARING = """
import signal
from convscope.cli.app import main

signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell turns off for what runs behind it
main()
"""
SETTLED = 2.0
"""Seconds after the last answer, by which it waits for what comes next."""


def interrupted_follow(run, content, *words, form="jsonl", rows=1):
    """Follows a stream that does not end, and interrupts it after some answers.

    Args:
        run: The folder of a run.
        content: What is there of the stream, bytes.
        words: More words of the command line.
        form: Of the answers.
        rows: Lines that are waited for.

    Returns:
        The exit code, standard output and standard error.
    """
    given = ["predict", str(run), "-", "--follow", "--format", form, *words]
    command = [sys.executable, "-c", _HEARING, *given]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env={**os.environ, "PYTHONUNBUFFERED": ""}, **pipes) as child:
        kept = {"out": b"", "err": b""}

        def keep(name, stream):
            while part := os.read(stream.fileno(), 65536):
                kept[name] += part

        readers = [
            threading.Thread(target=keep, args=each)
            for each in (("out", child.stdout), ("err", child.stderr))
        ]
        for reader in readers:
            reader.start()
        child.stdin.write(content)
        child.stdin.flush()
        end = time.monotonic() + LONGEST
        while kept["out"].count(b"\n") < rows and child.poll() is None and time.monotonic() < end:
            time.sleep(0.1)
        time.sleep(SETTLED)
        child.send_signal(signal.SIGINT)
        try:
            code = child.wait(ENDS)
        except subprocess.TimeoutExpired:
            child.kill()
            code = None
        for reader in readers:
            reader.join()
    return code, kept["out"].decode(), kept["err"].decode()


def assert_ended_cleanly(found, *, form="jsonl", rows=1):
    """Code 130, no traceback, and whole lines alone."""
    code, out, err = found
    assert code == 130, err
    for word in ("Traceback", "Exception ignored", "KeyboardInterrupt", "Error"):
        assert word not in err, err
    assert out.endswith("\n")
    lines = out.splitlines()
    assert len(lines) >= rows
    if form == "jsonl":
        assert all(line.startswith("{") and line.endswith("}") for line in lines)
    else:
        assert len({line.count(",") for line in lines}) == 1
