"""The ``commoncrawl`` section: which records of Common Crawl are taken."""

from __future__ import annotations

import re

from pydantic import Field, PositiveInt, field_validator

from corpus.config.section import Section

_CRAWL_ID = re.compile(r"CC-MAIN-\d{4}(?:-\d{2}){0,2}")


class CommonCrawlSettings(Section):
    """Which records of Common Crawl are taken, through its columnar index."""

    crawls: list[str] = Field(
        default=[],
        description="Names of crawls ('CC-MAIN-2025-08'); the files of their index are those that "
        "crawl-data/NAME/cc-index-table.paths.gz below `data` lists. Languages are known since CC-MAIN-2018-39.",
    )
    index: list[str] = Field(
        default=[],
        description="Beside or instead of crawls: Parquet files, folders or globs of the columnar index "
        "(cc-index/table/cc-main/warc/crawl=…/subset=warc), local or fsspec URLs.",
    )
    data: str = Field(
        default="https://data.commoncrawl.org",
        description="Where warc_filename is relative to; or s3://commoncrawl (needs an AWS account), or a local copy.",
    )
    languages: list[str] = Field(
        default=["zho"],
        description="ISO 639-3 codes; a record is taken where one of them is the first of content_languages (CLD2's "
        "main language of the page).",
    )
    any_language: bool = Field(
        default=False, description="Take a record where the language is anywhere in content_languages."
    )
    hosts: list[str] = Field(default=[], description="Host globs; empty: every host.")
    url_pattern: str | None = Field(default=None, description="Regular expression (RE2) that a URL must contain.")
    max_records: int | None = Field(
        default=None, ge=1, description="Records taken, in the order of file and offset; null: all."
    )
    gap_bytes: int = Field(
        default=8 << 10,
        ge=0,
        description="Records this close in a file are fetched in one request, the bytes between are discarded: 8 KiB "
        "holds the request and metadata records that stand between two responses. 0 fetches wanted bytes only.",
    )
    range_bytes: PositiveInt = Field(default=32 << 20, description="Longest range of one request.")
    task_bytes: PositiveInt = Field(
        default=256 << 20, description="Bytes that one task fetches: one WARC file of the output."
    )
    connections: PositiveInt = Field(
        default=4,
        description="Requests that a task has under way at once: a range is small, so waiting dominates. Common Crawl "
        "answers 403 and 503 to those that ask too fast.",
    )
    bytes_per_second: float | None = Field(
        default=None, gt=0, description="Bandwidth of each task; null: none. Common Crawl asks to be gentle."
    )
    max_tries: PositiveInt = Field(
        default=8,
        description="Tries of a range, with waits of 0.5 s, 1.5 s, … 120 s between; 8 ride out five minutes. Then the "
        "run stops, and goes on there when it is started again.",
    )
    price_per_gb: float = Field(
        default=0.0,
        ge=0,
        description="Price of a GB read over S3 for the dry run, in USD: 0 in AWS's region us-east-1. HTTPS is free.",
    )
    price_per_1000_requests: float = Field(
        default=0.0004, ge=0, description="Price of 1,000 GET requests for the dry run, in USD: S3 standard, us-east-1."
    )

    @field_validator("crawls")
    @classmethod
    def _are_crawls(cls, value: list[str]) -> list[str]:
        for name in value:
            if not _CRAWL_ID.fullmatch(name):
                raise ValueError(f"'{name}' is no name of a crawl; they look like CC-MAIN-2025-08")
        return value
