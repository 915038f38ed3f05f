import torch

from backdoor_pipeline.base.seeds import derive_seed, generator


def test_draws_depend_on_seed_and_purpose_only() -> None:
    def draw(*key: object) -> list[float]:
        return torch.rand(3, generator=generator(*key)).tolist()

    first = draw(0, "order", 1)
    torch.rand(5)
    assert draw(0, "order", 1) == first
    assert draw(1, "order", 1) != first
    assert draw(0, "order", 2) != first
    assert draw(0, "augment", 1) != first


def test_seeds_are_stable_over_versions() -> None:
    assert derive_seed(0, "victims") == 8267090900111405352
    assert derive_seed(0, "order", 1) == derive_seed(0, "order/1") < 2**63
