"""Pictures with discs and squares on noise, and their boxes in the forms that tools write."""

import json

import numpy as np
from PIL import Image

NAMES = ("disc", "square")
SIDES = (96, 128)


def scene(seed, sides=SIDES, most=4):
    """A picture, and (left, top, right, bottom, class) of each object in whole pixels; seed 0 has none."""
    rng = np.random.default_rng(seed)
    pixels = rng.normal(110, 12, (*sides, 3))
    rows, columns = np.mgrid[: sides[0], : sides[1]]
    taken, boxes = np.zeros(sides, bool), []
    for _ in range(rng.integers(1, most + 1) if seed else 0):
        k, half = int(rng.integers(2)), int(rng.integers(7, 15))
        row, column = (int(rng.integers(half + 1, side - half - 1)) for side in sides)
        box = (column - half, row - half, column + half + 1, row + half + 1, k)
        if taken[box[1] : box[3], box[0] : box[2]].any():
            continue
        taken[box[1] : box[3], box[0] : box[2]] = True
        inside = np.maximum(abs(rows - row), abs(columns - column)) <= half
        if k == 0:
            inside &= (rows - row) ** 2 + (columns - column) ** 2 <= (half + 0.5) ** 2
        pixels[inside] = (220, 60, 60) if k == 0 else (60, 80, 220)
        boxes.append(box)
    return np.clip(pixels, 0, 255).astype(np.uint8), boxes


