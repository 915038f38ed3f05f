import json
import re

import pandas as pd
import pytest
from helpers.pages import Cells
from helpers.results import grid, results, row

from backdoor_pipeline.reporting.cells import to_cells
from backdoor_pipeline.reporting.heat_map import heat_map
from backdoor_pipeline.reporting.leaderboard import leaderboard
from backdoor_pipeline.reporting.overview import overview
from backdoor_pipeline.reporting.ratio import ratio_effect
from backdoor_pipeline.reporting.sensitivity import sweep_table
from backdoor_pipeline.reporting.summary import summarize
from backdoor_pipeline.reporting.table import latex_text, score
from backdoor_pipeline.reporting.tables import (
    benchmark_table,
    failures_table,
    results_table,
    sensitivity_table,
)
from backdoor_pipeline.reporting.variants import with_variants


@pytest.fixture
def settings():
    made = grid(dataset=["mini_imagenet"], defense=["ft", "anp", "fp"], seed=[0, 1]).to_dict("records")
    made[0]["asr_after"] = 0.4
    return summarize(with_variants(to_cells(results(*made, row(dataset="mini_imagenet", attack="none")))))


def sound(latex: str) -> None:
    """Whether LaTeX could read it: balanced braces and environments, as many cells as columns."""
    text = re.sub(r"^%.*$", "", latex, flags=re.MULTILINE)
    depth = 0
    for character in re.sub(r"\\[{}]", "", text):
        depth += (character == "{") - (character == "}")
        assert depth >= 0
    assert depth == 0
    begun = [tuple(pair) for pair in re.findall(r"\\(begin|end)\{([^}]*)\}", text)]
    stack: list[str] = []
    for what, name in begun:
        if what == "begin":
            stack.append(name)
        else:
            assert stack.pop() == name
    assert not stack
    body = re.sub(r"\\(begin|label)\{[^}]*\}", "", text)
    assert not re.search(r"(?<!\\)[_#]", body)
    assert not re.search(r"(?<!\\)%", body)
    spec = re.search(r"\\begin\{(?:longtable|tabular)\}\{([lr]+)\}", text)
    assert spec
    for line in text.splitlines():
        if line.endswith(r"\\") and "&" in line and "multicolumn" not in line:
            cells = re.sub(r"\\toprule|\\\\", "", line).replace(r"\&", "").count("&") + 1
            assert cells <= len(spec[1]), line


def test_of_somebody_elses_data_no_ratio_is_told() -> None:
    settings = summarize(with_variants(to_cells(results(row(attack="imported"), row()))))
    shown = {(line[2], line[3]) for line in Cells(results_table(settings).html).rows[1:]}
    assert shown == {("imported", "–"), ("badnets", "10%")}
    board = leaderboard(settings, settings.iloc[:0], pd.DataFrame())
    rows = json.loads(re.search(r'\{"columns".*\}', board)[0])["rows"]
    assert {(line[2], line[3]) for line in rows} == {("imported", None), ("badnets", 0.1)}
    for figure in (heat_map, overview, ratio_effect):
        assert figure(settings[settings["attack"] == "imported"]).png


def test_results_have_mean_deviation_and_n_and_the_control_comes_first(settings) -> None:
    table = results_table(settings)
    page = Cells(table.html)
    assert not page.open
    head, *body = page.rows
    assert head[:7] == ["data set", "model", "attack", "ratio", "defense", "other settings", "n"]
    assert body[0] == [
        "mini_imagenet", "resnet8", "no attack", "–", "no defense", "", "1", "95.00", "–", "–", "–", "–",
    ]  # fmt: skip
    (fine_tuned,) = [line for line in body if line[2:5] == ["badnets", "10%", "ft"]]
    assert fine_tuned[6:10] == ["2", "90.00 ± 0.00", "30.00 ± 14.14", "70.00 ± 0.00"]
    assert len(body) == len(table.frame) == 6


