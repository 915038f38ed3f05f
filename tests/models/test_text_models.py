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
from backdoor_pipeline.models.bert import FROM_PUBLISHED, Bert, BertShape, Packing
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


def test_a_block_is_attention_and_a_wide_layer_each_added_and_normed() -> None:
    """One head, against the equations."""
    torch.manual_seed(0)
    shape = TINY.model_copy(update={"num_attention_heads": 1, "hidden_size": 8, "intermediate_size": 12})
    block, x = Bert(shape).layers[0].eval(), torch.randn(1, 3, 8)
    q, k, v = (part(x) for part in (block.query, block.key, block.value))
    weights = torch.softmax(q @ k.transpose(1, 2) / 8**0.5, -1)
    summed = x + block.out(weights @ v)
    middle = nn.functional.layer_norm(
        summed, (8,), block.attention_norm.weight, block.attention_norm.bias, 1e-12
    )
    wide = middle + block.narrow(nn.functional.gelu(block.widen(middle)))
    expected = nn.functional.layer_norm(wide, (8,), block.output_norm.weight, block.output_norm.bias, 1e-12)
    packing = Packing(torch.ones(1, 3, dtype=torch.bool))
    assert torch.allclose(block(x[0], packing), expected[0], atol=1e-6)


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
