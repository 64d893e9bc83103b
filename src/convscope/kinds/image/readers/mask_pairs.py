"""Which image file is the mask of which other one, by the names of folders and files.

| what is there | masks |
|---|---|
| `images/` and `masks/`, `labels/`, `annotations/`, `gt/`, in or around folders of splits | by equal names |
| `train/` and `trainannot/`, `train_masks/`, `train_labels/` | by equal names |
| `JPEGImages/` and `SegmentationClass/` of Pascal VOC | by equal names, splits by `ImageSets/` |
| `leftImg8bit/` and `gtFine/` of Cityscapes | those that end in `labelIds` |
| `a.jpg` and `a_mask.png` in one folder | by names up to the word for the mask |
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from convscope.data.listing import Listing
from convscope.data.split_lists import split_lists
from convscope.data.split_names import split_of_path
from convscope.errors import DataError
from convscope.kinds.image.readers.names import is_image_name
from convscope.types import SplitName

_MASK = (
    r"masks?|labels?|annot(?:ation)?s?|gts?|ground[-_ ]?truths?|segmentations?|segs?|gt_?fine|label_?ids"
    r"|targets?"
)
_MASK_FOLDER = re.compile(rf"(?:(?P<rest>.*?)[-_. ]?)(?:{_MASK}|segmentationclass(?:raw|png|aug)?)", re.I)
_IMAGE_FOLDER = re.compile(
    r"images?|imgs?|pictures?|photos?|inputs?|jpe?g_?images?|left_?img_?8bit|originals?|raw|scans?|frames"
    r"|data",
    re.I,
)
_IMAGE_WORD = re.compile(r"(?:(?P<rest>.*?)[-_. ])?(?:images?|imgs?|left_?img_?8bit)", re.I)
_MASK_END = re.compile(rf"(?P<rest>.+?)[-_. ]+(?:gt_?fine[-_])?(?:{_MASK}|label_?train_?ids|l|p)", re.I)
_IMAGE_END = re.compile(r"(?P<rest>.+?)[-_. ]+(?:images?|imgs?|left_?img_?8bit|sat)", re.I)
_MASK_FRONT = re.compile(rf"(?:{_MASK})[-_. ]+(?P<rest>.+)", re.I)
_IMAGE_FRONT = re.compile(r"(?:images?|imgs?)[-_. ]+(?P<rest>.+)", re.I)
_OBJECTS = re.compile(r"segmentationobject|.*instance_?ids?|.*_color|.*_polygons", re.I)
_CITYSCAPES = {"_labelids.png": "Cityscapes", "_labeltrainids.png": "Cityscapes, by trainIds"}
SHARE = 0.5
"""Masks that must have an image, of all."""


@dataclass(frozen=True)
class Pair:
    """An image with its mask.

    Args:
        image: Its file, relative to the folder that is read.
        mask: Likewise; None where there is none.
        split: What the folders or lists say; None for nothing.
    """

    image: str
    mask: str | None
    split: SplitName | None = None


@dataclass(frozen=True)
class MaskPairs:
    """Images with their masks.

    Args:
        pairs: In the order of the images.
        alone: Masks without an image.
        said: How they were found.
        published: The data set whose layout this is, as `mask_coding` knows it; empty for none.
        decisions: What was decided, one line each.
    """

    pairs: Sequence[Pair]
    alone: Sequence[str] = ()
    said: str = ""
    published: str = ""
    decisions: Sequence[str] = field(default=())

    @property
    def known(self) -> int:
        """How many images have a mask."""
        return sum(pair.mask is not None for pair in self.pairs)


def pairs_in(keys: Iterable[str]) -> MaskPairs | None:
    """Finds images and masks among the files of a folder; None where there are none, or too few fit.

    Args:
        keys: Files relative to the folder, with `/` between names.

    Raises:
        DataError: Several masks are those of one image.
    """
    files = [key for key in keys if is_image_name(key)]
    masks = {key: as_mask for key in files if (as_mask := _as_mask(key)) is not None}
    images = {key: _as_image(key) for key in files if key not in masks and not _is_of_objects(key)}
    if not masks or not images:
        return None
    of_place: dict[tuple[str, str], list[str]] = {}
    for key, place in masks.items():
        of_place.setdefault(place, []).append(key)
    pairs, used = [], set()
    for key, place in images.items():
        found = _only(key, of_place.get(place, []))
        used.add(place)
        pairs.append(Pair(key, found, split_of_path(place[0]) if place[0] else None))
    alone = [key for place, found in of_place.items() if place not in used for key in found]
    made = MaskPairs(pairs, alone, _said(pairs), _published(pairs))
    return made if made.known >= max(1, SHARE * (made.known + len(alone))) else None


def with_lists(listing: Listing, keys: Sequence[str], pairs: MaskPairs) -> MaskPairs:
    """The splits that files such as `ImageSets/Segmentation/train.txt` say, where there are some.

    Images that no list names are left out; of several folders of lists that for segmentation is read.
    """
    others = [key for key in keys if key.lower().endswith((".txt", ".lst"))]
    chosen = [key for key in others if "segmentation" in key.lower()] or others
    images = [pair.image for pair in pairs.pairs]
    lists = [each for each in split_lists(listing, chosen, images) if each.split is not None]
    names = {each.key.rpartition("/")[2].partition(".")[0].lower() for each in lists}
    if "trainval" in names and "train" in names:
        lists = [each for each in lists if "trainval" not in each.key.lower()]
    split_of: dict[str, SplitName] = {}
    for each in lists:
        if each.split is not None:
            split_of |= dict.fromkeys(each.labels, each.split)
    if "train" not in split_of.values():
        return pairs
    kept = [
        Pair(pair.image, pair.mask, split_of[pair.image]) for pair in pairs.pairs if pair.image in split_of
    ]
    line = f"splits: by {', '.join(sorted(each.key for each in lists))}"
    unnamed = len(pairs.pairs) - len(kept)
    more = f"; {unnamed} images that no list names are left out" if unnamed else ""
    return MaskPairs(kept, pairs.alone, pairs.said, pairs.published, (*pairs.decisions, line + more))


def _published(pairs: Sequence[Pair]) -> str:
    """The data set whose masks are called so."""
    masks = [pair.mask.lower() for pair in pairs if pair.mask is not None]
    if any("segmentationclass" in mask for mask in masks):
        return "Pascal VOC"
    for ending, published in _CITYSCAPES.items():
        if masks and all(mask.endswith(ending) for mask in masks):
            return published
    return ""


def _said(pairs: Sequence[Pair]) -> str:
    first = next((pair for pair in pairs if pair.mask is not None), None)
    return "" if first is None else f"such as {first.image} with {first.mask}"


def _only(image: str, found: Sequence[str]) -> str | None:
    """The one mask of an image; of several the one with the numbers of classes.

    Raises:
        DataError: There are several.
    """
    if len(found) < 2:
        return found[0] if found else None
    numbers = [key for key in found if re.search(r"label_?(train_?)?ids", key, re.I)]
    if len(numbers) > 1:
        numbers = [key for key in numbers if re.search(r"train_?ids", key, re.I)]
    if len(numbers) == 1:
        return numbers[0]
    raise DataError(
        f"{image}: expected one mask, received {len(found)}: {', '.join(found[:4])}",
        hint="Give one mask for each image, with a value for each class; remove the others.",
    )


def _is_of_objects(key: str) -> bool:
    *folders, name = key.split("/")
    return any(map(_OBJECTS.fullmatch, (*folders, name.rpartition(".")[0])))


def _as_mask(key: str) -> tuple[str, str] | None:
    """Folder and name of the image that a file would be the mask of; None where it is called as no mask."""
    if _is_of_objects(key):
        return None
    *folders, name = key.split("/")
    stem = name.rpartition(".")[0]
    found = False
    rest: list[str] = []
    for folder in folders:
        matched = _MASK_FOLDER.fullmatch(folder)
        found |= matched is not None
        rest += [folder] if matched is None else [matched["rest"]] if matched["rest"] else []
    ends = _MASK_END.fullmatch(stem) or _MASK_FRONT.fullmatch(stem)
    if not found and (ends is None or re.fullmatch(r".*[-_. ](l|p|seg|target)", stem, re.I)):
        return None
    return _place(rest), (ends["rest"] if ends is not None else stem).lower()


def _as_image(key: str) -> tuple[str, str]:
    *folders, name = key.split("/")
    stem = name.rpartition(".")[0]
    ends = _IMAGE_END.fullmatch(stem) or _IMAGE_FRONT.fullmatch(stem)
    return _place(folders), (ends["rest"] if ends is not None else stem).lower()


def _place(folders: Sequence[str]) -> str:
    """Folders without those that only say that there are images."""
    kept = []
    for folder in folders:
        matched = _IMAGE_WORD.fullmatch(folder)
        if _IMAGE_FOLDER.fullmatch(folder):
            continue
        kept.append(matched["rest"] if matched is not None and matched["rest"] else folder)
    return "/".join(kept).lower()
