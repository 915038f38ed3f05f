"""P2: what a defense is handed holds no ground truth."""

import gc
import types
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, ClassVar

import pandas as pd
import pytest
import torch
from helpers.pipelines import FACTS, engine, poisoned, splits
from helpers.training import recipe
from torch import Tensor

from backdoor_pipeline.analysis.scoring import score
from backdoor_pipeline.catalog import Findings
from backdoor_pipeline.data.poisoned import PoisonedRows
from backdoor_pipeline.data.texts import Texts, TextSet
from backdoor_pipeline.defenses import DEFENSES, Defended, DefenderView, Defense
from backdoor_pipeline.defenses.base import Clusters, Suspicion
from backdoor_pipeline.defenses.clean_subset import draw_clean
from backdoor_pipeline.defenses.diagnostics import Candidates, Diagnostics
from backdoor_pipeline.experiment.specs import Defending, MethodSpec, Training
from backdoor_pipeline.experiment.stages import DefendStage, EvaluateStage
from backdoor_pipeline.foreign.pictures import Pictures
from backdoor_pipeline.foreign.poisoned import training_rows
from backdoor_pipeline.models import ModelOptions, build_model, save_model
from backdoor_pipeline.pipelines.defend.nodes import defend_model
from backdoor_pipeline.pipelines.evaluate.nodes import _detection, evaluate_models
from backdoor_pipeline.pipelines.evaluate.oracle import score_candidates
from backdoor_pipeline.training import Trainer

ENGINE = engine()
TRAINER = Trainer(ENGINE, FACTS.augmentation)


class Spy(Defense):
    """Keeps its view, and blames the rows with a white corner."""

    name: ClassVar[str] = "spy"
    seen: ClassVar[list[DefenderView]] = []

    def defend(self, view: DefenderView) -> Defended:
        self.seen.append(view)
        white = (view.train.images[:][:, :, -3:, -3:] == 255).flatten(1).all(1)
        return Defended(
            view.model, metrics={"flagged": float(white.sum())}, suspicion=Suspicion(white.float(), white)
        )


@pytest.fixture
def scene(make_set, make_env, monkeypatch):
    """A poisoned set, its parts, and the spy in the registry."""
    monkeypatch.setitem(DEFENSES._methods, "spy", Spy)
    Spy.seen.clear()
    clean, test, made = poisoned(make_set, make_env)
    model = build_model(
        "resnet8", num_classes=4, channels=3, image_size=32, mean=FACTS.mean, std=FACTS.std, seed=0,
        options=ModelOptions(pretrained=None),
    )  # fmt: skip
    return clean, test, made, model


def defend(scene, defense: str | None = "spy", pretrained: str | None = None) -> tuple[Any, ...]:
    clean, test, made, model = scene
    spec = MethodSpec(name=defense, params={}) if defense else None
    defending = Defending(defense=spec, clean_ratio=0.1, seed=0)
    training = Training(model="resnet8", options={"pretrained": pretrained}, recipe=recipe(), seed=0)
    stage = DefendStage(dataset=FACTS, training=training, defending=defending, engine=ENGINE)
    return defend_model(splits(clean, test), made, model, stage, {"seconds": 2.0})


def evaluate(scene, defended, findings: Findings) -> tuple[Any, ...]:
    _, test, made, model = scene
    stage = EvaluateStage(dataset=FACTS, engine=ENGINE)
    return evaluate_models(splits(None, test), made, model, defended, findings, stage)


def reachable(root: object) -> Iterator[object]:
    """Everything that Python can reach from an object, but through classes, modules and functions."""
    skipped = type | types.ModuleType | types.FunctionType | types.BuiltinFunctionType | types.FrameType
    seen, todo = set(), [root]
    while todo:
        one = todo.pop()
        if id(one) in seen or isinstance(one, skipped):
            continue
        seen.add(id(one))
        yield one
        todo.extend(gc.get_referents(one))


def test_new_models_begin_as_the_victim_did(scene, tmp_path) -> None:
    *_, model = scene
    defend(scene)
    start = Spy.seen[-1].new_model(7).state_dict()
    assert not torch.equal(start["backbone.conv1.weight"], model.state_dict()["backbone.conv1.weight"])
    save_model(tmp_path / "start.safetensors", model, {})
    defend(scene, pretrained=str(tmp_path / "start.safetensors"))
    start = Spy.seen[-1].new_model(7).state_dict()
    assert torch.equal(start["backbone.conv1.weight"], model.state_dict()["backbone.conv1.weight"])


