"""Files beside a tokenizer artifact that let ``transformers`` load it, without remote code.

``cpm`` loads as ``CpmTokenizer``; ``glm`` and ``bpe`` as ``PreTrainedTokenizerFast``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tokenizer_training import artifact
from tokenizer_training.sentencepiece_training import GLM_TOKEN_TEXT


def write_files(folder: Path) -> None:
    """Write ``tokenizer_config.json`` (and ``tokenizer.json`` for ``glm``) into an artifact's folder."""
    meta = artifact.read_meta(folder)
    writers = {"cpm": _cpm, "glm": _glm, "bpe": _bpe}
    config = writers[meta["kind"]](folder, meta)
    _write_json(folder / "tokenizer_config.json", config)


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _cpm(folder: Path, meta: dict[str, Any]) -> dict[str, Any]:
    # transformers' own clean-up (NFKD, spaces) is switched off. Its CpmTokenizer does not segment any more (5.x), or
    # does so with rjieba and HMM off (4.x): give it what SentencePieceTokenizer.prepare returns.
    return {
        "tokenizer_class": "CpmTokenizer",
        "remove_space": False,
        "keep_accents": True,
        "do_lower_case": False,
    }


def _bpe(folder: Path, meta: dict[str, Any]) -> dict[str, Any]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "<|endoftext|>",
        "pad_token": "<|endoftext|>",
        "clean_up_tokenization_spaces": False,
    }


def _glm(folder: Path, meta: dict[str, Any]) -> dict[str, Any]:
    """Write the unigram model in the ``tokenizers`` format, the special tokens behind the pieces."""
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / artifact.SENTENCEPIECE_FILE))
    pieces = [[processor.id_to_piece(i), processor.get_score(i)] for i in range(processor.vocab_size())]
    special = [
        {
            "id": i,
            "content": GLM_TOKEN_TEXT[name],
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for name, i in sorted(meta["special_ids"].items(), key=lambda item: item[1])
        if name in GLM_TOKEN_TEXT
    ]
    newline = {**special[0], "id": processor.piece_to_id("\n"), "content": "\n", "special": False}
    added = [newline, *special] if meta["newline"] == "\n" else special
    _write_json(
        folder / "tokenizer.json",
        {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": added,
            "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
            "pre_tokenizer": None,
            "post_processor": None,
            "decoder": {
                "type": "Sequence",
                "decoders": [
                    {"type": "ByteFallback"},
                    {"type": "Fuse"},
                    {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
                ],
            },
            "model": {"type": "Unigram", "unk_id": processor.unk_id(), "vocab": pieces, "byte_fallback": True},
        },
    )
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": GLM_TOKEN_TEXT["eod"],
        "pad_token": GLM_TOKEN_TEXT["eod"],
        "cls_token": GLM_TOKEN_TEXT["cls"],
        "sep_token": GLM_TOKEN_TEXT["sep"],
        "mask_token": GLM_TOKEN_TEXT["mask"],
        "clean_up_tokenization_spaces": False,
    }
