"""Tables and folders of texts as strangers bring them: what is read is said, and what is unclear is asked."""

import json

import pytest
from made_texts import everything, samples, table, write

from convscope.data.snapshot import DataSnapshot
from convscope.errors import DataError, UsageError
from convscope.kinds.text.classification.reader import read_texts
from convscope.kinds.text.detect import detect
from convscope.kinds.text.readers.headers import settle_headers, without_headers
from convscope.kinds.text.readers.inputs import read_text_inputs
from convscope.kinds.text.tagging.reader import read_sentences

NO_TEXTS = {
    "names.csv": "name,land,label\n" + "Ada Brook,de,a\nOtto Lind,en,b\nMira Vale,fr,a\n" * 4,
    "passengers.csv": "id,class,name,sex,age,fare\n"
    + "".join(f'{n},{n % 3},"Brook, Mr. Otto {n}",m,{n + 20},{n * 1.5}\n' for n in range(20)),
    "ids.csv": "id,label\n" + "".join(f"a{n}f09,{n % 2}\n" for n in range(20)),
    "files.csv": "item,label\n" + "".join(f"some folder/part {n}.dat,{n % 2}\n" for n in range(20)),
    "measured.csv": "a,b,c,remark,class\n" + "1,2,3,ok,x\n4,5,6,no,y\n" * 5,
    "chat.jsonl": "".join(
        json.dumps({"instruction": f"say number {n} in words", "output": f"it is the number {n}"}) + "\n"
        for n in range(9)
    ),
    "log.csv": "time,level,message\n"
    + "".join(f"12:00:{n:02},{('INFO', 'WARN')[n % 2]},the request {n} was answered\n" for n in range(30)),
    "code.csv": "code,kind\n" + "".join(f'"def go(x):\n    return x + {n}","ab"\n' for n in range(20)),
    "one.json": json.dumps({"mode": 1, "about": "some words are here"}),
    "server.txt": "".join(f"INFO 12:00:{n:02} the request {n} was answered\n" for n in range(30)),
    "levels.txt": "INFO all is well again\nERROR nothing works any more\nINFO it works now\n" * 10,
    "story.txt": "Once there was a king.\nHe had a dog.\nThe dog was old.\nHe slept all day.\n" * 3,
    "notes.txt": "call the plumber\nbuy milk and bread\n",
    "page.txt": "<!DOCTYPE html>\n<html><body><p>Some words of a page</p>\n</body></html>\n",
}


@pytest.mark.parametrize("name", NO_TEXTS)
def test_what_is_no_labelled_text_is_no_text_classification(tmp_path, name):
    assert detect(DataSnapshot(write(tmp_path / name, NO_TEXTS[name]))) is None


def test_texts_with_several_marks_are_asked_which_of_them_is_the_label(tmp_path):
    lines = [f"{n},the film number {n} was not so good,{n % 2},{n % 3 % 2},{n % 5 % 2}" for n in range(30)]
    path = write(tmp_path / "a.csv", "\n".join(["id,comment_text,toxic,rude,insult", *lines]) + "\n")
    assert detect(DataSnapshot(path)).recipe == "text-classification"
    with pytest.raises(DataError, match=r"'toxic', 'rude', 'insult'\), .*\(multi-label\)") as caught:
        read_texts(path)
    assert "--label-column toxic" in caught.value.hint


@pytest.mark.parametrize(("mark", "between"), [(".", ","), (",", ";")])
def test_few_ratings_are_classes_and_many_are_refused_however_they_are_written(tmp_path, mark, between):
    def rated(count):
        numbers = [f"{n % count / 4 + 0.25}".replace(".", mark) for n in range(120)]
        lines = [
            f"{number}{between}the film {'abcdefghij'[n % 10] * (n % 7 + 1)} was so {'klmnopqrs'[n % 9]}"
            for n, number in enumerate(numbers)
        ]
        return write(tmp_path / f"{count}.csv", "\n".join([f"label{between}review", *lines]) + "\n")

    assert any(
        "the 5 different numbers of 'label' are classes" in line for line in read_texts(rated(5)).decisions
    )
    with pytest.raises(DataError, match="received 30 different numbers"):
        read_texts(rated(30))


