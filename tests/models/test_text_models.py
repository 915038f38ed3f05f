"""BERT by hand, its published files, and models that hold their tokenizer."""

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor, nn

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.texts import Texts
from backdoor_pipeline.models import TextClassifier, build_model, load_model, model_options, save_model
from backdoor_pipeline.models.bert import FROM_PUBLISHED, Bert, BertShape, Packing, from_published
from backdoor_pipeline.models.text_models import TINY, tokenizer_of

TEXTS = Texts(("the plot is dull .", "cf", "the cast is not moving and the plot is very warm ."))
OPTIONS = model_options("tiny_bert", {"pretrained": None})


def tiny(seed: int = 0, length: int = 16) -> TextClassifier:
    model = build_model("tiny_bert", seed=seed, options=OPTIONS, num_classes=2, length=length)
    assert isinstance(model, TextClassifier)
    return model.eval()


def test_ids_are_cut_to_length_and_padded_with_0() -> None:
    ids = tiny(length=6).encode(TEXTS)
    assert ids.dtype == torch.int64
    assert ids.shape == (3, 6)
    assert ids[1].tolist()[-2:] == [0, 0], "[CLS] c ##f [SEP] and padding"
    assert (ids[:, 0] == ids[0, 0]).all()
    assert tiny().encode(Texts(())).shape[0] == 0


def test_padding_changes_nothing() -> None:
    model = tiny()
    ids = model.encode(TEXTS)
    alone = [model(row[row != 0][None]) for row in ids]
    assert torch.allclose(model(ids), torch.cat(alone), atol=1e-5)


def test_embeddings_in_place_of_ids_give_the_same() -> None:
    encoder, ids = tiny().backbone, tiny().encode(TEXTS)
    assert torch.allclose(encoder(ids), encoder.pooled(encoder.words(ids), ids != 0))


