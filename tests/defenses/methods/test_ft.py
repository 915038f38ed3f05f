import torch

from backdoor_pipeline.defenses.base import DefenderView
from backdoor_pipeline.defenses.methods.ft import FineTuning
from backdoor_pipeline.models import ModelOptions, build_model
from backdoor_pipeline.training import Recipe

RECIPE = Recipe(
    epochs=2, batch_size=8, optimizer="sgd", lr=0.05, momentum=0.9, betas=(0.9, 0.999), weight_decay=0.0005,
    schedule="cosine", milestones=(), gamma=0.1, patience=1,
)  # fmt: skip


def test_every_weight_moves_and_the_result_is_what_training_on_the_clean_set_gives(make_set, trainer) -> None:
    def build():
        return build_model(
            "resnet8", num_classes=4, channels=3, image_size=32, mean=(0.5,) * 3, std=(0.5,) * 3, seed=0,
            options=ModelOptions(pretrained=None),
        )  # fmt: skip

    clean, reference = make_set(rows=24), build()
    view = DefenderView(build(), make_set(rows=40), clean, trainer, seed=5)
    defended = FineTuning(recipe=RECIPE).defend(view)
    trainer.fit(reference, clean, RECIPE, seed=5, purpose="ft")
    for (name, weight), start, expected in zip(
        defended.model.named_parameters(), build().parameters(), reference.parameters(), strict=True
    ):
        assert not torch.equal(weight, start), f"{name} was not fine-tuned"
        assert torch.equal(weight, expected)
    assert [row["epoch"] for row in defended.history] == [1, 2]