def save(pixels, path, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


def write_coco(folder, count=24, seed=0, ids=(3, 9), name="annotations.json"):
    """Images beside a file of COCO whose ids have holes."""
    images, annotations = [], []
    for k in range(count):
        pixels, boxes = scene(seed + k)
        save(pixels, folder / f"{k:02}.png")
        images.append({"id": 10 * k, "file_name": f"{k:02}.png", "height": SIDES[0], "width": SIDES[1]})
        annotations += [
            {
                "id": 100 * k + place,
                "image_id": 10 * k,
                "category_id": ids[c],
                "bbox": [left, top, right - left, bottom - top],
                "iscrowd": 0,
            }
            for place, (left, top, right, bottom, c) in enumerate(boxes)
        ]
    categories = [{"id": number, "name": each} for number, each in zip(ids, NAMES, strict=True)]
    whole = {"images": images, "annotations": annotations, "categories": categories}
    (folder / name).write_text(json.dumps(whole))
    return folder


def write_yolo(folder, count=24, seed=0):
    """`train/` and `valid/` with images/ and labels/ of shares, and data.yaml."""
    for k in range(count):
        pixels, boxes = scene(seed + k)
        split = "valid" if k % 4 == 3 else "train"
        save(pixels, folder / split / "images" / f"{k:02}.png")
        lines = [
            f"{c} {(a + x) / 2 / SIDES[1]:.6f} {(b + y) / 2 / SIDES[0]:.6f}"
            f" {(x - a) / SIDES[1]:.6f} {(y - b) / SIDES[0]:.6f}"
            for a, b, x, y, c in boxes
        ]
        label = folder / split / "labels" / f"{k:02}.txt"
        label.parent.mkdir(parents=True, exist_ok=True)
        label.write_text("\n".join(lines))
    (folder / "data.yaml").write_text(
        f"train: train/images\nval: valid/images\nnc: 2\nnames: {list(NAMES)}\n"
    )
    return folder


def voc(name, boxes, sides=SIDES, first=1):
    """XML of one image."""
    objects = "".join(
        f"<object><name>{NAMES[c]}</name><difficult>0</difficult><bndbox><xmin>{a + first}</xmin>"
        f"<ymin>{b + first}</ymin><xmax>{x}</xmax><ymax>{y}</ymax></bndbox></object>"
        for a, b, x, y, c in boxes
    )
    size = f"<size><width>{sides[1]}</width><height>{sides[0]}</height><depth>3</depth></size>"
    return f"<annotation><filename>{name}</filename>{size}{objects}</annotation>"


def write_voc(folder, count=24, seed=0):
    """Annotations/, JPEGImages/ and lists of the splits."""
    splits = {"train": [], "val": [], "test": []}
    for k in range(count):
        pixels, boxes = scene(seed + k)
        save(pixels, folder / "JPEGImages" / f"{k:02}.png")
        path = folder / "Annotations" / f"{k:02}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(voc(f"{k:02}.png", boxes))
        splits[("train", "train", "val", "test")[k % 4]].append(f"{k:02}")
    main = folder / "ImageSets" / "Main"
    main.mkdir(parents=True)
    for name, stems in (*splits.items(), ("trainval", splits["train"] + splits["val"])):
        (main / f"{name}.txt").write_text("\n".join(stems))
    return folder


def write_table(folder, count=24, seed=0, share=False, sides=("xmin", "ymin", "xmax", "ymax")):
    """images/ beside boxes.csv; an image without objects has a row without numbers."""
    rows = [",".join(("filename", "class", *sides))]
    for k in range(count):
        pixels, boxes = scene(seed + k)
        save(pixels, folder / "images" / f"{k:02}.png")
        for a, b, x, y, c in boxes:
            numbers = np.array((a, b, x, y), float)
            numbers[2:] -= numbers[:2] if "w" in sides else 0
            numbers /= np.array([SIDES[1], SIDES[0]] * 2) if share else 1
            rows.append(f"{k:02}.png,{NAMES[c]}," + ",".join(f"{n:.6g}" for n in numbers))
        if not boxes:
            rows.append(f"{k:02}.png,,,,,")
    (folder / "boxes.csv").write_text("\n".join(rows) + "\n")
    return folder


def write_labelme(folder, count=24, seed=0):
    """A file of rectangles beside each image; corners in any order."""
    for k in range(count):
        pixels, boxes = scene(seed + k)
        save(pixels, folder / f"{k:02}.png")
        shapes = [
            {
                "label": NAMES[c],
                "shape_type": "rectangle",
                "points": [[x, b], [a, y]] if k % 2 else [[a, b], [x, y]],
            }
            for a, b, x, y, c in boxes
        ]
        whole = {"version": "5.4.1", "flags": {}, "shapes": shapes, "imagePath": f"{k:02}.png"}
        sides = {"imageData": None, "imageHeight": SIDES[0], "imageWidth": SIDES[1]}
        (folder / f"{k:02}.json").write_text(json.dumps(whole | sides))
    return folder


def write_tasks(folder, count=24, seed=0):
    """images/ beside an export of Label Studio, which gives uploaded files names of its own."""
    tasks = []
    for k in range(count):
        pixels, boxes = scene(seed + k)
        save(pixels, folder / "images" / f"{k:02}.png")
        result = [
            {
                "original_width": SIDES[1],
                "original_height": SIDES[0],
                "type": "rectanglelabels",
                "value": {
                    "x": 100 * a / SIDES[1],
                    "y": 100 * b / SIDES[0],
                    "width": 100 * (x - a) / SIDES[1],
                    "height": 100 * (y - b) / SIDES[0],
                    "rotation": 0,
                    "rectanglelabels": [NAMES[c]],
                },
            }
            for a, b, x, y, c in boxes
        ]
        data = {"image": f"/data/upload/3/0a1b2c3d-{k:02}.png"}
        tasks.append({"id": k, "annotations": [{"was_cancelled": False, "result": result}], "data": data})
    (folder / "export.json").write_text(json.dumps(tasks))
    return folder


def write_createml(folder, count=24, seed=0):
    """One file of middles and sides beside the images."""
    rows = []
    for k in range(count):
        pixels, boxes = scene(seed + k)
        save(pixels, folder / f"{k:02}.png")
        places = [
            {
                "label": NAMES[c],
                "coordinates": {"x": (a + x) / 2, "y": (b + y) / 2, "width": x - a, "height": y - b},
            }
            for a, b, x, y, c in boxes
        ]
        rows.append({"image": f"{k:02}.png", "annotations": places})
    (folder / "_annotations.createml.json").write_text(json.dumps(rows))
    return folder


def write_objects(folder, count=24, seed=0, listed=False):
    """`metadata.jsonl` with objects, as lists by what they hold or as a list of objects."""
    rows = []
    for k in range(count):
        pixels, boxes = scene(seed + k)
        save(pixels, folder / f"{k:02}.png")
        sides = [[a, b, x - a, y - b] for a, b, x, y, _ in boxes]
        names = [NAMES[box[4]] for box in boxes]
        objects = {"bbox": sides, "categories": names}
        if listed:
            objects = [{"bbox": box, "category": name} for box, name in zip(sides, names, strict=True)]
        rows.append(json.dumps({"file_name": f"{k:02}.png", "objects": objects}))
    (folder / "metadata.jsonl").write_text("\n".join(rows[1:] + rows[:1]))
    return folder
