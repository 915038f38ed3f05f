import json

import pytest

from backdoor_pipeline.base.files import CorruptFileError
from backdoor_pipeline.base.jsonfile import load_json, save_json
from backdoor_pipeline.base.seals import ANYONES, Seal


def test_an_object_comes_back_and_is_plain_json_with_a_seal(tmp_path) -> None:
    path = tmp_path / "digits/artefact/metrics.json"
    save_json(path, {"asr": 0.5, "rir": None, "né": [1]}, Seal.at(path))
    assert load_json(path, Seal.at(path)) == {"asr": 0.5, "rir": None, "né": [1]}
    raw = json.loads(path.read_text())
    assert raw.pop("seal").startswith("sealed:digits/artefact/metrics.json:sha256:")
    assert raw == {"asr": 0.5, "rir": None, "né": [1]}


def test_one_other_digit_is_noticed(tmp_path) -> None:
    save_json(tmp_path / "file", {"asr": 0.51})
    (tmp_path / "file").write_text((tmp_path / "file").read_text().replace("0.51", "0.52"))
    with pytest.raises(CorruptFileError, match="not what was written"):
        load_json(tmp_path / "file")


@pytest.mark.parametrize("content", ["", "{}", "[1]", "null", "not json"])
def test_what_is_no_sealed_object_is_damaged(tmp_path, content) -> None:
    (tmp_path / "file").write_text(content)
    with pytest.raises(CorruptFileError, match="no seal"):
        load_json(tmp_path / "file")


@pytest.mark.parametrize("content", ['["{}"]', '{{"other": "{}"}}', "{}"])
def test_neither_is_one_whose_seal_is_elsewhere(tmp_path, content) -> None:
    (tmp_path / "file").write_text(content.format(ANYONES.blank))
    ANYONES.close(tmp_path / "file")
    with pytest.raises(CorruptFileError, match="no sealed JSON object"):
        load_json(tmp_path / "file")
