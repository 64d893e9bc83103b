"""What strangers' tables look like, and that each is read as it was meant."""

import csv
import gzip
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convscope.data.table_format import format_of_lines, table_format
from convscope.data.tables import check_table, open_table, table_kind
from convscope.errors import DataError, UsageError


def written(folder, text, name="a.csv", encoding="utf-8"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


def read(path, **options):
    """The names of the columns, and the rows."""
    table = open_table(path, table_kind(path), **options)
    return table.columns, [cells for _, cells in table.rows(table.columns)]


def decisions(path, **options):
    return "\n".join(open_table(path, table_kind(path), **options).decisions)


REVIEWS = [(f"a {word} film, of {number} parts", "pn"[number % 2]) for number, word in enumerate("abcdefgh")]


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_ALL, csv.QUOTE_MINIMAL])
def test_every_delimiter_and_quoting_gives_the_same_rows(tmp_path, mark, quoting):
    out = io.StringIO()
    csv.writer(out, delimiter=mark, quoting=quoting).writerows([("text", "label"), *REVIEWS])
    for name in ("a.csv", "a.tsv"):
        assert read(written(tmp_path, out.getvalue(), name)) == (("text", "label"), REVIEWS)


def test_a_declared_delimiter_is_taken(tmp_path):
    path = written(tmp_path, "sep=;\r\nlabel;words, more\r\na;x, y\r\nb;z, y\r\na;x, z\r\n")
    assert read(path) == (("label", "words, more"), [("a", "x, y"), ("b", "z, y"), ("a", "x, z")])


def test_quotes_may_be_escaped_single_or_letters(tmp_path):
    escaped = 'text,label\n"She said \\"no, thanks\\" twice",p\n' + "fine,p\nbad,n\n" * 20
    path = written(tmp_path, escaped)
    assert read(path)[1][0] == ('She said "no, thanks" twice', "p")
    assert "escaped by" in decisions(path)
    single = "id,name,label\n1,'a, b',x\n2,'c, d',y\n3,'e, f',x\n"
    assert read(written(tmp_path, single))[1] == [("1", "a, b", "x"), ("2", "c, d", "y"), ("3", "e, f", "x")]
    letters = 'label\ttext\nham\t"Hello" he said\nspam\t"never ends\nham\tfine now\n'
    first = 'label\ttext\nspam\t"never ends\nham\tfine now\n'
    assert read(written(tmp_path, first, "a.tsv"))[1][0] == ("spam", '"never ends')
    assert read(written(tmp_path, letters, "a.tsv"))[1][1] == ("spam", '"never ends')


def test_quoted_fields_between_tabs_may_hold_tabs_and_line_ends(tmp_path):
    rows = [(f"one\ttwo\n{number}", "pn"[number % 2]) for number in range(12)]
    out = io.StringIO()
    csv.writer(out, delimiter="\t").writerows([("text", "label"), *rows])
    assert read(written(tmp_path, out.getvalue(), "a.tsv"))[1] == rows


def test_remarks_and_titles_are_left_out(tmp_path):
    table = "time;temp\n0;1.5\n1;2.5\n2;3.5\n"
    for above in ("# made today\n# by us; all of us\n", "% a probe\n\n", "Report of May\n\nStation;North\n"):
        path = written(tmp_path, above + table)
        assert read(path) == (("time", "temp"), [("0", "1.5"), ("1", "2.5"), ("2", "3.5")])
    assert "remarks: 2 lines at the beginning of a.csv" in decisions(
        written(tmp_path, f"# by us\n# today\n{table}")
    )
    assert "remarks" not in decisions(written(tmp_path, table))
    padded = written(tmp_path, "Report;;\n;;\ntime;temp;place\n0;1.5;a\n1;2.5;a\n2;1.5;a\n")
    assert read(padded)[0] == ("time", "temp", "place")
    assert "2 before the header of a.csv are no rows" in decisions(padded)


def test_a_header_may_be_a_remark(tmp_path):
    assert read(written(tmp_path, "# time,temp\n0,1.5\n1,2.5\n"))[0] == ("time", "temp")
    aligned = "# by us\n# x   y   z\n" + "".join(f"{n}   {n / 3:.3f}  {n}\n" for n in range(9))
    columns, rows = read(written(tmp_path, aligned))
    assert (columns, len(rows), rows[1]) == (("x", "y", "z"), 9, ("1", "0.333", "1"))


