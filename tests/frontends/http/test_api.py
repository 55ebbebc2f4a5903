"""What the web API answers."""

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.frontends.clamd.conftest import MARKER
from tests.frontends.http.conftest import FORM, Client, Running, Start, form


@pytest.fixture(scope="module")
def archive() -> bytes:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("marked.txt", MARKER)
    outer = io.BytesIO()
    with zipfile.ZipFile(outer, "w") as made:
        made.writestr("harmless.txt", "nothing")
        made.writestr("inner.zip", inner.getvalue())
    return outer.getvalue()


def test_a_result_is_what_a_scan_reports(
    client: Client, archive: bytes, tmp_path: Path, database: Path, freehold: Callable[..., CompletedProcess[bytes]]
) -> None:
    (tmp_path / "mail.zip").write_bytes(archive)
    answer = client.scan(archive, "name=mail.zip")
    done = freehold("scan", "--format", "jsonl", "--database", database, "mail.zip", cwd=tmp_path)
    expected = json.loads(done.stdout)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json | {"seconds": 0} == expected | {"seconds": 0}
    assert answer.json["verdict"] == "infected"
    assert answer.json["detections"][0]["artifact"] == "mail.zip ▸ inner.zip ▸ marked.txt"


def test_the_tree_is_told_on_request(client: Client, archive: bytes) -> None:
    answer = client.scan(archive, "name=mail.zip&tree=true&all_matches=true").json
    assert [(node["artifact"].split(" ▸ ")[-1], node["depth"]) for node in answer["artifacts"]] == [
        ("mail.zip", 0),
        ("harmless.txt", 1),
        ("inner.zip", 1),
        ("marked.txt", 2),
    ]
    assert "artifacts" not in client.scan(archive).json


def test_all_matches_are_told_on_request(client: Client) -> None:
    both = b"freehold-marker-one freehold-marker-two"
    assert len(client.scan(both).json["detections"]) == 1
    assert {found["name"] for found in client.scan(both, "all_matches=true").json["detections"]} == {
        "Test.One",
        "Test.Two",
    }


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 1_000_000])
def test_contents_of_any_size_arrive_whole(client: Client, size: int) -> None:
    content = (bytes(size) + MARKER)[-size:] if size else b""
    for answer in (
        client.scan(content),
        client.scan(form(('name="file"; filename="x"', content)), Content_Type=FORM),
        client.scan(iter([content[:70_000], content[70_000:]])),  # which http.client sends in chunks
    ):
        assert answer.json["size"] == len(content)
        assert answer.json["verdict"] == ("infected" if MARKER in content else "clean")


def test_what_was_not_examined_is_incomplete(client: Client, encrypted: bytes) -> None:
    answer = client.scan(encrypted)
    assert (answer.status, answer.json["verdict"]) == (200, "incomplete")
    assert answer.json["problems"][0]["kind"] == "encrypted"


@pytest.mark.parametrize(
    ("head", "path"),
    [
        ('name="file"; filename="../../etc/passwd"', "../../etc/passwd"),
        ('name="file"; filename="C:\\fakepath\\a.txt"', "a.txt"),
        ('name="x"; filename="grüße.txt"', "grüße.txt"),
        ('name="file"', "stream"),
        ('name="file"; filename=""', "stream"),
    ],
)
def test_names_of_files_are_names_alone(client: Client, head: str, path: str) -> None:
    answer = client.scan(form(('name="csrf"', b"1"), (head, MARKER), ('name="more"', b"2")), Content_Type=FORM)
    assert answer.json["path"] == path
    assert answer.json["detections"][0]["artifact"] == path.rpartition("/")[2]


def test_a_job_is_done_while_nobody_waits(client: Client) -> None:
    begun = client.ask("POST", "/v1/jobs?name=later&tree=true", MARKER)
    assert begun.status == 202
    assert begun.headers["location"] == f"/v1/jobs/{begun.json['id']}"
    job = wait_for(client, begun.headers["location"])
    assert job["result"]["verdict"] == "infected"
    assert job["result"]["artifacts"][0]["artifact"] == "later"
    assert client.get("/v1/jobs/unknown").status == 404


def wait_for(client: Client, location: str) -> dict[str, dict[str, object]]:
    for _ in range(600):
        job: dict[str, dict[str, object]] = client.get(location).json
        if job["status"] == "done":
            return job
        time.sleep(0.05)
    raise AssertionError("the job was not done")


def test_state_and_versions_are_told(client: Client) -> None:
    assert client.get("/v1/health").json == {"status": "ok"}
    assert client.get("/v1/ready").json == {"status": "ready"}
    assert client.get("/v1/version").json.keys() == {"version", "database", "api", "max_bytes"}


def test_prometheus_reads_the_metrics(client: Client) -> None:
    def samples() -> Iterator[tuple[str, float]]:
        answer = client.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        for family in text_string_to_metric_families(answer.body.decode()):
            for sample in family.samples:
                yield " ".join((sample.name, *sample.labels.values())), sample.value

    before = dict(samples())
    client.scan(MARKER)
    client.scan(b"clean")
    after = dict(samples())
    for name in ("freehold_requests_total infected", "freehold_requests_total clean"):
        assert after[name] == before[name] + 1
    count = "freehold_request_duration_seconds_count"
    assert after[count] == before[count] + 2 == after["freehold_request_duration_seconds_bucket +Inf"]
    assert after["freehold_bytes_total"] == before["freehold_bytes_total"] + len(MARKER) + 5
    assert after["freehold_http_responses_total 200"] == before["freehold_http_responses_total 200"] + 3
    assert 0 <= after["freehold_database_age_seconds"] < 86_400
    assert after["freehold_workers"] == 2


