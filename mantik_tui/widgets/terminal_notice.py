"""Notices that reach the person's desk through the terminal, also over SSH: OSC 9, 777, 99, or the bell.

Which terminal takes which sequence: iTerm2 and ConEmu OSC 9; kitty OSC 99; WezTerm, foot, ghostty, rxvt-unicode and
terminals by VTE OSC 777; all others get a bell. Inside tmux the sequence is wrapped so that tmux hands it on
(`allow-passthrough` must be on there).
"""

from __future__ import annotations

from collections.abc import Mapping

from mantik_tui.domain.text import clean

BELL = "\a"
_MAX = 200


def notice_sequence(title: str, text: str, environ: Mapping[str, str]) -> str:
    """The bytes, as text, that make the terminal of this environment show a notice."""
    title, text = _plain(title), _plain(text)
    program = environ.get("TERM_PROGRAM", "").lower()
    term = environ.get("TERM", "").lower()
    if environ.get("STY"):
        return BELL
    if "kitty" in term or environ.get("KITTY_WINDOW_ID"):
        sequence = f"\x1b]99;i=mantik:d=0;{title}\x1b\\\x1b]99;i=mantik:d=1:p=body;{text}\x1b\\"
    elif program in ("iterm.app", "wezterm") or environ.get("ConEmuANSI"):
        sequence = f"\x1b]9;{title}: {text}\x1b\\"
    elif (
        program == "ghostty"
        or any(name in term for name in ("foot", "rxvt", "ghostty"))
        or environ.get("VTE_VERSION")
    ):
        sequence = f"\x1b]777;notify;{title};{text}\x1b\\"
    else:
        return BELL
    return _through_tmux(sequence) if environ.get("TMUX") else sequence


def _plain(text: str) -> str:
    """No control characters, and no semicolons, which separate fields."""
    return clean(text, keep_newlines=False).replace(";", ",").replace("\t", " ")[:_MAX]


def _through_tmux(sequence: str) -> str:
    return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"
