import pytest
from jsonargparse import Namespace

from pyg_skeletonmae.commands.class_paths import (
    allowed_classes,
    check_named,
    close_imports,
    opened_for,
)
from pyg_skeletonmae.commands.parser import Parser
from pyg_skeletonmae.errors import ConfigError
from pyg_skeletonmae.models import GraphEncoder
from pyg_skeletonmae.transforms.masking import MaskPolicy, RandomMask


class OwnMask(RandomMask):
    pass


def test_allowed_classes_come_off_the_command_line() -> None:
    argv = ["pretrain", "--allow_class", "string.Template", "--seed=1"]
    with pytest.raises(ConfigError, match="Template: expected a class of models, encoders"):
        allowed_classes(argv)
    name = "pyg_skeletonmae.models.GraphEncoder"  # on the list already
    rest = ["pretrain", "--seed=1", "--out", "x"]
    assert allowed_classes([*rest[:2], f"--allow_class={name}", *rest[2:]]) == (rest, ())
    assert allowed_classes(rest) == (rest, ())


def parse(name: str) -> object:
    parser = Parser(exit_on_error=False)
    parser.add_argument("--mask", type=MaskPolicy)
    return parser.parse_args([f"--mask={name}"]).mask.class_path


def test_a_class_is_allowed_for_the_time_being() -> None:
    close_imports()
    own = f"{OwnMask.__module__}.OwnMask"
    assert parse("PartMask") == "pyg_skeletonmae.transforms.PartMask"
    for _ in range(2):
        with pytest.raises(Exception, match=f"Importing '{own}' is not allowed"):
            parse(own)
        with opened_for([OwnMask]):
            assert parse(own) == own


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (Namespace(a=Namespace(class_path="os.system")), r"a\.class_path: 'os\.system' is none"),
        ({"a": [{"b": {"class_path": "os.system"}}]}, r"a\.b\.class_path: 'os\.system'"),
        ({"a": GraphEncoder.forward}, r"a: expected the name of a class, found the function"),
        ({"a": {"class_path": 3}}, r"a\.class_path: '3'"),
        ({"class_path": f"{OwnMask.__module__}.OwnMask"}, "OwnMask"),
    ],
)
def test_parsed_settings_name_classes(settings: object, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        check_named(settings, ())


def test_what_may_be_named() -> None:
    paths = ("pyg_skeletonmae.models.STRL", "pyg_skeletonmae.transforms.masking.PartMask")
    check_named({"a": [{"class_path": path, "init_args": {"x": 1}} for path in paths]}, ())
    check_named({"class_path": f"{OwnMask.__module__}.OwnMask"}, [OwnMask])
