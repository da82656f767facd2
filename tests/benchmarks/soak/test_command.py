"""The command line of the soak."""

from __future__ import annotations

import pytest
from soak.command import main


def test_a_way_is_asked_for(capsys):
    with pytest.raises(SystemExit):
        main([])
    assert "kills" in capsys.readouterr().err


def test_help_names_every_option(capsys):
    for way, option in (("kills", "--seed"), ("hostile", "--folder"), ("hour", "--minutes")):
        with pytest.raises(SystemExit):
            main([way, "--help"])
        assert option in capsys.readouterr().out
