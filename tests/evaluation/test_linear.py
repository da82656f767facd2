import numpy as np
import pytest
import torch
from evaluation_helpers import blobs
from sklearn.linear_model import LogisticRegression, RidgeClassifier

from pyg_skeletonmae.errors import ConfigError, DataError
from pyg_skeletonmae.evaluation import Features, linear_probe, ridge


def standardized(train, test):
    mean, std = train.x.double().mean(0), train.x.double().std(0, correction=0)
    return [((f.x.double() - mean) / std).numpy() for f in (train, test)]


def test_probe_equals_scikit_learn_on_standardised_features():
    train, test = blobs(n=200, seed=0), blobs(seed=1)
    x, x_test = standardized(train, test)
    model = LogisticRegression(C=1 / (0.01 * 200), tol=1e-8, max_iter=2000).fit(x, train.y)
    result = linear_probe(train, test, l2_grid=[0.01])
    assert result["top1"] == pytest.approx(model.score(x_test, test.y), abs=0.01)
    expected = model.predict_proba(x_test)
    np.testing.assert_allclose(result["logits"].softmax(1), expected, atol=5e-3)
    assert result["l2"] == 0.01
    assert result["val_top1"] == {}
    assert result["top1"] > 0.7


def test_probe_minimises_the_stated_loss():
    """The documented objective, differentiated: the gradient vanishes at the solution."""
    train = blobs(n=150, seed=0)
    x = torch.from_numpy(standardized(train, train)[0])
    logits = linear_probe(train, train, l2_grid=[0.1])["logits"].double()
    design = torch.cat([x, torch.ones(len(x), 1)], 1)
    weight = torch.linalg.lstsq(design, logits).solution.requires_grad_()
    loss = torch.nn.functional.cross_entropy(design @ weight, train.y)
    loss = loss + 0.05 * weight[:-1].square().sum()
    loss.backward()
    assert weight.grad.abs().max() < 1e-3


def test_ridge_equals_scikit_learn():
    train, test = blobs(n=200, seed=0), blobs(seed=1)
    x, x_test = standardized(train, test)
    expected = RidgeClassifier(alpha=0.1 * 200).fit(x, train.y).predict(x_test)
    result = ridge(train, test, l2_grid=[0.1])
    assert (result["predicted"].numpy() == expected).mean() > 0.99


def test_penalty_is_chosen_on_training_subjects_alone():
    train, test = blobs(n=60, dim=40, spread=3.0, seed=0), blobs(n=60, dim=40, spread=3.0, seed=1)
    result = linear_probe(train, test, val_subjects=[1, 2])
    best = max(result["val_top1"].values())
    assert result["val_top1"][result["l2"]] == best
    assert list(result["val_top1"]) == [1e-3, 1e-2, 1e-1, 1.0, 10.0]
    scrambled = Features(test.x.flip(0), test.y, test.subject)
    assert linear_probe(train, scrambled, val_subjects=[1, 2])["l2"] == result["l2"]


def test_people_who_do_different_things_are_validated_by_clips():
    """Subjects with classes of their own: the best penalty, and not the strongest, is taken."""
    train, test = (blobs(n=160, dim=60, classes=8, spread=0.7, seed=i) for i in range(2))
    train.subject = train.y % 3
    for fit in (linear_probe, ridge):
        result = fit(train, test)
        assert result["val_by"] == "clips" and "the 3 subjects show different" in result["notes"][0]
        alone = {l2: fit(train, test, [l2])["top1"] for l2 in result["val_top1"]}
        assert result["top1"] >= max(alone.values()) - 0.03
        assert max(result["val_top1"].values()) > 0.7


def test_a_choice_at_chance_level_is_said():
    noise = blobs(n=90)
    noise.x = torch.randn(90, 8, generator=torch.Generator().manual_seed(3))
    (note,) = linear_probe(noise, noise)["notes"]
    assert note.startswith("l2: chosen at chance level, ") and "on 90 held-out clips" in note
    assert linear_probe(noise, noise, [0.1]).get("notes") is None  # nothing was chosen
    assert "notes" not in linear_probe(blobs(), blobs(seed=1))


