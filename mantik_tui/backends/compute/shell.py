"""Commands as text for `/bin/sh`, and their answers told apart from what login files print.

A script goes to the shell's standard input as one compound command: if the text is cut on its way, the shell meets its end
inside the compound and runs none of it. Its answer stands between two lines with a random word on both streams.
"""

from __future__ import annotations

import re
import secrets
import shlex

from mantik_tui.backends.compute.protocols import Completed
from mantik_tui.domain.errors import Refused, Unsure

_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")

quote = shlex.quote


def new_word() -> str:
    """A word that no login banner prints."""
    return f"mantik-{secrets.token_hex(8)}"


def wrap(script: str, word: str) -> bytes:
    """The text to feed to `/bin/sh` so that `unwrap` with the same word finds the answer."""
    return (
        f"{{ printf '\\n%s begin\\n' {word}; printf '\\n%s begin\\n' {word} >&2\n"
        f"(\n:\n{script}\n) </dev/null\n"
        f"mantik_code=$?; printf '\\n%s end %s\\n' {word} $mantik_code\n"
        f"printf '\\n%s end %s\\n' {word} $mantik_code >&2; exit $mantik_code; }}\n"
    ).encode("utf-8", "surrogateescape")


def unwrap(stdout: bytes, stderr: bytes, word: str) -> Completed:
    """The answer between the words. Raises `Unsure` if its end is missing: then the script may have run in part."""
    out, code = _between(stdout, word)
    err, _ = _between(stderr, word)
    if out is None or code is None:
        told = (err if err is not None else stderr).decode(errors="replace").strip()
        raise Unsure(
            "The site's answer was cut",
            told[-500:] or "The command may or may not have run.",
            "It is looked at again before anything is repeated.",
        )
    return Completed(code, out.decode("utf-8", "replace"), (err or b"").decode("utf-8", "replace"))


def _between(raw: bytes, word: str) -> tuple[bytes | None, int | None]:
    mark = word.encode()
    begin = raw.find(b"\n" + mark + b" begin\n")
    if begin < 0:
        return None, None
    start = begin + len(mark) + 8
    end = raw.rfind(b"\n" + mark + b" end ")
    if end < 0:
        return raw[start:], None
    code = raw[end + len(mark) + 6 :].split(b"\n", 1)[0]
    # The end's mark brings a line break of its own and may share the begin's.
    return raw[start : max(start, end)], int(code) if code.isdigit() else None


def expansion_script(text: str) -> str:
    """A script that prints the values of home and of the variables in `text`, one a line."""
    lines = ['printf "%s\\n" "${HOME-}"']
    for name in _names(text):
        lines.append(
            f'[ -n "${{{name}-}}" ] || {{ echo "{name} is not set" >&2; exit 3; }}\n'
            f'printf "%s\\n" "${{{name}}}"'
        )
    return "\n".join(lines)


def expand_with(text: str, answer: Completed) -> str:
    """`text` with the values that `expansion_script` printed. Raises `Refused` if one is unset."""
    if answer.code != 0:
        raise Refused(
            f"The site does not know what {text} means",
            answer.stderr.strip(),
            "Write the path in full, or name a variable that is set on the site.",
        )
    home, *values = answer.stdout.split("\n")
    known = dict(zip(_names(text), values, strict=False))
    if text == "~" or text.startswith("~/"):
        text = home + text[1:]
    return _VARIABLE.sub(lambda match: known[match[1] or match[2]], text)


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(match[1] or match[2] for match in _VARIABLE.finditer(text)))