@pytest.mark.parametrize(
    ("method", "target", "headers", "status"),
    [
        ("POST", "/v1/scan?tree=yes", {}, 400),
        ("POST", "/v1/scan?unknown=1", {}, 400),
        ("POST", f"/v1/scan?name={'x' * 1025}", {}, 400),
        ("POST", "/v1/scan", {"Content_Encoding": "gzip"}, 415),
        ("POST", "/v1/scan", {"Content_Type": "multipart/form-data"}, 400),
        ("POST", "/v1/scan", {"Content_Type": FORM}, 400),
        ("POST", "/v1/jobs?callback=http://127.0.0.1/", {}, 403),
        ("POST", "/v1/scan", {"Sec_Fetch_Site": "cross-site"}, 403),
        ("POST", "/v1/scan", {"Host": "rebound.example"}, 403),
        ("GET", "/v1/scan", {}, 405),
        ("DELETE", "/", {}, 405),
        ("GET", "/../../etc/passwd", {}, 404),
        ("GET", "/page/..%2f..%2fopenapi.json", {}, 404),
    ],
)
def test_refusals_say_why(client: Client, method: str, target: str, headers: dict[str, str], status: int) -> None:
    answer = client.ask(method, target, b"content" if method == "POST" else None, **headers)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["status"] == status
    assert answer.json["detail"]


def test_every_answer_is_protected(client: Client) -> None:
    for target in ("/", "/page.js", "/report.css", "/icon.svg", "/openapi.json", "/v1/health", "/nowhere"):
        headers = client.get(target).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "server" not in headers
        assert "date" in headers


def test_clients_need_a_token_where_one_is_asked_for(
    serve: Start,
    database: Path,
    token_file: tuple[Path, str],
    freehold: Callable[..., CompletedProcess[bytes]],
) -> None:
    path, token = token_file
    daemon = serve(database, "--http", "127.0.0.1:0", "--http-tokens", str(path), "--http-rate", "20")
    for wrong in ("", "fht_wrong", token[:-1]):
        answer = Client(daemon, wrong).scan(MARKER)
        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert Client(daemon, token).scan(MARKER).json["verdict"] == "infected"
    assert Client(daemon).get("/v1/ready").status == 200
    assert Client(daemon).get("/metrics").status == 401
    second = freehold("serve", "token", "add", "second", "--file", path).stdout.decode().strip()
    job = Client(daemon, token).ask("POST", "/v1/jobs", MARKER).headers["location"]
    assert Client(daemon, second).get(job).status == 404  # it is another's
    statuses = [Client(daemon, second).scan(b"x").status for _ in range(25)]
    assert statuses[:15] == [200] * 15
    assert statuses[-1] == 429
    assert Client(daemon, token).scan(b"x").status == 200
    assert freehold("serve", "token", "remove", "second", "--file", path).returncode == 0
    assert Client(daemon, second).scan(b"x").status == 401


def test_tokens_are_kept_as_digests(
    freehold: Callable[..., CompletedProcess[bytes]], token_file: tuple[Path, str], tmp_path: Path
) -> None:
    path, token = token_file
    assert token not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    listed = freehold("serve", "token", "list", "--format", "json", "--file", path)
    assert json.loads(listed.stdout)[0]["name"] == "tester"
    assert b"no tokens" in freehold("serve", "token", "list", "--file", tmp_path / "none").stdout
    for arguments, words in (
        (["add", "tester", "--file", path], b"already"),
        (["add", "two words", "--file", path], b"not a name"),
        (["remove", "testr", "--file", path], b"tester"),
        (["remove", "x", "--file", tmp_path / "missing"], b"cannot read"),
    ):
        done = freehold("serve", "token", *arguments)
        assert done.returncode == 3
        assert words in done.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--http", "0.0.0.0:0"], b"open to others"),
        (["--http", "localhost:80"], b"not an address"),
        (["--http", "127.0.0.1:0", "--http-tokens", "/missing"], b"/missing"),
        (["--http", "127.0.0.1:0", "--http-certificate", "/missing"], b"certificates"),
        (["--http", "127.0.0.1:0", "--http-client-ca", "/missing"], b"need --http-certificate"),
        (["--http", "127.0.0.1:0", "--http-callback", "https://x.example"], b"belong together"),
        (["--http", "127.0.0.1:0", "--http-callback", "ftp://x.example"], b"not a host"),
    ],
)
def test_bad_options_are_refused_at_once(
    freehold: Callable[..., CompletedProcess[bytes]], options: list[str], words: bytes
) -> None:
    done = freehold("serve", "--check", *options)
    assert done.returncode == 3
    assert words in done.stderr


def test_one_thread_serves_all(client: Client, http_daemon: Running) -> None:
    client.scan(MARKER)
    assert len(list(Path(f"/proc/{http_daemon.process.pid}/task").iterdir())) == 1