def test_the_view_holds_exactly_what_a_defender_has() -> None:
    assert set(DefenderView.__slots__) == {"model", "train", "clean", "trainer", "seed", "build"}


def test_no_truth_is_reachable_from_the_view(scene) -> None:
    clean, test, made, _ = scene
    defend(scene)
    (view,) = Spy.seen
    objects = list(reachable(view))
    assert any(one is view.train.labels for one in objects), "the walk does reach what is there"
    assert not any(isinstance(one, PoisonedRows) for one in objects)
    tensors = [one for one in objects if isinstance(one, Tensor)]
    truths = [
        made.train.index,
        made.train.true_labels,
        made.train.mask(len(clean)),
        clean.labels,
        test.labels,
    ]
    for truth in truths:
        assert not any(torch.equal(one.to(truth.dtype), truth) for one in tensors if one.shape == truth.shape)
        assert not any(
            one.untyped_storage().data_ptr() == truth.untyped_storage().data_ptr() for one in tensors
        )


def test_no_paraphrase_is_reachable_from_the_view() -> None:
    """Of HiddenKiller they are the trigger."""
    told, hidden = ("it is good .", "it is bad ."), ("when you see it , it is good .", None)
    texts = TextSet(Texts(told, hidden), torch.tensor([1, 0]), ("negative", "positive"))
    model = torch.nn.Linear(1, 1)
    objects = list(reachable(DefenderView(model, texts, draw_clean(texts, 1, 0), TRAINER, seed=0)))
    assert any(one is told[0] for one in objects), "the walk does reach what is there"
    assert not any(one is hidden[0] for one in objects)


def test_the_view_is_the_poisoned_set_and_a_clean_part(scene) -> None:
    clean, _, made, _ = scene
    defend(scene)
    (view,) = Spy.seen
    assert torch.equal(view.train.images[made.train.index], made.train.images)
    assert (view.train.labels[made.train.index] == 0).all()
    assert len(view.clean) == 8
    originals = {image.numpy().tobytes() for image in clean.images}
    assert all(image.numpy().tobytes() in originals for image in view.clean.images)


@pytest.mark.parametrize("name", ["poisoned", "true_labels", "trigger", "target", "test"])
def test_reaching_for_the_truth_raises(scene, name) -> None:
    defend(scene)
    with pytest.raises(AttributeError):
        getattr(Spy.seen[0], name)
    with pytest.raises((AttributeError, TypeError)):
        setattr(Spy.seen[0], name, None)


def test_blame_is_compared_with_the_truth_in_evaluate(scene) -> None:
    clean, test, made, _ = scene
    defended, history, findings, metrics = defend(scene)
    suspicion = findings.suspicion
    assert metrics["flagged"] == 20
    assert metrics["seconds_relative_to_training"] == pytest.approx(metrics["seconds"] / 2)
    assert list(suspicion.columns) == ["index", "score", "flagged"]
    assert len(suspicion) == len(clean)
    assert history.empty
    scores, predictions, candidates = evaluate(scene, defended, findings)
    assert candidates.empty
    assert "oracle_der" not in scores
    assert scores["detection_tpr"] == scores["detection_precision"] == scores["detection_auc"] == 1
    assert scores["detection_fpr"] == 0
    assert scores["der"] == 0.5
    assert len(predictions) == len(test) + len(made.test)
    assert (predictions["before"] == predictions["after"]).all()


def test_clusters_reach_evaluate_which_turns_them_by_the_truth(scene, monkeypatch) -> None:
    """The spy suspects the wrong cluster: the white corners are in the other."""
    clean, *_ = scene
    defend_as_it_was = Spy.defend

    def clustering(self, view: DefenderView) -> Defended:
        found = defend_as_it_was(self, view)
        white = found.suspicion.flagged.float()
        return Defended(
            view.model, suspicion=Suspicion(-white, white == 0, Clusters(view.train.labels, white))
        )

    monkeypatch.setattr(Spy, "defend", clustering)
    defended, _, findings, _ = defend(scene)
    assert list(findings.suspicion.columns) == ["index", "score", "flagged", "class", "turned_score"]
    assert len(findings.suspicion) == len(clean)
    scores, *_ = evaluate(scene, defended, findings)
    assert (scores["detection_auc"], scores["detection_auc_best_orientation"]) == (0, 1)


