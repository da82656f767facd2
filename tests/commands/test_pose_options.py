from __future__ import annotations

import inspect
from dataclasses import fields

from jsonargparse import ArgumentParser

from pyg_skeletonmae.commands.pose_options import add_pose_arguments
from pyg_skeletonmae.commands.prepare import prepare
from pyg_skeletonmae.io import PoseOptions, TableOptions


def test_the_options_are_those_of_readers_and_of_prepare():
    parser = ArgumentParser()
    add_pose_arguments(parser)
    names = {action.dest for action in parser._actions} - {"help"}
    assert names <= set(inspect.signature(prepare).parameters)
    told = {field.name for kind in (PoseOptions, TableOptions) for field in fields(kind)}
    assert names - {"format", "skeleton"} <= told
    given = parser.parse_args(["--columns={bild: frame}", "--image_size=[640,480]", "--strict"])
    assert (given.columns, given.image_size, given.strict) == (
        {"bild": "frame"}, (640.0, 480.0), True,
    )  # fmt: skip
