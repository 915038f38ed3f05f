import torch
from torch import nn

from backdoor_pipeline.defenses.parts.phases import sgd
from backdoor_pipeline.defenses.parts.still import Still


def test_weights_move_and_running_statistics_do_not(make_set, trainer) -> None:
    class Spy(nn.Module):
        modes: list[bool] = []  # noqa: RUF012

        def forward(self, x):
            self.modes.append(self.training)
            return x

    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), Spy(), nn.Flatten(), nn.Linear(4 * 30 * 30, 4)
    )
    model.train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    recipe = sgd(1, 8, 0.01, momentum=0, weight_decay=0, schedule="constant")
    trainer.fit(Still(model), make_set(rows=16), recipe, seed=0)
    for name, tensor in model.state_dict().items():
        statistic = name.startswith(("1.running", "1.num"))
        assert torch.equal(tensor, before[name]) == statistic, name
    assert set(Spy.modes) == {False}
    assert model.training  # afterwards it is as it was
