"""What stands in a log, where there is no terminal to draw in."""

from convscope.cli.console import ProgressBar


def test_a_log_gets_no_trace_of_a_progress_bar(capsys):
    with ProgressBar() as bar:
        bar._started -= 60
        bar(1, 2, "reading, a.csv")
    assert capsys.readouterr() == ("", "")
