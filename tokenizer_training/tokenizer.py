"""Loaded tokenizers: text to token ids and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tokenizer_training import artifact

_CHUNK_BYTES = 1 << 21  # text per kernel call: bounds the working memory (about 60 bytes per byte of text)


class Tokenizer(ABC):
    """A tokenizer artifact, loaded by :func:`tokenizer_training.load`.

    ``encode_batch`` is a pure function of the text and the artifact. Ids are
    ``uint16`` where the padded vocabulary fits, else ``uint32``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.meta: dict[str, Any] = {}
        self.sha256 = ""

    def load(self) -> None:
        """Read the artifact and build the tables."""
        self.meta = artifact.read_meta(self.folder)
        self.sha256 = artifact.hash_files(self.folder, self.meta)

    @property
    def kind(self) -> str:
        """``cpm``, ``glm`` or ``bpe``."""
        return str(self.meta["kind"])

    @property
    def vocab_size(self) -> int:
        """Ids in use, special tokens included."""
        return int(self.meta["vocab_size"])

    @property
    def padded_vocab_size(self) -> int:
        """Rows of the embedding table."""
        return int(self.meta["padded_vocab_size"])

    @property
    def special_ids(self) -> dict[str, int]:
        """Special tokens by name, without brackets: ``eod``, ``pad``, ``mask``, ..."""
        return dict(self.meta["special_ids"])

    @property
    def eod_id(self) -> int:
        """The id that ends every document."""
        return self.special_ids["eod"]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of stored ids."""
        return np.dtype(np.uint16 if self.padded_vocab_size <= 65536 else np.uint32)

    def encode_batch(self, texts: pa.LargeStringArray) -> pa.LargeListArray:
        """Return each text's ids, the end-of-document id last.

        Raises:
            ValueError: a text is null.
        """
        if texts.null_count:
            raise ValueError("encode_batch: texts must not be null")
        offsets, data = _buffers(texts)
        parts: list[npt.NDArray[Any]] = []
        lengths = np.empty(len(texts), np.int64)
        row = 0
        while row < len(texts):
            stop = int(np.searchsorted(offsets, offsets[row] + _CHUNK_BYTES, side="right")) - 1
            stop = min(max(stop, row + 1), len(texts))
            ids, ends = self._encode(data, offsets[row : stop + 1])
            parts.append(ids.astype(self.dtype))
            lengths[row:stop] = np.diff(ends, prepend=0)
            row = stop
        values = np.concatenate(parts) if parts else np.empty(0, self.dtype)
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        item = pa.field("item", pa.from_numpy_dtype(self.dtype), nullable=False)
        return pa.LargeListArray.from_arrays(pa.array(starts), pa.array(values), type=pa.large_list(item))

    def encode(self, text: str) -> list[int]:
        """Return the ids of one text, without the end-of-document id."""
        ids: list[int] = self.encode_batch(pa.array([text], pa.large_string()))[0].as_py()
        return ids[:-1]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ``ids``; special tokens leave no trace, broken UTF-8 becomes U+FFFD."""
        return self._decode_bytes(int(i) for i in ids).decode("utf-8", "replace")

    @abstractmethod
    def _encode(
        self, data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
        """Return (ids of the documents ``data[offsets[i]:offsets[i + 1]]``, where each document ends in them)."""

    @abstractmethod
    def _decode_bytes(self, ids: Iterator[int]) -> bytes:
        """Return the UTF-8 bytes of ``ids``; an id that stands for no text gives none."""


def _buffers(texts: pa.LargeStringArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    _, offset_buffer, data_buffer = texts.buffers()
    if len(texts) == 0:
        return np.zeros(1, np.int64), np.empty(0, np.uint8)
    offsets = np.frombuffer(offset_buffer, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    return offsets, np.frombuffer(data_buffer or b"", np.uint8)


class SentencePieceTokenizer(Tokenizer):
    """``cpm`` and ``glm``: SentencePiece unigram, behind jieba's words for ``cpm``."""

    def load(self) -> None:
        """Load the model, jieba's dictionary where it is needed, and compile the kernels."""
        super().load()
        import sentencepiece

        from tokenizer_training import jieba_tables, unigram

        self._processor = sentencepiece.SentencePieceProcessor(
            model_file=str(self.folder / artifact.SENTENCEPIECE_FILE)
        )
        self._compiled = bool(self.meta["compiled"])
        self._model = unigram.read_model(self._processor) if self._compiled else None
        self._dictionary = jieba_tables.load_dictionary() if self.kind == "cpm" else None
        self._pieces = [self._piece_bytes(i) for i in range(self._processor.vocab_size())]

    @property
    def byte_ids(self) -> list[int]:
        """The ids of single bytes, by which characters without a piece are encoded; empty without byte fallback."""
        return [i for i in range(self._processor.vocab_size()) if self._processor.is_byte(i)]

    def _piece_bytes(self, i: int) -> bytes:
        processor = self._processor
        if processor.is_control(i) or processor.is_unused(i):
            return b""
        if processor.is_unknown(i):
            return "\ufffd".encode()
        piece = str(processor.id_to_piece(i))
        if processor.is_byte(i):
            return bytes([int(piece[3:5], 16)])
        return piece.encode("utf-8")

    def _encode(
        self, data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
        if self._model is None:
            return self._encode_by_library(data, offsets)
        from tokenizer_training import segmentation, unigram

        total, longest = int(offsets[-1] - offsets[0]), int(np.diff(offsets).max())
        ends = np.empty(len(offsets) - 1, np.int64)
        if self._dictionary is None:
            best, out = unigram.lattice(longest), np.empty(3 * total + len(offsets), np.int32)
            unigram.encode_spaces(data, offsets, self._model, best, self.eod_id, out, ends)
        else:
            best, out = unigram.lattice(2 * longest), np.empty(6 * total + len(offsets), np.int32)
            memory = segmentation.scratch(longest)
            unigram.encode_words(data, offsets, self._model, best, self._dictionary, memory, self.eod_id, out, ends)
        return out[: ends[-1]], ends

    def _encode_by_library(
        self, data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
        """Imported models with a normaliser or another algorithm: sentencepiece itself."""
        texts = [bytes(data[a:b]).decode("utf-8") for a, b in pairwise(offsets)]
        encoded = self._processor.encode(self.prepare(texts), num_threads=1)
        ends = np.cumsum([len(ids) + 1 for ids in encoded])
        out = np.fromiter((i for ids in encoded for i in [*ids, self.eod_id]), np.int32, int(ends[-1]))
        return out, ends

    def prepare(self, texts: list[str]) -> list[str]:
        """Return the texts as SentencePiece is given them: the reference for the compiled path."""
        from tokenizer_training import segmentation

        if self.kind == "cpm":
            return list(segmentation.join_words(texts))
        newline = self.meta["newline"]
        return texts if newline == "\n" else [text.replace("\n", newline) for text in texts]

    def _decode_bytes(self, ids: Iterator[int]) -> bytes:
        from tokenizer_training.unigram import CPM_NEWLINE, CPM_SPACE, WHITESPACE

        raw = b"".join(self._pieces[i] for i in ids if i < len(self._pieces))
        if self.kind == "cpm":
            raw = raw.replace(WHITESPACE.encode(), b"").replace(CPM_SPACE.encode(), b" ")
            return raw.replace(CPM_NEWLINE.encode(), b"\n")
        raw = raw.replace(WHITESPACE.encode(), b" ")
        newline = str(self.meta["newline"])
        return raw if newline == "\n" else raw.replace(newline.encode(), b"\n")


class ByteBpeTokenizer(Tokenizer):
    """``bpe``: byte-level BPE as in GPT-2, run by the ``tokenizers`` library."""

    def load(self) -> None:
        """Load the model."""
        super().load()
        import tokenizers

        self._fast = tokenizers.Tokenizer.from_file(str(self.folder / artifact.BPE_FILE))
        self._fast.encode_special_tokens = True  # "<|endoftext|>" inside a document is text

    def _encode(
        self, data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
        texts = [bytes(data[a:b]).decode("utf-8") for a, b in pairwise(offsets)]
        encoded = [e.ids for e in self._fast.encode_batch_fast(texts, add_special_tokens=False)]
        ends = np.cumsum([len(ids) + 1 for ids in encoded])
        out = np.fromiter((i for ids in encoded for i in [*ids, self.eod_id]), np.int64, int(ends[-1]))
        return out, ends

    def _decode_bytes(self, ids: Iterator[int]) -> bytes:
        text: str = self._fast.decode(list(ids), skip_special_tokens=True)
        return text.encode("utf-8")
