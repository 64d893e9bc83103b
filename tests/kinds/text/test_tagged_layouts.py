"""Words with tags in tables, lists and spans: every layout gives the same sentences, and doubts are said."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_texts import write
from small_texts import tagged_texts

from convscope.data.folds import Fold, take_fold
from convscope.data.snapshot import DataSnapshot
from convscope.errors import DataError, UsageError
from convscope.kinds.text.detect import detect
from convscope.kinds.text.tagging.reader import read_tagged

SENTENCES = tagged_texts(count=60)
POS = {"O": "NN", "B-PER": "NNP", "I-PER": "NNP", "B-LOC": "NNP", "I-LOC": "NNP"}
LABELS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")


def everything(splits):
    pairs = [
        (split.samples.load(i).words, tuple(split.labels[i]))
        for split in (splits.train, splits.validation, splits.test)
        for i in range(len(split))
    ]
    return sorted(pairs)


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    return everything(read_tagged(lines(tmp_path_factory.mktemp("expected") / "all.conll")))


def lines(path, mark=" ", header="", sentences=SENTENCES):
    text = "\n".join("".join(f"{word}{mark}{tag}\n" for word, tag in words) for words in sentences)
    return write(path, header + text)


def numbered(path, every=False, tag=lambda tag: tag, header="Sentence #,Word,POS,Tag", mark=","):
    rows = [header.replace(",", mark)]
    for number, words in enumerate(SENTENCES):
        for at, (word, name) in enumerate(words):
            count = f"Sentence: {number + 1}" if every or not at else ""
            rows.append(mark.join((count, word, POS[name], tag(name))))
    return write(path, "\n".join(rows) + "\n")


def spans(words):
    found, at = [], 0
    for word, tag in words:
        if tag.startswith("B-"):
            found.append([at, at + len(word), tag[2:]])
        elif tag.startswith("I-"):
            found[-1][1] = at + len(word)
        at += len(word) + 1
    return " ".join(word for word, _ in words), found


def jsonl(path, records):
    return write(path, "".join(json.dumps(each) + "\n" for each in records))


def tokens(names=LABELS, numbers=False):
    for words in SENTENCES:
        tags = [LABELS.index(tag) if numbers else tag for _, tag in words]
        yield {"id": "7", "tokens": [word for word, _ in words], "ner_tags": tags}


def of_lists(path):
    rows = list(tokens(numbers=True))
    features = {"features": {"ner_tags": {"feature": {"names": list(LABELS), "_type": "ClassLabel"}}}}
    schema = pa.schema(
        [("tokens", pa.list_(pa.string())), ("ner_tags", pa.list_(pa.int64()))],
        {"huggingface": json.dumps({"info": features})},
    )
    table = pa.table({name: [row[name] for row in rows] for name in ("tokens", "ner_tags")}, schema=schema)
    pq.write_table(table, path)
    return path


def conllu(path):
    parts = []
    for words in SENTENCES:
        text = "# text = x\n1-2\tdont\t_\t_\t_\t_\t_\t_\t_\t_\n"
        for number, (word, tag) in enumerate(words, 1):
            text += f"{number}\t{word}\t{word}\t{POS[tag]}\t{tag}\t_\t0\troot\t_\t_\n"
        parts.append(text)
    return write(path, "\n".join(parts) + "\n")


def label_studio(path):
    records = []
    for words in SENTENCES:
        text, found = spans(words)
        result = [
            {
                "value": {"start": start, "end": end, "text": text[start:end], "labels": [kind]},
                "type": "labels",
            }
            for start, end, kind in found
        ]
        records.append({"data": {"text": text}, "annotations": [{"result": result}]})
    return jsonl(path, records)


LAYOUTS = {
    "tabs": lambda folder: lines(folder / "a.tsv", "\t"),
    "tabs and a header": lambda folder: lines(folder / "a.txt", "\t", "token\tlabel\n"),
    "commas and blank lines": lambda folder: lines(folder / "a.csv", ",", "word,tag\n"),
    "number on the first word": lambda folder: numbered(folder / "a.csv"),
    "number on every word": lambda folder: numbered(folder / "a.tsv", every=True, mark="\t"),
    "semicolons": lambda folder: numbered(folder / "a.csv", mark=";"),
    "lists of tokens": lambda folder: jsonl(folder / "a.jsonl", tokens()),
    "Parquet with names": lambda folder: of_lists(folder / "a.parquet"),
    "lists written in cells": lambda folder: write(
        folder / "a.csv",
        "id,Sentence,Tag\n"
        + "".join(
            f'{at},{" ".join(word for word, _ in words)},"{[tag for _, tag in words]}"\n'
            for at, words in enumerate(SENTENCES)
        ),
    ),
    "tags in one field": lambda folder: write(
        folder / "a.csv",
        "text,labels\n"
        + "".join(
            f"{' '.join(word for word, _ in words)},{' '.join(tag for _, tag in words)}\n"
            for words in SENTENCES
        ),
    ),
    "spans": lambda folder: jsonl(
        folder / "a.jsonl", [{"text": text, "label": found} for text, found in map(spans, SENTENCES)]
    ),
    "objects as spans": lambda folder: jsonl(
        folder / "a.jsonl",
        [
            {
                "text": text,
                "entities": [
                    {"id": 1, "label": kind, "start_offset": start, "end_offset": end}
                    for start, end, kind in found
                ],
            }
            for text, found in map(spans, SENTENCES)
        ],
    ),
    "Label Studio": lambda folder: label_studio(folder / "a.jsonl"),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_is_detected_and_gives_the_same_sentences(tmp_path, expected, name):
    path = LAYOUTS[name](tmp_path)
    found = detect(DataSnapshot(path))
    assert found is not None
    assert (found.recipe, found.confidence) == ("text-tagging", 0.95)
    splits = read_tagged(path)
    assert everything(splits) == expected
    assert any(line.startswith("columns: ") for line in splits.decisions)
    assert splits.warnings == ()


def test_train_devel_and_test_between_tabs_are_one_data_set(tmp_path):
    for name, part in (("train", SENTENCES[:40]), ("devel", SENTENCES[40:50]), ("test", SENTENCES[50:])):
        lines(tmp_path / f"{name}.tsv", "\t", sentences=part)
    lines(tmp_path / "train_dev.tsv", "\t")
    assert detect(DataSnapshot(tmp_path)).recipe == "text-tagging"
    splits = read_tagged(tmp_path)
    assert [len(each) for each in (splits.train, splits.validation, splits.test)] == [40, 10, 10]
    assert [each.reason for each in splits.skipped] == ["its name contains no split"]


def test_conllu_gives_upos_and_any_column_by_name(tmp_path, expected):
    path = conllu(tmp_path / "a.conllu")
    assert detect(DataSnapshot(path)).recipe == "text-tagging"
    assert read_tagged(path).class_names == ("NN", "NNP")
    assert everything(read_tagged(path, tag_column="XPOS")) == expected
    write(tmp_path / "a.txt", "Raw text of the same sentences.\nAnother line of them.\n")
    assert len(read_tagged(tmp_path).train) == len(read_tagged(path).train)


def test_of_two_columns_of_plain_tags_the_user_chooses(tmp_path):
    path = numbered(tmp_path / "a.csv", tag=lambda tag: tag.replace("-", ""))
    with pytest.raises(DataError, match="'POS' and 'Tag'") as caught:
        read_tagged(path)
    assert "--tag-column" in caught.value.hint
    assert read_tagged(path, tag_column="pos").class_names == ("NN", "NNP")
    assert read_tagged(path, tag_column=-1).class_names == ("BLOC", "BPER", "ILOC", "IPER", "O")
    with pytest.raises(UsageError, match="Sentence #, Word, POS, Tag"):
        read_tagged(path, tag_column="chunk")


def test_a_missing_tag_is_outside_and_a_few_odd_lines_leave_their_sentence_out(tmp_path):
    text = lines(tmp_path / "a.tsv", "\t").read_text()
    path = write(tmp_path / "b.tsv", text + "\nplain\t\nBremen\tB-LOC\nlast\n\nin\tX\tO\n\n\tO\n")
    splits = read_tagged(path)
    assert (("plain", "Bremen", "last"), ("O", "S-LOC", "O")) in everything(splits)
    assert any(line.startswith("tags: 2 words without a tag are O") for line in splits.decisions)
    assert len(splits.skipped) == 2
    assert "received 3; its sentence is left out" in splits.skipped[0].reason
    write(tmp_path / "c.tsv", text + "\na\tb\tO\n" * 40)
    with pytest.raises(DataError, match="expected 2 columns as in most lines, received 3"):
        read_tagged(tmp_path / "c.tsv")


def test_numbers_of_tags_need_names(tmp_path, expected):
    path = jsonl(tmp_path / "a.jsonl", tokens(numbers=True))
    with pytest.raises(DataError, match="expected names of tags") as caught:
        read_tagged(path)
    assert "labels.txt" in caught.value.hint
    write(tmp_path / "labels.txt", "\n".join(LABELS))
    assert everything(read_tagged(path)) == expected
    (tmp_path / "labels.txt").unlink()
    write(tmp_path / "id2label.json", json.dumps(dict(enumerate(LABELS))))
    assert everything(read_tagged(path)) == expected


def test_words_without_anything_that_ends_a_sentence_stop_with_what_to_write(tmp_path):
    text = "".join(f"{word},{tag}\n" for words in SENTENCES for word, tag in words)
    path = write(tmp_path / "a.csv", "word,tag\n" + text)
    assert detect(DataSnapshot(path)).recipe == "text-tagging"
    with pytest.raises(DataError, match="tells the sentences apart") as caught:
        read_tagged(path)
    assert "sentence_id" in caught.value.hint


def test_spans_that_do_not_fit_words_are_counted_and_said(tmp_path):
    good = [{"text": text, "label": found} for text, found in map(spans, SENTENCES)]
    odd = {
        "text": "Norwick-based Otto Lind\nleft for Port\nElm.",
        "label": [
            [0, 4, "LOC"],  # a part of a word
            [14, 24, "PER"],  # with the line end behind it
            [14, 18, "PER"],  # within the one before
            [33, 41, "LOC"],  # over the end of a line
            [90, 99, "LOC"],  # nowhere
        ],
    }
    splits = read_tagged(jsonl(tmp_path / "a.jsonl", [*good, odd]))
    found = dict(everything(splits))
    assert found["Norwick-based", "Otto", "Lind"] == ("S-LOC", "B-PER", "E-PER")
    assert found["left", "for", "Port", "Elm", "."] == ("O", "O", "B-LOC", "E-LOC", "O")
    for count, what in enumerate(("begin and end with words", "overlap a longer one", "lie outside")):
        assert splits.warnings[count].startswith("1 of ")
        assert what in splits.warnings[count]


def test_an_end_that_is_the_last_character_is_told_by_what_it_spells(tmp_path, expected):
    records = []
    for text, found in map(spans, SENTENCES):
        points = [
            {"label": [kind], "points": [{"start": start, "end": end - 1, "text": text[start:end]}]}
            for start, end, kind in found
        ]
        records.append({"content": text, "annotation": points})
    splits = read_tagged(jsonl(tmp_path / "a.json", records))
    assert everything(splits) == expected
    assert any(line.startswith("entities: the end is their last character") for line in splits.decisions)


def documents(count):
    """Sentences of a word each, two in each document."""
    return [(f"d{row // 2}", f"word{row}", "B-PER" if row % 3 else "O") for row in range(count)]


@pytest.mark.parametrize("form", ["a column of a table", "a column of lines", "lists of tokens", "a pattern"])
def test_sentences_of_a_group_stay_in_one_split(tmp_path, form):
    rows, option = documents(40), "doc"
    if form == "a column of a table":
        path = tmp_path / "x.csv"
        path.write_text(
            "sentence,word,tag,doc\n" + "".join(f"{i},{w},{t},{d}\n" for i, (d, w, t) in enumerate(rows))
        )
    elif form == "a column of lines":
        path = tmp_path / "x.tsv"
        path.write_text("doc\tword\ttag\n" + "".join(f"{d}\t{w}\t{t}\n\n" for d, w, t in rows))
    elif form == "lists of tokens":
        path = tmp_path / "x.jsonl"
        lines = [{"tokens": [w, "x"], "ner_tags": [t, "O"], "doc": d} for d, w, t in rows]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    else:
        path, option = tmp_path / "x.conll", r"#(\d)"
        path.write_text("".join(f"{w} {t}\n\n" for _, w, t in rows))
    splits = read_tagged(path, group=option, word_column="word" if form == "a column of lines" else None)
    assert any("a group stays in one split" in line for line in splits.decisions)
    group_of = {w: d for d, w, _ in rows}
    groups = [
        {
            splits[name].samples.key(i).split("#")[1][0]
            if form == "a pattern"
            else group_of[splits[name].samples.load(i).words[0]]
            for i in range(len(splits[name]))
        }
        for name in ("train", "validation", "test")
    ]
    assert all(groups)
    assert sum(map(len, groups)) == len(set.union(*groups))


def test_groups_that_are_not_there_are_refused(tmp_path):
    (tmp_path / "x.conll").write_text("".join(f"word{i} O\n\nother{i} B-PER\n\n" for i in range(20)))
    with pytest.raises(DataError, match="expected 'document' to be a column, or to match"):
        read_tagged(tmp_path / "x.conll", group="document")


def test_folds_and_judging_of_other_data_take_every_sentence(tmp_path):
    (tmp_path / "x.conll").write_text("".join(f"word{i} O\nother{i} B-PER\n\n" for i in range(20)))
    whole = read_tagged(tmp_path / "x.conll")
    folds = [take_fold("x", whole, Fold(number, 4), seed=0).test.names() for number in range(1, 5)]
    assert len({name for fold in folds for name in fold}) == sum(map(len, folds)) == 20
    judged = read_tagged(tmp_path / "x.conll", seed=None)
    assert [len(judged[name]) for name in ("train", "validation", "test")] == [0, 0, 20]


@pytest.mark.parametrize("mark", [" ", "\t"])
def test_tags_before_the_words_are_told_by_what_stands_there(tmp_path, expected, mark):
    turned = [[(tag, word) for word, tag in words] for words in SENTENCES]
    splits = read_tagged(lines(tmp_path / "train.bio", mark, sentences=turned))
    assert everything(splits) == expected
    assert any("the word is column 2 and the tag column 1" in line for line in splits.decisions)


PLACES = [(name, city) for name in ("Ann", "Bob", "Eve Ray") for city in ("Rome", "Oslo")] * 3


@pytest.mark.parametrize(
    ("form", "said"),
    [
        *(
            ("<PER>{}</PER> is in <LOC>{}</LOC>", "'<PER>Ann</PER>'"),
            ("[PER {}] is in [LOC {}]", "'[PER Ann]'"),
        ),
        ("<ENAMEX TYPE='PER'>{}</ENAMEX> is in <ENAMEX TYPE='LOC'>{}</ENAMEX>", "'PER'"),
        ("<START:PER> {} <END> is in <START:LOC> {} <END>", "<START:PER>"),
        ("[{}](PER) is in [{}](LOC)", "'[Ann](PER)'"),
    ],
)
def test_entities_that_are_marked_in_the_text_are_read(tmp_path, form, said):
    path = write(tmp_path / "train.txt", "\n".join(form.format(*each) for each in PLACES))
    assert detect(DataSnapshot(path)).recipe == "text-tagging"
    splits = read_tagged(path)
    assert splits.class_names == ("LOC", "PER")
    found = dict(everything(splits))
    assert found["Ann", "is", "in", "Rome"] == ("S-PER", "O", "O", "S-LOC")
    assert found["Eve", "Ray", "is", "in", "Oslo"] == ("B-PER", "E-PER", "O", "O", "S-LOC")
    assert said in "\n".join(splits.decisions)


@pytest.mark.parametrize("mark", ["/", "|", "_"])
def test_tags_behind_each_word_are_read(tmp_path, mark):
    words = [f"{name.split()[0]}_NNP is_VBZ in_IN {city}_NNP ._." for name, city in PLACES]
    path = write(tmp_path / "a.pos", "\n".join(words).replace("_", mark))
    assert detect(DataSnapshot(path)).recipe == "text-tagging"
    assert read_tagged(path).class_names == (".", "IN", "NNP", "VBZ")
    named = [f"{name.replace(' ', '/PER ')}/PER is/O in/O {city}/LOC now/O" for name, city in PLACES]
    found = dict(everything(read_tagged(write(tmp_path / "b.txt", "\n".join(named)))))
    assert found["Eve", "Ray", "is", "in", "Rome", "now"] == ("B-PER", "E-PER", "O", "O", "S-LOC", "O")


@pytest.mark.parametrize(
    "line", ["see a/b and c/d", "<b>bold</b> text", "he/she said and/or", "<s>one {}</s>"]
)
def test_slashes_and_pages_are_no_tags(tmp_path, line):
    found = detect(DataSnapshot(write(tmp_path / "a.txt", "\n".join(line.format(n) for n in range(30)))))
    assert found is None or found.recipe != "text-tagging"
