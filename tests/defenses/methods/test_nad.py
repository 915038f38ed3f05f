import pytest
import torch
from torch.nn import functional as F

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.defenses.base import DefenderView
from backdoor_pipeline.defenses.methods.nad import Distillation, NeuralAttentionDistillation
from backdoor_pipeline.defenses.parts.attention import attention_map
from backdoor_pipeline.models import ModelOptions, build_model
from backdoor_pipeline.models.stages import forward_with_stages
from backdoor_pipeline.training import Batch, Engine, Recipe, Trainer

RECIPE = Recipe(
    epochs=2, batch_size=8, optimizer="sgd", lr=0.05, momentum=0.9, betas=(0.9, 0.999), weight_decay=0.0005,
    schedule="cosine", milestones=(), gamma=0.1, patience=1,
)  # fmt: skip


def model(seed: int = 0):
    return build_model(
        "resnet8", num_classes=4, channels=3, image_size=32, mean=(0.5,) * 3, std=(0.5,) * 3, seed=seed,
        options=ModelOptions(pretrained=None),
    )  # fmt: skip


def nad(betas=(5.0, 10.0, 10.0)):
    return NeuralAttentionDistillation(teacher=RECIPE, student=RECIPE, power=2, betas=betas)


def batch() -> Batch:
    images = torch.rand(6, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    return Batch(images, torch.arange(6) % 4, torch.arange(6), epoch=1, step=0)


def test_the_loss_is_cross_entropy_plus_the_weighted_distances_of_the_maps() -> None:
    student, teacher, one = model(0).eval(), model(1).eval(), batch()
    loss = Distillation(student, teacher, (5.0, 10.0, 20.0), 2)(student, one)
    logits, mine = forward_with_stages(student, one.inputs, 3)
    _, theirs = forward_with_stages(teacher, one.inputs, 3)
    expected = F.cross_entropy(logits, one.labels)
    for beta, a, b in zip((5.0, 10.0, 20.0), mine, theirs, strict=True):
        expected = expected + beta * (attention_map(a, 2) - attention_map(b, 2)).pow(2).mean()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    assert loss.item() > F.cross_entropy(logits, one.labels).item() + 0.01


def test_only_the_student_learns_from_it() -> None:
    student, teacher = model(0), model(1).eval()
    state = {name: value.clone() for name, value in teacher.state_dict().items()}
    Distillation(student, teacher, (5.0, 10.0, 20.0), 2)(student, batch()).backward()
    assert student.backbone.conv1.weight.grad.abs().sum() > 0
    assert all(weight.grad is None for weight in teacher.parameters())
    assert all(torch.equal(value, state[name]) for name, value in teacher.state_dict().items())


def test_a_student_like_its_teacher_has_nothing_to_attend_to() -> None:
    student = model(0).eval()
    distillation = Distillation(student, model(0).eval(), (500.0, 1000.0, 1000.0), 2)
    distillation(student, batch())
    assert distillation.report(1, student) == {"attention_loss": pytest.approx(0, abs=1e-9)}


def test_what_a_relu_cuts_off_is_no_attention() -> None:
    student, teacher = (
        build_model(
            "preactresnet18", num_classes=4, channels=3, image_size=32, mean=(0.5,) * 3, std=(0.5,) * 3,
            seed=0, options=ModelOptions(pretrained=None),
        ).eval()
        for _ in "ab"
    )  # fmt: skip
    for model, scale in ((student, 1.0), (teacher, 2.0)):
        torch.nn.init.constant_(model.backbone.bn.weight, scale)
        torch.nn.init.constant_(model.backbone.bn.bias, -100.0)  # so that the head sees nothing
    distillation = Distillation(student, teacher, (1000.0,), 2)
    distillation(student, batch())
    assert distillation.report(1, student) == {"attention_loss": 0}


@pytest.mark.parametrize("betas", [0, (0.0, 0.0, 0.0)])
def test_without_attention_it_is_fine_tuning_and_costs_no_more(make_set, trainer, monkeypatch, betas) -> None:
    suspect, reference, clean = model(), model(), make_set(rows=24)
    expected_history = trainer.fit(reference, clean, RECIPE, seed=5, purpose="nad student")
    trained, fit = [], Trainer.fit
    monkeypatch.setattr(
        Trainer,
        "fit",
        lambda self, *args, **named: trained.append(named["purpose"]) or fit(self, *args, **named),
    )
    monkeypatch.setattr("backdoor_pipeline.defenses.methods.nad.forward_with_stages", None)
    defended = nad(betas=betas).defend(DefenderView(suspect, make_set(rows=40), clean, trainer, 5))
    assert trained == ["nad student"]  # there is no teacher
    for weight, expected in zip(defended.model.parameters(), reference.parameters(), strict=True):
        assert torch.equal(weight, expected)
    assert [row["loss"] for row in defended.history] == [row["loss"] for row in expected_history]
    assert not any(name.startswith("attention") for name in {**defended.metrics, **defended.history[0]})


def test_a_single_beta_is_that_of_the_last_stage() -> None:
    assert nad(betas=0).betas == (0.0,)
    assert nad(betas=500).betas == nad(betas=[500]).betas == (500.0,)
    nad(betas=(0.0,) * 9).require(model())  # of a model that has not so many stages nothing is asked


def test_the_attention_loss_of_an_epoch_is_the_mean_of_its_batches_alone() -> None:
    teacher = model(1).eval()

    def alone(seed: int) -> float:
        one = Distillation(model(seed).eval(), teacher, (5.0,), 2)
        one(one.student, batch())
        return one.report(1, one.student)["attention_loss"]

    distillation = Distillation(model(0).eval(), teacher, (5.0,), 2)
    for epoch, seeds in enumerate(((0, 2), (3,)), start=1):
        for seed in seeds:
            distillation.student = model(seed).eval()
            distillation(distillation.student, batch())
        expected = sum(map(alone, seeds)) / len(seeds)
        assert distillation.report(epoch, distillation.student)["attention_loss"] == pytest.approx(expected)


def test_a_teacher_tuned_by_its_own_recipe_is_followed_in_evaluation_mode(
    make_set, trainer, monkeypatch
) -> None:
    clean, recipes, fit = make_set(rows=24), {}, Trainer.fit
    expected = model()
    trainer.fit(expected, clean, RECIPE, seed=5, purpose="nad teacher")

    def noted(self, learner, data, recipe, **told):
        recipes[told["purpose"]] = recipe
        assert torch.equal(data.images, clean.images)
        if told["purpose"] == "nad student":
            teacher = told["objective"].teacher
            assert not any(module.training for module in teacher.modules())
            state = expected.state_dict()
            assert all(torch.equal(value, state[name]) for name, value in teacher.state_dict().items())
            assert all(
                torch.equal(*pair) for pair in zip(learner.parameters(), model().parameters(), strict=True)
            )
        return fit(self, learner, data, recipe, **told)

    monkeypatch.setattr(Trainer, "fit", noted)
    slow = RECIPE.model_copy(update={"lr": 0.01, "epochs": 3})
    method = NeuralAttentionDistillation(teacher=RECIPE, student=slow, power=2, betas=(5.0, 10.0, 10.0))
    defended = method.defend(DefenderView(model(), make_set(rows=40), clean, trainer, 5))
    assert recipes == {"nad teacher": RECIPE, "nad student": slow}
    losses = [row["attention_loss"] for row in defended.history]
    assert defended.metrics["attention_loss_first"] == losses[0] != losses[-1]


def test_attention_draws_the_student_to_the_teacher(make_set, trainer) -> None:
    student, teacher, recipe = model(0), model(1).eval(), RECIPE.model_copy(update={"epochs": 5, "lr": 0.01})
    distillation = Distillation(student, teacher, (500.0, 1000.0, 1000.0), 2)
    history = trainer.fit(
        student, make_set(rows=24), recipe, seed=0, objective=distillation, on_epoch=distillation.report
    )
    assert history[-1]["attention_loss"] < 0.6 * history[0]["attention_loss"]


def test_the_history_has_the_attention_loss_of_every_epoch(make_set, trainer) -> None:
    defended = nad().defend(DefenderView(model(), make_set(rows=40), make_set(rows=24), trainer, 5))
    assert [row["epoch"] for row in defended.history] == [1, 2]
    assert all(0 < row["attention_loss"] < row["loss"] for row in defended.history)
    assert defended.metrics["attention_loss_last"] == defended.history[-1]["attention_loss"]


def test_a_compiled_engine_is_borne(make_set, monkeypatch) -> None:
    from backdoor_pipeline.training import trainer as module

    def stand_in(_):
        raise AssertionError("the hooks need the model itself")

    engine = Engine(device="cpu", precision="fp32", compile=False, checkpoint_every=0, evaluate_every=1)
    monkeypatch.setattr(module, "compiles", lambda *_: True)
    monkeypatch.setattr(module, "compiled", lambda _: stand_in)
    with pytest.raises(AssertionError):  # as the teacher's plain fine-tuning shows, it is really used
        Trainer(engine, None).fit(model(), make_set(rows=8), RECIPE, seed=0)
    student, teacher = model(), model(1).eval()
    distillation = Distillation(student, teacher, (1.0,), 2)
    Trainer(engine, None).fit(student, make_set(rows=8), RECIPE, seed=0, objective=distillation)


def test_too_many_stages_are_refused_before_any_training(make_set, trainer, monkeypatch) -> None:
    monkeypatch.setattr(Trainer, "fit", lambda *_, **__: pytest.fail("trained"))
    with pytest.raises(UserError, match="4 spatial sizes"):
        nad(betas=(1.0,) * 4).defend(DefenderView(model(), make_set(), make_set(), trainer, 0))
