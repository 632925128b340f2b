from __future__ import annotations

import gzip

import pytest
import zstandard
from reading_archives import http, members, page, warc_record


def responses(count: int) -> list[bytes]:
    return [warc_record(http(page(number)), url=f"http://a.cn/{number}") for number in range(count)]


@pytest.mark.parametrize(
    "pack", [b"".join, lambda parts: members(*parts), lambda parts: gzip.compress(b"".join(parts))]
)
def test_every_response_of_plain_and_gzip_archives(tmp_path, read, pack):
    (tmp_path / "a.warc").write_bytes(pack(responses(20)))
    found = read(tmp_path)
    assert found.payloads == [page(number) for number in range(20)]
    assert [record["url"] for record in found.records] == [f"http://a.cn/{number}" for number in range(20)]
    assert not found.quarantined
    assert found.records[0]["fetched_at"].isoformat() == "2020-07-01T08:00:00+00:00"
    offsets = [record["offset"] for record in found.records]
    assert offsets == sorted(set(offsets))


def test_gzip_offsets_are_those_of_the_members(tmp_path, read):
    data = members(*responses(5))
    (tmp_path / "a.warc.gz").write_bytes(data)
    for number, record in enumerate(read(tmp_path).records):
        assert gzip.decompress(data[record["offset"] :]).count(page(number)) == 1


def test_zstd_archive_with_dictionary(tmp_path, read):
    records = responses(40)
    dictionary = zstandard.train_dictionary(4096, records * 20)
    compressor = zstandard.ZstdCompressor(dict_data=dictionary)
    raw = dictionary.as_bytes()
    data = b"\x5d\x2a\x4d\x18" + len(raw).to_bytes(4, "little") + raw + b"".join(map(compressor.compress, records))
    (tmp_path / "a.warc.zst").write_bytes(data)
    assert len(read(tmp_path, format="warc").records) == 40


def test_gzip_and_chunked_response_keeps_its_bytes_and_names_its_encodings(tmp_path, read):
    packed = gzip.compress(page(1))
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(packed), packed)
    block = http(chunked, extra="Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n")
    (tmp_path / "a.warc.gz").write_bytes(members(warc_record(block), *responses(3)))
    found = read(tmp_path)
    assert len(found.records) == 4
    assert found.payloads[0] == chunked
    assert found.records[0]["http_content_encoding"] == "gzip"
    assert found.records[0]["http_transfer_encoding"] == "chunked"


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (warc_record(b"software: x\r\n", "warcinfo", None), "warc_warcinfo"),
        (warc_record(b"GET / HTTP/1.1\r\n\r\n", "request"), "warc_request"),
        (warc_record(http(b""), "revisit"), "warc_revisit"),
        (warc_record(b"{}", "metadata"), "warc_metadata"),
        (warc_record(b"x", "made-up"), "warc_other"),
        (warc_record(b"20200701 a.cn", "response", "dns:a.cn", Content_Type="text/dns"), "dns"),
        (warc_record(http(b"User-agent: *", content_type="text/plain"), url="http://a.cn/robots.txt"), "robots_txt"),
        (warc_record(http(b"\xff\xd8\xff", content_type="image/jpeg")), "media_type"),
        (warc_record(http(b"\x00\x01", content_type=None)), "undeclared_media_type"),
        (warc_record(http(page(1), status="404 Not Found")), "http_status"),
        (warc_record(http(b"")), "empty_body"),
        (warc_record(b""), "empty_body"),
    ],
)
def test_what_is_no_document_is_skipped_with_its_reason(tmp_path, read, record, reason):
    (tmp_path / "a.warc").write_bytes(record + responses(1)[0])
    found = read(tmp_path)
    assert found.skipped == {reason: 1}
    assert len(found.records) == 1


def test_wet_conversion_resource_and_undeclared_markup(tmp_path, read):
    text = "春眠不觉晓，处处闻啼鸟。".encode()
    data = [
        warc_record(text, "conversion", Content_Type="text/plain"),
        warc_record(page(1), "resource", Content_Type="text/html"),
        warc_record(http(page(2), content_type=None)),
        warc_record(http(text, content_type="text/plain; charset=utf-8")),
    ]
    (tmp_path / "a.warc.wet.gz").write_bytes(members(*data))
    found = read(tmp_path)
    assert [record["format"] for record in found.records] == ["text", "html", "html", "text"]
    assert found.payloads == [text, page(1), page(2), text]


def test_first_content_type_wins_and_odd_headers_are_tolerated(tmp_path, read):
    block = b"HTTP/1.0 200\nContent-Type: text/html\nnonsense\nContent-Type: image/png\nX-A: 1\n folded\n\n" + page(1)
    (tmp_path / "a.warc").write_bytes(warc_record(block, url="<http://a.cn/>").replace(b"\r\n", b"\n"))
    (record,) = read(tmp_path).records
    assert record["http_content_type"] == "text/html"
    assert record["url"] == "http://a.cn/"


