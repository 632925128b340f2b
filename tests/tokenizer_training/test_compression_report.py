"""The report on a tokenizer: compression by domain, coverage."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

import tokenizer_training
from corpus.config.tokenizer import TokenizerSettings
from tokenizer_training.report import compression


def test_figures_add_up_by_domain(tmp_path: Path) -> None:
    texts = ["医生给病人量了血压，开了药。", "法院受理了这起合同纠纷案。", "今天的菜市场很热闹。"] * 30
    settings = TokenizerSettings(vocabulary_size=400, minimum_characters_per_piece=1)
    tokenizer_training.train("glm", iter(texts), tmp_path, settings)
    tokenizer = tokenizer_training.load(tmp_path)
    batch = pa.array([*texts[:3], "龘龘"], pa.large_string())
    report = compression(tokenizer, [(batch, ["medical", "legal", None, None]), (batch[:1], ["medical"])])
    domains = report["domains"]
    assert set(domains) == {"all", "medical", "legal", "none"}
    assert domains["medical"]["documents"] == 2
    assert domains["all"]["characters"] == 2 * len(texts[0]) + len(texts[1]) + len(texts[2]) + 2
    for key in ("documents", "characters", "bytes", "tokens"):
        assert domains["all"][key] == sum(domains[name][key] for name in ("medical", "legal", "none"))
    assert domains["medical"]["byte_token_share"] == 0
    assert domains["none"]["byte_token_share"] == pytest.approx(6 / domains["none"]["tokens"], abs=1e-5)
    assert domains["all"]["characters_per_token"] > 0.5
