"""HTTPS, and clients that show a certificate."""

import http.client
import ssl
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from tests.frontends.clamd.conftest import MARKER, port_of
from tests.frontends.http.conftest import Start, await_line


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``server.pem`` and ``client.pem``, each with its key and signed by itself."""
    folder = tmp_path_factory.mktemp("certificates")
    for name, subject in (("server", "localhost"), ("client", "mail-gateway"), ("stranger", "stranger")):
        key, certificate = folder / f"{name}.key", folder / f"{name}.crt"
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "7"]
        names = ["-subj", f"/CN={subject}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        command = ["openssl", "req", "-x509", *curve, *names, "-keyout", key, "-out", certificate]
        subprocess.run(command, check=True, capture_output=True)
        (folder / f"{name}.pem").write_bytes(key.read_bytes() + certificate.read_bytes())
    return folder


def ask(port: int, certificates: Path, client: str = "") -> tuple[int, bytes]:
    context = ssl.create_default_context(cafile=certificates / "server.crt")
    if client:
        context.load_cert_chain(certificates / f"{client}.pem")
    with closing(http.client.HTTPSConnection("127.0.0.1", port, timeout=60, context=context)) as connection:
        connection.request("POST", "/v1/scan", bytes(200_000) + MARKER)
        with connection.getresponse() as response:
            return response.status, response.read()


def test_contents_come_encrypted(serve: Start, database: Path, certificates: Path) -> None:
    options = ("--http-certificate", certificates / "server.crt", "--http-key", certificates / "server.key")
    daemon = serve(database, "--http", "127.0.0.1:0", *map(str, options))
    status, body = ask(port_of(daemon, "https"), certificates)
    assert status == 200
    assert b'"verdict": "infected"' in body


def test_renewed_certificates_are_used(serve: Start, database: Path, certificates: Path, tmp_path: Path) -> None:
    served = tmp_path / "served.pem"
    served.write_bytes((certificates / "stranger.pem").read_bytes())
    daemon = serve(database, "--http", "127.0.0.1:0", "--http-certificate", str(served))
    port = port_of(daemon, "https")
    with pytest.raises(ssl.SSLCertVerificationError):
        ask(port, certificates)
    served.write_text("half a certificate")
    with pytest.raises(ssl.SSLCertVerificationError):
        ask(port, certificates)
    await_line(daemon, "certificates refused")
    served.write_bytes((certificates / "server.pem").read_bytes())
    assert ask(port, certificates)[0] == 200


def test_clients_need_a_certificate_where_one_is_asked_for(serve: Start, database: Path, certificates: Path) -> None:
    options = ("--http-certificate", certificates / "server.pem", "--http-client-ca", certificates / "client.crt")
    daemon = serve(database, "--http", "127.0.0.1:0", *map(str, options), "--http-rate", "1")
    port = port_of(daemon, "https")
    for stranger in ("", "stranger"):
        with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
            ask(port, certificates, stranger)
    assert ask(port, certificates, "client")[0] == 200
    assert ask(port, certificates, "client")[0] == 429
    assert "client=mail-gateway" in daemon.log.read_text()
    if sys.version_info >= (3, 11, 5):  # asyncio complains before of connections that end while they shake hands
        assert "internal error" not in daemon.log.read_text()
