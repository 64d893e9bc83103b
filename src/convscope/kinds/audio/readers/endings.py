"""How files of sound end: those that are decoded, and those that have to be converted first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import PurePath

SOUNDS = frozenset(
    [
        *(".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".snd"),
        *(".caf", ".w64", ".rf64"),
    ]
)
"""How files of recordings end."""
OTHER_SOUNDS = frozenset(
    [".m4a", ".aac", ".mp4a", ".m4b", ".wma", ".amr", ".ape", ".ac3", ".dts", ".mka", ".wv"]
)
"""Files of sound that the library does not decode."""
VIDEOS = frozenset([".mp4", ".m4v", ".avi", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".flv", ".3gp"])
"""Films, whose sound has to be taken out first."""
_BESIDE = frozenset(
    [
        *(
            ".txt",
            ".md",
            ".json",
            ".jsonl",
            ".csv",
            ".tsv",
            ".pdf",
            ".html",
            ".xml",
            ".yaml",
            ".yml",
            ".xlsx",
        ),
        *(".log", ".png", ".jpg", ".jpeg", ".gif", ".npy", ".npz", ".zip", ".gz", ".parquet", ".h5", ".pkl"),
        *(".py", ".ipynb", ".sh", ".textgrid", ".lab", ".mid", ".srt", ".vtt", ".db", ".ini", ".docx"),
    ]
)


_STRETCHES = {
    ".eaf": "In ELAN: File, Export As, Tab-delimited Text, with begin and end time in seconds; name the"
    " columns, and add the file.",
    ".textgrid": "In Praat: Down to Table writes the intervals of a TextGrid; name the columns so, and add"
    " the file.",
    ".txt": "A file of labels of Audacity such as {0} is pandas.read_csv('{0}', sep='\\t', names=['start',"
    " 'end', 'label']); put all into one, with a column file.",
}
"""What tools write beside a recording, and how a table is made of it."""


def may_be_sound(name: str) -> bool:
    """True unless a name ends as those of what lies beside recordings; films and the like are tried."""
    return ending_of(name) not in _BESIDE


def ending_of(name: str) -> str:
    """The ending of a file in lower case, with its dot.

    Example:
        >>> ending_of("a/B.WAV"), ending_of("README")
        ('.wav', '')
    """
    return PurePath(name).suffix.lower()


def stretches_hint(names: Iterable[str]) -> str:
    """What to do with files of stretches that lie beside recordings; empty where there are none.

    Example:
        >>> stretches_hint(["a.wav", "a.eaf"]).partition(":")[0]
        'Stretches of recordings are read from a table'
    """
    names = list(names)
    sounds = {PurePath(name).with_suffix("").as_posix() for name in names if ending_of(name) in SOUNDS}
    beside = (each for each in names if ending_of(each) in _STRETCHES)
    found = next((name for name in beside if PurePath(name).with_suffix("").as_posix() in sounds), None)
    if found is None:
        return ""
    return (
        "Stretches of recordings are read from a table: columns file, start, end (in seconds) and label, a"
        f" row for each. {_STRETCHES[ending_of(found)].format(PurePath(found).name)}"
    )


def conversion_hint(names: Iterable[str]) -> str:
    """How files are converted that are not decoded; empty where there are none among them.

    Example:
        >>> conversion_hint(["a.m4a"])
        'Files of .m4a are not decoded; convert each: ffmpeg -i a.m4a a.wav.'
    """
    found = Counter(ending for name in names if (ending := ending_of(name)) in OTHER_SOUNDS | VIDEOS)
    if not found:
        return ""
    ending = found.most_common(1)[0][0]
    what = "Films are not read" if ending in VIDEOS else f"Files of {ending} are not decoded"
    do = "take out the sound of each" if ending in VIDEOS else "convert each"
    extra = f" or its pictures: ffmpeg -i a{ending} -r 1 a-%04d.png" if ending in VIDEOS else ""
    return f"{what}; {do}: ffmpeg -i a{ending} a.wav{extra}."
