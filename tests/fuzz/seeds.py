"""Small valid data of every layout and form, from which inputs are made by changing bytes."""

from __future__ import annotations

import functools
import gzip
import io
import json
import struct
import sys
import tempfile
import wave
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))
import made_layouts

Files = Mapping[str, bytes]
_RNG = np.random.default_rng(0)


@dataclass(frozen=True)
class Layout:
    """A data set as bytes by path, of which one file is changed.

    Args:
        recipe: What reads it.
        changed: The file that is changed.
        files: All of them.
        given: The path that is read, below the folder of the files; by default that of a table or of the only
            file, else the folder.
    """

    recipe: str
    changed: str
    files: Files
    given: str | None = None


def picture(form: str, **options: object) -> bytes:
    """A picture of 8x8."""
    out = io.BytesIO()
    Image.fromarray(_RNG.integers(0, 255, (8, 8, 3), np.uint8)).save(out, form, **options)
    return out.getvalue()


def sound(form: str = "WAV") -> bytes:
    """A fifth of a second."""
    out = io.BytesIO()
    values = (_RNG.normal(0, 3000, 1600)).astype("<i2")
    if form == "WAV":
        with wave.open(out, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(values.tobytes())
    else:
        import soundfile

        soundfile.write(out, values, 8000, format=form)
    return out.getvalue()


def saved(write: Callable[[io.BytesIO], object]) -> bytes:
    """The bytes that a function writes."""
    out = io.BytesIO()
    write(out)
    return out.getvalue()


def parquet(**columns: object) -> bytes:
    """A table as Parquet."""
    return saved(lambda out: pq.write_table(pa.table(columns), out))


def idx(values: np.ndarray) -> bytes:
    """An array of bytes as MNIST has it."""
    sizes = struct.pack(f">{values.ndim}I", *values.shape)
    return gzip.compress(bytes([0, 0, 8, values.ndim]) + sizes + values.tobytes(), mtime=0)


def lines(*rows: str) -> bytes:
    """Rows of text."""
    return ("\n".join(rows) + "\n").encode()


def _classes(suffix: str, one: bytes) -> Files:
    return {f"{name}/{i}{suffix}": one for name in "ab" for i in range(5)}


@functools.cache
def layouts() -> dict[str, Layout]:
    """Every layout by name."""
    found: dict[str, Layout] = {}
    for form in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"):
        suffix = f".{form.lower()}"
        found[f"image-{form.lower()}"] = Layout(
            "image-classification", f"a/0{suffix}", _classes(suffix, picture(form))
        )
    for form in ("WAV", "FLAC", "OGG", "MP3"):
        suffix = f".{form.lower()}"
        found[f"audio-{form.lower()}"] = Layout(
            "audio-classification", f"a/0{suffix}", _classes(suffix, sound(form))
        )
    found |= _tables()
    found |= _arrays()
    found |= _volumes()
    found |= _clouds()
    found |= _films()
    found |= _masks()
    found |= _texts()
    found |= _series()
    found |= _documented()
    return found


def _documented() -> dict[str, Layout]:
    """The layouts that the page about data pictures; changed is the file with the most lines."""
    page = (Path(__file__).parents[2] / "docs" / "data.md").read_text("utf-8")
    found: dict[str, Layout] = {}
    for number, picture in enumerate(made_layouts.pictures(page)):
        if "refused" in picture.found:
            continue
        with tempfile.TemporaryDirectory() as name:
            given = picture.build(Path(name)).relative_to(name)
            files = {path: (Path(name) / path).read_bytes() for path in picture.files}
        changed = max(picture.files, key=lambda path: len(picture.files[path]))
        found[f"page-{number}-{picture.recipe}"] = Layout(picture.recipe, changed, files, str(given))
    return found


def _tables() -> dict[str, Layout]:
    names = [f"{i}.png" for i in range(10)]
    pictures = {name: picture("PNG") for name in names}
    manifest = lines("path,label", *(f"{name},{'ab'[i % 2]}" for i, name in enumerate(names)))
    pixels = lines(
        "emotion,pixels,Usage",
        *(f"{i % 2},{' '.join(['7'] * 2304)},{'Training' if i % 3 else 'PublicTest'}" for i in range(6)),
    )
    shown = [{"bytes": picture("PNG"), "path": name} for name in names]
    sounds = {f"{i}.wav": sound() for i in range(10)}
    speech = lines(*(json.dumps({"audio_filepath": name, "text": "one two"}) for name in sounds))
    return {
        "image-manifest": Layout("image-classification", "data.csv", {"data.csv": manifest, **pictures}),
        "image-pixels": Layout("image-classification", "fer.csv", {"fer.csv": pixels}),
        "image-parquet": Layout(
            "image-classification", "x.parquet", {"x.parquet": parquet(image=shown, label=[0, 1] * 5)}
        ),
        "audio-table": Layout(
            "audio-classification",
            "data.csv",
            {
                "data.csv": lines("file,label", *(f"{n},{'ab'[i % 2]}" for i, n in enumerate(sounds))),
                **sounds,
            },
        ),
        "speech-manifest": Layout("speech-recognition", "s.jsonl", {"s.jsonl": speech, **sounds}),
    }


def _arrays() -> dict[str, Layout]:
    x = _RNG.integers(0, 255, (10, 8, 8), np.uint8)
    y = np.arange(10, dtype=np.uint8) % 2
    mnist = {
        "train-images-idx3-ubyte.gz": idx(x),
        "train-labels-idx1-ubyte.gz": idx(y),
        "t10k-images-idx3-ubyte.gz": idx(x),
        "t10k-labels-idx1-ubyte.gz": idx(y),
    }
    whole = saved(lambda out: np.savez(out, x_train=x, y_train=y, x_test=x, y_test=y))
    return {
        "image-npz": Layout("image-classification", "x.npz", {"x.npz": whole}),
        "image-idx": Layout("image-classification", "train-images-idx3-ubyte.gz", mnist),
        "image-idx-labels": Layout("image-classification", "train-labels-idx1-ubyte.gz", mnist),
    }


def _volumes() -> dict[str, Layout]:
    """A file of each form in a folder of its class, and a mask."""
    made = {**_scans(), "tif": _stack()}
    found = {}
    for suffix, one in made.items():
        place = "{}/{}/slice.{}" if suffix == "dcm" else "{}/{}.{}"  # slices of a folder are one volume
        files = {place.format(name, i, suffix): one for name in "ab" for i in range(5)}
        found[f"volume-{suffix}"] = Layout("volume-classification", place.format("a", 0, suffix), files)
    mask = _nifti(_RNG.integers(0, 3, (7, 6, 5), np.uint8))
    scans = [_nifti(_RNG.integers(0, 200, (7, 6, 5), np.uint8)) for _ in range(6)]
    pairs = {f"imagesTr/{i}.nii": scan for i, scan in enumerate(scans)}
    pairs |= {f"labelsTr/{i}.nii": mask for i in range(6)}
    names = {"dataset.json": json.dumps({"labels": {"0": "background", "1": "a", "2": "b"}}).encode()}
    found["volume-mask"] = Layout("volume-segmentation", "labelsTr/0.nii", {**pairs, **names})
    found["volume-dataset"] = Layout("volume-segmentation", "dataset.json", {**pairs, **names})
    return found


def _clouds() -> dict[str, Layout]:
    """A file of each form in a folder of its class."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "kinds" / "points"))
    from made_clouds import OBJ, OFF, STL, las, pcd, ply

    places = _RNG.normal(0, 1, (20, 3)).astype(np.float32)
    columns = {axis: places[:, at] for at, axis in enumerate("xyz")}
    made = {f"ply-{form}": (".ply", ply(columns, form)) for form in ("ascii", "binary_little_endian")}
    made |= {f"pcd-{form}": (".pcd", pcd(columns, form)) for form in ("ascii", "binary", "binary_compressed")}
    made |= {"xyz": (".xyz", lines(*(" ".join(map(str, row)) for row in places)))}
    made |= {"off": (".off", OFF.encode()), "obj": (".obj", OBJ.encode()), "stl": (".stl", STL.encode())}
    made |= {"npy": (".npy", saved(lambda out: np.save(out, places))), "bin": (".bin", bytes(320))}
    with tempfile.TemporaryDirectory() as folder:
        for suffix in (".las", ".laz"):
            path = las(Path(folder, f"a{suffix}"), places.astype(np.float64))
            made[suffix[1:]] = (suffix, path.read_bytes())
    clouds = {
        f"cloud-{name}": Layout("points-classification", f"a/0{suffix}", _classes(suffix, content))
        for name, (suffix, content) in made.items()
    }
    return {**clouds, **_scenes(places), **_boxed_clouds()}


def _boxed_clouds() -> dict[str, Layout]:
    """Boxes in a table, in JSON, and as KITTI has them, each of whose files is changed."""
    from made_streets import write_kitti, write_table

    made = {}
    with tempfile.TemporaryDirectory() as place:
        for name in ("boxes.csv", "boxes.json"):
            folder = write_table(Path(place, name), 6, name)
            made[f"space-{name[6:]}"] = Layout("points-detection", name, _files_below(folder))
        files = _files_below(write_kitti(Path(place, "kitti"), 6))
    for part in ("label_2/000000.txt", "calib/000000.txt", "velodyne/000000.bin"):
        name = part.partition("/")[0]
        made[f"kitti-{name.replace('_', '-')}"] = Layout("points-detection", f"training/{part}", files)
    return made


def _files_below(folder: Path) -> dict[str, bytes]:
    """The content of all files of a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def _scenes(places: np.ndarray) -> dict[str, Layout]:
    """Clouds with labels of points in a column, and in a file of each form beside each."""
    rows = lines("x y z label", *(f"{x} {y} {z} {at % 2}" for at, (x, y, z) in enumerate(places)))
    plain = saved(lambda out: np.save(out, places))
    kinds = np.arange(len(places)) % 2
    beside = {
        "{}.label": kinds.astype("<u4").tobytes(),
        "{}.labels": lines(*map(str, kinds)),
        "{}_labels.npy": saved(lambda out: np.save(out, kinds)),
    }
    made = {"scene-column": Layout("points-segmentation", "0.xyz", {f"{i}.xyz": rows for i in range(9)})}
    for name, content in beside.items():
        files = {
            file: data for i in range(9) for file, data in ((f"{i}.npy", plain), (name.format(i), content))
        }
        made[f"scene-{name[2:]}"] = Layout("points-segmentation", name.format(0), files)
    return made


def _films() -> dict[str, Layout]:
    """A film of each form in a folder of its class."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "kinds" / "video"))
    from made_films import CODECS, moving, write_film

    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for suffix in CODECS:
            one = write_film(Path(folder, f"a{suffix}"), moving("down", 0, frames=6, side=16)).read_bytes()
            files = {f"{name}/{i}{suffix}": one for name in "ab" for i in range(5)}
            found[f"video-{suffix[1:]}"] = Layout("video-classification", f"a/0{suffix}", files)
        one = write_film(Path(folder, "c.avi"), moving("down", 0, frames=6, side=16)).read_bytes()
        scene = {f"train/{i}.avi": one for i in range(2)} | {"test/c.avi": one}
    flags = saved(lambda out: np.save(out, np.arange(6) > 3))
    masks = {f"test/c_gt/{i}.png": picture("PNG") for i in range(6)}
    table = lines("film,start,end", "c.avi,0.1,0.3", "0.avi,,")
    found["scene-array"] = Layout("video-anomaly", "test/c.npy", {**scene, "test/c.npy": flags})
    found["scene-masks"] = Layout("video-anomaly", "test/c_gt/1.png", {**scene, **masks})
    found["scene-table"] = Layout("video-anomaly", "events.csv", {**scene, "events.csv": table})
    return found


def _nifti(values: np.ndarray) -> bytes:
    import nibabel

    return bytes(nibabel.Nifti1Image(values, np.diag([1.0, 1.0, 2.0, 1.0])).to_bytes())


def _scans() -> dict[str, bytes]:
    """One volume in several forms."""
    import SimpleITK as itk

    sys.path.insert(0, str(Path(__file__).parents[1] / "kinds" / "volume"))
    from made_volumes import write_dicom

    values = _RNG.integers(0, 200, (5, 6, 7), np.uint8)
    found = {"nii": _nifti(values.T), "nii.gz": gzip.compress(_nifti(values.T), mtime=0)}
    with tempfile.TemporaryDirectory() as folder:
        for suffix in ("nrrd", "mha"):
            itk.WriteImage(itk.GetImageFromArray(values), f"{folder}/a.{suffix}")
            found[suffix] = Path(folder, f"a.{suffix}").read_bytes()
        slices = write_dicom(Path(folder, "slices"), values[:1].T.astype(np.int16))
        found["dcm"] = next(slices.iterdir()).read_bytes()
    return found


def _stack() -> bytes:
    pages = [Image.fromarray(_RNG.integers(0, 255, (6, 7), np.uint8)) for _ in range(4)]
    return saved(lambda out: pages[0].save(out, "TIFF", save_all=True, append_images=pages[1:]))


def _masks() -> dict[str, Layout]:
    """Images with masks in each way of writing them."""
    images = {f"images/{i}.png": picture("PNG") for i in range(6)}
    mask = saved(
        lambda out: Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8) % 3).save(out, "PNG")
    )
    pairs = {**images, **{f"masks/{i}.png": mask for i in range(6)}}
    rows = [f"{i}.png,{1 + i % 2},3 4 20 9" for i in range(6)]
    box = {"shape_type": "polygon", "label": "a", "points": [[1, 1], [6, 1], [6, 6]]}
    shapes = {"version": "5", "flags": {}, "shapes": [box], "imageHeight": 8, "imageWidth": 8}
    value = {"points": [[10, 10], [80, 10], [80, 80]], "polygonlabels": ["a"]}
    result = {"original_width": 8, "original_height": 8, "type": "polygonlabels", "value": value}
    tasks = [{"data": {"image": f"{i}.png"}, "annotations": [{"result": [result]}]} for i in range(6)]
    objects = [
        {"image_id": i, "category_id": 1, "segmentation": {"counts": [3, 4, 57], "size": [8, 8]}}
        if i % 2
        else {"image_id": i, "category_id": 1, "segmentation": [[1, 1, 6, 1, 6, 6]]}
        for i in range(6)
    ]
    coco = {
        "images": [{"id": i, "file_name": f"{i}.png", "height": 8, "width": 8} for i in range(6)],
        "annotations": objects,
        "categories": [{"id": 1, "name": "a"}],
    }
    beside = {f"images/{i}.json": json.dumps({**shapes, "imagePath": f"{i}.png"}).encode() for i in range(6)}
    made = {
        "png": ("masks/0.png", pairs),
        "runs": ("t.csv", {**images, "t.csv": lines("ImageId,ClassId,EncodedPixels", *rows)}),
        "coco": ("c.json", {**images, "c.json": json.dumps(coco).encode()}),
        "labelme": ("images/0.json", {**images, **beside}),
        "tasks": ("x.json", {**images, "x.json": json.dumps(tasks).encode()}),
    }
    return {f"mask-{name}": Layout("image-segmentation", *each) for name, each in made.items()}


def _texts() -> dict[str, Layout]:
    texts = ["a fine film", "no, bad", "so \u00e9 so", "'quoted' thing", "x " * 20] * 4
    rows = [{"text": text, "label": "ab"[i % 2]} for i, text in enumerate(texts)]
    table = lines("id,text,label", *(f'{i},"{row["text"]}",{row["label"]}' for i, row in enumerate(rows)))
    sentence = ["EU B-ORG", "rejects O", "German B-MISC", "call O", "", "Peter B-PER", "Blackburn I-PER", ""]
    pairs = lines(*(f"I see {i}.\tJe vois {i}." for i in range(20)))
    form = {"text": [row["text"] for row in rows], "label": [row["label"] for row in rows]}
    columns = {"tokens": [["a", f"b{i}"] for i in range(10)], "ner_tags": [["O", "B-X"]] * 10}
    tagged = parquet(**columns)
    vectors = lines("3 2", "a 0.5 1", "b 1 2", "film 0 -1e3")
    by_name = {
        "text-csv": Layout("text-classification", "x.csv", {"x.csv": table}),
        "text-jsonl": Layout("text-classification", "x.jsonl", {"x.jsonl": lines(*map(json.dumps, rows))}),
        "text-json": Layout("text-classification", "x.json", {"x.json": json.dumps(rows).encode()}),
        "text-parquet": Layout("text-classification", "x.parquet", {"x.parquet": parquet(**form)}),
        "text-utf16": Layout("text-classification", "x.csv", {"x.csv": table.decode().encode("utf-16")}),
        "text-folders": Layout("text-classification", "a/0.txt", _classes(".txt", b"some words\nhere")),
        "tags-conll": Layout(
            "text-tagging",
            "x.conll",
            {"x.conll": lines(*(line.replace("call", f"call{i}") for i in range(8) for line in sentence))},
        ),
        "tags-parquet": Layout("text-tagging", "x.parquet", {"x.parquet": tagged}),
        "tags-jsonl": Layout(
            "text-tagging",
            "x.jsonl",
            {
                "x.jsonl": lines(
                    *(json.dumps({name: values[i] for name, values in columns.items()}) for i in range(10))
                )
            },
        ),
        "pairs-tsv": Layout("translation", "x.tsv", {"x.tsv": pairs}),
        "pairs-files": Layout(
            "translation",
            "x.en",
            {"x.en": lines(*(f"one {i}" for i in range(20))), "x.fr": lines(*(f"un {i}" for i in range(20)))},
        ),
    }
    by_name["text-vectors"] = Layout("vectors", "x.vec", {"x.vec": vectors})
    words = saved(lambda out: np.savez(out, words=np.array(["a", "b"]), vectors=np.ones((2, 3), "f4")))
    by_name["text-vectors-npz"] = Layout("vectors", "x.npz", {"x.npz": words})
    return by_name


def _series() -> dict[str, Layout]:
    values = _RNG.normal(size=(12, 9)).round(3)
    ucr = lines(*(f"{i % 2}\t" + "\t".join(map(str, row)) for i, row in enumerate(values)))
    ts = lines(
        "@problemName x",
        "@timeStamps false",
        "@univariate true",
        "@classLabel true a b",
        "@data",
        *(",".join(map(str, row)) + f":{'ab'[i % 2]}" for i, row in enumerate(values)),
    )
    arff = lines(
        "@relation x",
        *(f"@attribute a{i} numeric" for i in range(9)),
        "@attribute target {a,b}",
        "@data",
        *(",".join(map(str, row)) + f",{'ab'[i % 2]}" for i, row in enumerate(values)),
    )
    machine = lines(
        "timestamp,pressure,flow",
        *(f"2024-01-01 00:{i // 60:02d}:{i % 60:02d},{i % 7},{i % 11 / 10}" for i in range(300)),
    )
    windows = {"x/a.csv": [["2024-01-01 00:02:40", "2024-01-01 00:03:00"]]}
    nab = {"data/x/a.csv": machine, "labels/combined_windows.json": json.dumps(windows).encode()}
    engines = lines(
        *(
            " ".join(map(str, [unit, cycle, 0.1, 0.2, 100, *range(20), cycle % 7]))
            for unit in range(1, 6)
            for cycle in range(1, 30)
        )
    )
    cmapss = {"train_FD001.txt": engines, "test_FD001.txt": engines, "RUL_FD001.txt": lines(*["20"] * 5)}
    lives = lines("unit,cycle,s,rul", *(f"{u},{c},{c % 5},{30 - c}" for u in range(5) for c in range(30)))
    return {
        "series-tsv": Layout("series-classification", "x_TRAIN.tsv", {"x_TRAIN.tsv": ucr, "x_TEST.tsv": ucr}),
        "series-ts": Layout("series-classification", "x_TRAIN.ts", {"x_TRAIN.ts": ts, "x_TEST.ts": ts}),
        "series-arff": Layout("series-classification", "x_TRAIN.arff", {"x_TRAIN.arff": arff}),
        "series-csv": Layout(
            "series-classification",
            "x.csv",
            {
                "x.csv": lines(
                    "label," + ",".join(f"t{i}" for i in range(9)), *ucr.decode().replace("\t", ",").split()
                )
            },
        ),
        "forecast-csv": Layout("series-forecasting", "m.csv", {"m.csv": machine}),
        "series-numbers": Layout(
            "series-regression",
            "x.csv",
            {
                "x.csv": lines(
                    "target," + ",".join(f"t{i}" for i in range(9)),
                    *(f"{i / 7:.3f}," + ",".join(map(str, row)) for i, row in enumerate(values)),
                )
            },
        ),
        "stream-csv": Layout("series-anomaly", "m.csv", {"m.csv": machine}),
        "stream-nab": Layout("series-anomaly", "labels/combined_windows.json", nab),
        "life-cmapss": Layout("series-remaining-life", "train_FD001.txt", cmapss),
        "life-csv": Layout("series-remaining-life", "x.csv", {"x.csv": lives}),
    }
