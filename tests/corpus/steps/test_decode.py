"""Decode: charsets declared rightly, wrongly and not at all; content encodings, broken ones too."""

from __future__ import annotations

import gzip
import random
import zlib

import brotli
import pyarrow as pa
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from corpus.config.decode import DecodeSettings
from corpus.identity import payload_digest
from corpus.schema import RECORDS
from corpus.steps.decode import Decode
from corpus.steps.interface import Outcome

HANS = "图书馆今天上午九点开门，读者可以凭身份证免费借阅三本书。管理员提醒大家，请不要在阅览室里大声说话。"
HANT = "圖書館今天上午九點開門，讀者可以憑身分證免費借閱三本書。管理員提醒大家，請不要在閱覽室裡大聲說話。"
YUE = "我哋聽日去圖書館借書啦，嗰度冇乜人，嘥時間等位嘅話就唔去喇。"
JA = "図書館は今日の午前九時に開館します。閲覧室では静かにしてください。カードをお持ちの方は三冊まで借りられます。"
KO = "도서관은 오늘 오전 아홉 시에 문을 엽니다. 열람실에서는 조용히 해 주시기 바랍니다."
RU = "Библиотека открывается сегодня в девять часов утра. Просим вас не разговаривать громко."
FR = "La bibliothèque est ouverte à partir de neuf heures ; les élèves doivent être accompagnés."


def noise_bytes(count: int) -> bytes:
    return random.Random(7).randbytes(count)


@pytest.fixture(scope="module")
def step() -> Decode:
    decode = Decode(DecodeSettings())
    decode.load()
    return decode


def record(payload: bytes, **fields: str) -> dict[str, object]:
    return {"path": "a.warc", "offset": 0, "format": "html", "payload": payload, **fields}


def run(step: Decode, *rows: dict[str, object]) -> Outcome:
    return step.apply(pa.RecordBatch.from_pylist(list(rows), schema=RECORDS))


def one(step: Decode, payload: bytes, **fields: str) -> dict[str, object]:
    outcome = run(step, record(payload, **fields))
    assert outcome.removals == []
    row: dict[str, object] = outcome.batch.to_pylist()[0]
    return row


def page(text: str, charset: str | None = None) -> str:
    meta = f'<meta charset="{charset}">' if charset else ""
    return f"<html><head>{meta}<title>{text[:6]}</title></head><body><p>{text}</p></body></html>"


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


def deflate_raw(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


CODINGS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "Deflate": deflate_raw,
    "br": brotli.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}
LONG = "".join(f"第{number}条　{HANS[number % 30 :]}" for number in range(3000))


@pytest.mark.parametrize("coding", CODINGS)
def test_content_codings(step: Decode, coding: str) -> None:
    body = CODINGS[coding](HANS.encode("gbk"))
    assert one(step, body, http_content_encoding=coding, http_content_type="text/html; charset=gbk")["content"] == HANS


