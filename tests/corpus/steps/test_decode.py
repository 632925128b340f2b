"""Decode: charsets declared rightly, wrongly and not at all."""

from __future__ import annotations

import gzip

import pytest
from decode_pages import FR, HANS, HANT, JA, KO, RU, YUE, noise_bytes, one, page, record, run

from corpus.identity import payload_digest
from corpus.steps.decode import Decode


def test_output_columns(step: Decode) -> None:
    row = one(step, HANS.encode())
    assert row["payload_digest"] == payload_digest(HANS.encode())
    assert "payload" not in row
    assert (row["charset"], row["charset_source"], row["replacement_share"]) == ("utf-8", "utf-8", 0.0)


@pytest.mark.parametrize(
    ("text", "codec", "charset"),
    [
        (HANS, "gbk", "gb18030"),
        (HANS, "gb2312", "gb18030"),
        (HANS + "𠮷野家", "gb18030", "gb18030"),
        (HANT, "gbk", "gb18030"),
        (HANT, "big5", "big5hkscs"),
        (YUE, "big5hkscs", "big5hkscs"),
        (JA, "shift_jis", "cp932"),
        (JA, "euc_jp", "euc_jp"),
        (KO, "euc_kr", "cp949"),
        (KO + "똠방각하", "cp949", "cp949"),
        (RU, "cp1251", "cp1251"),
        (RU, "koi8_r", "koi8_r"),
        (FR, "cp1252", "cp1252"),
    ],
)
def test_undeclared_charsets_are_told_by_statistics(step: Decode, text: str, codec: str, charset: str) -> None:
    row = one(step, page(text).encode(codec))
    assert (row["content"], row["charset"], row["charset_source"]) == (page(text), charset, "statistics")


@pytest.mark.parametrize("text", ["联通", "你好", "中国", "公告", "首页"])
def test_two_characters_of_gbk_suffice(step: Decode, text: str) -> None:
    assert one(step, text.encode("gbk"))["content"] == text


def test_tables_drawn_with_lines_do_not_mislead(step: Decode) -> None:
    text = "├────┬────┤\n│姓名│職稱│\n" * 3
    for codec in ("gbk", "big5"):
        assert one(step, text.encode(codec))["content"] == text


@pytest.mark.parametrize("claim", ["utf-8", "iso-8859-1", "windows-1252", "us-ascii", "x-unknown", "euc-jp"])
def test_lying_declarations_do_not_lose_gbk(step: Decode, claim: str) -> None:
    row = one(step, page(HANS, claim).encode("gbk"), http_content_type=f"text/html; charset={claim}")
    assert row["content"] == page(HANS, claim)


def test_gb2312_said_but_bytes_are_utf8(step: Decode) -> None:
    row = one(step, page(HANS, "gb2312").encode(), http_content_type="text/html; charset=gb2312")
    assert (row["content"], row["charset_source"]) == (page(HANS, "gb2312"), "utf-8")


def test_gb2312_said_but_bytes_are_big5(step: Decode) -> None:
    assert one(step, page(HANT, "gb2312").encode("big5"))["content"] == page(HANT, "gb2312")


def test_header_latin1_meta_right(step: Decode) -> None:
    row = one(step, page(HANS, "gbk").encode("gbk"), http_content_type="text/html; charset=ISO-8859-1")
    assert (row["content"], row["charset_source"]) == (page(HANS, "gbk"), "meta")


def test_sources_of_declarations(step: Decode) -> None:
    body = page(HANS).encode("gbk")
    assert one(step, body, http_content_type='text/html; charset="GB2312"')["charset_source"] == "header"
    xml = f'<?xml version="1.0" encoding="gb2312"?><p>{HANS}</p>'.encode("gbk")
    assert one(step, xml)["charset_source"] == "xml"
    equiv = f'<meta http-equiv="Content-Type" content="text/html; charset=gb2312"><p>{HANS}'.encode("gbk")
    assert one(step, equiv)["charset_source"] == "meta"


def test_declaration_inside_a_comment_or_far_down_does_not_mislead(step: Decode) -> None:
    body = f'<!-- <meta charset="shift_jis"> --><p>{HANS}</p>'
    assert one(step, body.encode("gbk"))["content"] == body


def test_short_gbk_that_is_valid_utf8_by_chance(step: Decode) -> None:
    text = next(a + b for a in HANS for b in HANS if _is_utf8((a + b).encode("gbk")))
    row = one(step, text.encode("gbk"), http_content_type="text/html; charset=gbk")
    assert row["content"] == text


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


