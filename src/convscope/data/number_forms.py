"""How numbers are written: with a point or a comma before the decimals, with marks between thousands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from convscope.data.columns import MISSING_WORDS

_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?%?")
_MARKED = re.compile(
    r"[+-]?\d{1,3}([.,' \u00a0\u202f])\d{3}(\1\d{3})*([.,]\d+)?|[+-]?\d*,\d+([eE][+-]?\d{1,4})?"
)


@dataclass(frozen=True)
class NumberForm:
    """How numbers are written.

    Args:
        decimal: Before the decimals, `.` or `,`.
        thousands: Between thousands; empty where nothing is.
    """

    decimal: str = "."
    thousands: str = ""

    def fits(self, text: str) -> bool:
        """Whether a text is a number of this form."""
        mark, point = re.escape(self.thousands), re.escape(self.decimal)
        whole = rf"(\d{{1,3}}({mark}\d{{3}})+|\d+)" if mark else r"\d+"
        return bool(
            re.fullmatch(rf"[+-]?({whole}{point}?\d*|{point}\d+)([eE][+-]?\d{{1,4}})?", text, re.ASCII)
        )

    def number(self, text: str) -> float | None:
        """The number that a text is; None of what is none.

        Example:
            >>> NumberForm(",", ".").number("1.234,5"), NumberForm().number("1,5")
            (1234.5, None)
        """
        plain = text.replace(self.thousands, "") if self.thousands and self.fits(text) else text
        if self.decimal == ",":
            if "." in plain:
                return None
            plain = plain.replace(",", ".")
        try:
            return float(plain)
        except ValueError:
            return None

    def plain(self, text: str) -> str:
        """The text, or a number of this form as Python writes it.

        Example:
            >>> NumberForm(",", ".").plain("1.234,5"), NumberForm(",").plain("none")
            ('1234.5', 'none')
        """
        if (self.decimal == "." and not self.thousands) or not self.fits(text):
            return text
        return (
            text.replace(self.thousands, "").replace(",", ".") if self.thousands else text.replace(",", ".")
        )


PLAIN = NumberForm()
LIMIT = re.compile(r"^(?:[<>]=?|[≤≥])\s*(?=[-+]?[.,]?\d)")
"""What stands before a number that is no more than a limit, as of what a laboratory can detect."""
_NEARLY_ALL = 0.9
_FORMS = (
    *(PLAIN, NumberForm(","), NumberForm(".", ","), NumberForm(",", ".")),
    *(NumberForm(decimal, mark) for mark in ("'", " ", "\u00a0", "\u202f") for decimal in (",", ".")),
)


def is_number(text: str) -> bool:
    """Whether a text is a number as `float` reads it, `nan` and `inf` among them."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def limits_in(fields: Sequence[str]) -> int:
    """How many values of a column of numbers are limits, such as `<0.1`; 0 where most others are no numbers.

    Example:
        >>> limits_in(["<0.1", "0.3", "-", "0.5"]), limits_in(["<30", ">30", "<30"])
        (1, 0)
    """
    filled = [field for field in fields if field not in MISSING_WORDS]
    limits = [field for field in filled if LIMIT.match(field)]
    if not limits or 2 * len(limits) > len(filled):
        return 0
    numbers = sum(is_any_number(LIMIT.sub("", each)) for each in filled)
    return len(limits) if numbers >= _NEARLY_ALL * len(filled) else 0


def is_any_number(text: str) -> bool:
    """Whether a text is a number, however its decimals and thousands are written.

    Example:
        >>> [is_any_number(text) for text in ("3e-5", "1,5", "1.234,5", "1'000", "1-2", "nan")]
        [True, True, True, True, False, True]
    """
    try:
        float(text)
    except ValueError:
        return _MARKED.fullmatch(text) is not None
    return "_" not in text


def find_number_form(columns: Iterable[Sequence[str]]) -> tuple[NumberForm, str]:
    """How the numbers of a table are written, by whole columns of them.

    Args:
        columns: The fields of each column, as far as they were read.

    Returns:
        The form, and what to say where it is not the plain one or could be another.
    """
    marked: list[str] = []
    plain: list[str] = []
    for column in columns:
        values = [LIMIT.sub("", value) for value in column if value not in MISSING_WORDS]
        strange = [value for value in values if not _is_plain(value)]
        if strange and all(map(_MARKED.fullmatch, strange)):
            marked += strange
            plain += [value for value in values if _is_plain(value)]
    if not marked:
        return PLAIN, ""
    fitting = [form for form in _FORMS if all(map(form.fits, marked))]
    if not fitting:
        return PLAIN, "numbers: several ways of writing decimals are mixed; those with commas are no numbers"
    return _chosen(fitting, marked, plain)


def _chosen(
    fitting: Sequence[NumberForm], marked: Sequence[str], plain: Sequence[str]
) -> tuple[NumberForm, str]:
    """The form of several, where `1,234` alone could be two."""
    comma, thousands = NumberForm(","), NumberForm(".", ",")
    if comma in fitting and thousands in fitting:
        small = [float(text) for text in plain if "%" not in text]
        counted = any("." in text for text in plain) or (small and max(map(abs, small)) < 1000)
        below_one = any(re.match(r"[+-]?0\d*,", text) for text in marked)
        form = thousands if counted and not below_one else comma
        if below_one or counted:
            return form, f"numbers: {_said(form, marked[0])}"
        other = thousands if form is comma else comma
        return form, f"numbers: {_said(form, marked[0])}, though it could be {_value(other, marked[0])}"
    form = fitting[0]
    pointed = [text for text in plain if "." in text]
    if form == comma and pointed:
        form = NumberForm(",", ".")
        if not all(map(form.fits, pointed)):
            return comma, f"numbers: {_said(comma, marked[0])}, though others have a point, as {pointed[0]!r}"
    return form, f"numbers: {_said(form, marked[0])}"


def _said(form: NumberForm, text: str) -> str:
    mark = "a decimal comma" if form.decimal == "," else "a decimal point"
    between = f" and {form.thousands!r} between thousands" if form.thousands else ""
    return f"with {mark}{between}: {text!r} is {_value(form, text)}"


def _value(form: NumberForm, text: str) -> str:
    return f"{form.number(text):.12g}"


def _is_plain(text: str) -> bool:
    return _PLAIN.fullmatch(text) is not None or text.lower().lstrip("+-") in {"inf", "infinity"}
