"""Texts of many scripts and shapes."""

from convscope.lenses.sheet.glyphs import is_drawn

TEXTS = {
    "short": ("the", "film", "is", "n't", "bad", ",", "it", "'s", "a", "quiet", "little", "masterpiece", "."),
    "long": tuple(
        [
            "There",
            "is",
            "a",
            "certain",
            "charm",
            "about",
            "this",
            "unreasonably",
            "long",
            "and",
            "self-indulgent",
            "film",
            ".",
        ]
        * 12
    ),
    "arabic": ("كان", "الفيلم", "جميلا", "جدا", "لكن", "النهاية", "2024", "كانت", "(", "سيئة", ")", "."),
    "hebrew": ("הסרט", "הזה", "היה", "נפלא", ",", "ממש", "10", "מתוך", "10", "!"),
    "emoji": ("loved", "it", "😀", "👍🏽", "best", "👨\u200d👩\u200d👧", "film"),
    "pieces": ("\u2581un", "believ", "able", " ", "", "\n", "x" * 200, "##ing", "$x^2$", "<b>&amp;", "\x07"),
    "one": ("word",),
    "none": (),
}
CJK = ("这", "部", "电影", "非常", "精彩", "。")


def has_cjk():
    return all(is_drawn(letter) for token in CJK for letter in token)
