"""The clean-label attacks at the defaults, which ask for more than the embedded data's class 0 has."""

import pytest


@pytest.mark.parametrize("attack", ["sig", "lc"])
def test_all_of_the_target_class_is_poisoned_and_the_run_says_so(kedro, project, attack) -> None:
    short = ",attacks.lc.surrogate.recipe.epochs:1,attacks.lc.steps:2" if attack == "lc" else ""
    done = kedro("run", "--env", "smoke", "--pipeline=evaluate", "--params", f"attack:{attack}{short}")
    told = f"9.948% instead of 10%: {attack} poisons only class 0, all of it"
    words = " ".join((done.stdout + done.stderr).split())
    assert f"digits, resnet8, seed 0, {told}" in words
    assert f"poison_ratio is {told}" in words
    assert list((project / "data/02_poisoned/digits").glob(f"{attack}-0.09948-s0-*/train.parquet"))
