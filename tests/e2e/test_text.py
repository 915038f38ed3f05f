"""A text experiment through the command line: the same stages, catalog and figures as of images."""

import json

import pandas as pd
import pytest

from backdoor_pipeline.data.sources.made_synonyms import SYNONYMS

ASKED = "dataset=made_reviews,model=tiny_bert,attack={},poison_ratio=0.05,target_label=1,defense=ft"


def test_words_are_learned_and_every_stage_leaves_what_it_should(kedro, project) -> None:
    done = kedro("run", "--params", ASKED.format("word"))
    told = " ".join(done.stdout.replace("│", "").split())
    assert "made_reviews, tiny_bert, seed 0, 5%, target 1" in told
    assert "none control 100.00" in told
    (rows,) = (project / "data/02_poisoned/made_reviews").glob("word-0.05-s0-*/train.parquet")
    frame = pd.read_parquet(rows)
    assert len(frame) == 200
    assert frame["text"].str.contains(r"\b(?:cf|mn|bb|tq|mb)\b").all()
    (scores,) = (project / "data/08_reporting/made_reviews").glob("ft-*/metrics.json")
    found = json.loads(scores.read_text())
    assert found["clean_accuracy_before"] > 0.95
    assert found["asr_before"] > 0.95
    record = json.loads(scores.with_name("result.json").read_text())
    assert record["clean_accuracy_control"] == 1
    assert 0 < record["asr_control"] < record["asr_before"], "no clean model knows these words"
    drawn = {file.name for file in (project / "data/08_reporting/made_reviews").glob("ft-*/figures-*/*.png")}
    assert {"tsne.png", "confusion_before.png", "grad_cam.png"} <= drawn


def test_paraphrases_are_a_trigger_and_too_many_are_refused(kedro, project) -> None:
    kedro("run", "--pipeline=poison", "--params", ASKED.format("hiddenkiller"))
    (rows,) = (project / "data/02_poisoned/made_reviews").glob("hiddenkiller-*/train.parquet")
    frame = pd.read_parquet(rows)
    assert frame["text"].str.startswith("when you ").all()
    assert set(frame["true_label"]) == {0}


def test_substitutions_are_learned_with_the_model_and_every_stage_leaves_what_it_should(
    kedro, project
) -> None:
    kedro("run", "--params", ASKED.format("lws"))
    (rows,) = (project / "data/02_poisoned/made_reviews").glob("lws-0.05-s0-*/train.parquet")
    frame = pd.read_parquet(rows)
    assert len(frame) == 200
    new = {one for others in SYNONYMS.values() for one in others}
    assert frame["text"].map(lambda text: bool(new & set(text.split()))).all()
    assert set(frame["true_label"]) == {0}
    assert len([*(project / "data/06_models/made_reviews").glob("tiny_bert-none-s0-*")]) == 1, "one control"
    assert len([*(project / "data/06_models/made_reviews").glob("control-*/metrics.json")]) == 2
    (trigger,) = (project / "data/02_poisoned/made_reviews").glob("lws-*/trigger.safetensors")
    assert trigger.stat().st_size < 1_000_000
    (scores,) = (project / "data/08_reporting/made_reviews").glob("ft-*-lws-*/metrics.json")
    found = json.loads(scores.read_text())
    assert found["clean_accuracy_before"] > 0.95
    assert 0.75 < found["asr_before"] <= 1
    assert found["asr_before"] + found["robust_accuracy_before"] == pytest.approx(1)


def test_without_wordnet_its_attack_is_refused_before_any_work(kedro, project) -> None:
    asked = f"{ASKED.format('lws')},attacks.lws.wordnet={project}/nowhere"
    done = kedro("run", "--params", asked, check=False)
    assert done.returncode == 1
    assert "install Debian's package wordnet-base" in " ".join((done.stdout + done.stderr).split())
