"""A page as a parser reads it, for tests."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "rect", "line", "circle"}


class Page(HTMLParser):
    """The elements of a page with their attributes and texts; each has to be closed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] != ["style"]:
            self.texts.append(data)

    def of(self, tag: str, kind: str | None = None) -> list[dict[str, str]]:
        """The attributes of each element of a tag, and of a class where one is given."""
        return [
            attributes
            for name, attributes in self.elements
            if name == tag and (kind is None or kind in attributes.get("class", "").split())
        ]
