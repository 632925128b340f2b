"""Page features that labels and quality use: breadcrumbs, schema types, lists of comments, site builder."""

from __future__ import annotations

import re

from corpus.extraction.metadata import Metadata, clean
from corpus.extraction.page import Page
from corpus.kernels.markup_tree import TEXT

_TRAIL = re.compile(r"\s*(?:[>›»/＞→·|]|::|&gt;|当前位置[:：]?|您的位置[:：]?|现在位置[:：]?|\t|\n)\s*")
_GENERATORS = (
    "discuz", "phpwind", "phpbb", "vbulletin", "xenforo", "discourse", "flarum", "wordpress", "hexo", "hugo", "jekyll",
    "vuepress", "vitepress", "docusaurus", "sphinx", "mediawiki", "typecho", "z-blog", "drupal", "joomla", "dedecms",
    "emlog", "gitbook", "mkdocs", "docutils", "rustdoc", "javadoc", "doxygen", "nodebb", "blogger", "ghost",
)  # fmt: skip


def page_hints(page: Page, stated: Metadata, kind: str) -> list[str]:
    """Return the sorted features of a page's markup as strings (``breadcrumb:健康``, ``qa``...)."""
    hints: set[str] = set()
    if stated.og_type:
        hints.add("og:type=" + stated.og_type)
    hints.update("schema:" + name for name in stated.types)
    for name in _GENERATORS:
        if name in stated.generator:
            hints.add("generator:" + name)
    if kind in ("forum", "qa", "comments", "index", "wechat"):
        hints.add({"comments": "comment-list"}.get(kind, kind))
    hints.update("breadcrumb:" + name for name in breadcrumb(page))
    return sorted(hints)


def breadcrumb(page: Page) -> list[str]:
    """Return the names on the page's first breadcrumb trail, at most eight."""
    words = page.words
    cue = words.cues("breadcrumb")
    if not page.has_cue(cue):
        return []
    tree = page.tree
    nodes = (tree.cues & cue).nonzero()[0]
    for node in nodes[:8]:
        if not 2 <= page.text[node] <= 200 or page.anchors[node] < 1:
            continue
        names: list[str] = []
        for child in range(int(node), int(tree.end[node])):
            if tree.tag[child] == TEXT and tree.chars[child]:
                text = clean(page.slice(int(tree.start[child]), int(tree.stop[child])))
                names.extend(name for name in _TRAIL.split(text) if 1 < len(name) <= 20)
        if names:
            return list(dict.fromkeys(names))[:8]
    return []
