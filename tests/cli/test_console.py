"""What stands in a log, where there is no terminal to draw in."""

import os
import signal
import sys

import pytest

from convscope.cli.console import ProgressBar, heeded_interrupts


def test_a_log_gets_no_trace_of_a_progress_bar(capsys):
    with ProgressBar() as bar:
        bar._started -= 60
        bar(1, 2, "reading, a.csv")
    assert capsys.readouterr() == ("", "")


class Deleted:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupt_that_python_drops_ends_the_next_step(monkeypatch):
    monkeypatch.setattr(sys, "unraisablehook", lambda dropped: None)
    before, steps = signal.signal(signal.SIGINT, signal.default_int_handler), []
    try:
        with heeded_interrupts(lambda done, total, what: steps.append(done)) as progress:
            progress(1, 3, "training")
            each = Deleted()
            del each
            with pytest.raises(KeyboardInterrupt):
                progress(2, 3, "training")
        assert steps == [1]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