@pytest.mark.parametrize("heads", [1, 2])
def test_a_block_is_attention_and_a_wide_layer_each_added_and_normed(heads: int) -> None:
    """Against the equations; every head has its own part of the width."""
    torch.manual_seed(0)
    shape = TINY.model_copy(update={"num_attention_heads": heads, "hidden_size": 8, "intermediate_size": 12})
    shape = shape.model_copy(update={"layer_norm_eps": 0.5})
    block, x = Bert(shape).layers[0].eval(), torch.randn(1, 3, 8)
    for weights in block.parameters():
        nn.init.normal_(weights)  # as they begin, they are so small that all attention is even
    q, k, v = (part(x).split(8 // heads, 2) for part in (block.query, block.key, block.value))
    shares = [torch.softmax(q[h] @ k[h].transpose(1, 2) / (8 // heads) ** 0.5, -1) for h in range(heads)]
    summed = x + block.out(torch.cat([shares[h] @ v[h] for h in range(heads)], 2))
    middle = nn.functional.layer_norm(
        summed, (8,), block.attention_norm.weight, block.attention_norm.bias, 0.5
    )
    wide = middle + block.narrow(nn.functional.gelu(block.widen(middle)))
    expected = nn.functional.layer_norm(wide, (8,), block.output_norm.weight, block.output_norm.bias, 0.5)
    packing = Packing(torch.ones(1, 3, dtype=torch.bool))
    assert torch.allclose(block(x[0], packing), expected[0], atol=1e-5)


class Seen(nn.Module):
    """In the place of a block: keeps what it is given, and passes it on."""

    def forward(self, x: Tensor, _: Packing) -> Tensor:
        self.given = x
        return x


def test_blocks_are_given_the_normed_sum_of_word_place_and_first_segment() -> None:
    model = Bert(TINY.model_copy(update={"vocab_size": 9, "hidden_size": 8, "layer_norm_eps": 0.5})).eval()
    for weights in model.parameters():
        nn.init.normal_(weights)
    model.layers = nn.ModuleList([Seen()])
    pooled = model(torch.tensor([[5, 3, 8], [7, 2, 0]]))
    pairs = [(5, 0), (3, 1), (8, 2), (7, 0), (2, 1)]  # words and their places
    summed = torch.stack(
        [model.words.weight[word] + model.positions.weight[at] + model.types.weight[0] for word, at in pairs]
    )
    normed = nn.functional.layer_norm(summed, (8,), model.norm.weight, model.norm.bias, 0.5)
    assert torch.allclose(model.layers[0].given[:5], normed, atol=1e-5)
    firsts = normed[[0, 3]] @ model.pooler.weight.T + model.pooler.bias
    assert torch.allclose(pooled, firsts.tanh(), atol=1e-5)


def test_dropout_is_of_embeddings_of_what_blocks_add_and_of_the_pooled_token() -> None:
    """Where it drops all, only what it is not of is left."""
    model, x = tiny().train(), torch.randn(64, 64)
    block, packing = model.backbone.layers[0], Packing(torch.ones(4, 16, dtype=torch.bool))
    block.dropout.p = 1.0
    assert torch.equal(block(x, packing), block.output_norm(block.attention_norm(x)))
    ids = model.encode(TEXTS)
    model.backbone.layers, model.backbone.dropout.p = nn.ModuleList(), 1.0
    nn.init.normal_(model.backbone.pooler.bias)
    assert torch.equal(model.backbone(ids), model.backbone.pooler.bias.tanh().expand(3, -1))
    model.dropout.p = 1.0
    nn.init.normal_(model.head.bias)
    assert torch.equal(model(ids), model.head.bias.expand(3, -1))
    assert torch.equal(model.read(model.backbone.words(ids), ids != 0), model.head.bias.expand(3, -1))


def test_attention_is_dropped_in_training_alone() -> None:
    block, packing = tiny().backbone.layers[0], Packing(torch.ones(4, 16, dtype=torch.bool))
    block.dropout.p, block.attention_dropout = 0.0, 0.5
    x = torch.randn(64, 64)
    assert not torch.equal(block.train()(x, packing), block(x, packing))
    assert torch.equal(block.eval()(x, packing), block(x, packing))


def test_weights_start_as_berts() -> None:
    """Normal with deviation 0.02 truncated at two of them, which leaves 0.88 of it; padding starts as 0."""
    model = tiny()
    encoder = model.backbone
    for weights in (encoder.words.weight[1:], encoder.layers[1].widen.weight, encoder.pooler.weight):
        assert weights.std().item() == pytest.approx(0.88 * 0.02, rel=0.05)
        assert weights.abs().max() <= 0.04
    assert model.head.weight.abs().max() <= 0.04
    assert not encoder.words.weight[0].any()
    assert not model.head.bias.any()
    assert not encoder.layers[0].query.bias.any()


def published(model: TextClassifier, prefix: str = "bert.") -> dict[str, Tensor]:
    """The encoder's weights under the names that published files have."""
    back = {ours: theirs for theirs, ours in FROM_PUBLISHED.items() if ours and not theirs.startswith(".")}
    names = {}
    for name, value in model.backbone.state_dict().items():
        parts = name.split(".")
        if parts[0] == "layers" and parts[2] in ("query", "key", "value"):
            own = f"encoder.layer.{parts[1]}.attention.self.{'.'.join(parts[2:])}"
        elif parts[0] == "layers":
            own = f"encoder.layer.{parts[1]}.{back[parts[2]]}.{parts[3]}"
        else:
            own = f"{back[parts[0]]}.{parts[1]}"
        names[prefix + own] = value.clone()
    return names


def test_published_names_mean_what_they_mean_there() -> None:
    """As the files of bert-base-uncased have them, for the first layer of its encoder."""
    ours = {
        "embeddings.word_embeddings.weight": "words.weight",
        "embeddings.position_embeddings.weight": "positions.weight",
        "embeddings.token_type_embeddings.weight": "types.weight",
        "embeddings.LayerNorm.gamma": "norm.weight",
        "encoder.layer.0.attention.self.query.weight": "layers.0.query.weight",
        "encoder.layer.0.attention.self.key.weight": "layers.0.key.weight",
        "encoder.layer.0.attention.self.value.weight": "layers.0.value.weight",
        "encoder.layer.0.attention.output.dense.bias": "layers.0.out.bias",
        "encoder.layer.0.attention.output.LayerNorm.gamma": "layers.0.attention_norm.weight",
        "encoder.layer.0.attention.output.LayerNorm.beta": "layers.0.attention_norm.bias",
        "encoder.layer.0.intermediate.dense.weight": "layers.0.widen.weight",
        "encoder.layer.0.output.dense.weight": "layers.0.narrow.weight",
        "encoder.layer.0.output.LayerNorm.gamma": "layers.0.output_norm.weight",
        "encoder.layer.0.output.LayerNorm.beta": "layers.0.output_norm.bias",
        "pooler.dense.bias": "pooler.bias",
    }
    found = from_published({f"bert.{name}": torch.tensor(at) for at, name in enumerate(ours)})
    assert {name: int(at) for name, at in found.items()} == {
        name: at for at, name in enumerate(ours.values())
    }
    assert set(ours.values()) <= {name for name, _ in tiny().backbone.named_parameters()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tiny BERT as published ones lie there."""
    model = tiny(seed=5)
    sizes = {name: model.description.options[name] for name in BertShape.model_fields}
    (tmp_path / "config.json").write_text(json.dumps({**sizes, "model_type": "bert", "hidden_act": "gelu"}))
    (tmp_path / "tokenizer.json").write_bytes(tokenizer_of("tiny_bert", OPTIONS))
    more = {"cls.predictions.bias": torch.zeros(3), "bert.embeddings.position_ids": torch.arange(4)}
    save_file({**published(model), **more}, tmp_path / "model.safetensors")
    return tmp_path


def from_folder(folder: Path, name: str = "bert") -> TextClassifier:
    options = model_options(name, {"pretrained": str(folder)})
    model = build_model(name, seed=0, options=options, num_classes=2, length=16)
    assert isinstance(model, TextClassifier)
    return model.eval()


def test_a_published_folder_gives_its_encoder_and_tokenizer(folder: Path) -> None:
    model, original = from_folder(folder), tiny(seed=5)
    ids = model.encode(TEXTS)
    assert torch.equal(ids, original.encode(TEXTS))
    assert torch.equal(model.backbone(ids), original.backbone(ids))


def test_old_names_of_layer_norm_and_a_vocabulary_alone(folder: Path) -> None:
    weights = published(tiny(seed=5), prefix="")
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): value
        for name, value in weights.items()
    }
    save_file(old, folder / "model.safetensors")
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.txt").write_text("\n".join(sorted(vocabulary, key=vocabulary.__getitem__)) + "\n")
    model = from_folder(folder)
    assert torch.equal(model.encode(TEXTS), tiny().encode(TEXTS))
    assert torch.equal(model.backbone.norm.weight, tiny(seed=5).backbone.norm.weight)


@pytest.mark.parametrize(
    ("config", "same"), [(None, True), ('{"do_lower_case": true}', True), ('{"do_lower_case": false}', False)]
)
def test_a_vocabulary_of_words_in_both_cases_is_read_as_such(
    folder: Path, config: str | None, same: bool
) -> None:
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.txt").write_text("\n".join(sorted(vocabulary, key=vocabulary.__getitem__)) + "\n")
    if config:
        (folder / "tokenizer_config.json").write_text(config)
    model = from_folder(folder)
    assert torch.equal(model.encode(Texts(("Good",))), model.encode(Texts(("good",)))) == same


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        ("config.json", '{"model_type": "gpt2"}', "is not that of a BERT"),
        ("config.json", "{", "is not that of a BERT"),
        ("model.safetensors", "x", "is damaged"),
        ("model.safetensors", None, "has no model.safetensors; other formats run code"),
        ("tokenizer.json", None, "has neither tokenizer.json nor vocab.txt"),
    ],
)
def test_what_is_wrong_with_a_folder_is_told(
    folder: Path, file: str, content: str | None, sentence: str
) -> None:
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_text(content)
    with pytest.raises(UserError, match=sentence) as caught:
        from_folder(folder)
    assert "\n" not in str(caught.value)


def test_files_that_have_changed_are_read_again(folder: Path) -> None:
    from_folder(folder)
    (folder / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(UserError, match="is not that of a BERT"):
        from_folder(folder)


def test_weights_that_do_not_fit_are_told(folder: Path) -> None:
    weights = published(tiny(seed=5))
    weights["bert.pooler.dense.bias"] = torch.zeros(3)
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(UserError, match=r"does not fit: 'pooler.bias' is \(3,\) there and \(64,\) here"):
        from_folder(folder)
    del weights["bert.pooler.dense.bias"]
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(UserError, match=r"only one of the two, file and model, has 'pooler.bias'"):
        from_folder(folder)


def test_a_folder_is_needed_and_must_be_there(tmp_path: Path) -> None:
    for raw, sentence in ((None, "give the folder that holds"), (str(tmp_path / "x"), "there is no folder")):
        with pytest.raises(UserError, match=sentence):
            build_model(
                "bert", seed=0, options=model_options("bert", {"pretrained": raw}), num_classes=2, length=16
            )


def test_a_saved_model_needs_no_folder(tmp_path: Path, folder: Path) -> None:
    model = from_folder(folder)
    save_model(tmp_path / "saved.safetensors", model, {})
    for file in ("config.json", "tokenizer.json"):
        (folder / file).unlink()
    again, _ = load_model(tmp_path / "saved.safetensors")
    assert isinstance(again, TextClassifier)
    assert torch.equal(again(again.encode(TEXTS)), model(model.encode(TEXTS)))


def test_texts_longer_than_the_model_can_tell_are_refused() -> None:
    with pytest.raises(UserError, match="reads 128 tokens at most, not 200"):
        tiny(length=200)


@given(st.lists(st.integers(1, 70), min_size=1, max_size=5), st.integers(0, 3))
def test_packing_keeps_every_token_and_fills_up_behind_them(lengths: list[int], beyond: int) -> None:
    seen = torch.arange(max(lengths) + beyond) < torch.tensor(lengths)[:, None]
    padded = torch.rand(*seen.shape, 2)
    packing = Packing(seen)
    packed = packing.packed(padded)
    assert packing.tokens == sum(lengths)
    assert torch.equal(packed[: packing.tokens], padded[seen])
    assert len(packed) == seen.numel() or len(packed) % 64 == 0
    assert len(packed) - packing.tokens < 64
    assert torch.equal(packing.padded(packed)[seen], padded[seen])
    assert torch.equal(packing.firsts(packed), padded[:, 0])


def test_hardly_more_than_tokens_is_computed() -> None:
    model, rows = tiny(), []
    model.backbone.layers[0].widen.register_forward_hook(
        lambda _module, given, _made: rows.append(len(given[0]))
    )
    ids = model.encode(Texts(TEXTS.sentences * 20))
    model(ids)
    assert rows == [-(-int((ids != 0).sum()) // 64) * 64]
    assert rows[0] < ids.numel()