def test_a_solver_that_has_not_converged_is_a_note_and_no_warning(recwarn):
    train = blobs()
    result = linear_probe(train, train, [1e-3, 1e-2], max_iter=2)
    validation, final = result["notes"]
    assert validation.startswith("in the choice of l2, [0.001, 0.01]: lbfgs failed to converge")
    assert final.startswith(f"the classifier itself (l2 {result['l2']:g}): lbfgs failed")
    assert "notes" not in linear_probe(train, train, [1e-3])
    assert not recwarn.list


def test_clips_without_class_are_refused_in_words():
    train = blobs()
    train.y[:7] = -1
    for fit in (linear_probe, ridge):
        with pytest.raises(DataError, match=r"and 7 of 120 have none; features.select"):
            fit(train, blobs())
        with pytest.raises(DataError, match="7 of 120 have none"):
            fit(blobs(), train)
    assert linear_probe(train.select(train.y >= 0), blobs())["top1"] > 0.5


def test_two_classes_and_a_class_only_the_test_has():
    train, test = blobs(classes=2, seed=0), blobs(classes=2, seed=1)
    logits = linear_probe(train, test, l2_grid=[0.1])["logits"]
    x, x_test = standardized(train, test)
    expected = LogisticRegression(C=1 / (0.1 * len(x))).fit(x, train.y).predict_proba(x_test)
    np.testing.assert_allclose(logits.softmax(1), expected, atol=5e-3)
    test.y[0] = 4
    result = linear_probe(train, test)
    assert result["logits"].shape == (120, 5)
    assert result["per_class"][4] == 0.0
    assert result["notes"] == [
        "1 of 120 test clips are of classes that no training clip has, [4]: they count as wrong"
    ]


def test_ridge_where_a_class_is_rare_or_missing_in_the_test():
    train, test = blobs(classes=3, seed=0), blobs(classes=3, seed=1)
    rare = test.y != 2
    rare[(test.y == 1).nonzero().flatten()[3:]] = False
    few = Features(test.x[rare], test.y[rare], test.subject[rare])
    few.x[0] = train.x[train.y == 2].mean(0)  # predicted as the class that is not there
    result = ridge(train, few, l2_grid=[0.1])
    y, predicted = few.y, result["predicted"]
    assert predicted[0] == 2 and set(y.tolist()) == {0, 1}
    recalls = [float((predicted[y == k] == k).double().mean()) for k in (0, 1)]
    assert result["mean_class"] == pytest.approx(sum(recalls) / 2)


def test_bad_settings():
    train = blobs()
    with pytest.raises(ConfigError, match="positive"):
        linear_probe(train, train, l2_grid=[])
    with pytest.raises(ConfigError, match="positive"):
        ridge(train, train, l2_grid=[0.0])
    with pytest.raises(DataError, match=r"val_subjects \[77\]"):
        linear_probe(train, train, val_subjects=[77])
    with pytest.raises(DataError, match="two classes"):
        linear_probe(train.select(train.y == 0), train)
    lonely = Features(torch.eye(2), torch.arange(2), torch.ones(2, dtype=torch.long))
    with pytest.raises(DataError, match="single penalty"):
        linear_probe(lonely, lonely)
    assert linear_probe(lonely, lonely, l2_grid=[0.1])["top1"] == 1.0


@pytest.mark.parametrize("probe", [linear_probe, ridge])
def test_the_seed_is_zero_unless_said(probe):
    train, test = blobs(n=60, seed=0), blobs(n=20, seed=1)
    reports = [probe(train, test, [1e-2, 1.0], **seed)["val_top1"] for seed in ({}, {"seed": 0})]
    others = [probe(train, test, [1e-2, 1.0], seed=seed)["val_top1"] for seed in range(1, 9)]
    assert reports[0] == reports[1] and any(other != reports[0] for other in others)


def test_a_class_without_training_clips_has_no_chance():
    train, test = blobs(n=60, seed=0), blobs(n=20, seed=1)
    unknown = int(train.y.max()) + 1
    test.y[0] = unknown
    logits = linear_probe(train, test, [1e-2])["logits"]
    assert logits.shape == (20, unknown + 1)
    assert (logits[:, unknown] == -torch.inf).all() and logits[:, :unknown].isfinite().all()
