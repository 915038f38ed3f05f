import torch
from torch import nn

from backdoor_pipeline.defenses.parts.eager import Eager


def test_no_size_is_compiled_and_gradients_pass() -> None:
    graphs = []

    def count(graph, inputs):
        graphs.append(graph)
        return graph.forward

    torch._dynamo.reset()
    model = nn.Linear(2, 2)
    forward = torch.compile(Eager(model), backend=count)
    for rows in (2, 3):
        images = torch.ones(rows, 2)
        assert torch.equal(forward(images), model(images))
    assert graphs == []
    forward(torch.ones(2, 2)).sum().backward()
    assert model.weight.grad is not None
    torch.compile(model, backend=count)(torch.ones(2, 2))
    assert len(graphs) == 1  # without the wrapper it is
