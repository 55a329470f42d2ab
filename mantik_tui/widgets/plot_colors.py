"""Colours for the lines of a plot: the theme's own as far as they can be told apart. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from textual.color import Color

TOKENS: Final = ("primary", "warning", "success", "error", "secondary", "accent", "foreground")
"""Theme tokens in the order in which lines get them."""

_FILL: Final = (
    "#56b4e9",
    "#e69f00",
    "#009e73",
    "#cc79a7",
    "#f0e442",
    "#d55e00",
    "#0072b2",
    "#9a6fe0",
)
_ANSI: Final = (
    *("ansi_blue", "ansi_yellow", "ansi_green", "ansi_red", "ansi_magenta", "ansi_cyan"),
    *("ansi_bright_blue", "ansi_bright_yellow"),
)
LEAST_DISTANCE: Final = 90.0
"""Least distance of two colours, on the scale of `distance`, in which black and white are 765 apart."""

LEAST_CONTRAST: Final = 3.0
"""Least contrast with the background: what WCAG 2 asks of graphics."""


def distance(a: Color, b: Color) -> float:
    """How different two colours look: the weighted distance in red, green and blue known as redmean."""
    mean = (a.r + b.r) / 2
    red, green, blue = a.r - b.r, a.g - b.g, a.b - b.b
    weighted = (2 + mean / 256) * red**2 + 4 * green**2 + (2 + (255 - mean) / 256) * blue**2
    return float(weighted**0.5)


def distinct_colors(wanted: Iterable[Color], background: Color, count: int) -> list[Color]:
    """`count` colours, the wanted ones first, each far from the background and from all before it.

    A terminal's own sixteen colours can't be measured; where the theme uses them, lines do too.
    """
    candidates = list(wanted)
    if any(color.ansi is not None for color in (*candidates, background)):
        ansi = [Color.parse(name) for name in _ANSI]
        return [ansi[k % len(ansi)] for k in range(count)]
    candidates += [Color.parse(name) for name in _FILL]
    candidates += [color.lighten(0.25) for color in candidates]
    candidates = [readable(color, background) for color in candidates]
    chosen: list[Color] = []
    for limit in (LEAST_DISTANCE, LEAST_DISTANCE / 2, 0.0):
        for color in candidates:
            if len(chosen) >= count:
                return chosen
            if color not in chosen and _is_far(color, [background, *chosen], limit):
                chosen.append(color)
    return [chosen[k % len(chosen)] for k in range(count)]


def contrast(a: Color, b: Color) -> float:
    """Contrast ratio of two colours, 1 to 21, as WCAG 2 defines it."""
    bright, dark = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _luminance(color: Color) -> float:
    parts = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in color.normalized
    )
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


def readable(color: Color, background: Color) -> Color:
    """The colour, lighter or darker as far as it takes to stand out from the background."""
    on_dark = _luminance(background) < 0.18
    for _ in range(12):
        if contrast(color, background) >= LEAST_CONTRAST:
            break
        color = color.lighten(0.08) if on_dark else color.darken(0.08)
    return color


def _is_far(color: Color, others: Sequence[Color], limit: float) -> bool:
    return all(distance(color, other) >= limit for other in others)
