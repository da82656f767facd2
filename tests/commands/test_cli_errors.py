import pytest

from pyg_skeletonmae.commands.cli_errors import explain

KEYS = [
    "seed",
    "data.frames",
    "data.center",
    "trainer.max_epochs",
    "model.init_args.hidden_channels",
    "model.init_args.mask.init_args.parts",
]


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("unrecognized arguments: --sed 3", "sed: no such key; did you mean seed?"),
        (
            "Subcommand 'pretrain' does not accept option 'data.frams'",
            "data.frams: no such key; did you mean data.frames?",
        ),
        (
            'Parser key "model":\n  Type Callable expects a function: Parser key "mask":\n'
            "    Problem with given class_path 'a.PartMask':\n      Option 'prts' is not accepted."
            " Got value: Namespace(parts=[1])",
            "model.init_args.mask.init_args.prts: no such key; "
            "did you mean model.init_args.mask.init_args.parts?",
        ),
        ("unrecognized arguments: --xyzzy", "xyzzy: no such key"),
        (
            "Parser key \"data.frames\":\n  Expected a <class 'int'>. Got value: x",
            "data.frames: expected a whole number, found 'x'",
        ),
        (
            'Parser key "data.center":\n  Does not validate against any of the Union subtypes\n'
            "  Errors:\n    - Expected a typing.Literal['first', 'mean']\n    - Expected a "
            "<class 'NoneType'>\n  Given value type: <class 'str'>\n  Given value: maen",
            "data.center: expected one of first, mean or null, found 'maen'; did you mean mean?",
        ),
        (
            'Parser key "model":\n  Expected a dot import path string: GraphMAE',
            "model.class_path: no class 'GraphMAE' fits here; did you mean GraphSkeletonMAE?",
        ),
        (
            "argument command: invalid choice: 'pretrian' (choose from 'pretrain', 'finetune')",
            "command: expected one of pretrain, finetune, found 'pretrian'; did you mean pretrain?",
        ),
        ("argument nan --> data.nan: invalid", "data.nan: is set by nan, write it there"),
        ("Parser key \"config\": File does not exist: '/a/b.yaml'", "/a/b.yaml: no such file"),
        ("anything\n else", "anything else"),
    ],
)
def test_explain(message, line):
    assert explain(message, KEYS, ["GraphSkeletonMAE", "PartMask"]) == line