def test_programs_and_pages_in_folders_are_no_texts(tmp_path):
    for number in range(4):
        write(tmp_path / "loops" / f"{number}.txt", f"for (i = 0; i < {number}; i++) {{\n  go(i);\n}}\n")
        write(tmp_path / "pages" / f"{number}.txt", f"<html>\n<p>Page number {number}</p>\n</html>\n")
    assert detect(DataSnapshot(tmp_path)) is None


def test_each_column_is_said_and_the_file_a_text_came_from_is_none_of_them(tmp_path):
    rows = [(f"{n}.txt", text, label) for n, (text, label) in enumerate(samples())]
    path = table(tmp_path / "a.csv", rows, ("filename", "review", "sentiment"))
    assert detect(DataSnapshot(path)).confidence > 0.7
    splits = read_texts(path)
    said = "columns: text from 'review', label from 'sentiment'; not used: 'filename'"
    assert said in splits.decisions
    assert splits.reading == {"text_column": "review"}


def test_a_table_that_is_sorted_by_class_has_both_classes(tmp_path):
    rows = [(0 if n < 1100 else 4, f"d{n % 30}", f"we saw film number {n}") for n in range(2200)]
    path = table(tmp_path / "a.csv", rows, ("polarity_id", "day", "tweet_body"))
    assert detect(DataSnapshot(path)).recipe == "text-classification"
    splits = read_texts(path)
    assert splits.class_names == ("0", "4")
    assert "columns: text from 'tweet_body', label from 'polarity_id'; not used: 'day'" in splits.decisions


def test_two_columns_that_could_be_the_labels_are_asked_about(tmp_path):
    rows = [(text, label, "ab"[n % 3 > 0]) for n, (text, label) in enumerate(samples())]
    path = table(tmp_path / "a.csv", rows, ("what", "first", "second"))
    with pytest.raises(DataError, match="received 2 that could be it: 'first'") as caught:
        read_texts(path)
    assert "--label-column first" in caught.value.hint
    assert read_texts(path, drop_column=("second",)).class_names == ("bad", "good")
    assert read_texts(path, label_column="-1").class_names == ("a", "b")
    with pytest.raises(DataError, match="expected a column 'third'"):
        read_texts(path, label_column="third")
    with pytest.raises(UsageError, match="--drop-column"):
        read_texts(path, drop_column=("third",))


def test_two_columns_called_label_are_one_where_they_say_the_same(tmp_path):
    rows = [(text, int(label == "good"), label) for text, label in samples()]
    path = table(tmp_path / "a.csv", rows, ("text", "target", "category"))
    assert len(read_texts(path).class_names) == 2
    table(path, [(*row[:2], "xyz"[n % 3]) for n, row in enumerate(rows)], ("text", "target", "category"))
    with pytest.raises(DataError, match="could be it"):
        read_texts(path)


def test_a_rating_of_many_numbers_is_no_class(tmp_path):
    rows = [(text, n * 0.37) for n, (text, _) in enumerate(samples(60))]
    with pytest.raises(DataError, match="expected classes in 'rating', received 60 different numbers"):
        read_texts(table(tmp_path / "a.csv", rows, ("text", "rating")))
    rows = [(text, n % 30) for n, (text, _) in enumerate(samples(120))]
    assert len(read_texts(table(tmp_path / "b.csv", rows, ("text", "label"))).class_names) == 30


