"""``wudao generate``: text from a checkpoint. The trainer has the weights, runs as a process and works on ids."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from corpus.errors import BuildError, ConfigError

if TYPE_CHECKING:
    from tokenizer_training.tokenizer import Tokenizer

_BLANK = re.compile(r"\[(s|g)?MASK\]")


def generate_command(run: Path, tokenizer: Path | None, prompts: list[str], arguments: list[str], count: int) -> None:
    """Continue each prompt ``count`` times, or fill the mask in it, and print the texts."""
    command = [sys.executable, "-m", "trainer", "generate", str(run), "--count", str(count), *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            about = _line(process, process.stdout)
            objective = about["objective"]
            tok = _tokenizer(run, tokenizer, about["tokenizer"])
            print(f"{about['preset']}  step {about['step']}  tokenizer {about['tokenizer']['name']}")
            for prompt in prompts:
                process.stdin.write(json.dumps(encode_prompt(tok, prompt, objective)).encode() + b"\n")
                process.stdin.flush()
                for k in range(count):
                    print(f"\n[{k + 1}] {fill(tok, prompt, _line(process, process.stdout), objective)}", flush=True)
            process.stdin.close()
        finally:
            process.kill()


def encode_prompt(tokenizer: Tokenizer, prompt: str, objective: str) -> list[int]:
    """Return the prompt's ids. For GLM ``[MASK]``, ``[sMASK]`` and ``[gMASK]`` are its mask tokens, else plain text."""
    if objective != "glm":
        return tokenizer.encode(prompt)
    ids: list[int] = []
    last = 0
    for match in _BLANK.finditer(prompt):
        ids += tokenizer.encode(prompt[last : match.start()])
        ids.append(tokenizer.special_ids[match.group()[1:-1].lower()])
        last = match.end()
    return ids + tokenizer.encode(prompt[last:])


def fill(tokenizer: Tokenizer, prompt: str, ids: list[int], objective: str) -> str:
    """Return the prompt with the text of ``ids`` after it, or in the place of its mask."""
    made = tokenizer.decode(ids)
    blank = _BLANK.search(prompt) if objective == "glm" else None
    return prompt + made if blank is None else f"{prompt[: blank.start()]}【{made}】{prompt[blank.end() :]}"


def _line(process: subprocess.Popen[bytes], stream: IO[bytes]) -> Any:
    """Return the process's next answer; its last word where it has died."""
    text = stream.readline()
    if text:
        return json.loads(text)
    _, errors = process.communicate()
    said = errors.decode("utf-8", "replace").strip().splitlines()
    raise BuildError(said[-1].removeprefix("error: ") if said else "the trainer ended without an answer")


def _tokenizer(run: Path, folder: Path | None, wanted: dict[str, Any]) -> Tokenizer:
    """Load the tokenizer that the run was trained with: the named folder, or the one among a build's tokenizers."""
    import tokenizer_training
    from tokenizer_training import artifact

    # A run of `make pretrain` lies in OUTPUT/runs, the tokenizers in OUTPUT/tokenizer.
    place = folder if folder is not None else run.resolve().parent.parent / "tokenizer"
    found = [place] if (place / artifact.META_FILE).is_file() else sorted(p.parent for p in place.glob("*/meta.json"))
    for one in found:
        try:
            if artifact.hash_files(one, artifact.read_meta(one)) == wanted["sha256"]:
                return tokenizer_training.load(one)
        except (OSError, ValueError):
            continue
    said = f"{place} holds none" if not found else f"{place} is another"
    raise ConfigError(
        f"{run} was trained with the tokenizer {wanted['name']} (sha256 {wanted['sha256'][:12]}), {said}; "
        f"name its folder with --tokenizer"
    )
