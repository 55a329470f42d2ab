"""Which terminal gets which sequence."""

from __future__ import annotations

import pytest

from mantik_tui.widgets.terminal_notice import BELL, notice_sequence


@pytest.mark.parametrize(
    ("environ", "begins"),
    [
        ({"TERM_PROGRAM": "iTerm.app"}, "\x1b]9;mantik: done"),
        ({"TERM_PROGRAM": "WezTerm"}, "\x1b]9;mantik: done"),
        ({"TERM": "xterm-kitty"}, "\x1b]99;"),
        ({"TERM": "foot"}, "\x1b]777;notify;mantik;done"),
        ({"VTE_VERSION": "7600", "TERM": "xterm-256color"}, "\x1b]777;"),
        ({"TERM": "xterm-256color"}, BELL),
        ({"TERM_PROGRAM": "iTerm.app", "STY": "1.screen"}, BELL),
        ({}, BELL),
    ],
)
def test_each_terminal_gets_what_it_understands(environ: dict[str, str], begins: str) -> None:
    assert notice_sequence("mantik", "done", environ).startswith(begins)


def test_tmux_hands_the_sequence_on() -> None:
    sequence = notice_sequence("mantik", "done", {"TERM": "foot", "TMUX": "/tmp/x"})
    assert sequence == "\x1bPtmux;\x1b\x1b]777;notify;mantik;done\x1b\x1b\\\x1b\\"


def test_a_name_can_not_break_out_of_the_sequence() -> None:
    sequence = notice_sequence("mantik", "evil\x07\x1b]52;c;xx\x1b\\;more", {"TERM": "foot"})
    assert sequence.count("\x1b") == 2
    assert "\x07" not in sequence
    assert sequence.count(";") == 3
