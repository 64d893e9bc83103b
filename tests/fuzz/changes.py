"""Changes of bytes and of plain values, as damage, other tools and attackers make them."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

TOKENS = (
    b"\0", b"\xff", b"\r", b"\n", b"\r\n", b",", b";", b"\t", b'"', b"'", b"|", b"=", b"\\", b"/", b"../",
    b"#", b"NaN", b"nan", b"inf", b"-inf", b"NA", b"None", b"null", b"true", b"1e400", b"-1", b"0",
    b"99999999999999999999", b"1e308", b"0x10", b"1_000", b"\xef\xbb\xbf", b"\xff\xfe", b"\xc3\x28",
    b"\xed\xa0\x80", b"\xf0\x9f\x98\x80", b"[", b"]", b"{", b"}", b"[" * 2000, b"A" * 300, b"@data",
    b"@attribute", b":", b"?", b"O", b"B-", b"I-X", b"2024-13-45", b"31.12.1999 25:61",
    b"1970-01-01T00:00:00Z", b"\x1b[31m", b"\xe2\x80\xae", b"=cmd()", b"\x7f\xff\xff\xff", b"\x80\0\0\0",
    b"\xff\xff\xff\xff", b"\0\0\0\0", b"%n%s", b"~", b"file:///etc/passwd",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 2**31, 2**63, 10**12, 10**30, -0.5, 1e308, 1e400, float("nan"), "", "text",
    "\ud800", "a" * 5000, "../../x", "os:system", "/dev/zero", [], {}, [None], [[]], {"a": 1}, [1, 2, 3],
    ["a", "b"], [10**12],
)  # fmt: skip


def changed_bytes(content: bytes, rng: random.Random, others: bytes = b"") -> bytes:
    """One to four changes of some bytes."""
    made = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
        size = len(made)
        place = rng.randrange(size + 1)
        stop = min(size, place + rng.choice((1, 1, 2, 4, 16, 200)))
        kind = rng.randrange(8)
        if kind == 0 and size:
            made[rng.randrange(size)] ^= 1 << rng.randrange(8)
        elif kind == 1:
            made[place:stop] = rng.choice(TOKENS)
        elif kind == 2:
            made[place:place] = rng.choice(TOKENS)
        elif kind == 3:
            del made[place:stop]
        elif kind == 4:
            del made[place:]
        elif kind == 5:
            made[place:place] = made[place:stop]
        elif kind == 6:
            made[place:stop] = rng.randbytes(stop - place)
        else:
            start = rng.randrange(len(others) + 1)
            made[place:stop] = others[start : start + stop - place]
    return bytes(made)


def changed_values(plain: Any, rng: random.Random) -> Any:
    """Plain values of which one or two are others, gone, or there twice."""
    made = copy.deepcopy(plain)
    for _ in range(rng.choice((1, 1, 1, 2))):
        inner = [made]
        at: Any = made
        while isinstance(at, dict | list) and at and (len(inner) == 1 or rng.random() < 0.8):
            key = rng.choice(list(at)) if isinstance(at, dict) else rng.randrange(len(at))
            inner.append(at)
            where, last, at = at, key, at[key]
        if len(inner) == 1:
            return rng.choice(VALUES)
        kind = rng.randrange(10)
        if kind == 0:
            del where[last]
        elif kind == 1 and isinstance(where, list):
            where.append(copy.deepcopy(where[last]))
        elif kind == 2 and isinstance(where, dict):
            where[f"{last}x"] = where.pop(last)
        elif kind == 3 and isinstance(at, int | float) and not isinstance(at, bool):
            where[last] = at * rng.choice((-1, 2, 1000, 0.5, 10**9))
        else:
            where[last] = copy.deepcopy(rng.choice(VALUES))
    return made


def as_json(plain: Any) -> bytes:
    """JSON as a hostile writer makes it, which has NaN too."""
    return json.dumps(plain).encode()
