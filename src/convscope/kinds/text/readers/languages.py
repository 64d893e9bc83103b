"""Names of languages, as the endings of files and the columns of tables have them."""

from __future__ import annotations

import re
from collections.abc import Sequence

_LISTED_CODES = """
aa ab af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee
el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io
is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn
mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se
sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo
wa wo xh yi yo za zh zu ara ces deu ell eng fin fra heb hin hun ind ita jpn kor lat nld nor pol por ron
rus spa swe tur ukr vie zho ger fre dut chi cze gre
"""
_LISTED_WORDS = """
afrikaans albanian amharic arabic armenian azerbaijani basque belarusian bengali bosnian bulgarian burmese
catalan chinese croatian czech danish dutch english esperanto estonian finnish french galician georgian
german greek gujarati hausa hebrew hindi hungarian icelandic igbo indonesian irish italian japanese
javanese kannada kazakh khmer korean kurdish lao latin latvian lithuanian luxembourgish macedonian malay
malayalam maltese mandarin marathi mongolian nepali norwegian odia oromo pashto persian farsi polish
portuguese punjabi quechua romanian russian sanskrit serbian sinhala slovak slovenian somali spanish
swahili swedish tagalog tamil tatar telugu thai tibetan turkish ukrainian urdu uzbek vietnamese welsh
xhosa yoruba zulu deutsch englisch franzosisch anglais francais français allemand espanol español ingles
inglés italiano portugues português nederlands polski русский
"""
_CODES, _WORDS = frozenset(_LISTED_CODES.split()), frozenset(_LISTED_WORDS.split())
_ROLES = frozenset(
    f"{side}{what}"
    for side in ("source", "target", "src", "tgt")
    for what in ("", "_text", "_sentence", " text", " sentence")
)
_REGION = re.compile(r"([a-z]{2,3})([-_][a-z]{2,4})?", re.I)


def is_code(name: str) -> bool:
    """Whether a name is the code of a language, with a region or a script or not.

    Example:
        >>> is_code("de"), is_code("zh-CN"), is_code("csv")
        (True, True, False)
    """
    matched = _REGION.fullmatch(name.strip())
    return matched is not None and matched[1].lower() in _CODES


def names_language(name: str) -> bool:
    """Whether the name of a column is that of a language, by its code or in a word, or that of a side.

    Example:
        >>> [names_language(name) for name in ("en", "English words", "source", "label")]
        [True, True, True, False]
    """
    words = re.findall(r"[^\W\d_]+", name.lower())
    return (
        is_code(name) or name.strip().lower() in _ROLES or (len(words) < 4 and not _WORDS.isdisjoint(words))
    )


def language_of_text(name: str) -> tuple[str, str]:
    """The rest and the language of the name of a text that does not end in it; empty where it has none.

    Example:
        >>> [language_of_text(name) for name in ("corpus.en.txt", "en-train.txt", "fr.txt", "notes.txt")]
        [('corpus', 'en'), ('train', 'en'), ('text', 'fr'), ('', '')]
    """
    bare = re.sub(r"\.gz$", "", name.lower())
    plain, _, ending = bare.rpartition(".")
    if ending not in ("txt", "text", "tok", "raw", "snt"):
        return "", ""
    behind, before = re.fullmatch(r"(.+)[._-]([a-z]+)", plain), re.fullmatch(r"([a-z]+)[._-](.+)", plain)
    found = [(each[1], each[2]) for each in [behind] if each] + [
        (each[2], each[1]) for each in [before] if each
    ]
    return next(
        (each for each in (*found, ("text", plain)) if is_code(each[1]) or each[1] in _ROLES), ("", "")
    )


def language_columns(names: Sequence[str]) -> list[str]:
    """Those of the names that are languages."""
    return [name for name in names if names_language(name)]