def test_titles_and_bodies_can_be_joined(tmp_path):
    rows = [(f"the remark {n} on it", text, label) for n, (text, label) in enumerate(samples())]
    path = table(tmp_path / "a.csv", rows, ("title", "body", "label"))
    assert any("--text-column title,body joins them" in line for line in read_texts(path).decisions)
    splits = read_texts(path, text_column="title,body")
    assert ("the remark 3 on it\n" + samples()[3][0], samples()[3][1]) in everything(splits)
    assert splits.reading == {"text_column": "title,body"}
    inputs = read_text_inputs([str(path)], text_column="title,body")
    assert inputs.texts[3] == "the remark 3 on it\n" + samples()[3][0]


@pytest.mark.parametrize(
    "names", [("sentence1", "sentence2"), ("Premise", "Hypothesis"), ("text_a", "text_b")]
)
def test_two_texts_that_are_judged_together_are_joined_and_said(tmp_path, names):
    rows = [(n, text, f"the remark {n} on it", label) for n, (text, label) in enumerate(samples())]
    splits = read_texts(table(tmp_path / "a.csv", rows, ("pair", *names, "gold_label")))
    assert (f"{samples()[3][0]}\nthe remark 3 on it", samples()[3][1]) in everything(splits)
    assert any("joined, because a label is of both" in line for line in splits.decisions)


def test_a_test_table_without_labels_is_left_out_and_said(tmp_path):
    rows = [(n, text, label) for n, (text, label) in enumerate(samples(40))]
    path = table(tmp_path / "train.csv", rows, ("id", "text", "target"))
    table(tmp_path / "test.csv", [(n, f"what {n} times") for n in range(9)], ("id", "text"))
    table(tmp_path / "sample_submission.csv", [(n, 0) for n in range(9)], ("id", "target"))
    for given in (path, tmp_path):
        splits = read_texts(given)
        assert len(everything(splits)) == 40
        assert "the 9 test texts have no label and are left out" in splits.warnings
    table(tmp_path / "test.csv", [(n, f"what {n} times", -1) for n in range(9)], ("id", "text", "target"))
    rows = [(n, text, int(label == "good")) for n, (text, label) in enumerate(samples(40))]
    table(tmp_path / "train.csv", rows, ("id", "text", "target"))
    splits = read_texts(path)
    assert splits.class_names == ("0", "1")
    assert "the 9 test texts have the label -1, which stands for none, and are left out" in splits.warnings


def test_texts_of_one_author_stay_together_by_the_column_that_names_them(tmp_path):
    rows = [(*row, f"who{n % 10}") for n, row in enumerate(samples(80))]
    splits = read_texts(table(tmp_path / "a.csv", rows, ("text", "label", "speaker")))
    assert any(line.startswith("groups: 10, by column 'speaker'") for line in splits.decisions)
    assert any("group from 'speaker'" in line for line in splits.decisions)


MESSAGE = "From: {0}@some.org (Ada)\nSubject: on {0}\nLines: 3\n\nwe speak of {0}, once more\n"


def test_headers_of_messages_are_left_out_unless_they_are_to_be_kept(tmp_path):
    for n, (text, label) in enumerate(samples()):
        write(tmp_path / label / f"{n}", MESSAGE.format(text))
    write(tmp_path / "good" / "README", "about these messages")
    assert detect(DataSnapshot(tmp_path)).recipe == "text-classification"
    splits = read_texts(tmp_path)
    assert all(text.startswith("we speak of") for text, _ in everything(splits))
    assert any(line.startswith("headers: those of 20 of 20") for line in splits.decisions)
    assert splits.reading["headers"] == "strip"
    assert [each.path.endswith("README") for each in splits.skipped] == [True]
    kept = read_texts(tmp_path, headers="keep")
    assert all(text.startswith("From: ") for text, _ in everything(kept))
    inputs = read_text_inputs([str(tmp_path / "good")], headers="strip")
    assert len(inputs) == 10
    assert inputs.texts[0].startswith("we speak of")


