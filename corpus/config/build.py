"""The whole configuration of a build: one section per step and pass."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from corpus.config.decode import DecodeSettings
from corpus.config.dedupe import DedupeSettings
from corpus.config.extract import ExtractSettings
from corpus.config.input import InputSettings
from corpus.config.label import LabelSettings
from corpus.config.language import LanguageSettings
from corpus.config.normalise import NormaliseSettings
from corpus.config.quality import QualitySettings
from corpus.config.scrub import ScrubSettings
from corpus.config.section import Section
from corpus.config.tokenizer import TokenizerSettings


class PublishSettings(Section):
    """How the corpus is sharded."""

    shard_bytes: int = Field(
        256 << 20, ge=1 << 16, description="Text bytes that a shard aims at, before duplicates are removed."
    )
    valid_share: float = Field(
        0.01,
        ge=0,
        le=0.5,
        description="Share of documents held out for validation, chosen by the hash of their cluster.",
    )
    compression_level: int = Field(
        3, ge=1, le=19, description="zstd level of the shards' buffers (zstd's own default)."
    )


class RunSettings(Section):
    """Where the work runs. Nothing here changes a byte of the output."""

    engine: Literal["local", "spark", "beam"] = Field("local", description="Which engine runs the passes.")
    workers: int | None = Field(None, ge=1, description="Worker processes of the local engine; null: one per core.")
    memory_limit: str = Field("4GB", description="Memory that the tables of dedupe may take before they spill to disk.")
    stall_seconds: float = Field(
        600, gt=0, description="A worker that shows no progress for so long is killed; its record is quarantined."
    )
    worker_memory: int = Field(
        4 << 30, ge=256 << 20, description="Bytes that a worker may hold; above, it is killed and its record isolated."
    )
    master: str | None = Field(None, description="Spark master URL; null: local[*].")
    conf: dict[str, str] = Field(default_factory=dict, description="Spark properties, passed through unchanged.")
    beam_args: list[str] = Field(default_factory=list, description="Beam pipeline options, passed through unchanged.")


class BuildConfig(Section):
    """The configuration of ``wudao build``; ``corpus.yaml`` shows every default with its source."""

    input: InputSettings = InputSettings()
    output: str = Field("out/corpus", description="Folder or URL that receives everything.")
    run: RunSettings = RunSettings()
    decode: DecodeSettings = DecodeSettings()
    extract: ExtractSettings = ExtractSettings()
    normalise: NormaliseSettings = NormaliseSettings()
    language: LanguageSettings = LanguageSettings()
    label: LabelSettings = LabelSettings()
    quality: QualitySettings = QualitySettings()
    dedupe: DedupeSettings = DedupeSettings()
    scrub: ScrubSettings = ScrubSettings()
    publish: PublishSettings = PublishSettings()
    tokenizer: TokenizerSettings = TokenizerSettings()
    tokenizer_path: str | None = Field(None, description="A tokenizer artifact to use; null: one is trained.")
    tombstones: str | None = Field(
        None,
        description="Parquet file of tombstones of another corpus; those of `wudao remove` in OUTPUT count always.",
    )
    against: list[str] = Field(
        default_factory=list,
        description="Outputs (or index folders) of earlier builds: what they published stays, copies of it go.",
    )
    keep_rejects: bool = Field(False, description="Store the text of dropped documents beside the reason (private).")
    tokenise: bool = Field(True, description="Train or load a tokenizer and write token shards after publishing.")
