import pytest

from backdoor_pipeline.base.files import replacing, set_aside


def test_a_failed_write_leaves_what_was_there(tmp_path) -> None:
    path = tmp_path / "folder" / "file"
    with replacing(path) as temporary:
        temporary.write_text("first")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("sec")
        raise RuntimeError
    assert path.read_text() == "first"
    assert [one.name for one in path.parent.iterdir()] == ["file"]


def test_nothing_shows_before_the_end(tmp_path) -> None:
    path = tmp_path / "file"
    with replacing(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
    assert path.read_text() == "half"


def test_set_aside_keeps_the_evidence(tmp_path, caplog) -> None:
    path = tmp_path / "model.safetensors"
    path.write_text("damaged")
    aside = set_aside(path, "truncated")
    assert not path.exists()
    assert aside.read_text() == "damaged"
    assert "truncated" in caplog.text
