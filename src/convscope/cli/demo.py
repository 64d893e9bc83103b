"""Built-in data for `convscope demo`: scikit-learn's digits as pictures in folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from convscope.files import written_whole


def write_digits(folder: Path) -> Path:
    """Writes the 1,797 digits of 8x8 pixels as PNG, a folder per class, unless they are there.

    Args:
        folder: What to make.

    Returns:
        The folder.
    """
    if folder.is_dir():
        return folder
    from sklearn.datasets import load_digits

    digits = load_digits()
    pictures = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    with written_whole(folder) as part:
        for number, (picture, label) in enumerate(zip(pictures, digits.target, strict=True)):
            target = part / str(label) / f"{number:04d}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(target)
    return folder
