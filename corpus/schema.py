"""The Arrow schema at each boundary between passes.

Every table that one part of the project hands to another is defined here, one
comment per column. A step adds columns to a record batch or fills them; it
never renames one. ``text`` columns are ``large_string`` because one batch may
hold more than 2 GiB; short metadata is ``string``.
"""

from __future__ import annotations

import pyarrow as pa

# Source types in the order of their codes in token shards; appended to, never reordered.
SOURCE_TYPES = ("news", "comment", "encyclopedia", "forum", "blog", "academic", "qa", "manual", "other")

UTC_SECONDS = pa.timestamp("s", tz="UTC")

# One row per raw record, as a reader yields it, before anything is decoded.
RECORDS = pa.schema(
    [
        pa.field("path", pa.string(), nullable=False),  # input file, relative to the input root, "/" separated; of
        # a record fetched by index, the file of Common Crawl (offset is in it)
        pa.field("offset", pa.int64(), nullable=False),  # place in the file: byte offset, or row number for row formats
        pa.field("format", pa.string(), nullable=False),  # "html" or "text": what payload holds
        pa.field("url", pa.string()),  # as the source gives it
        pa.field("record_id", pa.string()),  # WARC-Record-ID, JSONL "id", WuDao uniqueKey, ...
        pa.field("fetched_at", UTC_SECONDS),  # WARC-Date and the like
        pa.field("http_content_type", pa.string()),  # the Content-Type header, raw (may lie about the charset)
        pa.field("http_content_encoding", pa.string()),  # raw Content-Encoding header; undone by the decode step
        pa.field("http_transfer_encoding", pa.string()),  # raw Transfer-Encoding header; undone by the decode step
        pa.field(
            "opt_out", pa.list_(pa.string())
        ),  # reservations seen in headers: "noindex", "noai", "tdm-reservation", ...
        pa.field("title", pa.string()),  # where the source has one of its own
        pa.field("published_at", UTC_SECONDS),  # where the source has one of its own
        pa.field("given_label", pa.string()),  # a label given by the source (WuDao dataType)
        pa.field(
            "payload", pa.large_binary(), nullable=False
        ),  # HTTP body as stored, file bytes, or UTF-8 of a JSON string
    ]
)

DOMAIN_SCORE = pa.struct([pa.field("name", pa.string()), pa.field("score", pa.float32())])
PII_COUNT = pa.struct([pa.field("kind", pa.string()), pa.field("count", pa.int32())])

