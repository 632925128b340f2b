"""Artifacts from published SentencePiece models: CPM-1's vocabulary and GLM's cog-pretrain.

Nothing is downloaded: the user names the file. Models that rewrite text (a
normaliser other than identity) or are not unigram run through the
sentencepiece library instead of the compiled encoder, with the same ids.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from tokenizer_training import artifact, huggingface
from tokenizer_training.artifact import Artifact
from tokenizer_training.sentencepiece_training import describe

_UNIGRAM = 1  # TrainerSpec.ModelType
_GLM_NEWLINE = "<n>"  # cog-pretrain's piece for a line break, id 3


def import_model(kind: str, model: Path, out: Path, name: str) -> Artifact:
    """Make a ``cpm`` or ``glm`` artifact in ``out`` from the SentencePiece file ``model``.

    Raises:
        ValueError: unknown kind, not a SentencePiece model, or one that lacks the kind's special tokens.
    """
    import sentencepiece

    if kind not in ("cpm", "glm"):
        raise ValueError(f"published SentencePiece models are of kind cpm or glm, not {kind!r}")
    data = model.read_bytes()
    try:
        processor = sentencepiece.SentencePieceProcessor(model_proto=data)
    except RuntimeError as error:
        raise ValueError(f"{model} is not a SentencePiece model ({error})") from error
    identity, unigram = model_properties(data)
    newline = "\n"
    if kind == "glm":
        newline = next((p for p in ("\n", _GLM_NEWLINE) if processor.piece_to_id(p) != processor.unk_id()), "")
        if not newline:
            raise ValueError(f"{model} has no piece for a line break ({_GLM_NEWLINE}): line breaks would be lost")
    meta = describe(kind, processor, name=name, newline=newline, compiled=identity and unigram and newline == "\n")
    if kind == "cpm":
        meta["special_ids"] = _special_ids(processor, model)
    if not identity:
        meta["losses"] = [*meta["losses"], "the model's normaliser rewrites text (full-width forms, spaces)"]
    if newline != "\n":
        meta["losses"] = [*meta["losses"], f"{newline} comes back as a newline"]
    out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(model, out / artifact.SENTENCEPIECE_FILE)
    artifact.write_meta(out, meta)
    huggingface.write_files(out)
    return Artifact(out, artifact.hash_files(out, meta), meta)


def _special_ids(processor: Any, model: Path) -> dict[str, int]:
    found = {"unk": int(processor.unk_id())}
    pieces = {"bos": "<s>", "eos": "</s>"} | {n: f"<{n}>" for n in ("cls", "sep", "pad", "mask", "eod", "eop")}
    for name, piece in pieces.items():
        if (i := int(processor.piece_to_id(piece))) != processor.unk_id():
            found[name] = i
    if "eod" not in found:
        raise ValueError(f"{model} has no piece <eod>: it is not a CPM vocabulary")
    return found


def model_properties(data: bytes) -> tuple[bool, bool]:
    """Return (the model leaves text as it is, it is a unigram model), read from its protobuf."""
    identity, unigram = False, True  # sentencepiece's defaults: nmt_nfkc and unigram
    for number, value in _fields(data):
        if number == 2 and isinstance(value, bytes):  # trainer_spec
            unigram = dict(_fields(value)).get(3, _UNIGRAM) == _UNIGRAM
        elif number == 3 and isinstance(value, bytes):  # normalizer_spec
            normaliser = dict(_fields(value))
            identity = not normaliser.get(2) and normaliser.get(1) == b"identity"
    return identity, unigram


def _fields(data: bytes) -> list[tuple[int, int | bytes]]:
    """Return (field number, value) of a protobuf message; fixed-width values as bytes."""
    result: list[tuple[int, int | bytes]] = []
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == 0:
            number, at = _varint(data, at)
            result.append((key >> 3, number))
            continue
        size, at = _varint(data, at) if kind == 2 else ({1: 8, 5: 4}[kind], at)
        result.append((key >> 3, data[at : at + size]))
        at += size
    return result


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
