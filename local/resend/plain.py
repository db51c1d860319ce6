"""The text that a mail gets when it has only HTML."""

import re
from html.parser import HTMLParser

BLOCKS = {"p", "div", "br", "tr", "table", "ul", "ol", "li", "section", "article", "hr"}
BLOCKS |= {"h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "header", "footer", "td"}
HIDDEN = {"script", "style", "head", "title", "template"}


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._hidden = 0
        self._link = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in HIDDEN
        if tag in BLOCKS:
            self.parts.append("\n")
        if tag == "a":
            self._link = dict(attrs).get("href") or ""

    def handle_endtag(self, tag: str) -> None:
        self._hidden = max(0, self._hidden - (tag in HIDDEN))
        if tag in BLOCKS:
            self.parts.append("\n")
        if tag == "a" and self._link.startswith(("http:", "https:")):
            self.parts.append(f" {self._link}")
            self._link = ""

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(re.sub(r"\s+", " ", data))


def text_of(html: str) -> str:
    """What is to read in it, a line for each block."""
    parser = _Text()
    parser.feed(html)
    parser.close()
    lines = (line.strip() for line in "".join(parser.parts).splitlines())
    return "\n".join(line for line in lines if line)
