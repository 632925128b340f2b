"""Training of the SentencePiece tokenizers ``cpm`` and ``glm``.

Reproducible: one thread (with several, the order of floating-point sums in EM
depends on their number), no shuffling, sentences cut at fixed places.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from corpus.config.tokenizer import TokenizerSettings
from tokenizer_training import artifact

DEFAULT_VOCABULARY = {"cpm": 30_000, "glm": 50_000}  # CPM-1; cog-pretrain
# CPM-1's layout: unk 0, s 1, /s 2, then these from 3: sep 4, pad 5, mask 6, eod 7. (CPM-1 has the newline at 3; here it
# is learned together with the word border, one token instead of two.)
CPM_CONTROL = ["<cls>", "<sep>", "<pad>", "<mask>", "<eod>", "<eop>"]
CPM_SPECIAL = {"unk": 0, "bos": 1, "eos": 2, "cls": 3, "sep": 4, "pad": 5, "mask": 6, "eod": 7, "eop": 8}
# GLM's tokens follow the learned pieces in the order of THUDM/GLM's Chinese tokenizer: 50000..50010 with 50,000 pieces.
GLM_SPECIAL = ["eod", "sep", "cls", "mask", "unused0", "unused1", "sop", "eop", "smask", "gmask", "dblock"]
GLM_TOKEN_TEXT = {
    "eod": "<|endoftext|>",
    "sep": "[SEP]",
    "cls": "[CLS]",
    "mask": "[MASK]",
    "unused0": "[UNUSED1]",
    "unused1": "[UNUSED2]",
    "sop": "<|startofpiece|>",
    "eop": "<|endofpiece|>",
    "smask": "[sMASK]",
    "gmask": "[gMASK]",
    "dblock": "[dBLOCK]",
}
SENTENCE_END = ".?!;:。？！；：…\n"  # THUDM/GLM data_utils: contains_sentence_end, and the full-width colon
_MAX_SENTENCE_BYTES = 4192  # sentencepiece skips longer training sentences
_SENTENCE = re.compile(r"[^。！？；\n]*[。！？；\n]+|[^。！？；\n]+")


def sentences(texts: Iterator[str]) -> Iterator[str]:
    """Cut texts at sentence ends, and sentences that are too long for the trainer at its limit; drops nothing."""
    limit = _MAX_SENTENCE_BYTES // 4
    for text in texts:
        for match in _SENTENCE.finditer(text):
            sentence = match.group()
            for i in range(0, len(sentence), limit):
                yield sentence[i : i + limit]


def train(kind: str, texts: Iterator[str], out: Path, settings: TokenizerSettings) -> list[str]:
    """Train ``kind`` on ``texts`` and write model and ``meta.json`` into ``out``; return messages for a person.

    Raises:
        ValueError: the sample holds no text.
    """
    import sentencepiece

    from tokenizer_training.segmentation import join_words

    sample = [text for text in texts if text.strip()]
    characters = sum(map(len, sample))
    if not characters:
        raise ValueError("the tokenizer's training sample holds no text: nothing can be learnt from it")
    wanted = settings.vocabulary_size or DEFAULT_VOCABULARY[kind]
    # 256 bytes, the control tokens, and every frequent character must fit whatever the sample's size.
    floor = 256 + 16 + min(len(set("".join(sample))), wanted // 2)
    size = max(min(wanted, characters // settings.minimum_characters_per_piece), floor)
    specific: dict[str, Any] = (
        {
            "control_symbols": CPM_CONTROL,
            "required_chars": "▂▃",
            "add_dummy_prefix": True,
        }
        if kind == "cpm"
        else {
            "user_defined_symbols": ["\n"],
            "add_dummy_prefix": False,
            "remove_extra_whitespaces": False,
        }
    )
    lines = join_words(sentences(iter(sample))) if kind == "cpm" else sentences(iter(sample))
    writer = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_writer=writer,
        model_type="unigram",
        vocab_size=size,
        hard_vocab_limit=False,
        byte_fallback=True,
        character_coverage=settings.character_coverage,
        normalization_rule_name="identity",  # punctuation is never rewritten (design)
        max_sentence_length=_MAX_SENTENCE_BYTES,
        input_sentence_size=0,
        shuffle_input_sentence=False,
        num_threads=1,
        train_extremely_large_corpus=False,
        minloglevel=2,
        **specific,
    )
    out.mkdir(parents=True, exist_ok=True)
    (out / artifact.SENTENCEPIECE_FILE).write_bytes(writer.getvalue())
    processor = sentencepiece.SentencePieceProcessor(model_proto=writer.getvalue())
    meta = describe(kind, processor, name=f"{kind}-{processor.vocab_size()}", newline="\n", compiled=True)
    artifact.write_meta(out, meta)
    if processor.vocab_size() < wanted:
        return [
            f"tokenizer {kind}: {processor.vocab_size()} pieces instead of {wanted}, since the sample has "
            f"only {characters} characters (tokenizer.minimum_characters_per_piece = "
            f"{settings.minimum_characters_per_piece})"
        ]
    return []


def describe(kind: str, processor: Any, *, name: str, newline: str, compiled: bool) -> dict[str, Any]:
    """Return ``meta.json`` of a SentencePiece tokenizer: what manifests and the trainer need to know."""
    pieces = int(processor.vocab_size())
    special = dict(CPM_SPECIAL) if kind == "cpm" else {n: pieces + i for i, n in enumerate(GLM_SPECIAL)}
    vocab = pieces if kind == "cpm" else pieces + len(GLM_SPECIAL)
    meta: dict[str, Any] = {
        "format_version": artifact.FORMAT_VERSION,
        "name": name,
        "kind": kind,
        "model": artifact.SENTENCEPIECE_FILE,
        "pieces": pieces,
        "vocab_size": vocab,
        "padded_vocab_size": artifact.padded(vocab),
        "special_ids": special,
        "newline": newline,
        "newline_policy": "\\n is stored as U+2583" if kind == "cpm" else f"\\n is the piece {newline!r}",
        "compiled": compiled,
        "losses": LOSSES[kind],
    }
    if kind == "glm":
        special["pad"] = special["eod"]
        meta["sentence_end_ids"] = [
            i
            for i in range(pieces)
            if not (processor.is_control(i) or processor.is_unknown(i) or processor.is_byte(i))
            and any(mark in processor.id_to_piece(i) for mark in SENTENCE_END)
        ]
    return meta


LOSSES = {
    "cpm": ["U+2581 is dropped", "U+2582 comes back as a space", "U+2583 comes back as a newline"],
    "glm": ["U+2581 comes back as a space"],
}