def test_texts_that_begin_as_remarks_do_are_rows(tmp_path):
    rows = [(f"#day{number} so nice, really", "pq"[number % 2]) for number in range(8)]
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    path = written(tmp_path, out.getvalue())
    assert read(path) == (("1", "2"), rows)
    assert "columns are numbered from 1" in decisions(path)
    numbered = "#,text,label\n" + "".join(f"{n},some words {n},{'pq'[n % 2]}\n" for n in range(8))
    assert read(written(tmp_path, numbered))[0] == ("#", "text", "label")


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("a,b\n1,2\n3,4\n", ("a", "b")),
        ("1,2\n3,4\n", ("1", "2")),
        ("0,1,2\n0.5,0.1,7\n3,4,5\n", ("0", "1", "2")),
        ("label,0,1,2\nx,0.5,0.1,7\ny,3,4,5\n", ("label", "0", "1", "2")),
        ("walk,0.5,0.1,7\nrun,3,4,5\nwalk,3,4,6\n", ("1", "2", "3", "4")),
        ("country,2000,2010\nFrance,1,2\nSpain,2,3\n", ("country", "2000", "2010")),
        ("good,I like it\nbad,I hate it\ngood,Fine it is\n", ("1", "2")),
        ("2024-01-01,3\n2024-01-02,4\n", ("1", "2")),
        ("day,n\n2024-01-01,3\n2024-01-02,4\n", ("day", "n")),
        ("a.png,cat\nb.png,dog\nc.png,cat\n", ("1", "2")),
        (
            "label,400.0,400.5,401.0,401.5,402.0,402.5,403.0,403.5\n"
            + "a,3,1,4,1,5,9,2,6\nb,5,3,5,8,9,7,9,3\n" * 2,
            ("label", "400.0", "400.5", "401.0", "401.5", "402.0", "402.5", "403.0", "403.5"),
        ),
        ("picture,what\na.png,cat\nb.png,dog\n", ("picture", "what")),
    ],
)
def test_a_header_is_told_by_the_rows_below_it(tmp_path, text, columns):
    assert read(written(tmp_path, text))[0] == columns


def test_a_header_may_be_told(tmp_path):
    path = written(tmp_path, "x,y\nz,w\n")
    assert read(path)[0] == ("1", "2")
    assert read(path, header=True)[0] == ("x", "y")
    assert read(path, wanted=["y"])[0] == ("x", "y")
    assert read(written(tmp_path, "3,1\n5,1\n"), wanted=["1"])[0] == ("1", "2")


def test_units_below_the_header_are_no_row(tmp_path):
    path = written(tmp_path, "time;temp;place\n[s];[K];\n0;290;a\n1;291;b\n2;293;c\n")
    assert read(path)[1][0] == ("0", "290", "a")
    assert "holds units: [s], [K]" in decisions(path)
    short = written(tmp_path, "t,x,y\ns,m,m/s^2\n0,1,2\n1,2,3\n2,3,4\n")
    assert read(short) == (("t", "x", "y"), [("0", "1", "2"), ("1", "2", "3"), ("2", "3", "4")])
    plain = written(tmp_path, "kind,temp\nwalk,ERR\nrun,291\nwalk,293\nrun,290\n")
    assert read(plain)[1][0] == ("walk", "ERR")


@pytest.mark.parametrize(
    ("values", "decimal", "thousands", "first"),
    [
        (("20,5", "3,25"), ",", "", 20.5),
        (("1.234,5", "0,25"), ",", ".", 1234.5),
        (("1,234.5", "0.25"), ".", ",", 1234.5),
        (("1'234.5", "0.25"), ".", "'", 1234.5),
        (("1 234,5", "0,25"), ",", " ", 1234.5),
        (("1,234", "950"), ".", ",", 1234),
        (("0,125", "1,250"), ",", "", 0.125),
        (("1.5", "2.5"), ".", "", 1.5),
    ],
)
def test_decimals_and_thousands_are_found(tmp_path, values, decimal, thousands, first):
    path = written(tmp_path, "a;b\n" + "".join(f"{value};x\n" for value in values * 3))
    table = open_table(path, "CSV")
    assert (table.numbers.decimal, table.numbers.thousands) == (decimal, thousands)
    assert table.numbers.number(values[0]) == first
    assert ("numbers: with" in decisions(path)) == ((decimal, thousands) != (".", ""))


