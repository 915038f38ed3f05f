import os
from collections import Counter

from backdoor_pipeline.experiment.failures import Failure
from backdoor_pipeline.sweep.grid import Grid, read_grid


def cells(**axes) -> list:
    return Grid(grid=axes).cells()


def kinds(plan) -> Counter:
    return Counter(task.kind for task in plan.tasks.values())


def test_shared_stages_are_planned_once_and_first(plan) -> None:
    made = plan(cells(attack=["badnets"], model=["resnet8", "resnet20"], defense=["none", "ft"], seed=[0, 1]))
    assert kinds(made) == {"prepare": 1, "poison": 2, "train": 4, "cell": 8}
    seen: set[str] = set()
    for id, task in made.tasks.items():
        assert set(task.needs) <= seen
        seen.add(id)
    assert all(len(task.needs) == (task.kind != "prepare") for task in made.tasks.values())


TEXT = {"dataset": ["made_reviews"], "model": ["tiny_bert"], "target_label": [1]}


def test_a_control_is_planned_once_for_all_that_are_held_against_it(plan, build) -> None:
    grid = cells(
        **TEXT, attack=["word", "hiddenkiller"], defense=["none", "ft"], seed=[0, 1], poison_ratio=[0.05]
    )
    made = plan(grid)
    assert kinds(made) == {"prepare": 1, "poison": 4, "train": 4 + 2, "cell": 8}
    assert {stage: len(found) for stage, found in made.to_build().items()} == {
        "prepare": 1, "poison": 4, "train": 4, "train_control": 2, "evaluate_control": 4,
        "defend": 8, "evaluate": 8,
    }  # fmt: skip
    assert made.reused["train_control"] == 0
    controls = {id: task for id, task in made.tasks.items() if task.pipeline == "train_control"}
    assert all(task.needs == () for task in controls.values())
    for task in made.tasks.values():
        if task.kind == "cell":
            assert f"train_control/{task.cell.names['train_control']}" in task.needs
    build("train_control", made.cells[0].names)
    again = plan(grid)
    assert sum(task.pipeline == "train_control" for task in again.tasks.values()) == 1
    assert again.reused["train_control"] == 1


def test_where_a_cell_has_no_attack_its_victim_is_the_control(plan, build) -> None:
    made = plan(cells(**TEXT, attack=["word", "none"], defense=["none"]))
    assert not any(task.pipeline == "train_control" for task in made.tasks.values())
    attacked, clean = (task for task in made.tasks.values() if task.kind == "cell")
    assert f"train/{clean.cell.names['train']}" in attacked.needs
    for stage in ("evaluate_control", "evaluate"):
        build(stage, attacked.cell.names)
    assert plan(cells(**TEXT, attack=["word"], defense=["none"])).finished == 1, "scored, it needs no model"


def test_images_have_no_control_in_a_plan(plan) -> None:
    made = plan(cells(attack=["badnets"], seed=[0]))
    assert [*made.reused] == ["prepare", "poison", "train", "defend", "evaluate"]
    assert [*made.to_build()] == ["prepare", "poison", "train", "defend", "evaluate"]


def test_cells_that_are_one_experiment_are_planned_once(plan) -> None:
    made = plan(cells(attack=["none"], poison_ratio=[0.1, 0.05, 0.01]))
    assert len(made.cells) == 1
    assert made.duplicates == 2


def test_what_cannot_be_is_listed_with_its_reason(plan) -> None:
    made = plan(cells(attack=["badnets", "nope"], target_label=[0, 10]))
    assert len(made.cells) == 1
    reasons = [reason for _, reason in made.infeasible]
    assert len(reasons) == 3
    assert sum("unknown attack 'nope'" in reason for reason in reasons) == 1
    assert sum("target_label 10 is out of range" in reason for reason in reasons) == 2


def test_a_clean_label_ratio_above_the_target_class_is_infeasible_before_any_work(plan) -> None:
    made = plan(cells(attack=["sig"], poison_ratio=[0.05, 0.1], defense=["none", "ft"]))
    assert len(made.cells) == 2
    assert len(made.infeasible) == 2
    assert "the largest feasible ratio is 0.09" in made.infeasible[0][1]


def test_a_ratio_that_neither_grid_nor_environment_gives_is_lowered(plan) -> None:
    (cell,) = plan(cells(attack=["sig"])).cells
    assert cell.names["poison"].startswith("digits/sig-0.09948-s0-")
    assert cell.experiment.manifest.startswith("sha256:")
    assert len(plan(cells(attack=["sig"]), given={"poison_ratio"}).infeasible) == 1


def test_what_the_data_do_not_allow_is_infeasible_before_any_work(plan) -> None:
    made = plan([{"clean_ratio": 0.0001}, {"datasets.digits.num_classes": 11}, {"train_images": 5000}])
    expected = ("samples is none", "has 10 classes", "has 1,347")
    for (_, reason), part in zip(made.infeasible, expected, strict=True):
        assert part in reason


def test_a_misspelt_parameter_of_one_axis_is_seen_though_another_shape_was_checked(plan) -> None:
    made = plan([{"seed": 0}, {"training.lrr": 0.1}, {"training.lr": 0.1}])
    assert len(made.cells) == 2
    ((flat, reason),) = made.infeasible
    assert flat == {"training.lrr": 0.1}
    assert "did you mean 'lr'" in reason


