"""Options of readers that several kinds share."""

from __future__ import annotations

from convscope.option import Option

ENCODING = Option(
    "encoding", str, None, "Encoding of text files that are not UTF-8, such as latin-1", predicts=True
)
TEXT_COLUMN = Option(
    "text_column", str, None, "Name of the column with the texts or transcripts", predicts=True
)
LABEL_COLUMN = Option("label_column", str, None, "Name of the column with the labels", common=True)
TIME_COLUMN = Option("time_column", str, None, "Name of the column with the time of each row", predicts=True)
