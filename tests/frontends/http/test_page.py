"""The page, in a real browser: with mouse, keyboard and what a screen reader gets to know."""

import os
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, FileChooser, Page, expect, sync_playwright
from tests.frontends.clamd.conftest import MARKER
from tests.frontends.http.conftest import Client, Running, Start

CHROMIUM = shutil.which("chromium")
HOSTILE = "<img src=x onerror=alert(1)>\u202egpj.exe"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser, client: Client) -> Iterator[Page]:
    yield from opened(browser, client)


def opened(browser: Browser, client: Client) -> Iterator[Page]:
    """Open the page; it loads nothing from elsewhere, and nothing is complained about."""
    address = f"http://127.0.0.1:{client.port}/"
    page = browser.new_page()
    page.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    complaints: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(address)
    yield page
    page.close()
    assert [text for text in complaints if "status of 401" not in text] == []
    assert all(url.startswith(address) for url in requests)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    (folder / "clean.txt").write_text("nothing")
    with zipfile.ZipFile(folder / "mail.zip", "w") as made:
        made.writestr("letter.txt", "nothing")
        made.writestr(HOSTILE, MARKER)
    return folder


def results(page: Page) -> list[str]:
    return page.locator("#results article h3").all_inner_texts()


def test_a_file_that_is_chosen_is_judged(page: Page, folder: Path) -> None:
    page.get_by_label("Choose files").set_input_files([folder / "clean.txt", folder / "mail.zip"])
    first = page.get_by_role("article").filter(has_text="clean.txt")
    expect(first).to_contain_text("Everything was examined and nothing was found.")
    second = page.get_by_role("article").filter(has_text="mail.zip")
    expect(second).to_contain_text("Do not open this file.")
    expect(page.get_by_role("status")).to_have_text("mail.zip: infected. Do not open this file.")
    expect(second.get_by_role("heading")).to_be_focused()
    assert results(page) == ["mail.zip", "clean.txt"]


def test_what_is_inside_is_a_tree(page: Page, folder: Path) -> None:
    page.get_by_label("Choose files").set_input_files(folder / "mail.zip")
    inside = page.locator(".tree > li")
    expect(inside).to_have_count(1)
    expect(inside.locator("> .path")).to_have_text("mail.zip")
    expect(inside.locator("> ul > li > .path")).to_have_text(["letter.txt", HOSTILE.replace("\u202e", "\\u{202e}")])
    expect(inside.locator("> ul > li").nth(1)).to_contain_text("DETECTED HERE")
    assert page.locator("img").count() == 0  # a name is text


def test_a_file_may_be_dropped(page: Page) -> None:
    transfer = page.evaluate_handle(
        """() => {
            const transfer = new DataTransfer();
            transfer.items.add(new File(["freehold-marker-two"], "dropped.txt"));
            return transfer;
        }"""
    )
    page.dispatch_event("#drop", "dragover", {"dataTransfer": transfer})
    expect(page.locator("#drop.over")).to_have_count(1)
    page.dispatch_event("#drop", "drop", {"dataTransfer": transfer})
    expect(page.get_by_role("status")).to_contain_text("dropped.txt: infected")
    expect(page.locator("#drop.over")).to_have_count(0)


def test_the_keyboard_is_enough(page: Page, folder: Path) -> None:
    page.keyboard.press("Tab")
    expect(page.get_by_label("Choose files")).to_be_focused()
    choosers: list[FileChooser] = []
    page.on("filechooser", lambda chooser: choosers.append(chooser))  # noqa: PLW0108 - no built-in is taken
    for _ in range(20):  # a browser that is busy may not hear yet that choosers are listened for
        page.keyboard.press("Space")
        page.wait_for_timeout(500)
        if choosers:
            break
    choosers[0].set_files(folder / "mail.zip")
    expect(page.get_by_role("article").get_by_role("heading")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("summary")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("details")).not_to_have_attribute("open", "")


def test_what_cannot_be_examined_is_said(page: Page, encrypted: bytes, tmp_path: Path) -> None:
    (tmp_path / "secret.zip").write_bytes(encrypted)
    (tmp_path / "large.bin").write_bytes(bytes(1_200_000))
    page.get_by_label("Choose files").set_input_files(tmp_path / "secret.zip")
    expect(page.get_by_role("article")).to_contain_text("What could not be examined")
    page.get_by_label("Choose files").set_input_files(tmp_path / "large.bin")
    expect(page.get_by_role("status")).to_contain_text("takes files up to 1.0 MB")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_it_is_accessible(page: Page, folder: Path, scheme: str, width: int) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 700})
    page.get_by_label("Choose files").set_input_files([folder / "mail.zip", folder / "clean.txt"])
    expect(page.get_by_role("article")).to_have_count(2)
    page.evaluate("document.getElementById('token-field').hidden = false")
    page.evaluate("document.getElementById('working').hidden = false")
    page.evaluate("document.getElementById('doing').textContent = 'Sending'")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_token_is_asked_for(
    browser: Browser, serve: Start, database: Path, token_file: tuple[Path, str], folder: Path
) -> None:
    path, token = token_file
    client = Client(serve(database, "--http", "127.0.0.1:0", "--http-tokens", str(path)))
    for page in opened(browser, client):
        page.get_by_label("Choose files").set_input_files(folder / "mail.zip")
        field = page.get_by_label("This server asks for a token:")
        expect(field).to_be_focused()
        page.keyboard.type("wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_have_text("The server does not know this token.")
        field.fill(token)
        page.keyboard.press("Enter")
        expect(page.get_by_role("article")).to_contain_text("Do not open this file.")


def test_sending_can_be_cancelled(page: Page, folder: Path, http_daemon: Running) -> None:
    page.route("**/v1/scan*", lambda _: None)  # which never comes to an end
    page.get_by_label("Choose files").set_input_files([folder / "clean.txt"])
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("status")).to_have_text("clean.txt was not examined: cancelled.")
    expect(page.locator("#working")).to_be_hidden()
    page.unroute("**/v1/scan*")
    page.get_by_label("Choose files").set_input_files([folder / "clean.txt"])
    expect(page.get_by_role("article")).to_have_count(1)