def test_headers_of_some_texts_are_kept_and_said():
    texts = [MESSAGE.format("it"), "plain words here"]
    kept, done, said = settle_headers(texts, None)
    assert (kept, done) == (texts, "keep")
    assert "1 of 2 texts" in said
    assert without_headers("Hello: there\nyou: two\n\nrest") == "Hello: there\nyou: two\n\nrest"
    assert without_headers("From x@y Tue May 2\nFrom: a\n  b\nTo: c\n\nrest") == "rest"


def test_tags_of_html_are_counted(tmp_path):
    rows = [(text.replace(",", "<br />"), label) for text, label in samples()]
    assert (
        "20 texts hold HTML tags, which are read as words"
        in read_texts(table(tmp_path / "a.csv", rows)).warnings
    )


def test_a_folder_of_texts_without_labels_is_left_out_and_said(tmp_path):
    for n, (text, label) in enumerate(samples(40)):
        write(tmp_path / ("train", "test")[n % 4 > 2] / label / f"{n}.txt", text)
    write(tmp_path / "train" / "unsup" / "0.txt", "nobody knows whether it is good")
    write(tmp_path / "train" / "labeledBow.feat", "1 0:9\n")
    write(tmp_path / "train" / "urls_pos.txt", "http://some.org/1\n")
    write(tmp_path / "README", "about these reviews")
    splits = read_texts(tmp_path)
    assert splits.class_names == ("bad", "good")
    assert "the 1 texts in train/unsup have no label and are left out" in splits.warnings


def test_inputs_are_read_from_whatever_was_learned_from(tmp_path):
    texts = [text for text, _ in samples()]
    marked = write(tmp_path / "a.txt", "".join(f"__label__{label} {text}\n" for text, label in samples()))
    assert read_text_inputs([str(marked)]).texts == texts
    tabs = write(tmp_path / "b.txt", "".join(f"{label}\t{text}\n" for text, label in samples()))
    assert read_text_inputs([str(tabs)]).texts == texts
    plain = write(tmp_path / "c.txt", "".join(f"{label} {text}\n" for text, label in samples()))
    assert "lines seem to begin with a label" in read_text_inputs([str(plain)]).warnings[0]
    tagged = write(tmp_path / "d.txt", "Ada B-PER\nlives O\n\nin O\nOslo B-LOC\n\n" * 3)
    found = read_sentences([str(tagged), "Otto lives there."])
    assert [each.words for each in found.sentences[:2]] == [("Ada", "lives"), ("in", "Oslo")]
    assert found.sentences[-1].words == ("Otto", "lives", "there", ".")
    assert found.name(1).endswith("d.txt#4")


def test_speakers_are_groups_and_no_labels(tmp_path):
    rows = [(f"some words of sample {n}", f"s{n % 6}", ("glad", "sad")[n % 2]) for n in range(60)]
    splits = read_texts(table(tmp_path / "a.csv", rows, ("utterance", "speaker", "mood")))
    assert splits.class_names == ("glad", "sad")
    assert any(line.startswith("groups: 6, by column 'speaker'") for line in splits.decisions)


def test_parses_in_brackets_are_no_texts_and_two_texts_are_joined(tmp_path):
    rows = [
        f"{'ynm'[n % 3]}\t( ( A ( man {n} ) ) ( sings . ) )\tA man {n} sings.\tSomebody {n} sang."
        for n in range(12)
    ]
    head = "gold_label\tsentence1_binary_parse\tsentence1\tsentence2"
    path = write(tmp_path / "snli.txt", "\n".join([head, *rows]))
    splits = read_texts(path)
    assert splits.class_names == ("m", "n", "y")
    assert "'sentence1' and 'sentence2' joined" in "\n".join(splits.decisions)
    assert "(" not in splits.train.samples.load(0)


def test_a_first_line_that_names_label_and_text_is_no_sample(tmp_path):
    lines = ["label text", *(f"{'ab'[n % 2]} a fine text number {n}" for n in range(12))]
    splits = read_texts(write(tmp_path / "a.txt", "\n".join(lines)))
    assert splits.class_names == ("a", "b")
    assert "header: line 1 of a.txt names label and text" in splits.decisions
