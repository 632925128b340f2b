"""Which page is stored in which charset, and how it declares it, truthfully or not."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Charset:
    """The codec of a page's bytes and what header and meta element say."""

    codec: str
    header: str | None
    meta: str | None

    @property
    def planted(self) -> str:
        """The name of the case in ``planted.tsv``; empty for plain UTF-8."""
        if self.codec == "utf-8" and self.header in ("utf-8", None) and self.meta in ("utf-8", None):
            return ""
        said = {value for value in (self.header, self.meta) if value}
        names = {"gb18030": ("gb2312", "gbk", "gb18030"), "gbk": ("gb2312", "gbk", "gb18030")}
        honest = said <= set(names.get(self.codec, (NAMES.get(self.codec, self.codec),)))
        declared = "undeclared" if not said else "declared" if honest else "wrongly-declared"
        return f"charset:{self.codec}:{declared}"


PLAIN = Charset("utf-8", "utf-8", "utf-8")
NAMES = {"euc_jp": "euc-jp", "euc_kr": "euc-kr"}


def charset(case: str) -> Charset:
    """The charset of a case of ``sites.yaml``, written ``codec/declaration``."""
    codec, _, how = case.partition("/")
    name = "gb2312" if codec == "gbk" else NAMES.get(codec, codec)
    name_if = {"meta": (None, name), "header": (name, None), "both": (name, name), "none": (None, None)}
    lie = how.removeprefix("says-")
    header, meta = name_if.get(how, (lie, lie))
    return Charset(codec, header, meta)


def encode(page: str, used: Charset) -> bytes:
    """The page's bytes; what the charset lacks becomes a character reference, as servers do it."""
    declaration = f'<meta http-equiv="Content-Type" content="text/html; charset={used.meta}">\n' if used.meta else ""
    return page.replace("{charset}", declaration).encode(used.codec, "xmlcharrefreplace")
