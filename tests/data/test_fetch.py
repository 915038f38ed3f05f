"""Fetching from a local server: whole or absent, checksummed, and each failure one sentence."""

import hashlib
import io
import os
import re
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from helpers.source_files import make_spec, write, write_cifar10, write_mnist

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data import fetch as fetching
from backdoor_pipeline.data.fetch import available, fetch, unpack
from backdoor_pipeline.data.sources import load_split
from backdoor_pipeline.data.sources.downloads import PARTS, SVHN, Part


class _Handler(SimpleHTTPRequestHandler):
    """Serves files; a name that starts with "cut-" is promised longer than it is."""

    def log_message(self, *args: object) -> None:
        """Keep the test's output clean."""

    def send_header(self, keyword: str, value: str) -> None:
        if keyword == "Content-Length" and "cut-" in self.path:
            value = str(int(value) + 1000)
        super().send_header(keyword, value)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """(address, the folder that it serves)."""
    folder = tmp_path / "server"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(folder))) as http:
        threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}", folder
        http.shutdown()


def _sums(path: Path) -> dict[str, str]:
    return {kind: hashlib.new(kind, path.read_bytes()).hexdigest() for kind in ("md5", "sha256")}


def _tar(folder: Path, archive: Path) -> Path:
    with tarfile.open(archive, "w:gz") as members:
        members.add(folder, folder.name)
    return archive


