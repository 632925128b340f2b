"""The model against independent implementations, and its three attentions against each other."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra 'train')")

from torch.nn import functional as F  # noqa: E402

from trainer import attention, blank_infilling, objectives  # noqa: E402
from trainer.config import ModelConfig, ObjectiveConfig  # noqa: E402
from trainer.head import linear_cross_entropy  # noqa: E402
from trainer.model import Inputs, Transformer, training_flops  # noqa: E402

CPU = torch.device("cpu")
EOD = 1
GLM_TOKENS = blank_infilling.GlmTokens(2, 3, 4, 5, 6, 7, EOD, 8, frozenset({19}))


def small(**changes: object) -> Transformer:
    config = ModelConfig(
        **{"layers": 3, "hidden": 48, "heads": 4, "max_positions": 129, "vocab": 200, "dropout": 0.0, **changes}  # type: ignore[arg-type]
    )
    model = Transformer(config).eval()
    model.initialise(0)
    with torch.no_grad():  # larger than the initial values, so that differences would show
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(parameter.numel()))
    return model


def inputs(batch: objectives.Batch, kind: str) -> Inputs:
    return Inputs(
        torch.from_numpy(batch.ids),
        torch.from_numpy(batch.positions),
        None if batch.block_positions is None else torch.from_numpy(batch.block_positions),
        attention.plan(batch, kind, CPU),
        torch.from_numpy(batch.targets),
    )


def causal_batch(rows: int = 3, length: int = 64, *, document_mask: bool = True) -> objectives.Batch:
    random = np.random.default_rng(0)
    tokens = random.integers(20, 200, (rows, length + 1))
    tokens[random.random(tokens.shape) < 0.06] = EOD
    return objectives.causal(tokens, EOD, document_mask=document_mask)


def glm_batch(samples: int = 4, per_row: int = 1, length: int = 96) -> objectives.Batch:
    config = ObjectiveConfig(kind="glm", length=length, mode_group=1, samples_per_row=per_row)
    random = np.random.default_rng(3)
    rows = []
    for i in range(samples):
        window = random.integers(10, 200, length - 2)
        window[random.random(window.size) < 0.02] = EOD
        rows.append(blank_infilling.glm_examples(window, i, config, GLM_TOKENS, seed=1))
    return objectives.pack(rows, config, EOD)


def test_cpm_loss_equals_hugging_face_gpt2() -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    from trainer.export_huggingface import gpt2_state

    model = small(layer_norm_eps=1e-5)
    c = model.config
    reference = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            vocab_size=c.vocab,
            n_positions=c.max_positions,
            n_embd=c.hidden,
            n_layer=c.layers,
            n_head=c.heads,
            activation_function="gelu_new",
            layer_norm_epsilon=c.layer_norm_eps,
        )
    ).eval()
    reference.load_state_dict(gpt2_state(model.state_dict(), c), strict=True)
    batch = causal_batch(document_mask=False)
    ids = torch.from_numpy(np.concatenate([batch.ids, batch.targets[:, -1:]], axis=1))
    with torch.no_grad():
        ours = model(inputs(batch, "dense")) / batch.target_count
        theirs = reference(input_ids=ids, labels=ids).loss
    assert abs(float(ours - theirs)) <= 1e-5


def glm_reference(model: Transformer, example: blank_infilling.GlmExample) -> tuple[torch.Tensor, torch.Tensor]:
    """GLM written down once more, one example and one head at a time, from its paper: (hidden states, summed loss)."""
    w = model.state_dict()
    c = model.config
    size = c.hidden // c.heads
    ids, pos, block = (torch.from_numpy(a) for a in (example.ids, example.positions, example.block_positions))
    x = w["tokens.weight"][ids] + w["positions.weight"][pos] + w["block_positions.weight"][block]
    allowed = torch.zeros(len(ids), len(ids), dtype=torch.bool)
    for q in range(len(ids)):
        for k in range(len(ids)):
            allowed[q, k] = k < example.separator or (q >= example.separator and k <= q)

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        mean, var = x.mean(-1, keepdim=True), x.var(-1, unbiased=False, keepdim=True)
        return (x - mean) / torch.sqrt(var + c.layer_norm_eps) * w[f"{name}.weight"] + w[f"{name}.bias"]

    for layer in range(c.layers):
        p = f"blocks.{layer}."
        qkv = norm(x, p + "norm1") @ w[p + "attention.qkv.weight"].t() + w[p + "attention.qkv.bias"]
        heads = []
        for h in range(c.heads):
            q, k, v = (qkv[:, i * c.hidden + h * size : i * c.hidden + (h + 1) * size] for i in range(3))
            scores = (q @ k.t() / size**0.5).masked_fill(~allowed, float("-inf"))
            heads.append(scores.softmax(-1) @ v)
        x = x + torch.cat(heads, -1) @ w[p + "attention.out.weight"].t() + w[p + "attention.out.bias"]
        up = norm(x, p + "norm2") @ w[p + "up.weight"].t() + w[p + "up.bias"]
        gelu = 0.5 * up * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (up + 0.044715 * up**3)))
        x = x + gelu @ w[p + "down.weight"].t() + w[p + "down.bias"]
    x = norm(x, "norm")
    log_p = (x @ w["tokens.weight"].t()).log_softmax(-1)
    targets = torch.from_numpy(example.targets)
    counted = targets >= 0
    return x, -log_p[counted, targets[counted]].sum()


@pytest.mark.parametrize("mode", ["token_mode", "sentence_mode", "document_mode"])
def test_glm_equals_an_independent_implementation(mode: str) -> None:
    model = small(positions="block2d")
    body = np.random.default_rng(5).integers(10, 200, 70)
    body[9::10] = 19
    text = np.concatenate([[GLM_TOKENS.cls], body, [EOD]])
    config = ObjectiveConfig(kind="glm", length=72)
    example = getattr(blank_infilling, mode)(text, config, GLM_TOKENS, np.random.default_rng(8))
    batch = objectives.pack([[example]], config, EOD)
    given = inputs(batch, "dense")
    with torch.no_grad():
        hidden = model.trunk(given.ids, given.positions, given.block_positions, given.plan)[0, : example.ids.size]
        expected, loss = glm_reference(model, example)
        assert (hidden - expected).abs().max() < 5e-5
        assert float(model(given)) == pytest.approx(float(loss), rel=1e-5)


def test_erf_gelu_is_another_model() -> None:
    batch = causal_batch()
    tanh, erf = small(), small(gelu="erf")
    with torch.no_grad():
        difference = abs(float(tanh(inputs(batch, "dense")) - erf(inputs(batch, "dense")))) / batch.target_count
    assert 0 < difference < 1e-2


@pytest.mark.parametrize("kind", ["flex", "varlen"])
@pytest.mark.parametrize("make", [causal_batch, glm_batch, lambda: glm_batch(4, 2)])
def test_attentions_agree(kind: str, make: object) -> None:
    batch = make()  # type: ignore[operator]
    model = small(positions="learned" if batch.block_positions is None else "block2d")
    real = torch.from_numpy(batch.segment != objectives.PADDING)
    results = []
    for name in ("dense", kind):
        given = inputs(batch, name)
        model.zero_grad()
        with torch.set_grad_enabled(kind == "varlen"):  # flex has no backward pass on a CPU
            hidden = model.trunk(given.ids, given.positions, given.block_positions, given.plan)
            loss = model(given)
        gradient = torch.zeros(1)
        if kind == "varlen":
            loss.backward()
            gradient = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
        results.append((hidden[real].detach(), loss.detach(), gradient))
    (a, la, ga), (b, lb, gb) = results
    assert (a - b).abs().max() < 2e-5
    assert float(la) == pytest.approx(float(lb), rel=1e-5)
    assert (ga - gb).abs().max() <= 1e-3 * ga.abs().max()


def test_packed_documents_equal_separate_ones() -> None:
    model = small()
    batch = causal_batch(rows=2)
    packed = model(inputs(batch, "dense"))
    separate = torch.zeros(())
    for row in range(2):
        for segment in np.unique(batch.segment[row]):
            places = np.flatnonzero(batch.segment[row] == segment)
            ids = torch.from_numpy(batch.ids[row, places])[None]
            targets = torch.from_numpy(batch.targets[row, places])[None]
            positions = torch.arange(places.size)[None]
            separate = separate + model(Inputs(ids, positions, None, attention.Plan("causal"), targets))
    assert float(packed) == pytest.approx(float(separate), rel=1e-6)


def test_packed_glm_samples_equal_separate_ones() -> None:
    model = small(positions="block2d")
    one, two = glm_batch(4, 1), glm_batch(4, 2)
    assert one.target_count == two.target_count
    assert one.attended_pairs() == two.attended_pairs()
    assert float(model(inputs(one, "dense"))) == pytest.approx(float(model(inputs(two, "dense"))), rel=1e-6)


def test_nothing_leaks_from_the_future_or_from_other_documents() -> None:
    model = small()
    batch = causal_batch(rows=1)
    given = inputs(batch, "dense")
    changed = batch.ids.copy()
    place = int(np.flatnonzero(batch.segment[0] == 1)[2])
    changed[0, place] = 20 + (changed[0, place] + 1) % 100
    with torch.no_grad():
        before = model.trunk(given.ids, given.positions, None, given.plan)[0]
        after = model.trunk(torch.from_numpy(changed), given.positions, None, given.plan)[0]
    moved = (before - after).abs().amax(-1) > 0
    allowed = torch.from_numpy((batch.segment[0] == 1) & (np.arange(batch.ids.shape[1]) >= place))
    assert bool((moved == allowed).all())


def test_rotary_sees_only_distances() -> None:
    model = small(positions="rotary")
    ids = torch.randint(20, 200, (1, 32), generator=torch.Generator().manual_seed(0))
    near = model(Inputs(ids, torch.arange(32)[None], None, attention.Plan("causal"), ids))
    far = model(Inputs(ids, torch.arange(32)[None] + 1000, None, attention.Plan("causal"), ids))
    assert float(near) == pytest.approx(float(far), rel=1e-4)


@pytest.mark.parametrize("chunk", [1 << 28, 1500])
def test_fused_head_equals_plain_cross_entropy(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.head.CPU_CHUNK_ELEMENTS", chunk)
    generator = torch.Generator().manual_seed(0)
    targets = torch.randint(0, 100, (37,), generator=generator)
    targets[::5] = -100
    results = []
    for fused in (True, False):
        generator.manual_seed(1)
        hidden = torch.randn(37, 16, generator=generator, requires_grad=True)
        weight = torch.randn(100, 16, generator=generator, requires_grad=True)
        if fused:
            loss = linear_cross_entropy(hidden, weight, targets)
        else:
            loss = F.cross_entropy(hidden @ weight.t(), targets, ignore_index=-100, reduction="sum")
        (loss * 0.5).backward()
        results.append((loss.detach(), hidden.grad, weight.grad))
    for a, b in zip(*results, strict=True):
        assert torch.allclose(a, b, atol=1e-5)


def test_targets_by_place_give_the_same_loss() -> None:
    model = small(positions="block2d")
    given = inputs(glm_batch(), "dense")
    assert given.targets is not None
    flat = given.targets.flatten()
    where = torch.nonzero(flat >= 0)[:, 0]
    padded = torch.cat([where, torch.zeros(7, dtype=torch.long)])
    targets = torch.cat([flat[where], torch.full((7,), -100)])
    assert float(model(given._replace(targets=targets, where=padded))) == pytest.approx(float(model(given)), rel=1e-6)


def test_flops_count_the_mask() -> None:
    config = ModelConfig(layers=2, hidden=8, heads=2, vocab=100)
    batch = causal_batch(rows=1, document_mask=False, length=16)
    assert batch.attended_pairs() == 16 * 17 // 2
    flops = training_flops(config, 16, 16, batch.attended_pairs())
    assert flops == 6 * 16 * (2 * 12 * 64 + 800) + 12 * 2 * 8 * 136


@pytest.mark.slow
@pytest.mark.parametrize("make", [lambda: causal_batch(document_mask=False), causal_batch, glm_batch])
def test_the_trunk_compiles_to_one_graph(make: object) -> None:
    batch = make()  # type: ignore[operator]
    model = small(positions="learned" if batch.block_positions is None else "block2d")
    given = inputs(batch, "dense")
    found = torch._dynamo.explain(model.trunk)(*given[:4])
    assert found.graph_break_count == 0
    plain = float(model(given).detach())
    model.trunk = torch.compile(model.trunk, dynamic=False, backend="aot_eager")  # type: ignore[method-assign]
    assert float(model(given).detach()) == pytest.approx(plain, rel=1e-6)