def test_results_in_latex(settings) -> None:
    latex = results_table(settings).latex
    sound(latex)
    assert (
        r"mini\_imagenet & resnet8 & badnets & 10\% & ft &  & 2 & 90.00 $\pm$ 0.00 & 30.00 $\pm$ 14.14"
        in latex
    )


def test_attack_by_defense_with_the_control_and_gaps(settings) -> None:
    table = benchmark_table(settings)
    page = Cells(table.html)
    assert not page.open
    groups, heads, badnets, control = page.rows
    assert groups == ["", "no defense", "anp", "fp", "ft"]
    assert heads == ["attack", *["C-Acc", "ASR", "R-Acc", "DER", "n"] * 4]
    assert badnets[-5:] == ["90.00 ± 0.00", "30.00 ± 14.14", "70.00 ± 0.00", "87.50 ± 0.00", "2"]
    assert control[0] == "no attack"
    assert control[6:11] == ["–"] * 5, "the control was not run with anp"
    sound(table.latex)
    assert r"\caption{" in table.latex
    assert r"mini\_imagenet, resnet8, 10\% poisoned" in table.latex


def test_programs_are_told_of_the_control_once_as_the_eye_is() -> None:
    attacked, control = grid(poison_ratio=[0.01, 0.1], seed=[0, 1]), row(attack="none", seed=0)
    made = results(*attacked.to_dict("records"), control)
    table = benchmark_table(summarize(with_variants(to_cells(made))))
    assert Cells(table.html).rows[3][0] == "no attack"
    assert sorted(zip(table.frame["attack"], table.frame["defense"], strict=True)) == [
        *[("badnets", "ft")] * 2, *[("badnets", "none")] * 2, ("none", "ft"), ("none", "none"),
    ]  # fmt: skip


def test_without_an_attack_the_matrix_says_so() -> None:
    table = benchmark_table(summarize(with_variants(to_cells(results(row(attack="none"))))))
    assert "There is no attack among these results" in table.html
    assert table.frame.empty


def test_sweeps_and_failures() -> None:
    made = grid(**{"poisoning.attack.params.patch_size": [3, 5]})
    table = sensitivity_table(sweep_table(to_cells(made), None))
    sound(table.latex)
    assert r"attacks.badnets.patch\_size & 3 &" in table.latex
    failed = pd.DataFrame(
        [
            {
                "sweep": "a_b",
                "task": "train/x",
                "error": "50% of <b> & {c}\\d",
                "params": "",
                "log": "",
                "when": "",
            }
        ]
    )
    table = failures_table(failed)
    sound(table.latex)
    assert Cells(table.html).rows[1] == ["a_b", "train/x", "50% of <b> & {c}\\d", ""]
    assert r"50\% of $<$b$>$ \& \{c\}\textbackslash{}d" in table.latex


def test_scores_and_texts() -> None:
    assert (score(93.2, 0.456), score(93.2), score(float("nan"))) == ("93.20 ± 0.46", "93.20", "–")
    assert latex_text("a_b 10% ± −1 ~^$") == r"a\_b 10\% $\pm$ $-$1 \textasciitilde{}\textasciicircum{}\$"


def test_the_scores_of_controls_have_columns_if_there_are_any(settings) -> None:
    assert "ASR of the control" not in Cells(results_table(settings).html).rows[0]
    controlled = [
        row(seed=0, asr_control=0.25, clean_accuracy_control=0.9),
        row(seed=1, asr_control=0.125, clean_accuracy_control=0.8),
        row(attack="none"),
    ]
    table = results_table(summarize(with_variants(to_cells(results(*controlled)))))
    head, *rows = Cells(table.html).rows
    assert head[-2:] == ["C-Acc of the control", "ASR of the control"]
    told = {(line[2], line[4]): line[-2:] for line in rows}
    assert told["badnets", "ft"] == ["85.00", "18.75"]
    assert told["no attack", "ft"] == ["–", "–"]
    sound(table.latex)
