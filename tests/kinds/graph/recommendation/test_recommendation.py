"""Recommendation: what is read and hidden, how items are ranked, what baselines and the model learn."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from convscope.errors import DataError, UsageError
from convscope.kinds.contract.recipe import Fitted
from convscope.kinds.graph.recommendation import recipe
from convscope.kinds.graph.recommendation.baselines import (
    BASELINES,
    UNOBSERVED,
    Learned,
    _solved,
    ease,
    item_neighbors,
    judged,
)
from convscope.kinds.graph.recommendation.metrics import RecommendationMetrics, ranks
from convscope.kinds.graph.recommendation.models import first_ranks, lightgcn
from convscope.kinds.graph.recommendation.ratings import UserSamples, drawn
from convscope.kinds.graph.recommendation.reader import AskedUsers, read_ratings, read_users
from convscope.kinds.graph.recommendation.recipe import RECIPE, UserExamples, ignored
from convscope.kinds.graph.recommendation.representation import RatingRepresentation
from convscope.types import SPLITS, no_progress


def table(users=24, items=18, groups=3, seed=0):
    """Users who mostly choose items of their own group, as rows of a table."""
    rng = np.random.default_rng(seed)
    return [
        (f"u{user}", f"i{item}", int(rng.integers(1, 6)), 880_000_000 + user)
        for user in range(users)
        for item in range(items)
        if rng.random() < (0.9 if item % groups == user % groups else 0.1)
    ]


def write(path, rows, header="user,item,rating,timestamp", mark=","):
    lines = [mark.join(map(str, row)) for row in rows]
    path.write_text("\n".join([*([header] if header else []), *lines]) + "\n", "utf-8")
    return path


@pytest.fixture
def ratings(tmp_path):
    return write(tmp_path / "ratings.csv", table())


def pairs_of(splits, name):
    part = splits.train.samples.ratings.part(name).tocoo()
    return set(zip(part.row.tolist(), part.col.tolist(), strict=True))


def test_an_interaction_is_in_one_split_and_each_user_gives_a_share(ratings):
    splits = read_ratings(ratings)
    parts = [pairs_of(splits, name) for name in SPLITS]
    assert sum(map(len, parts)) == len(set.union(*parts)) == len(table())
    found = splits.test.samples.ratings
    whole = np.diff(sp.csr_array(found.known + found.test).indptr)
    assert (np.diff(found.test.indptr) == np.rint(0.25 * whole)).all()
    edges = {(user, item - 24) for user, item in found.graph.edges.tolist()}
    assert edges == parts[0]
    assert found.graph.names[0] == "user u0"


def test_the_same_seed_gives_the_same_split_and_another_one_another(ratings):
    assert pairs_of(read_ratings(ratings), "test") == pairs_of(read_ratings(ratings), "test")
    assert pairs_of(read_ratings(ratings), "test") != pairs_of(read_ratings(ratings, seed=1), "test")


def test_the_last_interactions_are_hidden_where_that_is_asked(tmp_path):
    rows = [(user, item, 4, f"2024-03-{1 + at:02d}") for user, item, *_, at in numbered(table())]
    splits = read_ratings(write(tmp_path / "a.csv", rows, "user,item,rating,when"), hide="last")
    day = {(user, item): int(when[-2:]) for user, item, _, when in rows}
    found = splits.train.samples.ratings
    for user, name in enumerate(found.users):
        train, validation, test = (
            [day[name, found.items[item]] for item in found.part(split)[[user]].tocoo().col]
            for split in SPLITS
        )
        if test:
            assert max(train) < min(validation or test) and max(validation or train) < min(test)
    assert any("the last by time" in line for line in splits.decisions)
    drawn_too = read_ratings(tmp_path / "a.csv")
    assert any("--hide last hides the last ones instead" in line for line in drawn_too.decisions)
    with pytest.raises(DataError, match="--hide last needs the time of each interaction, received no times"):
        read_ratings(write(tmp_path / "b.csv", [row[:2] for row in rows], "user,item"), hide="last")


def numbered(rows):
    """Rows with the place of each among those of its user."""
    counts = Counter()
    for user, *rest in rows:
        yield (user, *rest, counts[user])
        counts[user] += 1


def test_a_user_of_few_interactions_gives_none():
    users = np.repeat([0, 1, 2], [3, 4, 8])
    chosen = drawn(users, 0.25, np.random.default_rng(0))
    assert np.bincount(users[chosen], minlength=3).tolist() == [0, 1, 2]


def test_movielens_is_read_with_titles_and_its_given_split_by_name(tmp_path):
    rows = [(user[1:], item[1:], *rest) for user, item, *rest in table()]
    write(tmp_path / "u.data", rows, None, "\t")
    titles = "".join(f"{item}|Film {item}, née ({1990 + item})|01\n" for item in range(18))
    (tmp_path / "u.item").write_bytes(titles.encode("latin-1"))
    found = read_ratings(tmp_path).train.samples.ratings
    assert found.titles[2] == "Film 2, née (1992)"
    assert found.items[:3] == ("0", "1", "2")
    write(tmp_path / "u1.base", [row for at, row in enumerate(rows) if at % 9], None, "\t")
    write(tmp_path / "u1.test", rows[::9], None, "\t")
    given = read_ratings(tmp_path / "u1.base")
    assert given.train.samples.ratings.test.nnz == len(rows[::9])
    assert "u1.test" in given.layout


def test_lists_of_items_are_read_with_their_test_split_and_what_is_unknown_is_said(tmp_path):
    (tmp_path / "train.txt").write_text("0 1 2 3 4 5\n1 2 3 4\n2 1 5\n3 1 2 3 5 6 7\n4\n", "utf-8")
    (tmp_path / "test.txt").write_text("0 6\n1 9\n8 1\n", "utf-8")
    splits = read_ratings(tmp_path)
    found = splits.test.samples.ratings
    assert (found.known.nnz, found.test.nnz) == (16, 3)
    assert splits.test.samples.name(0) == "user 0"
    assert any("1 user in the test split alone" in line for line in splits.warnings)
    assert any("1 item of the test split not in train" in line for line in splits.warnings)


def test_columns_can_be_named_and_low_ratings_left_out(tmp_path):
    path = write(tmp_path / "a.csv", table(), "who,what,stars,then")
    with pytest.raises(DataError, match="expected columns of users and items"):
        read_ratings(path)
    splits = read_ratings(path, user_column="who", item_column="1", rating_column="stars", least_rating=3)
    kept = sum(rating >= 3 for _, _, rating, _ in table())
    assert sum(len(pairs_of(splits, name)) for name in SPLITS) == kept
    with pytest.raises(UsageError, match="least_rating needs a column of ratings"):
        read_ratings(write(tmp_path / "b.csv", [row[:2] for row in table()], "user,item"), least_rating=3)


def test_a_pair_that_comes_again_counts_once_and_a_row_without_an_item_is_skipped(tmp_path):
    rows = [*table(), table()[0], ("u1", "", 3, 880_000_000)]
    splits = read_ratings(write(tmp_path / "a.csv", rows))
    assert sum(len(pairs_of(splits, name)) for name in SPLITS) == len(table())
    assert any("1 interaction that came before" in line for line in splits.warnings)
    assert [each.reason for each in splits.skipped] == ["no user or no item"]


def test_metrics_are_those_that_are_worked_out_by_hand():
    scores = np.array([[9.0, 8, 7, 6, 5], [1, 2, 3, 4, 5]])
    known = sp.csr_array(np.array([[1.0, 0, 0, 0, 0], [0, 0, 0, 0, 0]]))
    hidden = sp.csr_array(np.array([[0.0, 0, 1, 0, 1], [0, 0, 0, 0, 1]]))
    found = ranks(lambda rows: scores[rows], known, hidden, np.array([0, 1]))
    gain = 1 / np.log2(np.arange(2, 6))
    assert found.ndcg[:, 0] == pytest.approx([(gain[1] + gain[3]) / (gain[0] + gain[1]), 1])
    assert found.first.tolist() == [0.5, 1]
    assert found.recall[:, 0].tolist() == [1, 1]
    known_too = ranks(lambda rows: scores[rows], hidden, hidden, np.array([0, 1]))
    assert not known_too.ndcg.any() and not known_too.first.any() and not known_too.hits.any()


def test_the_metric_of_validation_is_that_of_the_evaluation():
    rng = np.random.default_rng(0)
    users, items = rng.normal(size=(5, 4)), rng.normal(size=(30, 4))
    known = sp.csr_array((rng.random((5, 30)) < 0.2).astype(float))
    hidden = (rng.random((5, 30)) < 0.3) & (known.toarray() == 0)
    marks = hidden.astype(np.float32) - known.toarray()
    found, first = first_ranks((users @ items.T).astype(np.float32), marks)
    reference = ranks(lambda rows: (users @ items.T)[rows], known, sp.csr_array(hidden), np.arange(5))
    assert np.asarray(found) == pytest.approx(reference.ndcg[:, 0], abs=1e-5)
    assert (np.asarray(first) == (reference.first == 1)).all()


def test_ease_solves_its_least_squares(ratings):
    learned = Learned(read_ratings(ratings).train.samples.ratings.train)
    x = learned.train.toarray().astype(np.float64)
    found = np.asarray(ease(learned, 5.0)(np.arange(len(x))))
    for item in (0, 7):
        rest = np.delete(np.arange(x.shape[1]), item)
        weights = np.linalg.solve(
            x[:, rest].T @ x[:, rest] + 5 * np.eye(len(rest)), x[:, rest].T @ x[:, item]
        )
        assert found[:, item] == pytest.approx(x[:, rest] @ weights)


def test_item_neighbors_with_all_of_them_are_plain_cosines(ratings):
    learned = Learned(read_ratings(ratings).train.samples.ratings.train)
    x = learned.train.toarray().astype(np.float64)
    lengths = np.linalg.norm(x, axis=0)
    cosines = x.T @ x / np.maximum(np.outer(lengths, lengths), 1)
    np.fill_diagonal(cosines, 0)
    rows = np.arange(len(x))
    assert item_neighbors(learned, 10**6)(rows) == pytest.approx(x @ cosines)
    assert (item_neighbors(learned, 3)(rows) <= x @ cosines + 1e-9).all()


def test_ials_solves_its_weighted_least_squares(ratings):
    train = read_ratings(ratings).train.samples.ratings.train.astype(np.float64)
    factors = np.random.default_rng(0).normal(size=(18, 6))
    found = _solved(sp.csr_array(train), factors, 0.1)
    x = train.toarray()[4]
    # A chosen item counts 1 towards 1, and any item UNOBSERVED; the target of both is 1 where it was chosen.
    left = factors.T @ np.diag(x + UNOBSERVED) @ factors
    left += 0.1 * (x.sum() + UNOBSERVED * 18) * np.eye(6)
    assert found[4] == pytest.approx(np.linalg.solve(left, factors.T @ ((x + UNOBSERVED) * x)))


def test_baselines_know_groups_better_than_popularity_does(ratings):
    samples = read_ratings(ratings).test.samples
    found, left = judged(samples.ratings, samples.rows)
    assert [each.name for each in found] == [each.name for each in BASELINES] and not left
    popular, *others = found
    assert all(each.ndcg[0] > popular.ndcg[0] and "=" in each.setting for each in others)


@pytest.fixture
def fitted(ratings):
    splits = read_ratings(ratings)
    represent, _ = RatingRepresentation.fit(splits.train, 2)
    saved = RatingRepresentation.from_json(represent.to_json())
    model = lightgcn(saved.shape, units=4, **saved.sizes)
    return splits, Fitted(model, saved, splits.class_names)


def test_a_vector_is_the_mean_of_all_steps_along_the_edges(fitted):
    splits, made = fitted
    graph = splits.test.samples.graph
    assert len(graph.edges) == splits.test.samples.ratings.known.nnz
    adjacency = graph.adjacency().toarray()
    scale = 1 / np.sqrt(np.maximum(adjacency.sum(axis=1), 1))
    smoothing = scale[:, None] * adjacency * scale
    table = np.asarray(made.model.get_layer("embedding").table)
    reference = (table + smoothing @ table + smoothing @ smoothing @ table) / 3
    outputs = RECIPE.predict(made, splits.test.samples, no_progress)
    assert np.concatenate([outputs.users, outputs.items]) == pytest.approx(
        np.concatenate([reference[splits.test.samples.rows], reference[24:]]), abs=1e-5
    )


def test_the_loss_is_the_likelihood_of_what_users_chose_among_all_items(fitted):
    splits, made = fitted
    samples = splits.train.samples
    x, marks = UserExamples(made.representation, samples, True).batch(np.arange(5), None)
    assert (marks[0] == samples.ratings.train[samples.rows[:5]].toarray()).all()
    made.model.compile(optimizer="adam")
    vectors = np.asarray(made.model(x))[0]
    found = float(made.model.compute_loss(x, marks, vectors[None], training=True))
    scores = vectors[:5] @ vectors[5:].T
    chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    table = np.asarray(made.model.get_layer("embedding").table)
    lengths = (table**2).sum(axis=1)
    train = samples.ratings.train
    weighed = [lengths[:24] * np.sqrt(train.sum(axis=1)), lengths[24:] * np.sqrt(train.sum(axis=0))]
    penalty = weighed[0][samples.rows[:5]].sum() / marks.sum() + weighed[1].sum() / train.nnz
    assert found == pytest.approx(-np.log(chances[marks[0] > 0]).mean() + 0.125 * penalty, rel=1e-4)


def test_drawn_items_stand_for_all_others(monkeypatch):
    monkeypatch.setattr(recipe, "MOST_COMPARED", 10)
    part = sp.csr_array((np.ones(3), ([0, 0, 1], [4, 30, 4])), shape=(2, 40))
    columns, stand = recipe.compared(part, np.random.default_rng(0))
    assert len(set(columns.tolist())) == 10
    assert columns[:2].tolist() == [4, 30]
    assert stand.sum() == pytest.approx(40)
    crowd = sp.csr_array(np.ones((2, 40)))
    columns, stand = recipe.compared(crowd, np.random.default_rng(0))
    assert len(columns) == 10 and (stand == 1).all()


def test_a_neighborhood_answers_as_the_whole_graph(fitted):
    splits, made = fitted
    whole = RECIPE.predict(made, splits.test.samples, no_progress).users
    shown = RECIPE.encode_inputs(made, splits.test.samples, no_progress)
    found = np.asarray(made.model(shown.take(np.arange(3))))[:, 0]
    assert found == pytest.approx(whole[:3], abs=1e-5)
    assert shown.describe(2).names[0] == splits.test.samples.name(2)


def test_known_users_get_what_they_do_not_have_and_new_ones_the_mean_of_their_items(fitted):
    splits, made = fitted
    found = splits.train.samples.ratings
    asked = AskedUsers(names=("u3", "new"), chosen=((), ("i0", "i3", "nothing")), most=5)
    outputs = RECIPE.predict(made, asked, no_progress)
    assert outputs.users[1] == pytest.approx(
        outputs.items[[found.items.index(each) for each in ("i0", "i3")]].mean(axis=0)
    )
    rows = RECIPE.to_predictions(outputs, asked, ())
    assert [(each.user, each.rank, each.folded) for each in rows] == [
        *(("u3", rank, False) for rank in range(1, 6)),
        *(("new", rank, True) for rank in range(1, 6)),
    ]
    known = {found.items[item] for item in found.known[[found.users.index("u3")]].tocoo().col}
    assert not known & {each.item for each in rows[:5]}
    assert not {"i0", "i3"} & {each.item for each in rows[5:]}
    assert len(ignored(made.representation, asked)) == 2
    assert all("title" not in row.to_cells() and row.to_json()["title"] is None for row in rows)
    titles = ("Jaws", *outputs.titles[1:])
    titled = RECIPE.to_predictions(replace(outputs, titles=titles), asked, ())
    assert {row.to_cells()["title"] for row in titled} <= {"Jaws", ""}
    assert all((row.title == "Jaws") == (row.item == found.items[0]) for row in titled)


def test_an_unknown_user_is_refused_with_the_nearest_names(fitted):
    _, made = fitted
    with pytest.raises(DataError, match="No user of the training is called 'u33'; the nearest are u3, "):
        RECIPE.predict(made, AskedUsers(names=("u33",), chosen=((),)), no_progress)
    with pytest.raises(DataError, match="none of the items"):
        RECIPE.predict(made, AskedUsers(names=("new",), chosen=(("x",),)), no_progress)


def test_users_of_other_data_have_no_vectors(fitted, tmp_path):
    _, made = fitted
    other = read_ratings(write(tmp_path / "other.csv", table(users=30)))
    with pytest.raises(DataError, match="received others"):
        RECIPE.predict(made, other.test.samples, no_progress)


def test_metrics_say_which_baseline_is_ahead(fitted):
    splits, made = fitted
    test = splits.test
    metrics = RECIPE.evaluate(RECIPE.predict(made, test.samples, no_progress), test, ())
    assert metrics.best_beside.name in metrics.to_line()
    ahead = metrics.best_beside.ndcg[0] > metrics.model.ndcg[0]
    assert ("which is ahead of the model" in metrics.to_line()) == ahead
    assert len(metrics.to_table()[1]) == 5
    assert RecommendationMetrics.from_json(metrics.to_json()) == metrics
    assert isinstance(test.samples.take(np.array([1])), UserSamples)


def test_users_of_a_file_are_asked_about_with_what_they_chose(tmp_path):
    path = write(tmp_path / "new.csv", [("a", "i1"), ("b", "i2"), ("a", "i3")], "user,item")
    asked = read_users([str(path)], user=("u1",), most=3)
    assert dict(zip(asked.names, asked.chosen, strict=True)) == {"u1": (), "a": ("i1", "i3"), "b": ("i2",)}


def test_users_of_the_training_are_looked_at_by_name_and_others_are_refused(fitted):
    _, made = fitted
    shown = RECIPE.encode_inputs(made, AskedUsers(names=("u3", "u5"), chosen=(("i1",), ())), no_progress)
    users = made.representation.users
    one = shown.take(np.array([1]))
    assert int(one["nodes"][0, 0, 0]) == users.index("u5") + 1
    assert shown.describe(0).names[0] == "user u3"
    with pytest.raises(DataError, match="have no vectors"):
        RECIPE.encode_inputs(made, AskedUsers(names=("u3", "new"), chosen=((), ("i1",))), no_progress)


def test_users_are_asked_for_together(fitted):
    splits, made = fitted
    encoded = made.representation.encode(splits.test.samples)
    rows = np.arange(3)
    together = np.asarray(made.model.predict_on_batch(encoded.together(rows)))[0]
    alone = np.asarray(made.model.predict_on_batch(encoded.take(rows)))[:, 0]
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert encoded.at_once == len(splits.test)


def test_the_files_of_a_folder_are_those_of_the_training(tmp_path):
    write(tmp_path / "ratings.csv", [("a", "i1"), ("b", "i2")], "user,item")
    assert read_users([str(tmp_path)]).names == ("a", "b")


def test_columns_by_their_names_those_not_used_and_missing_ratings_are_said(tmp_path):
    rows = [f"c{row % 6},f{(row * 7) % 5 + row % 2},{row % 5 + 1 if row % 4 else ''},s" for row in range(60)]
    path = tmp_path / "bought.csv"
    path.write_text("customer,film,stars,shop\n" + "\n".join(rows) + "\n")
    found = read_ratings(path, user_column="customer", item_column="film")
    said = "\n".join((*found.decisions, *found.warnings))
    assert "user 'customer', item 'film', rating 'stars'; not used: shop" in said
    assert "ratings: 15 of 60 rows of bought.csv have none" in said