def test_reservations_of_headers(tmp_path, read):
    extra = "X-Robots-Tag: noai, noimageai\r\nX-Robots-Tag: gptbot: noindex, nofollow\r\ntdm-reservation: 1\r\n"
    (tmp_path / "a.warc").write_bytes(warc_record(http(page(1), extra=extra)) + warc_record(http(page(2))))
    first, second = read(tmp_path).records
    assert first["opt_out"] == ["gptbot:nofollow", "gptbot:noindex", "noai", "noimageai", "tdm-reservation"]
    assert second["opt_out"] is None


def test_reservations_that_the_crawler_noted_for_the_site(tmp_path, read):
    """Merged with those of the response; what is no name of a reservation is ignored."""
    noted = "ai.txt, TDM-Reservation,, <script>, " + "x" * 80
    said = http(page(2), extra="X-Robots-Tag: noai\r\ntdm-reservation: 1\r\n")
    text = http(page(3), content_type="text/plain; charset=utf-8")
    (tmp_path / "a.warc").write_bytes(
        warc_record(http(page(1)), WUDAO_Opt_Out=noted)
        + warc_record(said, WUDAO_Opt_Out="ai.txt")
        + warc_record(text, WUDAO_Opt_Out="ai.txt")
        + warc_record(http(page(4)), WUDAO_Opt_Out="")
        + warc_record(page(5), "resource", Content_Type="text/html", WUDAO_Opt_Out="tdm-reservation")
    )
    found = [record["opt_out"] for record in read(tmp_path).records]
    assert found == [
        ["ai.txt", "tdm-reservation"],
        ["ai.txt", "noai", "tdm-reservation"],
        ["ai.txt"],
        None,
        ["tdm-reservation"],
    ]


def test_damaged_member_costs_one_record(tmp_path, read):
    parts = [members(record) for record in responses(10)]
    broken = bytearray(parts[4])
    broken[40:60] = bytes(20)
    (tmp_path / "a.warc.gz").write_bytes(b"".join([*parts[:4], bytes(broken), *parts[5:]]))
    found = read(tmp_path)
    assert [record["url"][-1] for record in found.records] == list("012356789")
    (letter,) = found.quarantined
    assert letter["reason"] == "corrupt_gzip"
    assert letter["offset"] == len(b"".join(parts[:4]))


def test_garbage_between_members(tmp_path, read):
    parts = [members(record) for record in responses(4)]
    (tmp_path / "a.warc.gz").write_bytes(parts[0] + parts[1] + b"<garbage>" * 9 + parts[2] + parts[3] + bytes(512))
    found = read(tmp_path)
    assert len(found.records) == 4
    assert [letter["reason"] for letter in found.quarantined] == ["corrupt_gzip"]


@pytest.mark.parametrize("packed", [False, True])
def test_truncated_archive(tmp_path, read, packed):
    parts = [members(record) if packed else record for record in responses(3)]
    (tmp_path / "a.warc").write_bytes(b"".join(parts)[:-60])
    found = read(tmp_path)
    assert len(found.records) == 2
    (letter,) = found.quarantined
    assert letter["reason"] == ("truncated_gzip" if packed else "truncated_record")
    assert letter["offset"] == len(parts[0] + parts[1])


def test_content_length_that_lies(tmp_path, read):
    good = responses(4)
    long = warc_record(http(page(7)), Content_Length=len(http(page(7))) + 500)
    short = warc_record(http(page(8)), Content_Length=len(http(page(8))) - 50)
    none = warc_record(http(page(9)), Content_Length="many")
    (tmp_path / "a.warc").write_bytes(good[0] + long + good[1] + short + good[2] + none + good[3])
    found = read(tmp_path)
    assert [record["url"] for record in found.records if record["url"] != "http://例.cn/"] == [
        f"http://a.cn/{number}" for number in range(4)
    ]
    reasons = [letter["reason"] for letter in found.quarantined]
    assert reasons == ["wrong_content_length", "not_a_record", "malformed_warc_header"]


def test_record_longer_than_the_limit_is_passed_over(tmp_path, read):
    big = warc_record(http(b"<html>" + b"x" * 300_000), url="http://big.cn/")
    for name, data in {"a.warc": big + responses(1)[0], "b.warc.gz": members(big, *responses(1))}.items():
        (tmp_path / name).write_bytes(data)
    found = read(tmp_path, max_record_bytes=100_000)
    assert len(found.records) == 2
    assert [(letter["reason"], letter["url"]) for letter in found.quarantined] == [
        ("record_too_large", "http://big.cn/")
    ] * 2


def test_decompression_stops_at_its_budget(tmp_path, read):
    (tmp_path / "a.warc.gz").write_bytes(members(*responses(2), warc_record(http(bytes(5_000_000)))))
    found = read(tmp_path, max_decompressed_bytes=1_000_000)
    assert len(found.records) == 2
    assert [letter["reason"] for letter in found.quarantined] == ["decompressed_too_large"]


def test_damage_at_the_front_does_not_hide_the_archive(tmp_path, read):
    parts = [members(record) for record in responses(5)]
    (tmp_path / "a.warc.gz").write_bytes(parts[0][:20] + b"\xff" * 40 + b"".join(parts[1:]))
    found = read(tmp_path)
    assert len(found.records) == 4
    assert [letter["reason"] for letter in found.quarantined] == ["corrupt_gzip"]