def test_what_could_be_two_numbers_is_said(tmp_path):
    path = written(tmp_path, "a;b\n" + "1,234;x\n3,950;y\n" * 3)
    assert "'1,234' is 1.234, though it could be 1234" in decisions(path)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"]
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends_are_found(tmp_path, encoding, end):
    rows = [("café crème", "gut"), ("Müller", "schlecht"), ("plain", "gut")]
    text = end.join(["text;label", *(";".join(row) for row in rows), ""])
    path = written(tmp_path, text, encoding=encoding)
    assert read(path) == (("text", "label"), rows)
    assert ("encoding" in decisions(path)) == (not encoding.startswith("utf-8"))
    assert read(path, encoding="utf-16" if encoding == "utf-16" else encoding)[1] == rows


def test_what_was_read_as_cp1252_is_shown(tmp_path):
    path = written(tmp_path, "text,label\nno,a\ncafé,b\n", encoding="latin-1")
    assert "a.csv is not UTF-8 (line 3) and is read as cp1252, by which that line has 'café'" in decisions(
        path
    )


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("日本語の文", "shift_jis"),
        ("中文的句子", "gb18030"),
        ("한국어 문장", "euc-kr"),
        ("русский текст", "cp1251"),
    ],
)
def test_an_encoding_that_cannot_be_told_is_asked_for(tmp_path, text, encoding):
    path = written(tmp_path, f"text,label\nfirst,a\n{text},b\n", encoding=encoding)
    with pytest.raises(DataError, match=r"a.csv, line 3: expected UTF-8, received byte") as caught:
        read(path)
    assert "--encoding" in caught.value.hint
    assert encoding in caught.value.hint
    assert read(path, encoding=encoding)[1][1] == (text, "b")


def test_one_damaged_byte_is_no_other_encoding(tmp_path):
    path = written(tmp_path, "text,label\ncafé,a\nthé,b\n".encode() + b"caf\xe9,a\n")
    with pytest.raises(DataError, match="line 4: expected UTF-8") as caught:
        read(path)
    assert "damaged" in caught.value.hint


def test_names_that_are_missing_or_come_twice_are_made_up_and_said(tmp_path):
    path = written(tmp_path, ",a,b,a,\n0,1,2,3,x\n1,5,6,7,\n2,9,9,9,z\n")
    table = open_table(path, "CSV")
    assert table.columns == ("index", "a", "b", "a.1", "column 5")
    assert table.unused == ("index", "column 5")
    assert "a further column 'a' of a.csv is called 'a.1'" in decisions(path)
    saved = open_table(written(tmp_path, "Unnamed: 0,text,label\n0,a b,x\n1,c d,y\n"), "CSV")
    assert (saved.columns[0], saved.unused) == ("Unnamed: 0", ("Unnamed: 0",))
    dated = open_table(written(tmp_path, ",a\n2024-01-01,1\n2024-01-02,5\n"), "CSV")
    assert dated.columns == ("column 1", "a")


def test_rows_may_be_numbered_without_a_name_above_them(tmp_path):
    rows = "".join(f'"{n}","some words","{"pq"[n % 2]}"\n' for n in range(1, 9))
    assert read(written(tmp_path, '"text","label"\n' + rows))[0] == ("index", "text", "label")
    cars = read(written(tmp_path, "mpg,cyl\nMazda,21,6\nFiat,32.4,4\nVolvo,21.4,4\n"))
    assert cars[0] == ("column 1", "mpg", "cyl")
    assert cars[1] == [("Mazda", "21", "6"), ("Fiat", "32.4", "4"), ("Volvo", "21.4", "4")]
    for ragged in ("time,a\n0,1,2\n1,3,4\n2,3,4\n", "day,a\n2026-01-01,1,2\n2026-01-02,1,3\n"):
        with pytest.raises(DataError, match="line 2: expected 2 fields, received 3"):
            read(written(tmp_path, ragged))
    trailing = read(written(tmp_path, "a,b\n1,2,\n3,4,\n5,4,\n"))
    assert trailing == (("a", "b", "column 3"), [("1", "2", ""), ("3", "4", ""), ("5", "4", "")])


def test_a_ragged_row_stops_with_its_line(tmp_path):
    unquoted = written(tmp_path, "text,label\nhello, world,pos\nbye, world,neg\nok, fine,pos\n")
    with pytest.raises(DataError, match="line 2: expected 2 fields, received 3") as caught:
        read(unquoted)
    assert "double quotes" in caught.value.hint
    late = written(tmp_path, "text,label\n" + "hello,pos\nbye,neg\n" * 3000 + "one,two,three\n")
    with pytest.raises(DataError, match="line 6002: expected 2 fields, received 3"):
        read(late)


