from backdoor_pipeline.defenses.parts.phases import adam, joined, sgd


def test_epochs_count_on_through_the_phases() -> None:
    first = [{"epoch": 1, "loss": 3.0}, {"epoch": 2, "loss": 2.0}]
    second = [{"epoch": 1, "loss": 5.0}]
    assert joined(first, second) == [
        {"epoch": 1, "loss": 3.0, "phase": 1},
        {"epoch": 2, "loss": 2.0, "phase": 1},
        {"epoch": 3, "loss": 5.0, "phase": 2},
    ]
    assert first[0] == {"epoch": 1, "loss": 3.0}


def test_the_recipes_are_what_they_are_called() -> None:
    falling = sgd(3, 8, 0.1, momentum=0.9, weight_decay=0.01, schedule="cosine")
    assert (falling.optimizer, falling.epochs, falling.batch_size, falling.lr) == ("sgd", 3, 8, 0.1)
    assert (falling.momentum, falling.weight_decay, falling.schedule) == (0.9, 0.01, "cosine")
    steady = adam(3, 8, 0.002, "constant")
    assert (steady.optimizer, steady.epochs, steady.batch_size, steady.lr) == ("adam", 3, 8, 0.002)
    assert (steady.betas, steady.weight_decay, steady.schedule) == ((0.9, 0.999), 0, "constant")
    assert adam(3, 8, 0.002, "cosine").schedule == "cosine"
