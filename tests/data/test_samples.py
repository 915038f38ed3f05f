import torch

from backdoor_pipeline.data.samples import some_rows


def test_some_rows_are_of_all_parts_of_a_set() -> None:
    rows = some_rows(10_000, 1000)
    assert len(rows.unique()) == 1000
    assert rows.equal(rows.sort().values)
    assert rows.equal(some_rows(10_000, 1000)), "always the same"
    for order in (rows // 1000, rows % 10):  # labels one class after the other, or by turns
        assert (order.bincount(minlength=10) > 60).all()


def test_of_no_more_than_are_wanted_all_are_taken() -> None:
    assert some_rows(5, 5).equal(torch.arange(5))
    assert some_rows(0, 5).equal(torch.arange(0))
