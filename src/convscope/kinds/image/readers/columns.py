"""What columns and arrays of images and their labels are usually called."""

from convscope.data.columns import LABEL_COLUMNS

IMAGE_COLUMNS = ("image", "img", "picture", "bytes", "image_bytes", "data")
"""Columns of encoded images."""
FINE_LABEL_COLUMNS = (*LABEL_COLUMNS, "fine_label", "coarse_label")
"""Columns of their labels."""
IMAGE_WORDS = frozenset({"x", "images", "image", "data", "pixels", "pictures"})
"""Arrays of images, beside a word for the split."""
LABEL_WORDS = frozenset({"y", "labels", "label", "target", "targets"})
"""Arrays of their labels."""
