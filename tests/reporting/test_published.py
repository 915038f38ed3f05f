import json

import pandas as pd
import pytest
from helpers.results import grid, results, row

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.reporting.cells import to_cells
from backdoor_pipeline.reporting.published import compare, published_figure, read_published
from backdoor_pipeline.reporting.summary import summarize
from backdoor_pipeline.reporting.tables import published_table
from backdoor_pipeline.reporting.variants import with_variants

HEAD = "dataset,model,attack,defense,poison_ratio,c_acc,asr,r_acc,source\n"
ALIASES = {"dataset": {}, "model": {}, "attack": {"badnet": "badnets"}, "defense": {"nodefense": "none"}}


@pytest.fixture
def settings():
    made = grid(seed=[0, 1]).to_dict("records")
    return summarize(with_variants(to_cells(results(*made, row(attack="none")))))


@pytest.fixture
def read(tmp_path):
    def make(lines: str, head: str = HEAD) -> pd.DataFrame:
        (tmp_path / "theirs.csv").write_text(head + lines)
        return read_published(str(tmp_path / "theirs.csv"), ALIASES)

    return make


def test_the_difference_is_measured_minus_published(settings, read) -> None:
    theirs = read("digits,resnet8,badnet,ft,0.1,91.5,12.25,80,web\ndigits,resnet8,wanet,ft,0.1,1,2,3,web\n")
    (both,) = compare(settings, theirs).to_dict("records")
    assert both["attack"] == "badnets"
    assert (both["c_acc_mean"], both["c_acc_published"]) == (pytest.approx(90), 91.5)
    assert both["c_acc_difference"] == pytest.approx(-1.5)
    assert both["asr_difference"] == pytest.approx(7.75)
    assert both["r_acc_difference"] == pytest.approx(-10)
    assert both["n"] == 2


def test_measured_numbers_are_the_same_with_and_without_published_ones(settings, read) -> None:
    theirs = read("digits,resnet8,badnet,ft,0.1,91.5,12.25,80,web\n")
    own = settings[(settings["attack"] == "badnets") & (settings["defense"] == "ft")]
    kept = compare(settings, theirs)[own.columns]
    pd.testing.assert_frame_equal(kept, own.reset_index(drop=True))


def test_the_control_is_compared_whatever_its_ratio_is_called(settings, read) -> None:
    theirs = read("digits,resnet8,none,nodefense,0,94,,,web\n")
    (both,) = compare(settings, theirs).to_dict("records")
    assert both["c_acc_difference"] == pytest.approx(1)
    assert both["asr_difference"] != both["asr_difference"]


def test_ratios_that_a_file_rounds_are_found(read) -> None:
    settings = summarize(with_variants(to_cells(grid(poison_ratio=[0.1 + 0.2 - 0.2]))))
    assert len(compare(settings, read("digits,resnet8,badnet,ft,0.1,1.5,2,3,web\n"))) == 1


def test_the_table_and_the_figure_say_both(settings, read) -> None:
    compared = compare(settings, read("digits,resnet8,badnet,ft,0.1,91.5,12.25,80,web\n"))
    table = published_table(compared)
    assert "<td>90.00 ± 0.00</td><td>91.50</td><td>−1.50</td>" in table.html
    figure = published_figure(compared, given=True)
    (trace, *_) = json.loads(json.dumps(figure.plotly, allow_nan=False))["data"]
    assert (trace["x"], trace["y"]) == ([91.5], [90])


def test_nothing_to_compare_is_said(settings) -> None:
    none = compare(settings, None)
    assert none.empty
    assert "report.published" in json.dumps(published_figure(none, given=False).plotly)
    assert "was measured here" in json.dumps(published_figure(none, given=True).plotly)
    assert "<tbody>\n\n</tbody>" in published_table(none).html


@pytest.mark.parametrize(
    ("head", "lines", "sentence"),
    [
        ("dataset,model\n", "digits,resnet8\n", "has no column attack"),
        (HEAD, "digits,resnet8,badnet,ft,0.1,0.9,0.1,0.7,web\n", "must be in percent; the highest is 0.9"),
        (HEAD, "digits,resnet8,badnet,ft,0.1,900,1,7,web\n", "must be in percent; the highest is 900"),
        (HEAD, "digits,resnet8,badnet,ft,0.1,-9,10,7,web\n", "must be in percent; .* the lowest -9"),
        (HEAD, "digits,resnet8,badnet,ft,0.1,inf,10,7,web\n", "must be in percent; the highest is inf"),
        (HEAD, "", "has no score"),
        ("", "", "is no CSV file: No columns"),
        (HEAD, '"digits', "is no CSV file: .* EOF inside string"),
        (
            HEAD,
            "digits,resnet8,none,ft,0.1,90,,,a\ndigits,resnet8,none,ft,0,91,,,b\n",
            "two rows for digits, resnet8, none, ft",
        ),
        (HEAD, "digits,resnet8,badnet,ft,0.1,high,1,7,web\n", "the column c_acc .* must hold numbers"),
        (
            HEAD,
            "digits,resnet8,badnet,ft,0.1,90,1,7,a\ndigits,resnet8,badnets,ft,0.1,91,1,7,b\n",
            "two rows for digits, resnet8, badnets, ft, 0.1",
        ),
    ],
)
def test_files_that_will_not_do(read, head, lines, sentence) -> None:
    with pytest.raises(UserError, match=sentence):
        read(lines, head)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(UserError, match="there is no file theirs"):
        read_published("theirs.csv", ALIASES)
