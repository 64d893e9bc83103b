"""Files of tools that annotate images, which are refused with the lines that write a table of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice
from pathlib import Path, PurePosixPath

from convscope.data.listing import Listing
from convscope.errors import DataError
from convscope.kinds.image.readers.names import is_image_name

_BOX_FILES = 100
_MOST_BESIDE = 2000
_HEAD = 1_000_000
_BOXES = {
    "YOLO": re.compile(r"\A\s*\d+(?: +[01]?\.\d+| +[01]){4,}\s*$", re.M),
    "COCO": re.compile(r'"(?:bbox|segmentation)"\s*:'),
    "Pascal VOC": re.compile(r"<bndbox>"),
    "Label Studio": re.compile(r'"rectanglelabels"\s*:'),
}
_CHOICES = re.compile(r'"(?:choices?|image)"\s*:.*/data/(?:upload|local-files)/', re.S)
"""How Label Studio exports the class that was chosen for each image."""
"""How files of boxes look, by what writes them."""
_VIA = re.compile(r"region_shape_attributes|\"_via_img_metadata\"")
_OF_VIA = (
    "Where each image has one region or attribute that is its class, export it as CSV, then: table ="
    " pandas.read_csv('export.csv'); table['label'] = table['region_attributes'].map(lambda cell:"
    " next(iter(json.loads(cell).values()), '')); table[['filename', 'label']].to_csv('labels.csv',"
    " index=False), and move the export away. Boxes are learned by --recipe image-detection, from COCO."
)
_CVAT = re.compile(r"<annotations>.*<image\b[^>]*\bname=", re.S)


def _head_of(path: Path) -> str:
    """How a file begins; nothing where it cannot be read, which is told where it is needed."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(_HEAD)
    except OSError:
        return ""


def refuse_choices(files: Sequence[Path]) -> None:
    """Stops at an export of Label Studio, whose paths are those of its own server, or of VIA.

    Raises:
        DataError: The hint has the lines that write a table of it.
    """
    for path in (path for path in files if path.suffix.lower() in (".json", ".csv")):
        head = _head_of(path)
        if _VIA.search(head):
            raise DataError(
                f"{path}: expected a table of images and labels, received an export of VIA",
                hint=_OF_VIA,
            )
        if path.suffix.lower() == ".json" and _CHOICES.search(head) and '"rectanglelabels"' not in head:
            raise DataError(
                f"{path}: expected a table of images and labels, received an export of Label Studio, whose"
                " images are on its server",
                hint="Export it as CSV; then table = pandas.read_csv('export.csv'); table['image'] ="
                " table['image'].str.split('/').str[-1].str.split('-', n=1).str[-1];"
                " table[['image', 'choice']].to_csv('labels.csv', index=False), beside the images.",
            )


def refuse_boxes(folder: Path) -> None:
    """Stops at images of which files beside say where objects are, rather than which class each image has.

    Raises:
        DataError: A file of boxes as YOLO, COCO or Pascal VOC writes them is there.
    """
    keys = Listing(str(folder)).files_below("")
    stems = {PurePosixPath(key).stem for key in keys if is_image_name(key)}
    for key in islice((key for key in keys if key.endswith((".txt", ".json", ".xml"))), _BOX_FILES):
        if not key.endswith(".json") and PurePosixPath(key).stem not in stems:
            continue
        head = _head_of(folder / key)
        form = next((form for form, pattern in _BOXES.items() if pattern.search(head)), None)
        if form is not None:
            raise DataError(
                f"{folder}: expected one class for each image, received {key}, which says where objects are"
                f" ({form})",
                hint="Learn where they are with --recipe image-detection. To classify the objects, cut each"
                " box out as an image, into a folder per class; to classify whole images, give a table of"
                " names and labels.",
            )


def refuse_annotations(folder: Path) -> None:
    """Stops at labels in files of CVAT or MATLAB beside images.

    Raises:
        DataError: The hint has the lines that write a table of them.
    """
    for key in islice(Listing(str(folder)).files_below(""), _MOST_BESIDE):
        name = key.rpartition("/")[2]
        if name.lower().endswith(".mat") and "label" in name.lower():
            raise DataError(
                f"{folder}: expected labels in folders or a table, received {key}, a file of MATLAB",
                hint="Write a table: import pandas, scipy.io; labels ="
                f" scipy.io.loadmat('{key}')['labels'].ravel(); images = sorted(the names of the images);"
                " pandas.DataFrame({'image': images, 'label': labels}).to_csv('labels.csv', index=False),"
                " beside the images; a column split may say train, validation or test.",
            )
        if not name.lower().endswith(".xml"):
            continue
        head = _head_of(folder / key)
        if _CVAT.search(head):
            raise DataError(
                f"{folder}: expected a table of images and labels, received {key}, an export of CVAT",
                hint="Export tags as ImageNet (a folder for each class), or write a table: import pandas;"
                " import xml.etree.ElementTree as tree; rows = [(image.get('name'), tag.get('label')) for"
                f" image in tree.parse('{name}').iter('image') for tag in image.iter('tag')];"
                " pandas.DataFrame(rows, columns=['image', 'label']).to_csv('labels.csv', index=False)."
                " Masks are exported as a segmentation mask, boxes as COCO.",
            )
