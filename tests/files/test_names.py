import unicodedata

import pytest

from pyg_skeletonmae.files.names import nfc, portable
from pyg_skeletonmae.skeleton import Skeleton


@pytest.mark.parametrize("name", ["übung", "Ångström", "きが", "plain"])
def test_two_forms_are_one(name):
    forms = {unicodedata.normalize(form, name) for form in ("NFC", "NFD")}
    assert {nfc(form) for form in forms} == {unicodedata.normalize("NFC", name)}


def test_joints_in_two_forms(tmp_path):
    joints = [unicodedata.normalize("NFD", name) for name in ("Hüfte", "Knöchel")]
    skeleton = Skeleton.from_parents("bein", joints, [-1, 0], aliases={"Fuß": joints[1]})
    assert skeleton.joints == ("Hüfte", "Knöchel")
    assert skeleton.index(joints[1]) == skeleton.index("Knöchel") == skeleton.index("Fuß") == 1
    skeleton.to_yaml(tmp_path / "bein.yaml")
    text = (tmp_path / "bein.yaml").read_text(encoding="utf-8")
    (tmp_path / "bein.yaml").write_text(unicodedata.normalize("NFD", text), encoding="utf-8")
    assert Skeleton.from_yaml(tmp_path / "bein.yaml") == skeleton


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("plain-1.0_a ü", "plain-1.0_a ü"),
        ("a:b", "a_b"),
        ('a<b>"c|d?e*f\\g/h\x07', "a_b__c_d_e_f_g_h_"),
        ("dot.", "dot._"),
        ("space ", "space _"),
        ("CON", "_CON"),
        ("aux.npz", "_aux.npz"),
        ("Com1", "_Com1"),
        ("nul .txt", "_nul .txt"),
        ("console", "console"),
        ("com10", "com10"),
    ],
)
def test_names_that_windows_forbids(name, allowed):
    assert portable(name) == allowed == portable(allowed)
