"""Tables of other programs, which are refused with the way to save them as something that is read."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from convscope.data.parse_errors import COPY_AGAIN
from convscope.errors import DataError

_CSV = "Open it in a spreadsheet and save it as .xlsx or .csv."
_NPZ = "write numpy.savez('data.npz', x_train=images, y_train=labels), with images (n, height, width, 3)."
_HINTS = {
    ".xls": f"an old Excel workbook: {_CSV}",
    ".xlsb": f"a binary Excel workbook: {_CSV}",
    ".ods": f"a workbook of LibreOffice: {_CSV}",
    ".numbers": "a workbook of Numbers: Export it as CSV or Excel.",
    ".sas7bdat": "a table of SAS: Save it with pandas.read_sas(path).to_csv('table.csv', index=False).",
    ".xpt": "a table of SAS: Save it with pandas.read_sas(path).to_csv('table.csv', index=False).",
    ".sav": "a table of SPSS: Save it with pandas.read_spss(path).to_csv('table.csv', index=False).",
    ".dta": "a table of Stata: Save it with pandas.read_stata(path).to_csv('table.csv', index=False).",
    ".rds": "data of R: Save it with write.csv(readRDS('table.rds'), 'table.csv', row.names = FALSE).",
    ".rdata": "data of R: Load it in R and save each table with write.csv(table, 'table.csv').",
    ".rda": "data of R: Load it in R and save each table with write.csv(table, 'table.csv').",
    ".feather": "a table of Arrow: Save it with pandas.read_feather(path).to_parquet('table.parquet').",
    ".arrow": "a table of Arrow: Save it as Parquet with pyarrow.parquet.write_table.",
    ".orc": "a table of ORC: Save it with pandas.read_orc(path).to_parquet('table.parquet').",
    ".avro": "data of Avro: Save it as JSON Lines or Parquet.",
    **dict.fromkeys(
        (".pkl", ".pickle"),
        "a pickle, which may run any program: Save a table with frame.to_parquet('table.parquet'); of arrays,"
        f" {_NPZ}",
    ),
    ".sqlite": "a data base: Export the table as CSV.",
    ".sqlite3": "a data base: Export the table as CSV.",
    ".db": "a data base: Export the table as CSV.",
    ".mdb": "a data base: Export the table as CSV.",
    ".accdb": "a data base: Export the table as CSV.",
    ".dbf": f"a table of dBase: {_CSV}",
    ".mat": "data of MATLAB: Load it with scipy.io.loadmat(path), or with h5py.File(path) if it is of version"
    f" 7.3; {_NPZ}",
    **dict.fromkeys((".h5", ".hdf5"), f"an HDF5 file: Load its arrays with h5py.File(path)[name][:]; {_NPZ}"),
    **dict.fromkeys(
        (".edf", ".bdf", ".gdf"),
        "a file of EDF: Write a table: mne.io.read_raw(path).to_data_frame().to_csv('table.csv',"
        " index=False), with a column for what each row is, such as its stage.",
    ),
    **dict.fromkeys(
        (".hea", ".atr"),
        "a record of WFDB (PhysioNet): Write a table: record = wfdb.rdrecord(name without ending);"
        " pandas.DataFrame(record.p_signal, columns=record.sig_name).to_csv(name + '.csv', index=False), and"
        " put the tables into a folder for each class.",
    ),
    ".lvm": "a measurement of LabVIEW: Save it as CSV without the lines above the columns.",
    ".tdms": "a measurement of LabVIEW: Save nptdms.TdmsFile(path).as_dataframe().to_csv('table.csv').",
    ".bin": "bytes without a form: Load them with numpy.fromfile(path, numpy.uint8) (binary CIFAR-10:"
    f" .reshape(-1, 3073), the label first, then 3 x 32 x 32 values); {_NPZ}",
    ".tfrecord": f"records of TensorFlow: Read them with tf.data.TFRecordDataset(path); {_NPZ}",
    **dict.fromkeys((".zip", ".tar", ".tgz", ".7z", ".rar"), "an archive: Unpack it and give the folder."),
    **dict.fromkeys((".bz2", ".xz", ".zst", ".lz4"), "a packed file: Unpack it, or pack it as .gz."),
}
_CONTENTS: tuple[tuple[bytes, str, str], ...] = (
    (b"PK\x03\x04", "a ZIP archive", "Rename it to .xlsx if it is an Excel workbook, or unpack it."),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook", _CSV),
    (b"PAR1", "a Parquet file", "Rename it to .parquet."),
    (b"ARROW1", "a table of Arrow", "Save it as Parquet with pyarrow.parquet.write_table."),
    (b"%PDF", "a PDF document", "Save its table as .csv."),
    (b"SQLite format 3\0", "a data base", "Export the table as CSV."),
    (b"Rar!", "a RAR archive", "Unpack it."),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "Unpack it."),
    (b"\x28\xb5\x2f\xfd", "a file packed by Zstandard", "Unpack it, or pack it as .gz."),
    (b"BZh", "a file packed by bzip2", "Unpack it, or pack it as .gz."),
    (b"\xfd7zXZ\0", "a file packed by xz", "Unpack it, or pack it as .gz."),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", "Save its table as .csv or .parquet."),
)
_PICKLE = re.compile(rb"\x80[\x02-\x05]")
_CIFAR = (b"batch_label", b"fine_label", b"label_names")
_OF_CIFAR = (
    "a batch of CIFAR, which is a pickle: Where you trust it, batches = [pickle.load(open(name, 'rb'),"
    " encoding='latin1') for name in names]; x = numpy.concatenate([b['data'] for b in batches]).reshape(-1,"
    " 3, 32, 32).transpose(0, 2, 3, 1); y = numpy.concatenate([b['labels'] for b in batches]), or"
    " b['fine_labels'] in CIFAR-100; do so for the train and the test batches, and numpy.savez('cifar.npz',"
    " x_train=x, y_train=y, x_test=..., y_test=...)."
)
_PAGE = re.compile(rb"\s*<(!doctype html|html|head|body|table)\b", re.IGNORECASE)


def refuse_other_name(path: Path) -> None:
    """Stops at a table of another program by its ending.

    Raises:
        DataError: With the way to save it as something that is read.
    """
    found = _HINTS.get(path.suffix.lower())
    if path.suffix.lower() == ".zip" and path.is_file() and _is_cut_off(path):
        raise DataError(f"{path}: truncated or damaged archive, whose end is missing", hint=COPY_AGAIN)
    if found is not None:
        what, _, hint = found.partition(": ")
        raise DataError(f"{path}: expected data that can be read, received {what}", hint=hint)


def _is_cut_off(path: Path) -> bool:
    """Whether a file begins as a ZIP archive does, and does not end so."""
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04" and not zipfile.is_zipfile(path)


def refuse_pickled(path: Path) -> None:
    """Stops at a file of any ending, or none, that begins as a pickle does.

    Raises:
        DataError: The hint has the lines that write what can be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except (OSError, ValueError):
        return  # whoever opens the file says what is wrong
    if _PICKLE.match(head):
        cifar = any(mark in head for mark in _CIFAR) or path.name.startswith("data_batch")
        what, _, hint = (_OF_CIFAR if cifar else _HINTS[".pkl"]).partition(": ")
        raise DataError(f"{path}: expected data that can be read, received {what}", hint=hint)


def refuse_other_content(path: Path) -> None:
    """Stops at a file that is called a table of text and holds something else.

    Raises:
        DataError: With what it holds, and what to do.
    """
    try:
        if not path.is_file():
            return
        with path.open("rb") as file:
            head = file.read(512)
    except (OSError, ValueError):
        return  # whoever opens the file says what is wrong
    if head.startswith(b"\x1f\x8b") and path.suffix.lower() != ".gz":
        raise _other(path, "a packed file", f"Rename it to {path.name}.gz.")
    for mark, what, hint in _CONTENTS:
        if head.startswith(mark):
            raise _other(path, what, hint)
    if _PAGE.match(head):
        raise _other(path, "a web page", "Download the file itself, or save the table of the page as CSV.")


def _other(path: Path, what: str, hint: str) -> DataError:
    return DataError(f"{path}: expected a table as text, received {what}", hint=hint)
