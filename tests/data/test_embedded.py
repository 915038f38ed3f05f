"""The data set that comes with the package: whole, credited, and in the wheel."""

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.fetch import available, fetch
from backdoor_pipeline.data.sources import embedded, load_split
from backdoor_pipeline.data.sources.mnist import DEBIAN_FASHION, GARMENTS
from backdoor_pipeline.data.spec import ImageSpec
from backdoor_pipeline.experiment.resolve import dataset_spec

PROJECT = Path(__file__).parents[2]
PER_CLASS = {"train": 1000, "test": 200}
PIXELS = "e1427044c614fabc29feeff0f27e6b68f88a9ee2f2cfe7d783b9157159864883"  # of the training pictures


def spec(params: dict[str, Any], name: str = "fashion_small") -> ImageSpec:
    return dataset_spec(name, params["datasets"][name])


def test_it_is_there_without_a_download_and_whole(params, tmp_path: Path) -> None:
    for split, count in PER_CLASS.items():
        data = load_split(spec(params), tmp_path, split)
        assert data.images.shape == (10 * count, 1, 28, 28)
        assert data.labels.bincount().tolist() == [count] * 10
        assert data.classes == GARMENTS
        if split == "train":
            assert hashlib.sha256(data.images.numpy().tobytes()).hexdigest() == PIXELS
            pixels = data.images.float() / 255
            assert spec(params).mean == (pytest.approx(pixels.mean().item(), abs=1e-4),)
            assert spec(params).std == (pytest.approx(pixels.std().item(), abs=1e-4),)


@pytest.mark.skipif(not DEBIAN_FASHION.is_dir(), reason="the whole of Fashion-MNIST is not installed")
def test_its_pictures_are_the_first_of_each_class(params, tmp_path: Path) -> None:
    for split, count in PER_CLASS.items():
        whole = load_split(spec(params, "fashion_mnist"), tmp_path, split)
        first = torch.cat([(whole.labels == label).nonzero()[:count, 0] for label in range(10)]).sort().values
        data = load_split(spec(params), tmp_path, split)
        assert torch.equal(data.images, whole.images[first])
        assert torch.equal(data.labels, whole.labels[first])


def test_it_is_small_and_credited() -> None:
    sizes = [file.stat().st_size for file in embedded.FOLDER.glob("*.parquet")]
    assert max(sizes) < 3e6
    assert sum(sizes) < 6e6
    license = (embedded.FOLDER / "LICENSE").read_text(encoding="utf-8")
    assert "MIT" in license
    assert "Zalando SE" in license


def test_the_list_shows_it_and_fetching_it_is_told_needless(params, tmp_path: Path) -> None:
    assert [here for name, here, _ in available(tmp_path) if name == "fashion_small"] == [True]
    with pytest.raises(UserError, match="'fashion_small' comes with backdoor_pipeline"):
        fetch("fashion_small", tmp_path)


def test_an_installation_without_its_files_is_told(params, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(embedded, "FOLDER", tmp_path)
    with pytest.raises(
        UserError, match=r"fashion_small-train-\*\.parquet in .*install backdoor_pipeline anew"
    ):
        load_split(spec(params), tmp_path, "train")


def test_the_wheel_has_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if "/data/embedded/" in name}
    assert inside == {f"backdoor_pipeline/data/embedded/{file.name}" for file in embedded.FOLDER.iterdir()}
