import json
import re
import shutil
import subprocess

import pandas as pd
import pytest
from helpers.pages import Cells
from helpers.results import grid, results, row

from backdoor_pipeline.reporting.cells import to_cells
from backdoor_pipeline.reporting.leaderboard import leaderboard
from backdoor_pipeline.reporting.published import compare
from backdoor_pipeline.reporting.summary import summarize
from backdoor_pipeline.reporting.variants import with_variants

NO_FAILURES = pd.DataFrame(columns=["sweep", "task", "error", "params", "log", "when"])
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture
def settings():
    made = grid(attack=["badnets", "wanet"], seed=[0, 1]).to_dict("records")
    made[0]["asr_after"] = 0.4
    return summarize(with_variants(to_cells(results(*made, row(attack="none", dataset="</script>")))))


def data(page: str):
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(found)


def test_it_needs_nothing_but_itself(settings) -> None:
    page = leaderboard(settings, compare(settings, None), NO_FAILURES)
    assert not re.search(r"(src|href)\s*=\s*[\"']|https?://|@import|url\(", page)
    assert "@DATA@" not in page
    assert "@FAILURES@" not in page


def test_it_has_every_setting_with_mean_deviation_and_n(settings) -> None:
    shown = data(leaderboard(settings, compare(settings, None), NO_FAILURES))
    keys = [column["key"] for column in shown["columns"]]
    rows = [dict(zip(keys, line, strict=True)) for line in shown["rows"]]
    assert len(rows) == len(settings) == 6
    (fine_tuned,) = [one for one in rows if (one["attack"], one["defense"]) == ("badnets", "ft")]
    assert fine_tuned["asr"] == [30, 14.14]
    assert (fine_tuned["n"], fine_tuned["ratio"], fine_tuned["train_seconds"]) == (2, 0.1, 30)
    (control,) = [one for one in rows if (one["attack"], one["defense"]) == ("no attack", "ft")]
    assert control["asr"] == [None, None]
    assert control["c_acc"] == [90, None]
    assert control["dataset"] == "</script>"


def test_published_scores_have_columns_of_their_own(settings) -> None:
    head = {"dataset": "digits", "model": "resnet8", "attack": "wanet", "defense": "ft", "poison_ratio": 0.1}
    theirs = pd.DataFrame([{**head, "c_acc": 91.0, "asr": 50.0, "r_acc": 7.0}])
    shown = data(leaderboard(settings, compare(settings, theirs), NO_FAILURES))
    keys = [column["key"] for column in shown["columns"]]
    rows = [dict(zip(keys, line, strict=True)) for line in shown["rows"]]
    both = {one["attack"]: one for one in rows if one["defense"] == "ft"}
    assert both["wanet"]["asr"] == [20, 0]
    assert (both["wanet"]["asr_published"], both["wanet"]["asr_difference"]) == (50, -30)
    assert both["badnets"]["asr_published"] is None


def test_failures_are_listed_escaped(settings) -> None:
    failed = pd.DataFrame([{"sweep": "s", "task": "train/x", "error": "<b> & co", "params": "", "log": ""}])
    page = leaderboard(settings, compare(settings, None), failed)
    assert "1 failed task" in page
    assert "<td>&lt;b&gt; &amp; co</td>" in page


ACTIONS = """
<script>
const log = [];
const see = () => log.push([...document.querySelectorAll("#results tbody tr")]
  .map((tr) => [2, 4, 8].map((i) => tr.cells[i].textContent).join(" ")).join("; "));
const head = [...document.querySelectorAll("th button")].find((one) => one.textContent.startsWith("ASR"));
head.click(); see();
log.push(head.parentNode.getAttribute("aria-sort"));
head.click(); see();
document.querySelector(".filter[data-key=attack] input[value=wanet]").click(); see();
document.querySelector("#search").value = "no defense";
document.querySelector("#search").dispatchEvent(new Event("input")); see();
log.push(location.hash);
document.querySelector("#reset").click();
log.push(String(document.querySelectorAll("#results tbody tr").length));
const asRow = (one) => `<tr><td>${one.replaceAll("&", "&amp;")}</td></tr>`;
document.body.innerHTML = "<table>" + log.map(asRow).join("") + "</table>";
</script>
"""


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_it_sorts_filters_searches_and_resets_in_a_browser(settings, tmp_path) -> None:
    page = leaderboard(settings, compare(settings, None), NO_FAILURES)
    (tmp_path / "page.html").write_text(page.replace("</body>", ACTIONS + "</body>"))
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile"]
    done = subprocess.run(
        [*command, "--dump-dom", (tmp_path / "page.html").as_uri()],
        capture_output=True,
        text=True,
        check=True,
    )
    body = done.stdout[done.stdout.index("<table>") : done.stdout.index("</table>")]
    down, sort, up, filtered, searched, address, reset = [cells[0] for cells in Cells(body).rows]
    assert down.startswith(
        "badnets no defense 100.00± 0.00; wanet no defense 100.00± 0.00; badnets ft 30.00± 14.14"
    )
    assert sort == "descending"
    assert up.startswith("wanet ft 20.00± 0.00; badnets ft 30.00± 14.14; ")
    assert up.endswith("no attack ft –"), "what is missing comes last either way"
    assert filtered == "wanet ft 20.00± 0.00; wanet no defense 100.00± 0.00"
    assert searched == "wanet no defense 100.00± 0.00"
    assert address == "#sort=asr&q=no+defense&attack=wanet"
    assert reset == "6"