@pytest.mark.parametrize("codec", ["utf-8", "gbk", "big5"])
@pytest.mark.parametrize("declared", [True, False])
def test_cut_page_keeps_its_charset(step: Decode, codec: str, declared: bool) -> None:
    text = HANT if codec == "big5" else HANS
    body = text.encode(codec)[:-4]
    if codec != "utf-8":
        body = text[:-1].encode(codec)[:-1]
    row = one(step, body, **({"http_content_type": f"text/html; charset={codec}"} if declared else {}))
    content = str(row["content"])
    assert content.rstrip("\ufffd") == text[: len(content.rstrip("\ufffd"))]
    assert len(content) >= len(text) - 3


@pytest.mark.parametrize("codec", ["utf-8", "gbk"])
def test_one_broken_character_in_the_middle(step: Decode, codec: str) -> None:
    before, after = HANS[:20].encode(codec), HANS[21:].encode(codec)
    row = one(step, before + b"\xff" + after, http_content_type=f"text/html; charset={codec}")
    assert row["content"] == HANS[:20] + "\ufffd" + HANS[21:]
    assert row["replacement_share"] == pytest.approx(1 / len(HANS), abs=1e-5)


def test_utf8_page_with_a_part_in_gbk_stays_utf8(step: Decode) -> None:
    row = one(step, (HANS * 4).encode() + "页脚".encode("gbk") + HANS.encode())
    assert row["charset"] == "utf-8"
    assert str(row["content"]).startswith(HANS)
    assert str(row["content"]).endswith(HANS)


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-32"])
def test_byte_order_marks(step: Decode, codec: str) -> None:
    row = one(step, page(HANS).encode(codec), http_content_type="text/html; charset=gbk")
    assert (row["content"], row["charset_source"]) == (page(HANS), "bom")


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_charsets_without_a_mark(step: Decode, codec: str) -> None:
    row = one(step, page(HANS).encode(codec))
    assert (row["content"], row["charset"]) == (page(HANS), codec)


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", [HANS * 3, HANT * 3, KO.replace(" ", "") * 3])
def test_utf16_of_east_asian_letters_alone(step: Decode, text: str, codec: str) -> None:
    row = one(step, text.encode(codec), format="text")
    assert (row["content"], row["charset"]) == (text, codec)


@pytest.mark.parametrize(("text", "codec"), [(JA, "iso2022_jp"), (KO, "iso2022_kr"), (HANS, "hz")])
def test_seven_bit_charsets(step: Decode, text: str, codec: str) -> None:
    assert one(step, text.encode(codec), http_content_type=f"text/html; charset={codec}")["content"] == text


def test_ascii_with_an_odd_byte_does_not_turn_into_han(step: Decode) -> None:
    content = str(one(step, b"this app can break, Bush hid the facts\x81\x81\x8d\x9d end", format="text")["content"])
    assert content.startswith("this app can break, Bush hid the facts")


def test_former_private_use_of_gb18030(step: Decode) -> None:
    row = one(step, HANS.encode("gbk") + bytes.fromhex("fe59"), http_content_type="text/html; charset=gb18030")
    assert row["content"] == HANS + "\u9fb4"


def test_text_format_takes_the_same_path_without_markup(step: Decode) -> None:
    text = '正文里提到 <meta charset="shift_jis"> 这样的标签。' + HANS
    row = one(step, text.encode("gbk"), format="text")
    assert row["content"] == text


@pytest.mark.parametrize(
    "payload",
    [
        b"\x89PNG\r\n\x1a\n" + b"\0" * 50,
        b"%PDF-1.4\n%...",
        b"PK\x03\x04abc",
        b"GIF89a",
        noise_bytes(9000),
    ],
)
def test_binary_is_skipped(step: Decode, payload: bytes) -> None:
    outcome = run(step, record(payload), record(HANS.encode()))
    assert [(removal.row, removal.kind, removal.reason) for removal in outcome.removals] == [(0, "skipped", "binary")]


@pytest.mark.parametrize("payload", [b"", gzip.compress(b"", mtime=0), b"\xef\xbb\xbf"])
def test_empty_is_skipped(step: Decode, payload: bytes) -> None:
    outcome = run(step, record(payload))
    assert [(removal.kind, removal.reason) for removal in outcome.removals] == [("skipped", "empty")]


def test_a_stray_nul_does_not_make_a_page_binary(step: Decode) -> None:
    assert one(step, page(HANS).encode() + b"\0")["content"] == page(HANS) + "\0"
