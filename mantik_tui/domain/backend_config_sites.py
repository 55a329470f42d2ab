"""Reads which site a backend config names."""

from __future__ import annotations

from urllib.parse import urlsplit

from mantik_tui.domain.backend_config_types import FirecrestSite, SiteKeys, SshSite, UnicoreSite
from mantik_tui.domain.faults import shown
from mantik_tui.domain.fields import Field, Keys, listed, read_count, read_section, read_word

SITE_KEYS = ("UnicoreApiUrl", "Firecrest", "SSH")
_URL = "https://unicore.example.org:9112/SITE/rest/core"


def read_site(top: Keys, *, site_chosen: bool) -> SiteKeys | None:
    """The site that the file names. None for none, which is an error unless one was chosen."""
    given = [field for key in SITE_KEYS if (field := top.get(key)) is not None]
    if not given and not site_chosen:
        top.faults.error(
            1,
            "",
            "No site is named: one of UnicoreApiUrl, Firecrest and SSH is needed.",
            f"Write for example UnicoreApiUrl: {_URL}",
        )
    if len(given) > 1:
        second = sorted(given, key=lambda field: field.entry.line)[1]
        names = listed(field.name for field in given)
        top.faults.error(
            second.entry.line,
            second.path,
            f"The file names more than one site: {names}.",
            "Keep one of them.",
        )
    sites = [_site(field) for field in given]
    return sites[0] if sites else None


def _site(given: Field) -> SiteKeys:
    if given.name == "UnicoreApiUrl":
        return UnicoreSite(_url(given, _URL))
    if given.name == "Firecrest":
        return _firecrest(given)
    return _ssh(given)


def _firecrest(given: Field) -> FirecrestSite:
    keys = read_section(given, "It holds ApiUrl, TokenUrl and Machine.")
    if keys is None:
        return FirecrestSite("", "", "")
    examples = {
        "ApiUrl": "https://firecrest.example.org",
        "TokenUrl": "https://auth.example.org/token",
        "Machine": "alpha",
    }
    values = {}
    for name, example in examples.items():
        field = keys.get(name)
        if field is None:
            keys.missing(name, f"Firecrest needs {name}.", f"Write {name}: {example}")
            values[name] = ""
        else:
            values[name] = read_word(field, example) if name == "Machine" else _url(field, example)
    keys.warn_of_others()
    return FirecrestSite(values["ApiUrl"], values["TokenUrl"], values["Machine"])


def _ssh(given: Field) -> SshSite:
    example = "login.cluster.example.org"
    keys = read_section(given, f"It holds the host's name: Hostname: {example}")
    if keys is None:
        return SshSite("")
    hostname, port = "", None
    field = keys.get("Hostname")
    if field is None:
        keys.missing("Hostname", "SSH needs Hostname.", f"Write Hostname: {example}")
    else:
        hostname = read_word(field, example)
        if "@" in hostname or "/" in hostname:
            message = "Hostname is the host's bare name."
            field.error(
                message, f"Write Hostname: {example}; the user comes from the site's login."
            )
    field = keys.get("Port")
    if field is not None:
        port = read_count(field)
        if port is not None and port > 65535:
            field.error(f"{port} is no port.", "Ports go from 1 to 65535; SSH's usual one is 22.")
            port = None
    keys.warn_of_others()
    return SshSite(hostname, port)


def _url(given: Field, example: str) -> str:
    text = read_word(given, example)
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        usable = parts.scheme.lower() in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        given.error(
            f"{shown(text)} is no web address.", f"It starts with https:// and a host: {example}"
        )
    return text
