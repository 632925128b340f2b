"""The ``input`` section: what a build reads and how it is cut into splits."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, PositiveInt, model_validator

from corpus.config.commoncrawl import CommonCrawlSettings
from corpus.config.section import Section

FormatName = Literal["auto", "warc", "html", "jsonl", "parquet", "text", "wudao"]

MIB = 1 << 20
# Where records come from. How they are read, and so what becomes of them, the other fields say.
SOURCE_FIELDS = ("source", "paths", "commoncrawl")


class InputSettings(Section):
    """Input paths, their formats, the names of their fields, and the limits of reading.

    Credentials of remote storage come from the environment only (the
    variables that fsspec's implementations read), never from this file.
    """

    source: Literal["files", "commoncrawl"] = Field(
        default="files",
        description="'files' reads `paths`. 'commoncrawl' selects records of Common Crawl by its index as the section "
        "commoncrawl below says, fetches their bytes to OUTPUT/crawl and reads those; `wudao build --dry-run` says "
        "bytes, requests and cost beforehand.",
    )
    paths: list[str] = Field(
        default=[],
        description="Files, folders, globs or fsspec URLs (s3://, gs://, hdfs://, https://, ...), read in this order.",
    )
    format: FormatName | dict[str, FormatName] = Field(
        default="auto",
        description="'auto' looks at the first bytes, then at the name. Or one format for all, or a table of glob "
        "(matched against the path below the input root) to format, first match wins, the rest is 'auto'.",
    )
    text_field: str | None = Field(
        default=None,
        description="JSONL/Parquet/WuDao: field of the text; a dot descends ('meta.text'). None: the first of the "
        "names in corpus/reading/fields.yaml that a record has.",
    )
    html_field: str | None = Field(default=None, description="Field of HTML source; preferred over text when named.")
    url_field: str | None = Field(default=None, description="Field of the URL. None: see corpus/reading/fields.yaml.")
    id_field: str | None = Field(default=None, description="Field of the source's own id. None: as above.")
    title_field: str | None = Field(default=None, description="Field of the title. None: as above.")
    date_field: str | None = Field(default=None, description="Field of the publication date. None: as above.")
    label_field: str | None = Field(default=None, description="Field of a label given by the source. None: as above.")
    split_bytes: PositiveInt = Field(
        default=64 * MIB,
        description="Target size of one split of a large JSONL or Parquet file. 64 MiB is about a minute of work of "
        "one core: small enough to balance load and to lose little in a crash.",
    )
    bundle_bytes: PositiveInt = Field(
        default=8 * MIB,
        description="Mean size of a bundle of small HTML or text files. Half of a bundle is rerun on average when "
        "one file is added, so it is smaller than a split.",
    )
    max_record_bytes: PositiveInt = Field(
        default=32 * MIB,
        description="Longer records are quarantined. Common Crawl cuts payloads at 1 MiB (5 MiB since March 2025), "
        "so what is longer is data, not prose.",
    )
    max_decompressed_bytes: PositiveInt = Field(
        default=64 << 30,
        description="A compressed file is read to this many decompressed bytes, the rest is quarantined. Common "
        "Crawl's WARC files of 1 GB decompress to about 5 GB.",
    )
    batch_bytes: PositiveInt = Field(default=8 * MIB, description="A batch ends once its payloads reach this size.")
    batch_rows: PositiveInt = Field(default=4096, description="A batch ends once it has this many rows.")
    commoncrawl: CommonCrawlSettings = CommonCrawlSettings()

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if self.source == "commoncrawl" and self.paths:
            raise ValueError("source commoncrawl reads no paths; take paths out, or set source: files")
        return self
