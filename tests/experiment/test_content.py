"""Files and folders that parameters name are known by their content, as it is at the time."""

import hashlib
import os
import time
from pathlib import Path

from helpers.parameters import change

from backdoor_pipeline.base import digests
from backdoor_pipeline.experiment import artifacts
from backdoor_pipeline.experiment.artifacts import artifact_names
from backdoor_pipeline.experiment.resolve import resolve


def put(file: Path, content: bytes, seconds_ago: float) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    os.utime(file, (time.time() - seconds_ago,) * 2)


def folder_of(**files: bytes) -> str:
    """The digest of a folder with these Parquet files, as it was from the beginning."""
    parts = [f"{name}.parquet".encode() + hashlib.sha256(content).digest() for name, content in files.items()]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def test_a_folder_that_is_changed_is_another_in_the_same_process(tmp_path) -> None:
    folder = tmp_path / "theirs"
    train, test = folder / "train.parquet", folder / "test.parquet"

    def known() -> str:
        return artifacts._content(str(folder), "imported.data")

    put(train, b"old", 100)
    put(test, b"test", 90)
    assert known() == folder_of(train=b"old", test=b"test")
    put(train, b"new", 50)
    assert known() == folder_of(train=b"new", test=b"test")
    put(train, b"now", 0)
    assert known() == folder_of(train=b"now", test=b"test")
    test.unlink()
    assert known() == folder_of(train=b"now")
    put(folder / "notes.txt", b"no part of it", 10)
    assert known() == folder_of(train=b"now")


def test_what_is_imported_again_under_its_name_has_names_of_its_own(params, tmp_path) -> None:
    put(tmp_path / "model.safetensors", b"a model", 100)
    model, data = str(tmp_path / "model.safetensors"), str(tmp_path / "theirs")
    asked = {"imported__data": data, "models__resnet8__pretrained": model}

    def name() -> str:
        return artifact_names(resolve(change(params, attack="imported", **asked)))["poison"]

    put(tmp_path / "theirs/train.parquet", b"old", 100)
    first = name()
    put(tmp_path / "theirs/train.parquet", b"new", 50)
    assert name() != first


def test_what_has_not_changed_is_read_once(tmp_path, monkeypatch) -> None:
    file, read = tmp_path / "theirs/train.parquet", []
    put(file, b"rows", 100)
    plain = digests._of
    monkeypatch.setattr(digests, "_of", lambda file: (read.append(file), plain(file))[1])
    for _ in range(3):
        artifacts._content(str(file.parent), "imported.data")
        artifacts._content(str(file), "models.resnet8.pretrained")
    assert read == [file, file], "once as a folder's, once by itself"