def test_a_header_that_stands_again_stops_with_its_line(tmp_path):
    with pytest.raises(DataError, match="line 4: expected values, received the header again") as caught:
        read(written(tmp_path, "text,label\none,a\ntwo,b\ntext,label\nthree,a\n"))
    assert "joined" in caught.value.hint
    with pytest.raises(DataError, match="line 4: expected 2 fields") as caught:
        read(written(tmp_path, "a,b\n1,2\n3,4\n# a remark\n5,6\n"))
    assert "remarks" in caught.value.hint


def test_a_single_column_may_have_decimal_commas(tmp_path):
    path = written(tmp_path, "temp\n20,5\n21,75\n3,5\n")
    assert read(path) == (("temp",), [("20,5",), ("21,75",), ("3,5",)])
    assert open_table(path, "CSV").numbers.decimal == ","


def test_the_index_of_pandas_in_parquet_is_no_input(tmp_path):
    pandas = pytest.importorskip("pandas")
    path = tmp_path / "a.parquet"
    pandas.DataFrame({"text": ["a", "b", "c"]}, index=[4, 7, 5]).to_parquet(path)
    assert open_table(path, "Parquet").unused == ("__index_level_0__",)


def test_columns_are_left_out(tmp_path):
    path = written(tmp_path, "id,text,label\n1,one two,a\n2,two three,b\n")
    table = open_table(path, "CSV", drop=["id"])
    assert (table.columns, table.unused) == (("text", "label"), ("id",))
    with pytest.raises(UsageError, match="no column 'ids', which --drop-column names"):
        open_table(path, "CSV", drop=["ids"])


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"PK\x03\x04rest", "ZIP"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Excel"),
        (b"\n<!DOCTYPE html><html>", "web page"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0), "packed"),
        (b"PAR1", "Parquet"),
    ],
)
def test_what_is_called_a_table_and_is_none_is_refused(tmp_path, data, word):
    with pytest.raises(DataError, match=word) as caught:
        check_table(written(tmp_path, data))
    assert caught.value.hint


@pytest.mark.parametrize(
    "ending",
    [
        "xls",
        "zip",
        "bz2",
        "ods",
        "sav",
        "sas7bdat",
        "dta",
        "rds",
        "feather",
        "pkl",
        "sqlite",
        "mat",
        "h5",
        "lvm",
        "bin",
    ],
)
def test_tables_of_other_programs_are_refused_with_the_way_to_save_them(tmp_path, ending):
    with pytest.raises(DataError, match=f"table.{ending}: expected data that can be read") as caught:
        check_table(written(tmp_path, b"anything", f"table.{ending}"))
    assert caught.value.hint


words = st.text(st.characters(codec="latin-1", categories=["L", "N", "P", "Zs"]), min_size=1, max_size=20)


def is_kept(text):
    """Whether a field is read back as it is: nothing else begins a remark or ends within white space."""
    return (
        text == text.strip() != "" and not text.startswith(("#", "%", "//", "'", '"')) and "\xa0" not in text
    )


@settings(max_examples=300, deadline=None)
@given(
    rows=st.lists(st.tuples(words.filter(is_kept), st.integers(-999, 999)), min_size=4, max_size=30),
    mark=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    header=st.booleans(),
    packed=st.booleans(),
)
def test_any_table_of_the_family_is_read_back(
    tmp_path_factory, rows, mark, quoting, end, encoding, header, packed
):
    lines = [("label", words, number, str(number % 3)) for words, number in rows]
    expected = [tuple(map(str, ("ab"[at % 2], *line[1:]))) for at, line in enumerate(lines)]
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=mark, quoting=quoting, lineterminator=end)
    writer.writerows([("label", "text", "number", "fold"), *expected] if header else expected)
    data = out.getvalue().encode(encoding)
    name = "a.csv.gz" if packed else "a.csv"
    path = written(tmp_path_factory.mktemp("t"), gzip.compress(data) if packed else data, name)
    columns, found = read(path)
    assert found == expected
    assert columns == (("label", "text", "number", "fold") if header else ("1", "2", "3", "4"))


def test_pandas_reads_the_same(tmp_path):
    pandas = pytest.importorskip("pandas")
    text = "# by us\ntime;temp;kind\n[s];[K];\n0;1.290,5;NA\n1;291,25;DE\n2;293;NA\n"
    for encoding in ("utf-8-sig", "utf-16", "cp1252"):
        path = written(tmp_path, text, encoding=encoding)
        frame = pandas.read_csv(path, **table_format(path).pandas_arguments())
        assert list(frame.columns) == ["time", "temp", "kind"]
        assert frame["temp"].tolist() == [1290.5, 291.25, 293]
        assert frame["kind"].tolist() == ["NA", "DE", "NA"]
        assert frame["time"].dtype == np.int64