def test_a_data_set_that_is_not_here_can_be_planned_but_not_run(plan) -> None:
    grid = cells(dataset=["digits", "cifar10"])
    run = plan(grid)
    assert len(run.cells) == 1
    assert "kedro data fetch cifar10" in run.infeasible[0][1]
    dry = plan(grid, without_data=True)
    assert len(dry.cells) == 2
    ((sentence, count),) = dry.absent.items()
    assert "kedro data fetch cifar10" in sentence
    assert count == 1


def test_what_is_there_is_reused(plan, build) -> None:
    grid = cells(defense=["none", "ft"])
    names = plan(grid).cells[0].names
    for stage in ("prepare", "poison", "train"):
        build(stage, names)
    made = plan(grid)
    assert kinds(made) == {"cell": 2}
    assert made.reused == {"prepare": 1, "poison": 1, "train": 1, "defend": 0, "evaluate": 0}
    assert all(not task.needs for task in made.tasks.values())
    build("evaluate", names)
    made = plan(grid)
    assert kinds(made) == {"cell": 1}
    assert made.finished == 1


def test_half_an_artefact_is_none(plan, build, layout) -> None:
    grid = cells(defense=["none"])
    names = plan(grid).cells[0].names
    build("train", names)
    layout.files("train", names)[0].unlink()
    assert "train" in kinds(plan(grid))


def test_a_folder_that_cannot_be_listed_is_named_and_counts_as_empty(
    plan, build, layout, monkeypatch, caplog
) -> None:
    made = plan(cells(seed=[0, 1]))
    for cell in made.cells:
        build("poison", cell.names)
    closed = str(layout.folder("poison", made.cells[0].names))
    listed = os.listdir

    def listdir(folder: object) -> list[str]:
        if str(folder) == closed:
            raise PermissionError(13, "Permission denied", closed)
        return listed(folder)  # type: ignore[call-overload,no-any-return]

    monkeypatch.setattr(os, "listdir", listdir)
    assert plan(cells(seed=[0, 1])).reused["poison"] == 1
    assert f"{closed} cannot be listed (Permission denied): see that it can be read." in caplog.messages


def test_a_finished_cell_needs_no_models(plan, build) -> None:
    grid = cells(defense=["none"])
    build("evaluate", plan(grid).cells[0].names)
    assert not plan(grid).tasks


def test_figures_are_made_only_if_asked_for(plan, build) -> None:
    grid = cells(defense=["none"])
    build("evaluate", plan(grid).cells[0].names)
    made = plan(grid, final="analyze")
    assert kinds(made) == {"prepare": 1, "poison": 1, "train": 1, "cell": 1}


def test_an_analyzed_cell_has_the_figures_that_are_asked_for(plan, build, layout) -> None:
    asked = {"analysis.figures": ["tac"], **cells(defense=["none"])[0]}
    names = plan([asked], final="analyze").cells[0].names
    assert {file.name for file in layout.files("analyze", names)} == {
        "strengths.parquet", "tac.csv", "tac.png", "tac.plotly.json",
    }  # fmt: skip
    for stage in ("evaluate", "watch", "analyze"):
        build(stage, names)
    assert plan([asked], final="analyze").finished == 1
    more = plan([{**asked, "analysis.figures": ["tac", "umap"]}], final="analyze")
    assert more.finished == 0
    assert more.cells[0].names["analyze"] == names["analyze"], "in the same folder"
    further = plan([{**asked, "analysis.formats": ["pdf", "svg"]}], final="analyze")
    assert further.finished == 0
    assert {file.suffix for file in layout.files("analyze", further.cells[0].names)} >= {".pdf", ".svg"}


def test_what_failed_before_is_left_out_with_all_that_needs_it(plan) -> None:
    grid = cells(defense=["none", "ft"], seed=[0, 1])
    poison = next(task for task in plan(grid).tasks.values() if task.kind == "poison")
    failure = Failure(poison.id, "no", "", "")
    made = plan(grid, {poison.id: failure, "evaluate/other": failure})
    assert kinds(made) == {"prepare": 1, "poison": 1, "train": 1, "cell": 2}
    assert made.failed == {poison.id: failure}
    assert len(made.blocked) == 2
    assert set(made.blocked.values()) == {poison.id}


def test_a_task_that_failed_before_and_was_built_since_counts_as_built(plan, build) -> None:
    grid = cells(defense=["none"])
    first = plan(grid)
    poison = next(task for task in first.tasks.values() if task.kind == "poison")
    for stage in ("prepare", "poison"):
        build(stage, first.cells[0].names)
    made = plan(grid, {poison.id: Failure(poison.id, "no", "", "")})
    assert not made.failed
    assert kinds(made) == {"train": 1, "cell": 1}


def test_sweep_of_dynamics_takes_the_models_of_that_of_attacks_the_one_of_defenses_its_own(
    plan, project_conf
) -> None:
    def victims(name: str) -> set[str]:
        made = plan(read_grid(name, [project_conf / "base/sweeps"]).cells(), without_data=True)
        assert not made.infeasible
        return {cell.names["train"] for cell in made.cells}

    attacked, defended, watched = (victims(name) for name in ("attacks", "defenses", "dynamics"))
    assert len(attacked) == 3 * 3 * (8 * 2 + 1) + 1, "and more images for Input-aware"
    assert len(defended) == 2 * (9 + 2 * 2) + 3 * (1 + 2), "and BadNets at 5 %, it and Blended at 1 %"
    assert not defended & attacked
    assert len(watched & attacked) == 2 * 2 * 3
    assert len(watched - attacked) == 2 * 3 + 2, "at 0.5 %, and two other strengths of Blended"
