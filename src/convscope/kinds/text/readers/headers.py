"""Headers of messages, and tags of HTML, in texts: what is no text of a person, but gives the class away."""

from __future__ import annotations

import re
from collections.abc import Sequence

_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,40}:(\s|$)")
_KNOWN = frozenset(
    [
        *("from", "to", "subject", "date", "message-id", "received", "return-path", "path", "newsgroups"),
        *("organization", "lines", "references", "sender", "reply-to", "cc", "xref", "nntp-posting-host"),
    ]
)
_ENVELOPE = re.compile(r">?From \S+ +\S")
_TAG = re.compile(
    r"</?(?:br|p|a|b|i|u|em|strong|div|span|html|head|body|table|t[drh]|li|ul|ol|h[1-6]|img|font|script|style)"
    r"(?:\s[^<>]{0,500})?/?>",
    re.IGNORECASE,
)
_LEAST = 2
"""Known fields without which lines with a colon are no header."""
_SHARE = 0.95
"""Share of texts with headers from which on they are stripped."""


def without_headers(text: str) -> str:
    r"""A message without its header: the lines of fields before the first blank line.

    Args:
        text: A message, or any text, which stays as it is.

    Example:
        >>> without_headers("From: a@b.c\nSubject: hello\n\nhow are you")
        'how are you'
        >>> without_headers("Note: this is text\n\nmore of it")
        'Note: this is text\n\nmore of it'
    """
    if ":" not in text[:500]:
        return text
    lines = text.split("\n")
    names, at = set(), 0
    for at, line in enumerate(lines):
        if not line.strip():
            break
        if _FIELD.match(line):
            names.add(line.partition(":")[0].lower())
        elif not (at and line[:1] in " \t") and not (at == 0 and _ENVELOPE.match(line)):
            return text
    else:
        return text
    return "\n".join(lines[at + 1 :]).strip("\n") if len(names & _KNOWN) >= _LEAST else text


def settle_headers(texts: Sequence[str], asked: str | None) -> tuple[list[str], str | None, str]:
    """Strips the headers of messages, or keeps them.

    Args:
        texts: All that were read.
        asked: `keep` or `strip`; None strips them where nearly all texts have them.

    Returns:
        The texts, what was done (None where there are no headers to decide about), and a line that says it.
    """
    if asked == "keep":
        return list(texts), asked, ""
    bare = [without_headers(text) for text in texts]
    count = sum(one is not other for one, other in zip(bare, texts, strict=True))
    if not count:
        return list(texts), asked, ""
    if asked is None and count < _SHARE * len(texts):
        some = f"headers: kept, although {count:,} of {len(texts):,} texts begin with those of a message"
        return list(texts), "keep", f"{some}; --headers strip leaves them out"
    why = "as asked" if asked else "because they often name the class"
    kept = "" if asked else "; --headers keep reads them"
    return bare, "strip", f"headers: those of {count:,} of {len(texts):,} messages are left out, {why}{kept}"


def markup_warning(texts: Sequence[str]) -> tuple[str, ...]:
    """One line where texts hold tags of HTML, which are read as words."""
    count = sum("<" in text and _TAG.search(text) is not None for text in texts)
    if not count:
        return ()
    verb = "text holds" if count == 1 else "texts hold"
    return (f"{count:,} {verb} HTML tags, which are read as words",)
