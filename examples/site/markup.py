"""From blocks to HTML elements: what every template shares."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable
from dataclasses import dataclass

from content import Article


@dataclass(frozen=True)
class Site:
    """One host of the example, a row of ``sites.yaml``."""

    id: str
    host: str
    name: str
    template: str
    url: str
    icp: str
    company: str
    sections: tuple[str, ...]

    @property
    def origin(self) -> str:
        """Scheme and host of the site's URLs: plain HTTP, so that it can be served on loopback without certificates."""
        return f"http://{self.host}"

    def section_number(self, section: str) -> str:
        """The folder that stands for a section in URLs; s00 for those too small to have a page."""
        return f"s{self.sections.index(section) + 1:02d}" if section in self.sections else "s00"

    def path(self, article: Article) -> str:
        """The path of an article's page."""
        day = article.day
        return self.url.format(
            n=article.number,
            y=day.year,
            m=f"{day.month:02d}",
            d=f"{day.day:02d}",
            section=self.section_number(article.section),
        )

    def address(self, article: Article) -> str:
        """The full URL of an article's page."""
        return f"{self.origin}{self.path(article)}"


@dataclass(frozen=True)
class Link:
    """One link of a list."""

    href: str
    label: str


def text(value: str) -> str:
    """Text as element content."""
    return html.escape(value, quote=False)


def links(items: Iterable[Link], tag: str = "li") -> str:
    """Links one after the other, each in its own element."""
    return "".join(f'<{tag}><a href="{html.escape(item.href)}">{text(item.label)}</a></{tag}>\n' for item in items)


def section_links(site: Site) -> list[Link]:
    """The navigation bar of a site."""
    numbered = [Link(f"/{site.section_number(section)}/", section) for section in site.sections]
    return [Link("/", "首頁" if site.template == "portal_tw" else "首页"), *numbered]


def json_ld(kind: str, article: Article, site: Site) -> str:
    """Structured data as schema.org has it, in the page's head."""
    content = {
        "@context": "https://schema.org",
        "@type": kind,
        "headline": article.title,
        "datePublished": f"{article.day}T08:00:00+08:00",
        "author": {"@type": "Person", "name": article.author},
        "publisher": {"@type": "Organization", "name": site.company},
        "mainEntityOfPage": site.address(article),
    }
    return f'<script type="application/ld+json">{json.dumps(content, ensure_ascii=False)}</script>\n'


def blocks(article: Article, paragraph: str = "<p>{}</p>", heading: str = "h2") -> str:
    """The article's blocks as elements; neighbouring items, rows and code lines share one list, table or block."""
    lines: list[str] = []
    open_group = ""
    groups = {"- ": ("<ul>", "</ul>"), "| ": ("<table>", "</table>"), "    ": ("<pre><code>", "</code></pre>")}
    for block in article.blocks:
        group = next((prefix for prefix in groups if block.startswith(prefix)), "")
        if group != open_group:
            if open_group:
                lines.append(groups[open_group][1])
            if group:
                lines.append(groups[group][0])
            open_group = group
        if group == "- ":
            lines.append(f"<li>{text(block[2:])}</li>")
        elif group == "| ":
            cells = "".join(f"<td>{text(cell.strip())}</td>" for cell in block[2:].split("|"))
            lines.append(f"<tr>{cells}</tr>")
        elif group:
            lines.append(text(block[4:]))
        elif block.startswith("## "):
            lines.append(f"<{heading}>{text(block[3:])}</{heading}>")
        else:
            lines.append(paragraph.format(text(block)))
    if open_group:
        lines.append(groups[open_group][1])
    return "\n".join(lines)
