"""The command that shows what a training is, on data that is built in."""

from __future__ import annotations

from pathlib import Path

from convscope.cli.console import say
from convscope.cli.train import run_training


def demo(*, out: Path = Path("convscope-demo")) -> None:
    """Train on the handwritten digits of scikit-learn, in under a minute.

    Parameters
    ----------
    out:
        Folder for the images and the run
    """
    from convscope.files import free_path

    data = _write_digits(out / "digits")
    say(f"Wrote the digits of scikit-learn as images to {data}, one folder per class.")
    folder = free_path(out / "run")
    run_training(data, folder, {"architecture": "padded_cnn"})
    say(f"Look at its feature maps: convscope look {folder} {data}/3/0003.png")
    say(f"Predict for images: convscope predict {folder} {data}/3")


def _write_digits(folder: Path) -> Path:
    """Writes the 1,797 digits of 8x8 pixels as PNG, a folder per class, unless they exist."""
    if folder.is_dir():
        return folder
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_digits

    from convscope.files import written_whole

    digits = load_digits()
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    with written_whole(folder) as part:
        for number, (image, label) in enumerate(zip(images, digits.target, strict=True)):
            target = part / str(label) / f"{number:04d}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(target)
    return folder
