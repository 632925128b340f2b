"""Everything that the example site answers, and the list of what was planted in it.

All comes from ``texts/``, ``banks/`` and hashes, so that two runs give the same bytes.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import plants
import yaml
from content import Article, generated, written
from draw import hash_number, shuffled
from markup import Link, Site, links, section_links
from page_charset import PLAIN, Charset, charset, encode
from plants import Planted
from templates_reference import TEMPLATES
from warc_writer import Response

HERE = Path(__file__).parent
# Marks that name a page a second time and that no crawler can know to be void; spm and utm_source it does know.
SECOND_ADDRESSES = ("?from=timeline", "?from=singlemessage", "?share=1", "?print=1")
REVISITED = (50, 150, 250)  # responses of which the archive holds a second visit
SECTION_PAGES = 4  # a section with fewer articles has no page of its own, they are listed under "更多"


def load_sites(articles: list[Article]) -> tuple[dict[str, Site], dict[str, list[str]]]:
    """The sites by id, with the sections that their articles have, and the charset cases of each."""
    sites, legacy = {}, {}
    for site_id, row in yaml.safe_load((HERE / "sites.yaml").read_text(encoding="utf-8")).items():
        counts = Counter(article.section for article in articles if article.site == site_id)
        sections = tuple(section for section, count in counts.items() if count >= SECTION_PAGES)
        cases = row.pop("legacy")
        sites[site_id] = Site(id=site_id, sections=sections, **row)
        legacy[site_id] = [case for case, count in cases.items() for _ in range(count)]
    return sites, legacy


class ExampleSite:
    """All responses of the example, in the order of the archive, and the list of what was planted."""

    def __init__(self) -> None:
        self.planted: list[Planted] = []
        self.responses: list[Response] = []
        self.articles = written() + generated()
        self.sites, self._legacy = load_sites(self.articles)
        self.planted += plants.with_personal_data(self.articles, self.sites, 30)
        self._charsets = self._assign_charsets()
        self._by_site = {site: [a for a in self.articles if a.site == site] for site in self.sites}
        self._add_articles()
        self._add_copies()
        self._add_broken()
        self._add_junk()
        self._add_indexes()
        self._add_side_records()

    def _assign_charsets(self) -> dict[str, Charset]:
        """A charset for some articles of each site, drawn by hash."""
        assigned: dict[str, Charset] = {}
        for site, cases in self._legacy.items():
            keys = shuffled([article.key for article in self.articles if article.site == site], "charset", site)
            assigned |= {key: charset(case) for key, case in zip(keys, cases, strict=False)}
        return assigned

    def _page(self, article: Article) -> str:
        site = self.sites[article.site]
        others = [other for other in self._by_site[article.site] if other.key != article.key]
        near = shuffled(others, "related", article.key)[:9]
        return TEMPLATES[site.template](site, article, [Link(site.path(other), other.title) for other in near])

    def _respond(self, url: str, page: str, used: Charset = PLAIN, **options: object) -> Response:
        content_type = "text/html" + (f"; charset={used.header}" if used.header else "")
        response = Response(url, encode(page, used), content_type=content_type, **options)  # type: ignore[arg-type]
        self.responses.append(response)
        return response

    def _add_articles(self) -> None:
        for article in shuffled(self.articles, "order"):
            url = self.sites[article.site].address(article)
            used = self._charsets.get(article.key, PLAIN)
            if used.planted:
                self.planted.append(Planted(url, used.planted))
            if article.language != "zh-CN":
                self.planted.append(Planted(url, f"language:{article.language}"))
            coding = hash_number("coding", article.key) % 12
            options = {"content_encoding": "gzip" if coding in (1, 2) else "", "chunked": coding in (2, 3)}
            if any(options.values()):
                what = "+".join(name for name, on in (("gzip", coding in (1, 2)), ("chunked", coding in (2, 3))) if on)
                self.planted.append(Planted(url, f"coding:{what}"))
            self._respond(url, self._page(article), used, **options)

    def _add_copies(self) -> None:
        by_url = {response.url: response for response in self.responses}
        chosen = shuffled([a for a in self.articles if a.language == "zh-CN"], "exact")[:20]
        for index, article in enumerate(chosen):
            url = self.sites[article.site].address(article)
            second = url + SECOND_ADDRESSES[index % len(SECOND_ADDRESSES)]
            self.responses.append(dataclasses.replace(by_url[url], url=second))
            self.planted.append(Planted(second, "exact-copy", url))
        pairs = plants.near_copies(self.articles, 17) + plants.simplified_copies(self.articles, 8)
        for source, copy, what in pairs:
            url = self.sites[copy.site].address(copy)
            self.planted.append(Planted(url, what, self.sites[source.site].address(source)))
            self._respond(url, self._page(copy))

    def _add_broken(self) -> None:
        base = f"{self.sites['news'].origin}/broken"
        pages = [self._page(article) for article in shuffled(self._by_site["news"], "broken")[:12]]
        for index, page in enumerate(pages[:4]):
            body = encode(page, PLAIN)
            cut = body.index(b'id="artibody"') + (40, 300, 601, 900)[index]
            url = f"{base}/cut-{index}.html"
            self.planted.append(Planted(url, "broken:truncated"))
            self.responses.append(Response(url, body, content_type="text/html; charset=utf-8", truncated_to=cut))
        for index, page in enumerate(pages[4:8]):
            url = f"{base}/garbled-{index}.html"
            self.planted.append(Planted(url, "broken:garbled"))
            self.responses.append(Response(url, plants.garble(encode(page, PLAIN), index)))
        cut_page = plants.cut_character(encode(pages[8], charset("gbk/meta")))
        self.planted.append(Planted(f"{base}/half-character.html", "broken:cut-gbk-character"))
        self.responses.append(Response(f"{base}/half-character.html", cut_page))
        self.planted.append(Planted(f"{base}/cut-gzip.html", "broken:truncated-gzip"))
        self._respond(f"{base}/cut-gzip.html", pages[9], content_encoding="gzip", truncated_to=1200)
        self.planted.append(Planted(f"{base}/bad-length.html", "broken:record-length"))
        self._respond(f"{base}/bad-length.html", pages[10], bad_length=5000)
        for index, empty in enumerate(("", "<html><head>{charset}<title></title></head><body></body></html>")):
            self.planted.append(Planted(f"{base}/empty-{index}.html", "broken:empty"))
            self._respond(f"{base}/empty-{index}.html", empty)

    def _add_junk(self) -> None:
        for index, (url, page, what) in enumerate(plants.junk()):
            self.planted.append(Planted(url, what))
            self._respond(url, page, charset("gbk/meta") if index % 3 == 0 else PLAIN)

    def _add_indexes(self) -> None:
        for site in self.sites.values():
            items = self._by_site[site.id]
            lists = {"/": (site.name, items[:60])}
            for section in [*site.sections, "更多"]:
                number = site.section_number(section)
                lists[f"/{number}/"] = (section, [a for a in items if site.section_number(a.section) == number])
            for path, (title, listed) in lists.items():
                rows = links([Link(site.path(article), article.title) for article in listed])
                page = (
                    f"<!DOCTYPE html>\n<html><head>{{charset}}<title>{title}</title></head><body>"
                    f'<div class="nav"><ul>{links(section_links(site))}</ul></div>'
                    f'<div class="list"><ul>{rows}</ul></div><div class="footer">{site.company} {site.icp}</div></body></html>'
                )
                self.planted.append(Planted(f"{site.origin}{path}", "index-page"))
                self._respond(f"{site.origin}{path}", page)

    def _add_side_records(self) -> None:
        for site in self.sites.values():
            for response, what in plants.side_responses(site, list(site.sections)):
                self.planted.append(Planted(response.url, what))
                self.responses.append(response)
        logo = f"{self.sites['news'].origin}/static/logo.png"
        self.planted.append(Planted(logo, "record:image"))
        self.responses.append(Response(logo, plants.image(), content_type="image/png"))

    def revisited(self) -> list[Planted]:
        """The rows of the revisit records."""
        return [Planted(self.responses[index - 1].url, "record:revisit") for index in REVISITED]


def write_planted(site: ExampleSite, folder: Path) -> Counter[str]:
    """Write ``planted.tsv`` and return the number of rows of each kind."""
    rows = sorted((row.url, row.what, row.detail) for row in site.planted + site.revisited())
    table = "url\twhat\tdetail\n" + "".join("\t".join(row) + "\n" for row in rows)
    (folder / "planted.tsv").write_text(table, encoding="utf-8")
    return Counter(what.partition(":")[0] for _, what, _ in rows)