@pytest.mark.parametrize("coding", CODINGS)
def test_truncated_streams_keep_what_decodes(step: Decode, coding: str) -> None:
    body = CODINGS[coding](LONG.encode())
    content = str(one(step, body[: len(body) * 3 // 4], http_content_encoding=coding)["content"]).rstrip("\ufffd")
    assert len(content) > len(LONG) // 4
    assert LONG.startswith(content)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_corrupt_streams_keep_what_comes_before(step: Decode, coding: str) -> None:
    body = bytearray(CODINGS[coding](LONG.encode()))
    middle = len(body) // 2
    body[middle : middle + 40] = b"\xff" * 40
    content = str(one(step, bytes(body), http_content_encoding=coding)["content"])
    assert content[: len(LONG) // 4] == LONG[: len(LONG) // 4]


@pytest.mark.parametrize("coding", [*CODINGS, "identity", "utf-8", "gzip, br"])
def test_lying_coding_headers_keep_plain_text(step: Decode, coding: str) -> None:
    assert one(step, page(HANS).encode(), http_content_encoding=coding)["content"] == page(HANS)


def test_codings_are_undone_last_first(step: Decode) -> None:
    body = brotli.compress(gzip.compress(HANS.encode()))
    assert one(step, body, http_content_encoding="gzip, br")["content"] == HANS


def test_gzip_without_a_header_and_members_in_a_row(step: Decode) -> None:
    assert one(step, gzip.compress(HANS.encode()) + gzip.compress(HANT.encode()))["content"] == HANS + HANT


def chunked(body: bytes, size: int = 37) -> bytes:
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


@pytest.mark.parametrize("cut", [0, 3, 7, 40])
def test_chunks_whole_and_cut(step: Decode, cut: int) -> None:
    body = chunked(HANS.encode())
    content = str(one(step, body[: len(body) - cut], http_transfer_encoding="chunked")["content"])
    assert HANS.startswith(content.rstrip("\ufffd"))
    assert len(content) > len(HANS) - 20


def test_chunked_header_on_an_unframed_body(step: Decode) -> None:
    assert one(step, page(HANS).encode(), http_transfer_encoding="chunked")["content"] == page(HANS)


def test_chunked_gzip(step: Decode) -> None:
    body = chunked(gzip.compress(HANS.encode()))
    row = one(step, body, http_transfer_encoding="chunked", http_content_encoding="gzip")
    assert row["content"] == HANS


def test_broken_chunk_frame_keeps_the_rest(step: Decode) -> None:
    body = b"5\r\nabcde\r\nnot a size\r\n" + HANS.encode()
    assert HANS in str(one(step, body, http_transfer_encoding="chunked")["content"])


def test_bombs_are_quarantined() -> None:
    step = Decode(DecodeSettings(max_bytes=1 << 20, expansion_floor=1 << 16))
    step.load()
    nested = gzip.compress(gzip.compress(b"\0" * (1 << 22)))
    rows = [record(CODINGS[coding](b"\0" * (1 << 22)), http_content_encoding=coding) for coding in CODINGS]
    outcome = run(step, *rows, record(nested, http_content_encoding="gzip, gzip"), record(HANS.encode()))
    assert {(removal.kind, removal.reason) for removal in outcome.removals} == {("quarantined", "decompression_budget")}
    assert len(outcome.removals) == len(rows) + 1
    assert outcome.batch.column("content").to_pylist() == [HANS]


def test_undecodable_coding_is_quarantined(step: Decode) -> None:
    noise = noise_bytes(4000)
    outcome = run(step, record(noise, http_content_encoding="br"))
    assert [(removal.kind, removal.reason) for removal in outcome.removals] == [("quarantined", "content_encoding")]


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


def test_independent_of_batching(step: Decode) -> None:
    texts = [HANS.encode(), HANS.encode("gbk"), b"", HANT.encode("big5"), gzip.compress(HANS.encode()), b"plain"]
    rows = [record(body, http_content_encoding="gzip" if body[:1] == b"\x1f" else "") for body in texts]
    whole = run(step, *rows).batch.to_pylist()
    single = [row for item in rows for row in run(step, item).batch.to_pylist()]
    batch = pa.RecordBatch.from_pylist(rows * 2, schema=RECORDS).slice(3, 6)
    assert whole == single
    assert step.apply(batch).batch.num_rows == 5


def test_clean_utf8_batches_share_the_payload_buffer(step: Decode) -> None:
    batch = pa.RecordBatch.from_pylist([record(HANS.encode()), record(page(HANT).encode())], schema=RECORDS)
    content = step.apply(batch).batch.column("content")
    assert content.buffers()[2].address == batch.column("payload").buffers()[2].address


@given(st.lists(st.text(min_size=1).filter(lambda text: not text.startswith(("\ufeff", "\ufffe"))), max_size=6))
def test_any_utf8_text_survives_without_controls(texts: list[str]) -> None:
    step = _loaded()
    texts = [HANS + "".join(c for c in text if c.isprintable()) for text in texts]
    outcome = run(step, *(record(text.encode()) for text in texts))
    assert outcome.batch.column("content").to_pylist() == texts


@given(st.lists(st.binary(max_size=300), max_size=8), st.sampled_from(["", "gzip", "deflate", "br", "zstd"]))
def test_any_bytes_balance(payloads: list[bytes], coding: str) -> None:
    outcome = run(_loaded(), *(record(payload, http_content_encoding=coding) for payload in payloads))
    assert outcome.batch.num_rows + len(outcome.removals) == len(payloads)
    outcome.batch.validate(full=True)


_STEPS: list[Decode] = []


def _loaded() -> Decode:
    if not _STEPS:
        _STEPS.append(Decode(DecodeSettings()))
        _STEPS[0].load()
    return _STEPS[0]


def mutate(body: bytes, source: random.Random) -> bytes:
    """Return ``body`` with bits flipped, a piece cut out or doubled, or its end cut off."""
    data = bytearray(body)
    for _ in range(source.randrange(1, 8)):
        if not data:
            break
        at = source.randrange(len(data))
        action = source.randrange(4)
        if action == 0:
            data[at] ^= 1 << source.randrange(8)
        elif action == 1:
            del data[at : at + source.randrange(1, 20)]
        elif action == 2:
            data[at:at] = data[at : at + source.randrange(1, 50)]
        else:
            del data[len(data) - source.randrange(min(len(data), 30)) :]
    return bytes(data)


def check_mutated(count: int) -> None:
    step = _loaded()
    source = random.Random(20261123)
    bodies = [
        page(HANS, "gbk").encode("gbk"), page(HANT).encode("big5"), page(HANS).encode(), page(JA).encode("shift_jis"),
        page(KO).encode("euc_kr"), page(HANS).encode("utf-16"), page(HANS).encode("gb18030"),
    ]  # fmt: skip
    codings = ["", *CODINGS]
    for start in range(0, count, 100):
        rows = []
        for _ in range(start, min(start + 100, count)):
            coding = source.choice(codings)
            body = source.choice(bodies)
            body = CODINGS[coding](body) if coding else body
            framed = source.random() < 0.2
            rows.append(
                record(
                    mutate(chunked(body) if framed else body, source),
                    http_content_encoding=coding,
                    http_transfer_encoding="chunked" if framed else "",
                    http_content_type=source.choice(["", "text/html; charset=gbk", "text/html; charset=\ufffd"]),
                )
            )
        outcome = run(step, *rows)
        assert outcome.batch.num_rows + len(outcome.removals) == len(rows)
        outcome.batch.validate(full=True)


def test_mutated_pages() -> None:
    check_mutated(600)


@pytest.mark.slow
def test_twenty_thousand_mutated_pages() -> None:
    check_mutated(20_000)


@pytest.mark.slow
@pytest.mark.parametrize("body", [b"<" * 50_000_000, "字".encode() * 17_000_000, "字".encode("gbk") * 25_000_000])
def test_fifty_megabyte_lines(step: Decode, body: bytes) -> None:
    assert run(step, record(body)).batch.num_rows == 1
