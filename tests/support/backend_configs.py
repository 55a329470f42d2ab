"""Texts of backend configs, and short ways to read them in tests."""

from __future__ import annotations

from mantik_tui.domain.backend_config import BackendConfig, parse_backend_config
from mantik_tui.domain.problems import Problem

UNICORE = "UnicoreApiUrl: https://unicore.example.org:9112/ALPHA/rest/core\n"
FIRECREST = (
    "Firecrest: {ApiUrl: https://f.example.org, TokenUrl: https://a.example.org/t, Machine: beta}\n"
)
SSH = "SSH: {Hostname: login.example.org}\n"
QUEUE = "Resources:\n  Queue: batch\n"


def problems_of(text: str, file: str = "c.yaml") -> list[Problem]:
    return parse_backend_config(text, file)[1]


def only(text: str, file: str = "c.yaml") -> Problem:
    """The single problem of a text."""
    found = problems_of(text, file)
    assert len(found) == 1, found
    return found[0]


def accepted(text: str, file: str = "c.yaml") -> BackendConfig:
    config, problems = parse_backend_config(text, file)
    assert config is not None, problems
    return config
