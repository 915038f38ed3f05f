"""The examples in the docstrings of `benchmarks/` hold."""

import doctest
import runpy
from pathlib import Path

import pandas as pd
import pytest

PROJECT = Path(__file__).parents[1]
BENCHMARKS = PROJECT / "benchmarks"
VARIANTS = {
    "rule: trusted": "trusted",
    "rule: held_out": "held_out",
    "allowed_cost: 0.01": "paper allowed_cost 0.01",
    "unlearning: joint": "joint",
}


@pytest.mark.parametrize("name", ["fine_tuning_rate", "validation_split"])
def test_examples(name: str) -> None:
    names = runpy.run_path(str(BENCHMARKS / f"{name}.py"))
    finder, runner = doctest.DocTestFinder(), doctest.DocTestRunner()
    found = [test for value in names.values() if callable(value) for test in finder.find(value, globs=names)]
    for test in found:
        runner.run(test)
    assert runner.tries >= 1
    assert runner.failures == 0


def test_the_leaderboard_of_the_docs_shows_their_results() -> None:
    names = runpy.run_path(str(BENCHMARKS / "results_page.py"))
    assert names["PAGE"].read_text(encoding="utf-8") == names["page"](), "python benchmarks/results_page.py"
    settings = names["summary"]()
    (row,) = settings.query("dataset == 'gtsrb32' and attack == 'badnets' and defense == 'none'").itertuples()
    assert (round(row.c_acc_mean, 1), round(row.asr_mean, 1), round(row.asr_std, 1)) == (96.9, 91.3, 1.1)
    assert (row.n, row.protocol) == (3, "15 epochs")
    tuned = settings.query("attack == 'badnets' and defense == 'ft'").iloc[0]
    assert (round(tuned["c_acc_mean"], 2), round(tuned["asr_mean"], 2), tuned["n"]) == (96.91, 4.89, 3)
    tried = settings.query("attack == 'badnets' and defense == 'abl'")
    runs = dict(zip(tried["defense_variant"], tried["n"], strict=True))
    assert runs == {"": 3, "unlearning joint": 1, "allowed_cost 0.01": 1}, (
        "variants are no seeds of one setting"
    )


def test_the_picture_of_the_docs_has_the_attacks_that_were_defended_against() -> None:
    names = runpy.run_path(str(BENCHMARKS / "results_page.py"))
    made = names["picture"]()
    assert made.title == "Attacks against defenses: gtsrb32, resnet8, 10% poisoned"
    assert {"badnets", "blended", "none"} <= set(made.table["attack"])
    assert "lf" not in set(made.table["attack"]), "a row of gaps"
    assert not made.table.duplicated(["attack", "defense", "defense_variant"]).any()


def test_neural_cleanse_suspects_clean_models_the_more_often_the_more_classes_they_have() -> None:
    by_chance = runpy.run_path(str(BENCHMARKS / "nc_controls.py"))["by_chance"]
    few, many = by_chance(10, 2, models=500), by_chance(43, 2, models=500)
    assert 0.2 < few < many < 0.8
    assert many < 1 - 0.9545**43, "what it were if both sides counted"
    assert by_chance(10, 1e9, models=10) == 0


@pytest.mark.parametrize("page", ["README.md", "docs/defenses.md"])
def test_the_tables_of_the_study_say_what_was_measured(page: str) -> None:
    runs = pd.read_csv(PROJECT / "docs/results/gtsrb_defenses.csv")
    runs = runs.query("model == 'resnet8' and seed == 0 and target_label == 0 and poison_ratio in (0, 0.1)")
    runs = runs.assign(variant=runs["variant"].fillna("").replace({"size": "", "paper": ""}))
    measured = runs.set_index(["attack", "defense", "variant"])
    lines = (
        (PROJECT / page).read_text(encoding="utf-8").partition("| C-Acc / ASR | no attack")[2].splitlines()
    )
    attacks = [name.strip(" `") for name in lines[0].split("|")[2:]]
    compared = 0
    for line in lines[3 : lines.index("")]:
        name, control, _, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        defense, *variant = (part for part in name.split("`")[1::2])
        method = (defense, VARIANTS[variant[0]] if variant else "")
        assert float(control) == pytest.approx(measured.loc[("none", *method), "c_acc"], abs=0.0501)
        for attack, cell in zip(attacks, cells, strict=False):
            if "/" in cell:
                own = measured.loc[(attack, *method)]
                assert [*map(float, cell.split("/"))] == pytest.approx(
                    [own["c_acc"], own["asr"]], abs=0.0501
                ), line
                compared += 1
    assert compared > 30
