"""What an experiment has no need of is not missing, and nothing is read or written for it."""

import json
from inspect import signature

from backdoor_pipeline.catalog import OnRequestDataset

METRICS = "backdoor_pipeline.catalog.MetricsDataset"
MODEL = "backdoor_pipeline.catalog.ModelDataset"


def test_one_that_is_asked_for_is_as_the_other(tmp_path) -> None:
    dataset = OnRequestDataset(dataset=METRICS, asked=True, filepath=str(tmp_path / "metrics.json"))
    assert not dataset.exists()
    dataset.save({"asr": 0.5})
    assert dataset.exists()
    assert dataset.load() == {"asr": 0.5}
    assert dataset.files == [tmp_path / "metrics.json"]
    (tmp_path / "metrics.json").write_text("{}")
    assert not dataset.exists(), "damage is seen, and set aside"


def test_one_that_is_not_is_never_touched(tmp_path) -> None:
    file = tmp_path / "metrics.json"
    dataset = OnRequestDataset(dataset=METRICS, asked=False, filepath=str(file))
    assert dataset.exists()
    assert dataset.load() is None
    dataset.save({"asr": 0.5})
    assert not file.exists()
    file.write_text("not what it was")
    assert dataset.exists()
    assert dataset.load() is None


def test_a_preview_is_of_what_is_asked_for(tmp_path) -> None:
    dataset, other = (
        OnRequestDataset(dataset=METRICS, asked=asked, filepath=str(tmp_path / "metrics.json"))
        for asked in (True, False)
    )
    dataset.save({"asr": 0.5})
    assert json.loads(dataset.preview()) == {"asr": 0.5}
    assert signature(dataset.preview).return_annotation.__name__ == "JSONPreview", (
        "so Kedro-Viz finds out its kind"
    )
    assert not hasattr(other, "preview")
    model = OnRequestDataset(dataset=MODEL, filepath=str(tmp_path / "model.safetensors"), facts={})
    assert not hasattr(model, "preview")