# What decode and extract make of a record: one row per document (a forum page may yield several parts).
EXTRACTED = pa.schema(
    [
        pa.field("doc_key", pa.binary(16), nullable=False),  # identity: see corpus.identity.document_key
        pa.field("part", pa.int32(), nullable=False),  # 0 for a page of one document
        pa.field("url", pa.string()),
        pa.field("host", pa.string()),  # lower-case host of url, null without one
        pa.field("record_id", pa.string()),
        pa.field("path", pa.string(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("fetched_at", UTC_SECONDS),
        pa.field("published_at", UTC_SECONDS),
        pa.field("charset", pa.string()),  # codec that decoded the bytes, Python's name, lower case
        pa.field(
            "charset_source", pa.string()
        ),  # "bom", "utf-8", "header", "meta", "xml", "statistics", "fallback", "given"
        pa.field("replacement_share", pa.float32()),  # U+FFFD made by decoding / characters
        pa.field(
            "page_kind", pa.string()
        ),  # "article", "forum", "qa", "comments", "index", "wechat", "text" (not HTML)
        pa.field("title", pa.string()),
        pa.field("link_density", pa.float32()),  # characters inside links / characters of the body; null for text input
        pa.field("markup_density", pa.float32()),  # bytes of extracted text / bytes of HTML; null for text input
        pa.field(
            "page_hints", pa.list_(pa.string())
        ),  # sorted markup features for labels: "breadcrumb:健康", "og:article", "comment-list", ...
        pa.field("opt_out", pa.list_(pa.string())),  # headers and <meta name=robots>: "noindex", "noai", ...
        pa.field("given_label", pa.string()),
        pa.field("text", pa.large_string(), nullable=False),
    ]
)

# Named float32 signals of the quality step; the names and their meaning are in corpus/steps/quality.py.
SIGNAL_PREFIX = "signal_"


def documents_schema(signals: list[str]) -> pa.Schema:
    """Schema of the documents dataset: ``EXTRACTED`` plus what the later ingest steps add.

    ``signals`` are the quality signal names without prefix, in their stored order.
    """
    base = [field for field in EXTRACTED if field.name != "text"]
    return pa.schema(
        [
            *base,
            pa.field(
                "language", pa.string()
            ),  # ISO 639-1 where it exists, else 639-3 ("zh", "yue", "lzh", "ja"); "und"
            pa.field("language_score", pa.float32()),  # 0..1
            pa.field("script", pa.string()),  # "hans", "hant", "mixed"; null for other languages
            pa.field("source_type", pa.string()),  # news comment encyclopedia forum blog academic qa manual other
            pa.field("source_type_score", pa.float32()),
            pa.field(
                "domains", pa.list_(DOMAIN_SCORE)
            ),  # every domain at or above its threshold, best first, ties by name
            *[pa.field(SIGNAL_PREFIX + name, pa.float32()) for name in signals],
            pa.field("quality", pa.float32()),  # 0..1, quantised to 1e-4
            pa.field("n_chars", pa.int32()),  # code points of text
            pa.field("text", pa.large_string(), nullable=False),  # NFC
        ]
    )


def corpus_schema(signals: list[str]) -> pa.Schema:
    """Schema of the published corpus shards: documents after duplicates and PII are gone."""
    fields = [field for field in documents_schema(signals) if field.name != "text"]
    return pa.schema(
        [
            *fields,
            pa.field("cluster_size", pa.int32(), nullable=False),  # documents that this one stands for, itself included
            pa.field("pii", pa.list_(PII_COUNT)),  # what was found, by kind, sorted by kind
            pa.field("text", pa.large_string(), nullable=False),
        ]
    )


def signatures_schema(bands: int) -> pa.Schema:
    """One row per document of one split, in the same order as its documents file.

    The split's ordinal is not stored (it may change when inputs are added): readers add it.
    """
    return pa.schema(
        [
            pa.field("row", pa.int32(), nullable=False),  # row in the split's documents
            pa.field("doc_key", pa.binary(16), nullable=False),
            pa.field("content_hash", pa.binary(16), nullable=False),  # 128-bit hash of the whole hash form
            pa.field("quality", pa.int32(), nullable=False),  # floor(quality * 1e6): ranks keepers
            pa.field("n_chars", pa.int32(), nullable=False),
            pa.field(
                "bands", pa.list_(pa.int64()), nullable=False
            ),  # empty: too short, exact only. The band's index is in the hash
            pa.field("signature", pa.binary(), nullable=False),  # compact signature for verification; empty: too short
        ]
    )


# Every member of every cluster of two or more, the keeper too.
CLUSTERS = pa.schema(
    [
        pa.field("split", pa.int32(), nullable=False),  # ordinal of the ingest split in the plan
        pa.field("row", pa.int32(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),  # "keeper", "repeat" (same doc_key), "exact", "near"
        pa.field("keeper", pa.binary(16), nullable=False),  # doc_key of the keeper
        pa.field("similarity", pa.float32(), nullable=False),  # to the keeper, 1.0 for keeper/repeat/exact
        pa.field("cluster_size", pa.int32(), nullable=False),
        pa.field(
            "component", pa.binary(16), nullable=False
        ),  # smallest doc_key of the component before it is cut, or the one that an earlier build gave
        pa.field("build", pa.string()),  # the earlier build that published the keeper; null: this one
    ]
)

# One row for each document that a rule removed.
REJECTS = pa.schema(
    [
        pa.field("doc_key", pa.binary(16)),
        pa.field("path", pa.string(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("part", pa.int32(), nullable=False),
        pa.field("url", pa.string()),
        pa.field("step", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),  # code, snake_case
        pa.field("score", pa.float32()),  # the value that missed its threshold
        pa.field("threshold", pa.float32()),
        pa.field("text", pa.large_string()),  # only with keep_rejects
    ]
)

# One row for each record or document that could not be processed.
DEAD_LETTERS = pa.schema(
    [
        pa.field("path", pa.string(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),  # -1: the whole file
        pa.field("part", pa.int32(), nullable=False),  # -1: the whole record
        pa.field("url", pa.string()),
        pa.field("step", pa.string(), nullable=False),  # "read", "decode", ...
        pa.field("reason", pa.string(), nullable=False),  # code, snake_case
        pa.field("detail", pa.string(), nullable=False),  # one sentence for a person
        pa.field("reproducible", pa.bool_(), nullable=False),  # false: a wall-clock limit or a lost worker ended it
    ]
)


def tokens_schema(wide: bool) -> pa.Schema:
    """Token shards: row i belongs to row i of the corpus shard. ``wide``: uint32 instead of uint16."""
    return pa.schema(
        [
            pa.field(
                "tokens",
                pa.large_list(pa.field("item", pa.uint32() if wide else pa.uint16(), nullable=False)),
                nullable=False,
            ),
            pa.field("doc_key", pa.binary(16), nullable=False),
            pa.field("domain", pa.int8(), nullable=False),  # index into the manifest's domain table, -1 none
            pa.field("domain_mask", pa.uint32(), nullable=False),  # bit i: domain i
            pa.field("source_type", pa.int8(), nullable=False),  # index into the manifest's source_type table, -1 none
            pa.field("n_chars", pa.int32(), nullable=False),
            pa.field("quality", pa.float32(), nullable=False),
            pa.field("cluster_size", pa.int32(), nullable=False),
            pa.field("prompt_len", pa.int32(), nullable=False),  # leading tokens without loss
        ]
    )