def test_without_clusters_there_is_no_orientation(scene) -> None:
    defended, _, findings, _ = defend(scene)
    assert "detection_auc_best_orientation" not in evaluate(scene, defended, findings)[0]


def test_an_unchanged_model_is_asked_once_a_changed_one_again(scene, monkeypatch) -> None:
    *_, model = scene
    asked = []
    predict = Trainer.predict
    monkeypatch.setattr(Trainer, "predict", lambda *words: asked.append(words[1]) or predict(*words))
    changed = deepcopy(model)
    with torch.no_grad():
        changed.head.weight.zero_()
        changed.head.bias.copy_(torch.tensor([0.0, 0, 1, 0]))
    nothing = pd.DataFrame({"score": [], "flagged": []})
    for after, times in ((deepcopy(model), 2), (changed, 4)):
        asked.clear()
        scores, predictions, _ = evaluate(scene, after, Findings(nothing, Diagnostics()))
        assert len(asked) == times
        assert (predictions["before"] == predictions["after"]).all() == (times == 2)
        assert scores["clean_accuracy_after"] == (scores["clean_accuracy_before"] if times == 2 else 0.25)


def test_what_a_defense_could_have_chosen_is_scored_too(scene) -> None:
    *_, model = scene
    zero = {"head.weight": torch.zeros_like(model.head.weight)}
    always_one = zero | {"head.bias": torch.tensor([0.0, 1, 0, 0])}
    always_target = zero | {"head.bias": torch.tensor([1.0, 0, 0, 0])}
    choice = Candidates("threshold", [0.0, 0.2, 0.4], [{}, always_one, always_target], chosen=2)
    suspicion = pd.DataFrame({"score": [], "flagged": []})
    shown = Diagnostics(candidates=choice)
    scores, _, candidates = evaluate(scene, model, Findings(suspicion, shown))
    assert candidates["chosen"].tolist() == [False, False, True]
    assert candidates["asr"].tolist() == [scores["asr_before"], 0, 1]
    assert candidates["clean_accuracy"].tolist()[1:] == [0.25, 0.25]
    assert candidates["robust_accuracy"].tolist()[1:] == [pytest.approx(1 / 3), 0]
    best = candidates.loc[candidates["der"].idxmax()]
    assert scores["oracle_value"] == best["value"]
    assert scores["oracle_asr"] == best["asr"]


def test_candidates_that_change_the_head_only_score_as_any(scene, monkeypatch) -> None:
    _, test, made, model = scene
    flipped = {"head.weight": model.head.weight.detach().flip(0)}
    name, weight = next(iter(model.backbone.state_dict().items()))
    before = score(TRAINER, model, test, made.test)
    asked = []
    predict = Trainer.predict
    monkeypatch.setattr(Trainer, "predict", lambda *words: asked.append(words[1]) or predict(*words))
    frames = [
        score_candidates(
            TRAINER,
            model,
            Candidates("threshold", [0.0, 1.0], [{}, changed], chosen=0),
            test,
            made.test,
            before,
        )
        for changed in (flipped, flipped | {f"backbone.{name}": weight})
    ]
    assert len(asked) == 4  # the second time only
    pd.testing.assert_frame_equal(*frames)
    assert frames[0]["asr"].tolist() == [before.asr, 0] == [1, 0]  # an untrained model knows one class


def test_no_defense_returns_the_model_as_it_is(scene) -> None:
    defended, history, findings, metrics = defend(scene, None)
    assert defended is scene[3]
    assert history.empty
    assert findings.suspicion.empty
    assert metrics == {"seconds": 0.0}
    assert isinstance(findings.suspicion, pd.DataFrame)


def test_of_rows_of_which_nothing_is_known_there_are_no_detection_rates(make_set) -> None:
    theirs = training_rows(Pictures(make_set(rows=6)), None)
    blamed = pd.DataFrame({"score": torch.arange(6.0), "flagged": [True] * 6})
    for suspicion in (blamed, blamed.iloc[:0], pd.DataFrame()):
        assert _detection(suspicion, theirs) == {}
    known = training_rows(Pictures(make_set(rows=6)), torch.arange(6) > 3)
    assert _detection(blamed, known)["detection_auc"] == 1
    assert _detection(blamed.iloc[:0], known) == {}
