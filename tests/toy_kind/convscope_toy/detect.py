"""Whether a path holds rings."""

from convscope.data.snapshot import DataSnapshot
from convscope.kinds.contract.kind import Detection

SUFFIXES = frozenset([".ring"])


def detect(snapshot: DataSnapshot) -> Detection | None:
    """Rings are known by their suffix alone."""
    rings = snapshot.ending_in(SUFFIXES)
    if not rings:
        return None
    return Detection("ring-classification", 0.95, f"{rings[0].name} is a ring")
