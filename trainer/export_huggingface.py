"""Weights for Hugging Face: CPM as ``GPT2LMHeadModel``, GLM in the names of its published checkpoints.

GLM's modelling code is not part of ``transformers``; its published port
(``GLMForConditionalGeneration``) loads the exported folder. That port computes
the erf GELU, while training here and in THUDM/GLM uses tanh (facts: hidden
states differ by about 4e-4); nothing in the weights can change that.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from corpus.errors import ConfigError
from trainer.config import ModelConfig

_GPT2_BLOCK = {
    "norm1": "ln_1",
    "attention.qkv": "attn.c_attn",
    "attention.out": "attn.c_proj",
    "norm2": "ln_2",
    "up": "mlp.c_fc",
    "down": "mlp.c_proj",
}
_GLM_BLOCK = {
    "norm1": "input_layernorm",
    "attention.qkv": "attention.query_key_value",
    "attention.out": "attention.dense",
    "norm2": "post_attention_layernorm",
    "up": "mlp.dense_h_to_4h",
    "down": "mlp.dense_4h_to_h",
}


def gpt2_state(state: dict[str, Tensor], config: ModelConfig) -> dict[str, Tensor]:
    """Return the weights under GPT-2's names. Its linear layers are stored transposed (Conv1D).

    Raises:
        ConfigError: the model has no counterpart in GPT-2.
    """
    if config.positions != "learned" or config.gelu != "tanh":
        raise ConfigError("only a model with learned positions and tanh GELU is a GPT-2")
    result = {
        "transformer.wte.weight": state["tokens.weight"],
        "lm_head.weight": state["tokens.weight"],
        "transformer.wpe.weight": state["positions.weight"],
        "transformer.ln_f.weight": state["norm.weight"],
        "transformer.ln_f.bias": state["norm.bias"],
    }
    for layer in range(config.layers):
        for ours, theirs in _GPT2_BLOCK.items():
            weight = state[f"blocks.{layer}.{ours}.weight"]
            target = f"transformer.h.{layer}.{theirs}"
            result[f"{target}.weight"] = weight if weight.dim() == 1 else weight.t().contiguous()
            result[f"{target}.bias"] = state[f"blocks.{layer}.{ours}.bias"]
    return result


def glm_state(state: dict[str, Tensor], config: ModelConfig) -> dict[str, Tensor]:
    """Return the weights under the names of GLM's published port, which are Megatron's.

    Raises:
        ConfigError: the model is no GLM.
    """
    if config.positions != "block2d":
        raise ConfigError("only a model with block2d positions is a GLM")
    result = {
        "glm.word_embeddings.weight": state["tokens.weight"],
        "glm.transformer.position_embeddings.weight": state["positions.weight"],
        "glm.transformer.block_position_embeddings.weight": state["block_positions.weight"],
        "glm.transformer.final_layernorm.weight": state["norm.weight"],
        "glm.transformer.final_layernorm.bias": state["norm.bias"],
    }
    for layer in range(config.layers):
        for ours, theirs in _GLM_BLOCK.items():
            for part in ("weight", "bias"):
                name = f"glm.transformer.layers.{layer}.{theirs}.{part}"
                result[name] = state[f"blocks.{layer}.{ours}.{part}"]
    return result


def export(state: dict[str, Tensor], config: ModelConfig, tokenizer: dict[str, Any], out: Path) -> None:
    """Write ``config.json`` and the weights into ``out``; the tokenizer's own folder goes beside them.

    The weights are ``model.safetensors`` where safetensors is installed, else ``pytorch_model.bin``.
    """
    if config.positions == "block2d":
        weights, plain = glm_state(state, config), _glm_config(config, tokenizer)
    else:
        weights, plain = gpt2_state(state, config), _gpt2_config(config, tokenizer)
        del weights["lm_head.weight"]  # tied
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(json.dumps(plain, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    try:
        from safetensors.torch import save_file
    except ImportError:
        torch.save(weights, out / "pytorch_model.bin")
        return
    save_file(weights, str(out / "model.safetensors"), metadata={"format": "pt"})


def _gpt2_config(config: ModelConfig, tokenizer: dict[str, Any]) -> dict[str, Any]:
    eod = tokenizer["special_ids"]["eod"]
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "activation_function": "gelu_new",
        "n_embd": config.hidden,
        "n_layer": config.layers,
        "n_head": config.heads,
        "n_positions": config.max_positions,
        "vocab_size": config.vocab,
        "layer_norm_epsilon": config.layer_norm_eps,
        "initializer_range": config.init_std,
        "embd_pdrop": config.dropout,
        "resid_pdrop": config.dropout,
        "attn_pdrop": 0.0,
        "tie_word_embeddings": True,
        "bos_token_id": eod,
        "eos_token_id": eod,
    }


def _glm_config(config: ModelConfig, tokenizer: dict[str, Any]) -> dict[str, Any]:
    special = tokenizer["special_ids"]
    return {
        "architectures": ["GLMForConditionalGeneration"],
        "model_type": "glm",
        "num_layers": config.layers,
        "vocab_size": config.vocab,
        "hidden_size": config.hidden,
        "num_attention_heads": config.heads,
        "embedding_dropout_prob": config.dropout,
        "attention_dropout_prob": 0.0,
        "output_dropout_prob": config.dropout,
        "max_sequence_length": config.max_positions - 1,
        "block_position_encoding": True,
        "attention_scale": 1.0,
        "parallel_output": True,
        "relative_encoding": False,
        "output_predict": True,
        "spell_length": None,
        "spell_func": "lstm",
        "initializer_range": config.init_std,
        "pad_token_id": special["pad"],
        "eos_token_id": special["eop"],
    }