def test_row_names_stand_before_times_though_the_header_begins_with_theirs(tmp_path):
    rows = "".join(f'"{at}","2015-02-04 17:5{at}:00",{at}.5\n' for at in range(1, 6))
    form = table_format(written(tmp_path, f'"date","Temperature"\n{rows}', "a.txt"))
    assert (form.columns[1:], form.index) == (("date", "Temperature"), form.columns[0])
    rows = "".join(f"2015-02-04 17:5{at}:00,{at}.5,\n" for at in range(1, 6))
    assert table_format(written(tmp_path, f"date,Temperature\n{rows}")).columns[0] == "date"


def test_a_mark_at_the_end_of_each_line_parts_nothing():
    lines = [f"{row},walk,{row / 10};" for row in range(20)]
    found = format_of_lines(["user,activity,x", *(line.rstrip(";") for line in lines)])
    ended = format_of_lines(["user,activity,x;", *lines])
    assert (ended.columns, ended.first) == (found.columns, found.first)
    assert any("parts nothing" in line for line in ended.decisions)
    assert format_of_lines(["a;b;", "1;2;", "3;4;"]).dialect.ending == ""


def test_tables_that_a_program_drew_are_read_without_their_bars_and_rules(tmp_path):
    rows = [(text, label) for text, label in REVIEWS]
    inner = "\n".join(f"| {text} | {label} |" for text, label in rows)
    markdown = f"# Films\n\n| text | label |\n|:-----|------:|\n{inner}\n"
    drawn = f"+------+-------+\n| text | label |\n+------+-------+\n{inner}\n+------+-------+\n"
    bare = "text | label\n--- | ---\n" + "\n".join(" | ".join(row) for row in rows)
    for text in (markdown, drawn, bare):
        path = written(tmp_path, text)
        assert read(path) == (("text", "label"), rows)
        assert "rules between them" in decisions(path)


def test_rows_that_are_quoted_as_a_whole_are_read_without_these_quotes(tmp_path):
    out = io.StringIO()
    csv.writer(out).writerows(REVIEWS)
    inner = [line.replace('"', '""') for line in out.getvalue().splitlines()]
    for head in ("text,label", '"text,label"'):
        path = written(tmp_path, "\n".join([head, *(f'"{line}"' for line in inner)]))
        assert read(path) == (("text", "label"), REVIEWS)
        assert "quotes stand" in decisions(path)
    texts = written(tmp_path, 'text\n"yes, no"\n"no, yes"\n"one, two, three"\n')
    assert read(texts) == (("text",), [("yes, no",), ("no, yes",), ("one, two, three",)])


def test_questions_below_the_names_of_a_survey_are_no_answers(tmp_path):
    answers = [(f"R_{number}", f"It was {number} times as good", "yn"[number % 2]) for number in range(12)]
    ids = ['{"ImportId":"_recordId"}', '{"ImportId":"QID1"}', '{"ImportId":"QID2"}']
    asked = [("ResponseId", "Q1", "Q2"), ("Response ID", "How was it, all in all?", "Again?"), ids, *answers]
    monkey = [("Id", "How was it?", "Again?"), ("", "Open-Ended Response", "Response"), *answers]
    for rows, left in ((asked, 2), (monkey, 1)):
        out = io.StringIO()
        csv.writer(out).writerows(rows)
        path = written(tmp_path, out.getvalue())
        assert read(path) == (rows[0], answers)
        assert f"describe them: {left} are left out" in decisions(path)


@pytest.mark.parametrize("end", ["Summe,78,936\n", ",,\nTotal:,78,936\n", "Mean,6,72\nSum,78,936\n"])
def test_totals_at_the_end_are_left_out(tmp_path, end):
    rows = [(f"2024-01-{day:02}", str(day), str(day * 12)) for day in range(1, 13)]
    path = written(tmp_path, "day,sold,earned\n" + "\n".join(map(",".join, rows)) + "\n" + end)
    assert read(path)[1] == rows
    assert "which hold totals" in decisions(path)


def test_a_last_text_that_is_called_total_stays(tmp_path):
    rows = [(f"text {number}", str(number % 2)) for number in range(12)] + [("Total", "1")]
    path = written(tmp_path, "text,label\n" + "\n".join(map(",".join, rows)))
    assert read(path)[1] == rows
