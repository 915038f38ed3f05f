import pytest
from hypothesis import given
from hypothesis import strategies as st

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.names import check_name, is_name, why_no_path, why_no_path_below

HOSTILE = [
    "",
    ".",
    "..",
    "../x",
    "a/b",
    "/etc",
    ".hidden",
    "a b",
    "a\nb",
    "é",
    "a\0",
    "x" * 101,
    "a\\b",
    "~",
    "a:b",
]


@pytest.mark.parametrize("text", ["cifar10", "cifar10-jpeg", "v1.2", "_private", "-", "2", "x" * 100])
def test_names(text: str) -> None:
    assert is_name(text)
    check_name("a data set", text)


@pytest.mark.parametrize("text", [*HOSTILE, 3, None, ["a"]])
def test_no_names(text: object) -> None:
    assert not is_name(text)
    with pytest.raises(UserError, match=r"a data set cannot be called .*: a name is made of letters"):
        check_name("a data set", text)


@given(st.text(max_size=20))
def test_a_name_never_leads_out_of_its_folder(tmp_path_factory, text: str) -> None:
    folder = tmp_path_factory.getbasetemp()
    assert not is_name(text) or (folder / text).resolve().parent == folder.resolve()


@pytest.mark.parametrize(
    "text", ["train", "data/train-*.parquet", "a/**/b.png", "with space", "..train", "é"]
)
def test_paths_below_a_folder(text: str) -> None:
    assert why_no_path_below(text) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("..", "leaves"),
        ("../../..", "leaves"),
        ("a/../../b", "leaves"),
        ("/etc/passwd", "must be relative"),
        ("", "is empty"),
        (" ", "is empty"),
        ("a\0b", "no one can see"),
        ("a\nb", "no one can see"),
        ("a**b", "by itself"),
        ("x" * 300, "no part of a path"),
    ],
)
def test_what_is_no_path_below_a_folder(text: str, why: str) -> None:
    assert why in (why_no_path_below(text) or "")


def test_an_absolute_path_is_a_path() -> None:
    assert why_no_path("/data/birds") is None
