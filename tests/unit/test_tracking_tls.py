"""TLS: verified, with a CA of one's own, or switched off on purpose; against a real TLS listener."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mantik_tui.backends.tracking.client import TrackingClient
from mantik_tui.backends.tracking.errors import TrackingOffline
from mantik_tui.domain.errors import BadInput


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key, as PEM files."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "ca.pem", folder / "key.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return public, private


@pytest.fixture
async def address(certificate: tuple[Path, Path]) -> AsyncIterator[str]:
    """A listener that says OK to everything, over TLS."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK")
        await writer.drain()
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


async def test_an_unknown_certificate_is_refused(address: str) -> None:
    async with TrackingClient(address) as client:
        with pytest.raises(TrackingOffline, match="not trusted") as refused:
            await client.access.health()
    assert refused.value.maybe_sent is False


async def test_a_ca_of_one_s_own_is_trusted(address: str, certificate: tuple[Path, Path]) -> None:
    async with TrackingClient(address, ca_file=certificate[0]) as client:
        await client.access.health()


async def test_verification_is_off_only_when_asked(address: str) -> None:
    async with TrackingClient(address, insecure=True) as client:
        await client.access.health()


def test_a_ca_file_that_is_none_is_said_to_be_one(tmp_path: Path) -> None:
    rubbish = tmp_path / "ca.pem"
    rubbish.write_text("rubbish")
    for path in (rubbish, tmp_path / "nobody.pem"):
        with pytest.raises(BadInput, match="CA file"):
            TrackingClient("https://127.0.0.1", ca_file=path)
