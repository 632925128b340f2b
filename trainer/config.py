"""Configuration of a training run: dataclasses, overrides, and a hash that checkpoints are checked against."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Literal, get_type_hints

from corpus.errors import ConfigError

_ORDER = ("seed", "weights", "extent_documents", "block_extents", "shuffle_samples")  # data that decides samples
Positions = Literal["learned", "block2d", "rotary"]


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """A pre-LN Transformer with fused QKV, biases and a tied head (GPT-2; GLM is the same with 2-D positions)."""

    layers: int = 12
    hidden: int = 768
    heads: int = 12
    positions: Positions = "learned"
    max_positions: int = 1024  # rows of the position table(s)
    gelu: Literal["tanh", "erf"] = "tanh"  # CPM and GLM were trained with tanh; GLM's Hugging Face port computes erf
    dropout: float = 0.1  # embeddings, attention output, MLP output. 0 for throughput
    layer_norm_eps: float = 1e-5
    init_std: float = 0.02  # output projections: divided by sqrt(2 * layers)
    vocab: int = 0  # rows of the embedding (padded); 0: as the tokenizer of the shards says
    rotary_base: float = 10_000.0


@dataclass(frozen=True, kw_only=True)
class ObjectiveConfig:
    """What is predicted. GLM's numbers are those of THUDM/GLM's Chinese configurations."""

    kind: Literal["causal", "glm", "mlm"] = "causal"
    length: int = 1024  # causal, mlm: tokens of a row; glm: tokens of [CLS] text [EOS] before masking
    document_mask: bool = True  # causal, mlm: no attention across documents, positions restart
    token_share: float = 0.4  # glm: probability of token mode
    sentence_share: float = 0.3  # glm: of sentence mode; the rest is document mode
    mask_ratio: float = 0.15  # glm token and sentence mode, mlm
    span_mean: float = 3.0  # glm: Poisson mean of span lengths, truncated to 1..39
    block_mask_prob: float = 0.1  # glm token mode: inputs of part B replaced by dBLOCK
    infill_prob: float = 0.5  # glm document mode: prefix (True) or one random span (False), as gpt_infill_prob there
    generation_min_ratio: float = 0.25  # glm document mode: shortest generated part
    short_share: float = 0.02  # glm: groups of samples cut to shorter texts
    mode_group: int = 32  # glm: consecutive samples that share a mode (a micro-batch in the reference)
    samples_per_row: int = 1  # glm: samples concatenated in one row; more waste less padding


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """How token shards become samples."""

    seed: int = 1234
    weights: dict[str, float] = field(default_factory=dict)  # domain -> share of samples; empty: as they come
    extent_documents: int = 512  # consecutive documents of a shard that stay together: locality of reads
    block_extents: int = 128  # extents whose documents are shuffled together (65,536 documents)
    shuffle_samples: int = 8192  # windows of a stream that are shuffled together, at most; never more than a block's
    workers: int = 0  # processes that build batches; 0: one thread
    prefetch: int = 4  # micro-batches built ahead
    verify: Literal["auto", "full", "size"] = "auto"  # sha256 of every shard before the first step; auto: up to 16 GiB
    cache: str = ""  # folder for the index and for shards of object stores; default: inside the run folder


@dataclass(frozen=True, kw_only=True)
class OptimConfig:
    """AdamW with warm-up and cosine decay."""

    lr: float = 1.5e-4
    min_lr_ratio: float = 0.1
    warmup_ratio: float = 0.01
    beta1: float = 0.9
    beta2: float = 0.95
    eps: float = 1e-8
    weight_decay: float = 0.01
    clip: float = 1.0
    batch: int = 256  # samples of a step over all ranks
    micro_batch: int = 8  # samples of one forward pass on one rank
    steps: int = 20_000
    unigram_start: bool = False  # begin with the frequencies of the train split in the head: for short runs
    sampled_classes: int = 0  # classes that a step of the head computes, the rest estimated from them; 0: all


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """How the run is executed. Nothing here changes which samples a step sees."""

    device: str = "auto"
    dtype: Literal["auto", "bfloat16", "float32"] = "auto"  # auto: bfloat16 on a GPU
    compile: bool | None = None  # None: on a GPU
    attention: Literal["auto", "dense", "flex", "varlen"] = "auto"
    parallel: Literal["ddp", "fsdp"] = "ddp"
    eval_every: int = 500
    eval_samples: int = 1024
    log_every: int = 10
    checkpoint_every: int = 1000
    keep_checkpoints: int = 3
    max_bad_steps: int = 5  # consecutive steps without update before the run stops
    spike_factor: float = 8.0  # gradient norm / its running mean above which a step is not applied
    tensorboard: bool = True


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Everything that a run depends on."""

    name: str = "custom"
    model: ModelConfig = field(default_factory=ModelConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    data: DataConfig = field(default_factory=DataConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    run: RunConfig = field(default_factory=RunConfig)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return dataclasses.asdict(self)

    def model_hash(self) -> str:
        """Hash of what decides the shape and meaning of weights."""
        return _hash(dataclasses.asdict(self.model))

    def resume_hash(self) -> str:
        """Hash of what decides the course of a run; ``run``, the name and the number of workers are not part of it."""
        plain = self.to_dict()
        data = {k: v for k, v in plain["data"].items() if k in _ORDER}
        optim = {k: v for k, v in plain["optim"].items() if k != "micro_batch"}
        return _hash({"model": plain["model"], "objective": plain["objective"], "data": data, "optim": optim})

    @staticmethod
    def from_dict(plain: dict[str, Any]) -> TrainConfig:
        """Rebuild a configuration from :meth:`to_dict`'s result."""
        sections = {"model": ModelConfig, "objective": ObjectiveConfig, "data": DataConfig, "optim": OptimConfig}
        built: dict[str, Any] = {name: kind(**plain[name]) for name, kind in sections.items()}
        return TrainConfig(name=plain["name"], run=RunConfig(**plain["run"]), **built)

    def override(self, assignments: list[str]) -> TrainConfig:
        """Return a copy with ``section.key=value`` applied.

        Raises:
            ConfigError: an unknown key or a value of another type, in one sentence.
        """
        result = self
        for assignment in assignments:
            path, found, text = assignment.partition("=")
            section, dot, key = path.partition(".")
            if not found or not dot or section not in ("model", "objective", "data", "optim", "run"):
                raise ConfigError(f"--set {assignment}: write section.key=value, e.g. --set optim.lr=2e-4")
            part = getattr(result, section)
            if key not in {f.name for f in dataclasses.fields(part)}:
                names = ", ".join(f.name for f in dataclasses.fields(part))
                raise ConfigError(f"--set {assignment}: {section} has no {key!r}; it has {names}")
            value = _parse(text, get_type_hints(type(part))[key], assignment)
            result = dataclasses.replace(result, **{section: dataclasses.replace(part, **{key: value})})
        return result


def _parse(text: str, kind: Any, assignment: str) -> Any:
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        value = text
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    allowed = getattr(kind, "__args__", None)
    if getattr(kind, "__origin__", None) is Literal:
        good = value in kind.__args__
    elif getattr(kind, "__origin__", None) is dict:
        good = isinstance(value, dict)
    elif allowed is not None:  # X | None
        good = value is None or isinstance(value, tuple(a for a in allowed if isinstance(a, type)))
    else:
        good = type(value) is kind
    if not good:
        raise ConfigError(f"--set {assignment}: {text!r} is not a value for {kind}")
    return value


def _hash(value: Any) -> str:
    data = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def check(config: TrainConfig, world: int) -> None:
    """Check what can be known before any data is read.

    Raises:
        ConfigError: one sentence with the remedy.
    """
    model, objective, optim = config.model, config.objective, config.optim
    if model.hidden % model.heads:
        raise ConfigError(f"model.hidden = {model.hidden} is not a multiple of model.heads = {model.heads}")
    if optim.batch % (world * optim.micro_batch):
        raise ConfigError(
            f"optim.batch = {optim.batch} cannot be divided by {world} ranks x optim.micro_batch = {optim.micro_batch};"
            f" change one of them so that every rank has whole micro-batches"
        )
    if objective.kind == "glm" and model.positions != "block2d":
        raise ConfigError(f"the glm objective needs model.positions=block2d, not {model.positions!r}")
    if objective.kind != "glm" and model.positions == "block2d":
        raise ConfigError(f"model.positions=block2d is for the glm objective, not for {objective.kind!r}")
    if objective.kind == "glm" and optim.micro_batch % objective.samples_per_row:
        raise ConfigError(
            f"optim.micro_batch = {optim.micro_batch} is not a multiple of "
            f"objective.samples_per_row = {objective.samples_per_row}"
        )
    needed = objective.length + (1 if objective.kind == "glm" else 0)
    if model.positions != "rotary" and needed > model.max_positions:
        raise ConfigError(
            f"objective.length = {objective.length} needs {needed} positions, but "
            f"model.max_positions is {model.max_positions}"
        )
    if optim.sampled_classes < 0 or optim.sampled_classes % 8:
        raise ConfigError(f"optim.sampled_classes = {optim.sampled_classes}: take 0 or a multiple of 8")
    shares = objective.token_share + objective.sentence_share
    if objective.kind == "glm" and not 0 <= shares <= 1 + 1e-9:
        raise ConfigError(f"objective.token_share + sentence_share = {shares:g}, more than 1")