@pytest.fixture
def cifar(server: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a CIFAR-10 archive whose checksum is known."""
    address, folder = server
    archive = _tar(write_cifar10(tmp_path / "made"), folder / "cifar-10-binary.tar.gz")
    _expect(monkeypatch, archive)
    return address


def _expect(monkeypatch: pytest.MonkeyPatch, archive: Path, base: str = "http://127.0.0.1:9/") -> None:
    part = Part(base, archive.name, _sums(archive), "cifar-10-batches-bin")
    monkeypatch.setitem(PARTS, "cifar10", (part,))


def _files(raw: Path) -> list[str]:
    """Everything under the raw folder but the lock."""
    return sorted(str(path.relative_to(raw)) for path in raw.rglob("*") if path.name != ".fetch.lock")


def test_an_archive_is_fetched_unpacked_and_loads(cifar: str, tmp_path: Path):
    raw = tmp_path / "raw"
    assert fetch("cifar10", raw, mirror=cifar) == raw / "cifar10"
    assert load_split(make_spec("cifar10"), raw, "train").labels.tolist() == [1, 2, 3, 4, 5]
    assert os.listdir(raw / "cifar10") == ["cifar-10-batches-bin"]
    assert sorted(os.listdir(raw)) == [".fetch.lock", "cifar10"]


def test_a_present_set_is_left_alone(cifar: str, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    raw = tmp_path / "raw"
    fetch("cifar10", raw, mirror=cifar)
    marker = write(raw / "cifar10/cifar-10-batches-bin/marker", "mine")
    with caplog.at_level("INFO"):
        fetch("cifar10", raw, mirror="http://127.0.0.1:9")
    assert marker.exists()
    assert f"cifar10 is already in {raw / 'cifar10'}" in caplog.text


def test_single_files_are_fetched_one_by_one(
    server: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    address, folder = server
    write_mnist(folder)
    parts = tuple(Part("", part.file, _sums(folder / part.file), part.file) for part in PARTS["mnist"])
    monkeypatch.setitem(PARTS, "mnist", parts)
    raw = tmp_path / "raw"
    fetch("mnist", raw, mirror=address)
    assert load_split(make_spec("mnist", 28, 1), raw, "train").labels.tolist() == [7, 0, 9]
    (raw / "mnist" / parts[1].file).unlink()  # as the error for a damaged file asks for
    kept = (raw / "mnist" / parts[0].file).stat().st_mtime_ns
    fetch("mnist", raw, mirror=address)
    assert len(load_split(make_spec("mnist", 28, 1), raw, "train")) == 3
    assert (raw / "mnist" / parts[0].file).stat().st_mtime_ns == kept


def test_a_wrong_checksum_leaves_nothing(cifar: str, server: tuple[str, Path], tmp_path: Path):
    archive = server[1] / "cifar-10-binary.tar.gz"
    archive.write_bytes(archive.read_bytes()[:-1] + b"x")
    with pytest.raises(
        UserError, match=r"tar\.gz is not the file it should be \(MD5 .*by hand to .*tar\.gz, and"
    ):
        fetch("cifar10", tmp_path / "raw", mirror=cifar)
    assert _files(tmp_path / "raw") == []


@pytest.mark.parametrize("wrong", ["md5", "sha256"])
@pytest.mark.parametrize("by_hand", [True, False])
def test_a_file_needs_both_of_its_checksums(
    cifar: str, server: tuple[str, Path], tmp_path: Path, wrong: str, by_hand: bool
):
    (part,) = PARTS["cifar10"]
    other = "0" * len(part.sums[wrong])
    PARTS["cifar10"] = (replace(part, sums={**part.sums, wrong: other}),)  # the fixture puts it back
    if by_hand:
        write(tmp_path / "raw/cifar10" / part.file, (server[1] / part.file).read_bytes())
    with pytest.raises(UserError, match=rf"is not the (file it should be|original file) .*{other}"):
        fetch("cifar10", tmp_path / "raw", mirror=cifar)
    assert not (tmp_path / "raw/cifar10" / part.creates).exists()


def test_every_download_has_both_checksums_and_all_but_one_host_https():
    parts = [part for parts in PARTS.values() for part in parts]
    assert all(re.fullmatch("[0-9a-f]{32}", part.sums["md5"]) for part in parts)
    assert all(re.fullmatch("[0-9a-f]{64}", part.sums["sha256"]) for part in parts)
    assert len({part.sums["sha256"] for part in parts}) == len(parts) == 16
    assert {part.base for part in parts if not part.base.startswith("https://")} == {SVHN}


def test_an_interrupted_download_leaves_nothing(
    server: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    address, folder = server
    archive = _tar(write_cifar10(tmp_path / "made"), folder / "cut-cifar.tar.gz")
    _expect(monkeypatch, archive)
    with pytest.raises(UserError, match=rf"^cannot download {address}/cut-cifar\.tar\.gz \("):
        fetch("cifar10", tmp_path / "raw", mirror=address)
    assert _files(tmp_path / "raw") == []


def test_no_network_names_the_address_and_where_to_put_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    archive = _tar(write_cifar10(tmp_path / "made"), tmp_path / "cifar-10-binary.tar.gz")
    _expect(monkeypatch, archive)
    raw = tmp_path / "raw"
    place = raw / "cifar10" / archive.name
    with pytest.raises(UserError) as error:
        fetch("cifar10", raw)
    assert str(error.value) == (
        f"cannot download http://127.0.0.1:9/{archive.name} (ConnectionError): "
        f"download it by hand to {place}, and fetch again."
    )
    write(place, archive.read_bytes())
    fetch("cifar10", raw)
    assert len(load_split(make_spec("cifar10"), raw, "train")) == 5
    assert place.exists()  # the user's own file


def test_a_wrong_file_put_by_hand_is_refused(cifar: str, tmp_path: Path):
    write(tmp_path / "raw/cifar10/cifar-10-binary.tar.gz", "something else")
    with pytest.raises(UserError, match=r"is not the original file .*: delete it"):
        fetch("cifar10", tmp_path / "raw", mirror=cifar)


@pytest.mark.parametrize("broken", ["unpack", "os.replace"])
def test_a_kill_at_any_step_leaves_nothing_that_looks_finished(
    cifar: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"backdoor_pipeline.data.fetch.{broken}", interrupt)
        with pytest.raises(KeyboardInterrupt):
            fetch("cifar10", tmp_path / "raw", mirror=cifar)
    assert not any("cifar-10-batches-bin" in name for name in _files(tmp_path / "raw"))
    write(tmp_path / "raw/.fetching-killed/unpacked/half", "of a process killed outright")
    fetch("cifar10", tmp_path / "raw", mirror=cifar)
    assert not (tmp_path / "raw/.fetching-killed").exists()


def test_an_archive_without_its_content_is_refused(
    server: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    address, folder = server
    (tmp_path / "other").mkdir()
    _expect(monkeypatch, _tar(tmp_path / "other", folder / "cifar.tar.gz"))
    with pytest.raises(UserError, match=r"cifar\.tar\.gz does not hold cifar-10-batches-bin"):
        fetch("cifar10", tmp_path / "raw", mirror=address)
    assert _files(tmp_path / "raw") == []


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil-of-the-test"])
def test_members_outside_the_folder_are_refused(tmp_path: Path, name: str):
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as members:
        members.writestr(name, "x")
    with tarfile.open(tmp_path / "bad.tar.gz", "w:gz") as tar:
        tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    for archive in ("bad.zip", "bad.tar.gz"):
        with pytest.raises(UserError, match="would write outside its folder"):
            unpack(tmp_path / archive, tmp_path / f"out-{archive}")
    assert not (tmp_path / "evil").exists()
    assert not Path("/tmp/evil-of-the-test").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
@pytest.mark.parametrize("to", ["../evil", "inside"])
def test_links_and_devices_are_refused(tmp_path: Path, kind: bytes, to: str):
    with tarfile.open(tmp_path / "bad.tar.gz", "w:gz") as tar:
        info = tarfile.TarInfo("link")
        info.type, info.linkname = kind, to
        tar.addfile(info)
    with pytest.raises(UserError, match=r"holds a link or a device \(link\)"):
        unpack(tmp_path / "bad.tar.gz", tmp_path / "out")
    assert not (tmp_path / "out/link").is_symlink()


@pytest.mark.parametrize("name", ["half.zip", "half.tar.gz"])
def test_half_an_archive_is_refused(tmp_path: Path, name: str):
    whole = tmp_path / f"whole-{name}"
    if name.endswith("zip"):
        with zipfile.ZipFile(whole, "w") as members:
            members.writestr("a", os.urandom(5000))
    else:
        _tar(write(tmp_path / "a/b", os.urandom(5000)).parent, whole)
    half = write(tmp_path / name, whole.read_bytes()[:2000])
    with pytest.raises(UserError, match="cannot be unpacked"):
        unpack(half, tmp_path / "out")


def test_names_without_a_download(tmp_path: Path):
    with pytest.raises(UserError, match="unknown data set to fetch 'cifar': did you mean 'cifar1"):
        fetch("cifar", tmp_path)
    with pytest.raises(UserError, match="'digits' comes with scikit-learn"):
        fetch("digits", tmp_path)
    with pytest.raises(
        UserError, match=r"'imagenet' has no free download: .*imagenet/\{train,val\}/<class>/"
    ):
        fetch("imagenet", tmp_path)


def test_the_package_of_fashion_mnist_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_mnist(tmp_path / "package")
    monkeypatch.setattr(fetching, "DEBIAN_FASHION", tmp_path / "package")
    assert fetch("fashion_mnist", tmp_path / "raw") == tmp_path / "package"


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path):
    write(tmp_path / "raw", "a file where the folder should be")
    with pytest.raises(UserError, match=r"cannot store cifar10 in .*make room or get access there"):
        fetch("cifar10", tmp_path / "raw")


def test_available_tells_where_or_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fetching, "DEBIAN_FASHION", tmp_path / "absent")
    write_cifar10(tmp_path / "cifar10")
    own = make_spec("folder", train="train", test="val")
    listed = {name: (present, where) for name, present, where in available(tmp_path, [own])}
    assert listed["digits"][0]
    assert listed["cifar10"] == (True, str(tmp_path / "cifar10"))
    assert listed["cifar100"] == (False, "run `kedro data fetch cifar100`")
    assert listed["fashion_mnist"] == (False, "run `kedro data fetch fashion_mnist`")
    assert not listed["imagenet"][0]
    assert listed["folder"][0] is False
    assert "train/<class>/<picture>" in listed["folder"][1]
    assert set(PARTS) < set(listed)
