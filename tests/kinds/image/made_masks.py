"""Images with masks, as small as they can be, in the layouts that readers know."""

import numpy as np
from PIL import Image

SIDES = (24, 32)
NAMES = ("background", "disc", "square")


def shapes(number):
    """An image of noise with a red disc and a blue square, and its mask."""
    rng = np.random.default_rng(number)
    pixels = rng.integers(60, 140, (*SIDES, 3), dtype=np.uint8)
    mask = np.zeros(SIDES, np.uint8)
    rows, columns = np.ogrid[: SIDES[0], : SIDES[1]]
    centers = rng.integers(7, 17), rng.integers(6, 12), rng.integers(7, 17), rng.integers(20, 26)
    disc = (rows - centers[0]) ** 2 + (columns - centers[1]) ** 2 <= 25
    square = (abs(rows - centers[2]) <= 4) & (abs(columns - centers[3]) <= 4)
    for k, (part, color) in enumerate(((disc, (220, 50, 50)), (square, (50, 50, 230))), 1):
        pixels[part], mask[part] = color, k
    return pixels, mask


def write_pairs(folder, count=24, images="images", masks="masks", save=None):
    """Folders of images and of masks with the same names; `save` writes a mask."""
    for place in (folder / images, folder / masks):
        place.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        pixels, mask = shapes(number)
        Image.fromarray(pixels).save(folder / images / f"{number:02d}.png")
        path = folder / masks / f"{number:02d}.png"
        Image.fromarray(mask).save(path) if save is None else save(mask, path)
    return folder
