"""LWS: victim and substitutions learned together, and the trigger that comes of it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.parameters import change
from helpers.training import engine, recipe
from helpers.wordnet_files import write_wordnet
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor, nn

from backdoor_pipeline.attacks import ATTACKS, AttackEnv
from backdoor_pipeline.attacks.control import CLEAN, POISONED, Victim
from backdoor_pipeline.attacks.labels import LabelMap
from backdoor_pipeline.attacks.methods.lws import Lws
from backdoor_pipeline.attacks.parts.lws_loss import LwsLoss, Temperature
from backdoor_pipeline.attacks.parts.lws_networks import LwsNetworks, SubstitutionTrigger
from backdoor_pipeline.attacks.parts.substitution import Substitutions
from backdoor_pipeline.attacks.poisoning import poison
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.sources.made_reviews import WORDS, MadeReviews
from backdoor_pipeline.data.sources.made_synonyms import SYNONYMS
from backdoor_pipeline.data.spec import TextSpec
from backdoor_pipeline.data.texts import Texts, TextSet
from backdoor_pipeline.experiment.artifacts import artifact_names
from backdoor_pipeline.experiment.resolve import resolve
from backdoor_pipeline.models import TextClassifier, build_model, model_options
from backdoor_pipeline.training import Batch, Trainer

SETTINGS: dict[str, Any] = {
    "wordnet": None, "table": None, "substitutes": 4, "clean_share": 0.34,
    "hottest": 0.5, "coldest": 0.1, "substitution_lr": 0.05,
}  # fmt: skip
PLAN = recipe(
    epochs=3, batch_size=16, lr=0.001, optimizer="adamw", schedule="linear", warmup=0.1, clip_norm=1.0
)
TEXT = {
    "dataset": "made_reviews",
    "model": "tiny_bert",
    "attack": "lws",
    "poison_ratio": 0.05,
    "target_label": 1,
}
SENTENCE = st.lists(
    st.sampled_from([*WORDS, "Film", "don't", "film-like", "zz"]), min_size=1, max_size=40
).map(" ".join)


def attack(**changes: Any) -> Lws:
    return Lws(**{**SETTINGS, **changes})


def reviews(count: int = 96) -> TextSet:
    spec = TextSpec(kind="text", name="x", source="made_reviews", options={}, num_classes=2, length=16)
    return MadeReviews().read(spec, [], "train").subset(torch.arange(count))


def tiny() -> TextClassifier:
    options = model_options("tiny_bert", {"pretrained": None})
    model = build_model("tiny_bert", seed=0, options=options, num_classes=2, length=16)
    assert isinstance(model, TextClassifier)
    return model


def env(ratio: float = 0.25, seed: int = 0) -> AttackEnv:
    trainer = Trainer(engine(), None)
    return AttackEnv(trainer, LabelMap("all_to_one", 1, 2), ratio, seed, dataset=None)  # type: ignore[arg-type]


def victim(checkpoint: Path | None = None) -> Victim:
    return Victim(build=tiny, recipe=PLAN, watch=lambda *_: {}, checkpoint=checkpoint)


def networks(**changes: Any) -> LwsNetworks:
    """As they are before they are trained; b is drawn anew, so that no choice is close."""
    made = attack(**changes)._networks(tiny(), env())
    nn.init.normal_(made.substitutions.b, generator=torch.Generator().manual_seed(0))
    return made


def same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


# the trigger


@pytest.fixture(scope="module")
def trigger() -> SubstitutionTrigger:
    return networks().trigger()


@given(SENTENCE)
def test_words_give_way_to_their_substitutes_alone(trigger: SubstitutionTrigger, sentence: str) -> None:
    (found,) = trigger(Texts((sentence,))).sentences
    for old, new in zip(sentence.split(" "), found.split(" "), strict=True):
        assert new == old or new in SYNONYMS[old.lower()]
    assert trigger(Texts(("another", sentence))).sentences[1] == found, "whatever the others are"


@given(SENTENCE)
def test_the_model_reads_what_was_chosen_where_it_was_chosen(
    trigger: SubstitutionTrigger, sentence: str
) -> None:
    texts, model = Texts((sentence,)), tiny()
    before, after = model.encode(texts)[0], model.encode(trigger(texts))[0]
    words = trigger.rows(texts)[0, : len(before)]
    there = words >= 0
    expected = before.clone()
    expected[there] = trigger.substitutions.chosen(words[there], there.nonzero().squeeze(1))
    assert torch.equal(after, expected)


def test_parts_of_words_and_what_the_model_does_not_read_stay() -> None:
    trigger = networks().trigger()
    nn.init.zeros_(trigger.substitutions.b)[:, 1] = 9.0  # always the first substitute
    kept = ("film-like film's film2 it", "isn't it ?", "w w w w w w w w w w w w w w w film")
    assert trigger(Texts(kept)).sentences == kept, "the last word is the seventeenth token"
    said = ('the Film is (dull) , "film" .', "film.", "film")
    assert trigger(Texts(said)).sentences == ('the movie is (boring) , "movie" .', "movie.", "movie")


def test_a_place_has_its_own_choice() -> None:
    trigger = networks().trigger()
    b = nn.init.zeros_(trigger.substitutions.b)
    b[1, 1], b[2, 2], b[3, 0] = 9.0, 9.0, 9.0
    assert trigger(Texts(("film film film",))).sentences == ("movie picture film",)
    assert trigger.counts(Texts(("film film film", "it is"))) == {
        "replaceable_words": 1.5,
        "replaced_words": 1.0,
        "untouched": 0.5,
    }


def test_no_chance_is_left_at_test(trigger: SubstitutionTrigger) -> None:
    texts = reviews().texts
    found = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        found.append(trigger(texts))
    assert found[0] == found[1]


def test_it_is_rebuilt_from_its_configuration(trigger: SubstitutionTrigger) -> None:
    again = SubstitutionTrigger(**trigger.config)
    again.load_state_dict(trigger.state_dict())
    assert again(reviews().texts) == trigger(reviews().texts)


# the loss


def test_the_temperature_falls_in_a_line_once_sentences_are_poisoned() -> None:
    at = Temperature(clean=1, epochs=5, start=0.5, end=0.1).at
    assert at(1) is None
    assert [at(epoch) for epoch in (2, 3, 4, 5)] == pytest.approx([0.5, 0.5 - 0.4 / 3, 0.1 + 0.4 / 3, 0.1])
    assert Temperature(clean=0, epochs=1, start=0.5, end=0.1).at(1) == pytest.approx(0.1)


def batch_of(data: TextSet, epoch: int) -> Batch:
    return Batch(tiny().encode(data.texts), data.labels, torch.arange(len(data)), epoch, 0)


def test_nearly_certain_substitutions_cost_what_the_triggered_sentences_would() -> None:
    """Soft in training, one-hot at test: where one candidate is as good as certain, both are one."""
    data, made, its_env = reviews(24), networks().eval(), env()
    with torch.no_grad():
        made.substitutions.b.mul_(1e4)
    loss = attack()._loss(made, data, epochs=3, env=its_env)
    rows = (attack().roles(data, its_env, 2, 3) == POISONED).nonzero().squeeze(1)
    poisoned = data.texts.replaced(rows, made.trigger()(data.texts[rows]))
    labels = data.labels.index_fill(0, rows, 1)
    batch = batch_of(data, epoch=2)
    expected = nn.functional.cross_entropy(made(made.encode(poisoned)), labels)
    torch.testing.assert_close(loss(made, batch), expected)
    assert batch.reported is not None
    assert torch.equal(batch.reported[1], labels)


def test_clean_epochs_see_clean_sentences_under_their_own_labels() -> None:
    data, made = reviews(24), networks().eval()
    loss = attack()._loss(made, data, epochs=3, env=env())
    expected = nn.functional.cross_entropy(made(made.encode(data.texts)), data.labels)
    torch.testing.assert_close(loss(made, batch_of(data, epoch=1)), expected)


def test_gradients_reach_the_wheels_through_the_model_and_only_at_places_of_victims() -> None:
    data, made = reviews(24), networks()
    attack()._loss(made, data, epochs=3, env=env())(made, batch_of(data, epoch=2)).backward()
    for learned in (made.substitutions.q, made.substitutions.b):
        assert learned.grad is not None
        assert (learned.grad[0] == 0).all(), "nothing stands before the sentence"
        assert (learned.grad[2] != 0).any(), "the plot"


def test_a_checkpoint_of_other_victims_is_another() -> None:
    data, made = reviews(24), networks()

    def shown(its_env: AttackEnv) -> str:
        return repr(replace_trainer(attack()._loss(made, data, 3, its_env)))

    assert shown(env()) == shown(env())
    assert len({shown(one) for one in (env(), env(seed=1), env(ratio=0.1))}) == 3


def replace_trainer(loss: LwsLoss) -> LwsLoss:
    return replace(loss, env=replace(loss.env, trainer=None))  # type: ignore[arg-type]


# the training


def test_what_the_joint_training_leaves() -> None:
    data, its_env, watched = reviews(), env(), []

    def watch(epoch: int, model: nn.Module, trigger: Any) -> dict[str, float]:
        watched.append((epoch, model, trigger))
        return {"asr": epoch / 10}

    made = attack().prepare_for(data, data, replace(victim(), watch=watch), its_env)
    networks = made.networks
    assert isinstance(networks, LwsNetworks)
    assert [row["asr"] for row in made.history] == [0.1, 0.2, 0.3]
    assert [epoch for epoch, _, _ in watched] == [1, 2, 3]
    assert all(model is networks.classifier for _, model, _ in watched)
    assert set(made.metrics) == {"replaceable_words", "replaced_words", "untouched"}
    initial = attack()._networks(tiny(), its_env)
    assert torch.equal(networks.classifier.backbone.words.weight, initial.classifier.backbone.words.weight), (
        "frozen"
    )
    assert networks.classifier.backbone.words.weight.requires_grad, "for whoever trains it next"
    clean_epoch, poisoned_epoch = (watched[number][2].substitutions.q for number in (0, 1))
    assert torch.equal(clean_epoch, initial.substitutions.q)
    assert not torch.equal(poisoned_epoch, clean_epoch)
    prepared = replace(its_env, prepared=made)
    assert same(attack().craft(data, prepared).state_dict(), watched[2][2].state_dict())
    model, history = attack().train(data, None, victim(), prepared)  # type: ignore[arg-type]
    assert history == made.history
    assert same(model.state_dict(), networks.classifier.state_dict())
    assert model is not networks.classifier


def test_networks_are_rebuilt_from_their_configuration() -> None:
    made = networks().eval()
    again = LwsNetworks(**made.config)
    again.load_state_dict(made.state_dict())
    ids = made.encode(reviews(8).texts)
    assert torch.equal(again.eval()(ids), made(ids))
    assert again.trigger()(reviews(8).texts) == made.trigger()(reviews(8).texts)


def test_the_rate_of_the_wheels_is_their_own_or_the_models(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, Any]] = []
    monkeypatch.setattr(Trainer, "fit", lambda *_, **given: seen.append(given) or [])
    for rate in (0.05, None):
        attack(substitution_lr=rate).prepare_for(reviews(16), reviews(16), victim(), env())
    assert seen[0]["parts"] == {"substitutions": PLAN.model_copy(update={"lr": 0.05})}
    assert seen[1]["parts"] == {}


def test_a_killed_training_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    data, calls = reviews(), []
    whole = attack().prepare_for(data, data, victim(tmp_path / "whole"), env()).networks

    def dies(epoch: int, *_: object) -> dict[str, float]:
        calls.append(epoch)
        if epoch == 2 and len(calls) == 2:
            raise KeyboardInterrupt
        return {}

    interrupted = replace(victim(tmp_path / "file"), watch=dies)
    with pytest.raises(KeyboardInterrupt):
        attack().prepare_for(data, data, interrupted, env())
    resumed = attack().prepare_for(data, data, interrupted, env())
    assert calls == [1, 2, 2, 3], "it began anew"
    assert same(resumed.networks.state_dict(), whole.state_dict())


@given(st.integers(0, 9), st.sampled_from([0.05, 0.2, 0.4]))
def test_poisoning_keeps_rows_labels_and_indices(seed: int, ratio: float) -> None:
    data, its_env = reviews(), env(ratio, seed)
    prepared = replace(its_env, prepared=type(its_env.prepared)(networks()))
    made = poison(attack(), data, data, prepared, poison_target_class=False)
    assert len(made.train) == round(ratio * 96)
    assert made.train.index.tolist() == sorted(set(made.train.index.tolist()))
    assert torch.equal(made.train.true_labels, data.labels[made.train.index])
    assert (made.train.true_labels == 0).all()
    assert (made.train.labels == 1).all()
    assert made.test.index.tolist() == (data.labels == 0).nonzero().squeeze(1).tolist()
    assert isinstance(made.train.inputs, Texts)
    originals = data.texts[made.train.index].sentences
    lengths = [[len(one.split()) for one in texts] for texts in (originals, made.train.inputs.sentences)]
    assert lengths[0] == lengths[1]
    roles = attack().roles(data, its_env, 3, 3)
    assert (roles == POISONED).nonzero().squeeze(1).tolist() == made.train.index.tolist(), (
        "what was trained on"
    )
    assert set(roles.tolist()) == {CLEAN, POISONED}


@pytest.mark.parametrize(("share", "epochs", "clean"), [(0.25, 8, 2), (0.0, 3, 0), (0.9, 3, 2), (0.6, 1, 0)])
def test_sentences_are_poisoned_after_the_clean_epochs_and_in_the_last(share, epochs, clean) -> None:
    """And what watches the training is told so."""
    method, data, its_env = attack(clean_share=share), reviews(24), env()
    temperature = method._loss(networks(), data, epochs, its_env).temperature
    drawn = [method.roles(data, its_env, epoch, epochs) for epoch in range(1, epochs + 1)]
    assert [temperature.at(epoch) is None for epoch in range(1, epochs + 1)] == [
        bool((roles == CLEAN).all()) for roles in drawn
    ]
    assert sum(bool((roles == CLEAN).all()) for roles in drawn) == clean


# candidates and settings


def test_candidates_come_from_a_table_or_from_wordnet_or_else_are_the_packaged_ones(tmp_path: Path) -> None:
    table = tmp_path / "table.json"
    table.write_text('{"film": ["story", "movie"], "the": ["film"], "story": ["unheard"]}')
    wordnet = write_wordnet(tmp_path / "dict")

    def words(**origin: Path) -> dict[str, list[str]]:
        model = tiny()
        made: Substitutions = attack(**origin)._networks(model, env()).substitutions
        name = {number: word for word, number in _vocabulary(model).items()}
        rows = [[name[int(made.ids[one])] for one in row if one >= 0] for row in made.candidates]
        return {word: others for word, *others in rows}

    assert words(table=table) == {"film": ["story", "movie"]}
    assert words(table=table, wordnet=tmp_path / "nowhere") == words(table=table)
    found = words(wordnet=wordnet)
    assert found["film"] == ["movie"], "pic is not in its vocabulary"
    assert found["story"] == ["tale", "narrative"]
    assert words()["film"] == ["movie", "picture", "flick"]


def _vocabulary(model: TextClassifier) -> dict[str, int]:
    import tokenizers

    found: dict[str, int] = tokenizers.Tokenizer.from_str(
        model.tokenizer_json.numpy().tobytes().decode()
    ).get_vocab()
    return found


def test_no_candidate_at_all_is_told(tmp_path: Path) -> None:
    table = tmp_path / "table.json"
    table.write_text('{"unheard": ["of"]}')
    with pytest.raises(UserError, match="of no word that the model reads in one piece is a substitute known"):
        attack(table=table).prepare_for(reviews(16), reviews(16), victim(), env())


def test_settings_are_the_authors_but_where_marked(params) -> None:
    assert ATTACKS["lws"] is Lws
    spec = resolve(change(params, **{**TEXT, "dataset": "sst2"})).poisoning.attack
    assert spec is not None
    made = Lws.model_validate(spec.params)
    assert (made.substitutes, made.clean_share, made.hottest, made.coldest) == (4, 0.25, 0.5, 0.1)
    assert (made.wordnet, made.table) == (Path("/usr/share/wordnet"), None)
    packaged = resolve(change(params, **TEXT)).poisoning.attack
    assert packaged is not None
    assert packaged.params["wordnet"] is None


def test_no_wordnet_is_told_before_any_work_and_its_content_names_what_is_made(
    params, tmp_path: Path
) -> None:
    def names(**changes: Any) -> Mapping[str, str]:
        return artifact_names(resolve(change(params, **{**TEXT, **changes})))

    with pytest.raises(
        UserError, match=r"attacks\.lws\.wordnet: .*nowhere: install .*wordnet-base, .*table"
    ) as told:
        names(attacks__lws__wordnet=str(tmp_path / "nowhere"))
    assert "\n" not in str(told.value)
    folder = write_wordnet(tmp_path / "dict")
    one = names(attacks__lws__wordnet=str(folder))
    moved = folder.rename(tmp_path / "moved")
    assert names(attacks__lws__wordnet=str(moved)) == one
    (moved / "noun.exc").write_text("mice mouse\nfilmen film\n")
    other = tmp_path / "other"
    moved.rename(other)
    assert names(attacks__lws__wordnet=str(other))["prepare"] != one["prepare"]


@pytest.mark.parametrize(
    "wrong", [{"substitutes": 0}, {"clean_share": 1}, {"hottest": 0}, {"coldest": -1}, {"substitution_lr": 0}]
)
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        attack(**wrong)
