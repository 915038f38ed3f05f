"""Images and texts in one house: what does not fit together is told in one sentence."""

import pytest
from helpers.parameters import change

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.experiment.artifacts import artifact_names
from backdoor_pipeline.experiment.resolve import resolve

TEXT = {
    "dataset": "made_reviews",
    "model": "tiny_bert",
    "attack": "word",
    "defense": "ft",
    "poison_ratio": 0.05,
}


def test_a_text_experiment_has_the_same_stages_and_names(params) -> None:
    experiment = resolve(change(params, **TEXT))
    names = artifact_names(experiment)
    assert names["poison"].startswith("made_reviews/word-0.05-s0-")
    assert names["defend"].startswith("made_reviews/ft-tiny_bert-word-0.05-s0-")
    recipe = experiment.training.recipe
    assert (recipe.optimizer, recipe.schedule, recipe.warmup, recipe.clip_norm) == ("adamw", "linear", 0.1, 1)
    assert experiment.poisoning.attack.poison_target_class is False
    spared = resolve(change(params, **TEXT, poison_target_class=False))
    assert spared == experiment, "its own class is never poisoned, so it is told as one experiment"


@pytest.mark.parametrize(
    ("paths", "sentence"),
    [
        (
            {"attack": "badnets"},
            "attack 'badnets' is not made for texts, .*'made_reviews' holds: .*hiddenkiller",
        ),
        (
            {"defense": "anp"},
            r"defense 'anp' is not made for texts, .* \(it perturbs .*BatchNorm.*\): choose one of .*ft",
        ),
        ({"defense": "nc"}, r"\(it searches a mask and a pattern of pixels\)"),
        ({"defense": "nad"}, r"\(it compares attention maps,"),
        ({"defense": "dbd"}, r"\(it learns without labels from two augmented views"),
        (
            {"model": "resnet8"},
            "model 'resnet8' is not made for texts, .*: choose one of bert, minilm, tiny_bert",
        ),
        ({"dataset": "digits"}, "attack 'word' is not made for images, .*: choose one of badnets, "),
        ({"dataset": "digits", "attack": "none"}, "model 'tiny_bert' is not made for images"),
        ({"attack": "words"}, "unknown attack 'words': did you mean 'word'"),
        ({"model": "bert"}, "models.bert.pretrained: give the folder"),
        ({"datasets__made_reviews__image_size": 3}, "unknown parameter 'datasets.made_reviews.image_size'"),
        ({"datasets__made_reviews__length": 2}, "datasets.made_reviews.length is 2"),
        ({"watch__gradients": 8}, "gradients .* images"),
        ({"label_map": "all_to_all"}, None),
    ],
)
def test_what_does_not_fit_together_is_told(params, paths, sentence) -> None:
    changed = change(params, **{**TEXT, **paths})
    if sentence is None:
        resolve(changed)
        return
    with pytest.raises(UserError, match=sentence) as caught:
        resolve(changed)
    assert "\n" not in str(caught.value)


def test_a_published_model_is_named_by_its_content(params, tmp_path) -> None:
    folder = tmp_path / "bert"
    folder.mkdir()
    sizes = {
        "vocab_size": 6, "hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 1,
        "intermediate_size": 4, "max_position_embeddings": 64, "type_vocab_size": 1,
        "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1, "layer_norm_eps": 1e-12,
    }  # fmt: skip
    (folder / "config.json").write_text(str(sizes).replace("'", '"'))
    (folder / "tokenizer.json").write_text("{}")

    def name(where) -> str:
        changed = change(params, **{**TEXT, "model": "bert", "models__bert__pretrained": str(where)})
        return artifact_names(resolve(changed))["train"]

    first = name(folder)
    moved = folder.rename(tmp_path / "moved")
    assert name(moved) == first
    other = tmp_path / "other"
    other.mkdir()
    for file in moved.iterdir():
        (other / file.name).write_text(file.read_text() + " ")
    assert name(other) != first
