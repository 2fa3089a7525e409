"""The site of pages: made as `make docs` makes it, then every page of it is looked at."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).parent.parent
LEADS = ("href", "src", "srcset", "poster", "action", "data")
FROM_CSS = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")


class Page(HTMLParser):
    """What a page has by name, and where it leads."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file
        self.named: set[str] = set()
        self.leads: list[str] = []
        self.feed(file.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("id", "name"):
                self.named.add(value or "")
            elif name in LEADS and value:
                self.leads.append(value)
            elif name == "style" and value:
                self.leads += [one or other for one, other in FROM_CSS.findall(value)]


def test_the_site_has_every_page_and_asks_no_other_host(tmp_path: Path) -> None:
    site = tmp_path / "site"
    made = subprocess.run(
        [
            *(sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going"),
            *("-d", str(tmp_path / "doctrees"), "-c", str(ROOT / "edge" / "docs"), str(ROOT), str(site)),
        ],
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    pages = {file: Page(file) for file in sorted(site.rglob("*.html"))}
    written = {
        page.relative_to(ROOT).with_suffix(".html")
        for folder in ("edge", "drivers", "protocol", "simulator", "tests")
        for page in (ROOT / folder).rglob("*.md")
        if "node_modules" not in page.parts
    }
    assert written | {Path("index.html"), Path("README.html")} <= {file.relative_to(site) for file in pages}
    wrong = [f"{page.file.relative_to(site)}: {lead}" for page in pages.values() for lead in strays(page, pages)]
    for style in site.rglob("*.css"):
        found = (one or other for one, other in FROM_CSS.findall(style.read_text("utf-8")))
        wrong += [f"{style.name}: {lead}" for lead in found if elsewhere(lead)]
    assert not wrong


def elsewhere(lead: str) -> bool:
    """Whether it is asked of another host; what a page has in itself is not."""
    address = urlsplit(lead)
    return bool(address.netloc or address.scheme not in ("", "data"))


def strays(page: Page, pages: dict[Path, Page]) -> list[str]:
    """Leads to another host, to a file that is not there, or to a place that no page has."""
    wrong = []
    for lead in page.leads:
        address = urlsplit(lead)
        to = (page.file.parent / unquote(address.path)).resolve() if address.path else page.file
        place = unquote(address.fragment)
        if (
            elsewhere(lead)
            or not (address.scheme or to.exists())
            or (place and to in pages and place not in pages[to].named)
        ):
            wrong.append(lead)
    return wrong
