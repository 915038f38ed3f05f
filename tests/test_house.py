"""The order of the rooms: imports run one way, methods stand alone, and nothing lies loose."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from backdoor_pipeline.pipeline_registry import register_pipelines

SOURCE = Path(__file__).parents[1] / "src/backdoor_pipeline"
LEVELS = (  # a room imports from those below its own level; rooms of one level know nothing of one another
    ("__main__",),
    ("cli",),
    ("sweep",),
    ("settings",),
    ("hooks",),
    ("config", "pipeline_registry"),
    ("pipelines",),
    ("catalog",),
    ("reporting",),
    ("api",),
    ("scanning",),
    ("analysis",),
    ("experiment",),
    ("foreign",),
    ("attacks", "defenses"),
    ("models",),
    ("training",),
    ("data", "metrics"),
    ("base",),
)
LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}
AT_THE_ROOT = {"__init__", "config", "pipeline_registry", "settings"}  # what Kedro looks for there
AT_THE_ROOT |= {"__main__"}  # what `python -m` does


def modules() -> Iterator[tuple[str, Path]]:
    """Dotted names below the package, such as `attacks.base`, and their files."""
    for file in sorted(SOURCE.rglob("*.py")):
        parts = file.relative_to(SOURCE).with_suffix("").parts
        yield ".".join(parts).removesuffix(".__init__"), file


def imported(file: Path) -> set[str]:
    """The modules of the package that a file imports anywhere, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {
        name.removeprefix("backdoor_pipeline.") for name in found if name.startswith("backdoor_pipeline.")
    }


def test_imports_run_one_way() -> None:
    for name, file in modules():
        room = name.split(".")[0]
        for other in {module.split(".")[0] for module in imported(file)} & set(LEVEL):
            assert other == room or LEVEL[room] < LEVEL[other], f"{name} reaches up into {other}"


def test_every_room_has_its_place() -> None:
    rooms = {
        path.stem for path in SOURCE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert rooms - {"__init__"} == set(LEVEL)


def test_nothing_lies_loose_at_the_root() -> None:
    assert {file.stem for file in SOURCE.glob("*.py")} == AT_THE_ROOT


@pytest.mark.parametrize("kind", ["attacks", "defenses"])
def test_a_method_is_one_file_that_no_other_file_knows(kind: str) -> None:
    methods = {name for name, _ in modules() if name.startswith(f"{kind}.methods.")}
    for name, file in modules():
        assert not imported(file) & (methods - {name}), name


@pytest.mark.parametrize("kind", ["attacks", "defenses"])
def test_the_folder_of_methods_is_their_list(kind: str) -> None:
    """Every file there has exactly one method, called as the file is."""
    for file in (SOURCE / kind / "methods").glob("[!_]*.py"):
        named = [
            ast.literal_eval(line.value)
            for node in ast.parse(file.read_text(encoding="utf-8")).body
            if isinstance(node, ast.ClassDef)
            for line in node.body
            if isinstance(line, ast.AnnAssign) and ast.unparse(line.target) == "name"
        ]
        assert named == [file.stem]


def test_stages_take_few_things() -> None:
    for pipeline in register_pipelines().values():
        for node in pipeline.nodes:
            assert len(inspect.signature(node.func).parameters) <= 6, node.name
