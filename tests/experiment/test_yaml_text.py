"""Files of parameters: what is read, and what is refused at once."""

import time
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.experiment.yaml_text import load, read_yaml, read_yaml_file

CONF = Path(__file__).parents[2] / "conf"
LETTERS = "abcdefghijklmnop"
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{letter}: &{letter} [{', '.join([f'*{before}'] * 9)}]\n" for before, letter in pairwise(LETTERS)
)


@pytest.mark.parametrize("file", sorted(CONF.rglob("*.yml")), ids=lambda file: str(file.relative_to(CONF)))
def test_the_projects_files_are_read_as_ever(file: Path) -> None:
    assert read_yaml_file(file) == yaml.safe_load(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# only a remark", None),
        ("a: 2020-01-01", {"a": "2020-01-01"}),
        ("a: 1e-3", {"a": 0.001}),
        ("a: &x {b: 1}\nc: {<<: *x, d: 2}", {"a": {"b": 1}, "c": {"b": 1, "d": 2}}),
        ("\ufeffa: 1", {"a": 1}),
    ],
)
def test_values(text: str, value: object) -> None:
    assert load(text) == value


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\xff\xfe\x00\x01", "F is not a text file in UTF-8"),
        (b"a: \x00", "F is not YAML"),
        (b"a: {", "F is not YAML: line"),
        (b"a: 1\n\tb: 2", "F is not YAML: line 2"),
        (b"a: *nowhere", "undefined alias"),
        (b"a: 1\n---\nb: 1", "another document"),
        (b"a: 1\nb: 2\na: 3", "F: line 3: 'a' is there twice"),
        (b"a:\n  b: 1\n  b: 2", "line 3: 'b' is there twice"),
        (b"a: [{b: 1, b: 2}]", "'b' is there twice"),
        (b"1: 2", "line 1: '1' is no name: put it in quotes"),
        (b"on: 2", "'on' is no name"),
        (b"? [a]\n: 1", "a key is no name"),
        (b"a: !!binary aGk=", "the tag 'tag:yaml.org,2002:binary' is not allowed"),
        (b"a: !!python/object/apply:os.system [ls]", "is not allowed"),
        (b"a: &a [*a]", "an anchor holds itself"),
        (b"a: " + b"[" * 100_000, "nested more than 50 deep"),
        (b"a: " + b"9" * 5000, "a number that cannot be read"),
        (b"a: 0b_", "a number that cannot be read"),
        (b"a: {b: 9223372036854775808}", r"a\.b is a number of 64 bits"),
        (b"a: [.nan]", "a is nan: give it a finite number"),
        (b"a: -.inf", "a is -inf"),
        (b"\n".join(b"k%d: 1" % i for i in range(50_000)), "more than 20,000 values"),
        (BOMB.encode(), "comes to more than 20,000 values"),
    ],
)
def test_what_is_refused(content: bytes, sentence: str) -> None:
    start = time.perf_counter()
    with pytest.raises(UserError, match=sentence) as told:
        read_yaml(content, "F")
    assert len(str(told.value).splitlines()) == 1
    assert time.perf_counter() - start < 10
