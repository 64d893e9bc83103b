"""Every command that a document shows is one that the command line takes."""

import re
import shlex
from pathlib import Path

import pytest
from cyclopts import CycloptsError

from convscope.cli.app import application

REPOSITORY = Path(__file__).parents[2]
DOCUMENTS = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").glob("*.md")])


def commands(text):
    """The words behind `convscope` of every indented line, up to a pipe."""
    for line in re.findall(r"^ {4,}(.*convscope .*)$", text, re.MULTILINE):
        words = shlex.split(line.partition("  #")[0])
        for i, word in enumerate(words):
            if word.rpartition("/")[2] == "convscope":
                rest = words[i + 1 :]
                yield rest[: next((j for j, each in enumerate(rest) if each in ("|", ">", "&&")), None)]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_of_a_document_can_be_parsed(document):
    for words in commands(document.read_text("utf-8")):
        application(words[0]).parse_args(words, exit_on_error=False, print_error=False)


def test_a_command_that_is_not_taken_is_found():
    (words,) = commands("Look:\n\n    convscope look model.keras cat.jpg --nothing 3 | less  # wrong\n")
    assert words == ["look", "model.keras", "cat.jpg", "--nothing", "3"]
    with pytest.raises(CycloptsError):
        application("look").parse_args(words, exit_on_error=False, print_error=False)
    assert sum(len(list(commands(document.read_text("utf-8")))) for document in DOCUMENTS) > 50
