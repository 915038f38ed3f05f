"""The code of the page on adding a method, copied and run: in the project, and from another package."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest
from helpers.scratch import PROJECT, make_project, run_python

PAGE = (PROJECT / "docs/adding-a-method.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```\w+\n(# ([\w./-]+)(: add at the end)?\n.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = {
    "src/backdoor_pipeline/attacks/methods/stripe.py": "stripe.py",
    "src/backdoor_pipeline/defenses/methods/fst.py": "fst.py",
}
VALUES = ("conf/base/parameters/attacks.yml", "conf/base/parameters/defenses.yml")
TESTS = ("tests/attacks/methods/test_stripe.py", "tests/defenses/methods/test_fst.py")
LISTING = (  # tests that go through all methods by name
    "tests/attacks/test_strength.py::test_attacks_say_whether_their_triggers_have_a_strength",
    "tests/defenses/methods/test_defenses_of_texts.py::test_each_defense_of_images_alone_says_why",
    "tests/test_gpu_benchmark.py::test_the_pieces_fit_their_time_and_have_defenses_of_images",
    "tests/api/test_api.py::test_the_defenses_tried_are_of_images",
)
RUN = ("-m", "kedro", "run", "--env", "smoke", "--pipeline=evaluate", "--params")
PACKAGE, ITS_VALUES = "my_package/pyproject.toml", "conf/base/parameters/my_package.yml"


def copy_block(name: str, folder: Path, to: str | None = None) -> None:
    """Write the block whose first line names this file below `folder`; at the file's end if it says so."""
    ((text, added),) = [(text, added) for text, file, added in BLOCK.findall(PAGE) if file == name]
    file = folder / (to or name)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a" if added else "x", encoding="utf-8") as stream:
        stream.write(text)


def see_that_it_ran(project: Path, experiment: str) -> None:
    """See that a defense said its own and was scored; folders are called after their experiment."""
    (own,) = (project / "data/06_models/digits").glob(f"{experiment}-0.1-s0-*/metrics.json")
    assert -1 <= json.loads(own.read_text())["head_similarity"] <= 1
    (scored,) = (project / "data/08_reporting/digits").glob(f"{experiment}-0.1-s0-*/metrics.json")
    scores = json.loads(scored.read_text())
    assert all(0 <= scores[name] <= 1 for name in ("asr_before", "asr_after", "clean_accuracy_after"))


def imported_from(project: Path, **environment: str) -> Path:
    """Where the project's commands find the package; another one is installed for the tests."""
    code = "import backdoor_pipeline; print(backdoor_pipeline.__file__)"
    return Path(run_python(project, "-c", code, **environment).stdout.strip())


@pytest.fixture(scope="module")
def inside(tmp_path_factory) -> Path:
    """The project with both methods and their tests in it."""
    folder = make_project(tmp_path_factory.mktemp("inside"))
    shutil.copytree(PROJECT / "tests/helpers", folder / "tests/helpers")
    shutil.copy(PROJECT / "tests/conftest.py", folder / "tests")
    for name in (*CODE, *VALUES, *TESTS):
        copy_block(name, folder)
    return folder


def test_the_page_has_no_other_code() -> None:
    assert {name for _, name, _ in BLOCK.findall(PAGE)} == {*CODE, *VALUES, *TESTS, PACKAGE, ITS_VALUES}
    assert PAGE.count("```") == 2 * (len(BLOCK.findall(PAGE)) + 1), "the tree of the package's files"


def test_the_shown_tests_pass_and_the_code_is_as_the_linter_wants_it(inside) -> None:
    path = str(inside / "src")
    assert imported_from(inside, PYTHONPATH=path).is_relative_to(inside)
    done = run_python(inside, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS, PYTHONPATH=path)
    assert "4 passed" in done.stdout
    run_python(inside, "-m", "ruff", "check", "--no-cache", *CODE, *TESTS)
    run_python(inside, "-m", "ruff", "format", "--no-cache", "--check", *CODE, *TESTS)


def test_the_projects_own_tests_bear_others(inside) -> None:
    shutil.copytree(PROJECT / "benchmarks", inside / "benchmarks")
    for file in {name.partition("::")[0] for name in LISTING}:
        (inside / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / file, inside / file)
    words = ("-m", "pytest", "-q", "-p", "no:cacheprovider", *LISTING)
    assert "4 passed" in run_python(inside, *words, PYTHONPATH=str(inside / "src")).stdout


def test_methods_of_the_project_run(inside) -> None:
    changed = "attack:stripe,attacks.stripe.row:3,defense:fst,defenses.fst.recipe.epochs:3"
    run_python(inside, *RUN, changed, PYTHONPATH=str(inside / "src"))
    see_that_it_ran(inside, "fst-resnet8-stripe")


def test_methods_of_another_package_run(tmp_path) -> None:
    project, site = make_project(tmp_path / "project"), tmp_path / "site"
    copy_block(PACKAGE, tmp_path)
    for name, file in CODE.items():
        copy_block(name, tmp_path, f"my_package/src/my_package/{file}")
    (tmp_path / "my_package/src/my_package/__init__.py").touch()
    copy_block(ITS_VALUES, project)
    offline = ("--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check")
    run_python(tmp_path, "-m", "pip", "install", "-q", *offline, "--target", str(site), "./my_package")
    path = os.pathsep.join([str(project / "src"), str(site)])
    assert imported_from(project, PYTHONPATH=path).is_relative_to(project)
    run_python(project, *RUN, "attack:stripe,defense:fst", PYTHONPATH=path)
    see_that_it_ran(project, "fst-resnet8-stripe")
