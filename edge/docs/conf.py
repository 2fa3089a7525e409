"""Sphinx: a site of the project's Markdown files, read where they stand (`make docs`).

The folder of sources is the project itself, so a page's address in the site is its path, and links between files are
links between pages.  ``shelves.toml`` says where a page stands; no file has a word of Sphinx in it.
"""

import os
import re
import tomllib
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.addnodes import toctree
from sphinx.application import Sphinx
from sphinx.search.en import SearchEnglish

HERE = Path(__file__).parent
SHELVES = tomllib.loads((HERE / "shelves.toml").read_text("utf-8"))

project = "marketedge"
root_doc = "README"
extensions = ["myst_parser"]
exclude_patterns = [".*", "build", "demo", "*.egg-info", "**/node_modules"]
nitpicky = True

# Files are written for any reader of Markdown: what MyST adds to it is no syntax here.
myst_disable_syntax = ["myst_role", "myst_target", "myst_line_comment", "myst_block_break"]
myst_enable_extensions = ["html_image"]
myst_heading_anchors = 4
myst_links_external_new_tab = False
highlight_language = "none"
suppress_warnings = ["misc.highlighting_failure"]  # pieces of JSON with … in them are meant for people

html_theme = "furo"
html_title = "marketedge"
html_static_path = [os.path.relpath(HERE / "style.css", HERE)]
html_css_files = ["style.css"]
templates_path = ["templates"]
html_additional_pages = {"index": "front.html"}
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_use_index = False
html_search_language = "en_zh"
smartquotes = False


class Words(SearchEnglish):
    """What is found: English words by their stems; of Chinese, which has no spaces, each character and each pair."""

    lang = "en_zh"
    js_splitter_code = r"""
var splitQuery = (query) =>
  (query.match(/[\u4e00-\u9fff]+|(?:(?![\u4e00-\u9fff])[\p{Letter}\p{Number}_])+/gu) || []).flatMap((run) =>
    /^[\u4e00-\u9fff]{2}/.test(run) ? [...run].slice(1).map((second, at) => run[at] + second) : [run]
  );
"""

    def split(self, input: str) -> list[str]:
        found: list[str] = []
        for run in re.findall(r"[\u4e00-\u9fff]+|[^\W\u4e00-\u9fff]+", input):
            if "\u4e00" <= run[0] <= "\u9fff":
                found += [*run, *(run[at : at + 2] for at in range(len(run) - 1))]
            else:
                found.append(run)
        return found


def shelve(app: Sphinx, doctree: nodes.document) -> None:
    """Hangs the pages of ``shelves.toml`` below the page that they belong to, as a toctree does that nobody sees."""
    page = app.env.docname
    for shelf in SHELVES.get(page, []):
        tree = toctree()
        tree.update_all_atts(
            {
                "parent": page,
                "entries": [(None, name) for name in shelf["pages"]],
                "includefiles": shelf["pages"],
                "caption": shelf.get("caption"),
                "rawcaption": shelf.get("caption", ""),
                "hidden": True,
                "glob": False,
                "maxdepth": -1,
                "includehidden": False,
                "numbered": 0,
                "titlesonly": True,
                "reversed": False,
            }
        )
        next(iter(doctree.findall(nodes.section)), doctree).append(tree)


def speak(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object) -> None:
    """Says which language a page is in."""
    if pagename.endswith(".zh"):
        context["language"] = "zh-CN"


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_search_language(Words)
    app.connect("doctree-read", shelve, priority=100)  # before the pages of a tree are gathered
    app.connect("html-page-context", speak)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
