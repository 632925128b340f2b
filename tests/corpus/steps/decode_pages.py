"""Short pages in several scripts, and the decode step over records made of them."""

from __future__ import annotations

import gzip
import random
import zlib

import brotli
import pyarrow as pa
import zstandard

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


def chunked(body: bytes, size: int = 37) -> bytes:
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
