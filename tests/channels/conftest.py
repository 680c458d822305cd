"""Certificates for the tests that speak TLS."""

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from tests.ledger.servers import unavailable

PROXIED_HOST = "gate.example"  # a gate that only a proxy of the tests knows the way to


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1 with its key, made for this run."""
    openssl = shutil.which("openssl")
    if openssl is None:
        unavailable("needs the openssl command")
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"),
            *("-addext", f"subjectAltName=IP:127.0.0.1,DNS:{PROXIED_HOST}"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    both = folder / "both.pem"
    both.write_text(key.read_text() + certificate.read_text())
    return both


@pytest.fixture
def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def client_tls(certificate: Path) -> ssl.SSLContext:
    """Trusts the certificate of the tests and no other."""
    return ssl.create_default_context(cafile=str(certificate))
