"""What is planted among the honest pages: copies, near copies, personal data, junk, broken pages and odd records."""

from __future__ import annotations

import dataclasses
import struct
import zlib
from pathlib import Path
from typing import Any

import yaml
from content import Article, Post
from draw import Draw, hash_number, shuffled
from markup import Site
from personal import values
from warc_writer import Response

HERE = Path(__file__).parent
NEAR_FOOTERS = (
    "本文转载自网络，版权归原作者所有，如有侵权请联系我们删除。",
    "（本文来源于网友投稿，仅代表作者本人观点，不代表本站立场。）",
    "更多精彩内容，欢迎关注我们的公众号，每天早上七点准时更新。",
    "【免责声明】转载此文是出于传递更多信息之目的，内容仅供参考。",
)
EDITS = (
    ("但是", "不过"),
    ("因为", "由于"),
    ("大约", "约"),
    ("已经", "早已"),
    ("可以", "能够"),
    ("应当", "应该"),
    ("，", "、"),
)


@dataclasses.dataclass(frozen=True)
class Planted:
    """One row of ``planted.tsv``: the URL, what was planted there, and its counterpart or value."""

    url: str
    what: str
    detail: str = ""


def _bank(name: str) -> Any:
    return yaml.safe_load((HERE / "banks" / f"{name}.yaml").read_text(encoding="utf-8"))


def with_personal_data(articles: list[Article], sites: dict[str, Site], count: int) -> list[Planted]:
    """Add a passage with personal data to ``count`` articles, in place, never twice to one."""
    passages, planted, used = _bank("personal"), [], set()
    for index in range(count):
        passage = passages[index % len(passages)]
        draw = Draw("personal", index)
        at_site = [article for article in articles if article.site == passage["site"] and article.key not in used]
        article = draw.choice(at_site)
        used.add(article.key)
        person = values(draw)
        text = draw.fill(passage["text"], person)
        if article.posts:
            article.posts.append(Post("热心网友", text))
        else:
            article.blocks.append(text)
        address = sites[article.site].address(article)
        planted += [Planted(address, f"personal:{kind}", value) for kind, value in person.items() if value in text]
    return planted


def near_copies(articles: list[Article], count: int) -> list[tuple[Article, Article, str]]:
    """``count`` near copies: the source, the copy on another site, and what was done to it."""
    taken, hosts = (
        [],
        {"news": "finance", "finance": "news", "tech": "news", "health": "news", "blog": "tech", "baike": "blog"},
    )
    ready = [article for article in articles if article.site in hosts and not article.posts and len(article.text) > 250]
    for index, source in enumerate(shuffled(ready, "near")[:count]):
        copy = dataclasses.replace(
            source, key=f"near:{source.key}", site=hosts[source.site], blocks=list(source.blocks)
        )
        if index % 2 == 0:
            copy.blocks.append(NEAR_FOOTERS[index // 2 % len(NEAR_FOOTERS)])
            taken.append((source, copy, "near:footer-added"))
        else:
            for old, new in EDITS:
                place = hash_number("edit", source.key, old) % len(copy.blocks)
                copy.blocks[place] = copy.blocks[place].replace(old, new, 1)
            copy.title += "（图）"
            taken.append((source, copy, "near:characters-edited"))
    return taken


def simplified_copies(articles: list[Article], count: int) -> list[tuple[Article, Article, str]]:
    """Articles of the traditional site, again in simplified script on the news portal."""
    from opencc import OpenCC

    convert = OpenCC("t2s").convert
    taken = []
    for source in [article for article in articles if article.site == "taipu"][:count]:
        blocks = [convert(block) for block in source.blocks]
        copy = dataclasses.replace(
            source,
            key=f"simplified:{source.key}",
            site="news",
            title=convert(source.title),
            section="社会",
            blocks=blocks,
        )
        taken.append((source, copy, "near:simplified-script"))
    return taken


def junk() -> list[tuple[str, str, str]]:
    """Link farms, keyword rows and advertisements: (URL, page, what)."""
    banks, pages = _bank("junk"), []
    for kind, bank in banks["kinds"].items():
        for index in range(bank["count"]):
            draw = Draw("junk", kind, index)
            host = f"www.{draw.choice(bank['hosts'])}{draw.between(10, 999)}.example"
            words = draw.sample(bank["words"], min(len(bank["words"]), bank["take"]))
            slots = {"host": host, "word": words[0]}
            lines = [draw.fill(bank["line"], {**slots, "word": word}) for word in words]
            title = draw.fill(bank["title"], slots)
            body = "\n".join(lines)
            page = f"<html><head>{{charset}}<title>{title}</title></head><body><h1>{title}</h1>\n{body}\n<p>{host}</p></body></html>"
            pages.append((f"http://{host}/{index + 1}.html", page, f"junk:{kind}"))
    return pages


def image() -> bytes:
    """A grey PNG of 16 by 16 pixels (stored, not compressed, so that its bytes are the same with every zlib)."""
    raw = b"".join(b"\0" + bytes(range(0, 256, 16)) for _ in range(16))
    stored = (
        b"\x78\x01\x01" + struct.pack("<HH", len(raw), len(raw) ^ 0xFFFF) + raw + struct.pack(">I", zlib.adler32(raw))
    )

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 16, 16, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", stored) + chunk(b"IEND", b"")


def garble(page: bytes, how: int) -> bytes:
    """A page ruined on its way: decoded wrongly and stored again, or with bytes overwritten."""
    text = page.decode("utf-8", "replace")
    if how == 0:
        return text.encode("utf-8").decode("gb18030", "replace").encode()
    if how == 1:
        return text.encode("gb18030").decode("latin-1").encode()
    if how == 2:
        return "".join(
            "�" if ord(character) > 0x2E80 and index % 3 else character for index, character in enumerate(text)
        ).encode()
    return bytes(byte if byte < 0x80 or index % 5 else 0x3F for index, byte in enumerate(page))


def cut_character(encoded: bytes) -> bytes:
    """A GBK page with one character cut in half: the lead byte stays, the trail byte is gone."""
    start = encoded.index("　".encode("gbk"), len(encoded) // 3) + 4
    return encoded[: start + 1] + encoded[start + 2 :]


def side_responses(site: Site, some: list[str]) -> list[tuple[Response, str]]:
    """Per site: robots.txt, a missing page, a moved page; and an image on the first."""
    base = site.origin
    robots = f"User-agent: *\nDisallow: /login\nDisallow: /reg\nDisallow: /ad/\nDisallow: /space-uid-\nSitemap: {base}/sitemap.xml\n".encode()
    missing = "<html><head><title>404 Not Found</title></head><body><h1>404</h1><p>您访问的页面不存在或已被删除。</p></body></html>"
    return [
        (Response(f"{base}/robots.txt", robots, content_type="text/plain"), "record:robots"),
        (Response(f"{base}/gone/{len(some)}.html", missing.encode(), 404, "text/html; charset=utf-8"), "record:404"),
        (Response(f"{base}/index.php", b"", 301, headers=[("Location", f"{base}/")]), "record:301"),
    ]
