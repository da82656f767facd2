import torch

from pyg_skeletonmae.evaluation.notes import chance_note, noted, unknown_note


def test_chance_is_what_a_constant_answer_reaches():
    y = torch.arange(70).repeat_interleave(5)
    note = chance_note("l2", 1 / 70, y)
    assert note is not None and "l2: chosen at chance level, 0.014 on 350 held-out clips" in note
    assert chance_note("l2", 0.1, y) is None
    lopsided = torch.tensor([0] * 90 + [1] * 10)
    assert chance_note("l2", 0.9, lopsided) and chance_note("l2", 0.99, lopsided) is None


def test_unknown_classes_are_told():
    assert unknown_note(torch.tensor([0, 1]), torch.tensor([1, 0, 1])) is None
    note = unknown_note(torch.tensor([0, 1]), torch.arange(9), "validation")
    assert note is not None and note.startswith("7 of 9 validation clips")
    assert "[2, 3, 4, 5, 6] ...: they count as wrong" in note
    assert noted(None, note) == {"notes": [note]} and noted(None) == {}
