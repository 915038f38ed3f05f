import sys
from typing import Any

import pytest
from helpers.parameters import change

from backdoor_pipeline.attacks import ATTACKS
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.defenses import DEFENSES
from backdoor_pipeline.experiment.artifacts import _specifications, artifact_names
from backdoor_pipeline.experiment.records import parameters
from backdoor_pipeline.experiment.resolve import resolve
from backdoor_pipeline.experiment.specs import Watching


def test_defaults_resolve_and_the_budget_fills_the_nulls(params) -> None:
    experiment = resolve(params)
    budget = params["datasets"]["digits"]["budget"]
    assert experiment.training.recipe.epochs == budget["training"]["epochs"]
    assert experiment.training.recipe.lr == budget["training"]["lr"]
    assert experiment.defending.defense is not None
    assert experiment.defending.defense.params["recipe"]["epochs"] == budget["defending"]["epochs"]
    assert experiment.poisoning.attack is not None
    assert experiment.poisoning.attack.params == {"patch_size": 3}
    assert experiment.poisoning.attack.poison_ratio == 0.1


def test_what_the_user_says_goes_before_the_budget(params) -> None:
    experiment = resolve(change(params, epochs=3, training__lr=0.5, defenses__ft__recipe__epochs=7))
    assert experiment.training.recipe.epochs == 3
    assert experiment.training.recipe.lr == 0.5
    assert experiment.defending.defense.params["recipe"]["epochs"] == 7


def test_a_method_may_have_a_budget_of_its_own(params) -> None:
    experiment = resolve(change(params, datasets__digits__budget__ft={"epochs": 9}))
    assert experiment.defending.defense.params["recipe"]["epochs"] == 9


@pytest.mark.parametrize(
    "name", ["digits", "cifar10", "cifar100", "gtsrb", "tiny_imagenet", "imagenet", "fashion_mnist"]
)
def test_every_data_set_has_what_it_takes(params, name) -> None:
    resolve(change(params, dataset=name))


@pytest.mark.parametrize(
    ("paths", "sentence"),
    [
        (
            {"attack": "badnet"},
            r"unknown attack 'badnet': did you mean 'badnets'\? Known: badnets, .*, none, .*wanet, word\.",
        ),
        ({"defense": "fine_tuning"}, r"unknown defense 'fine_tuning'.* Known: .*ft, .*none"),
        ({"model": "resnet9"}, r"unknown model 'resnet9': did you mean 'resnet"),
        ({"dataset": "cifar"}, r"unknown data set 'cifar': did you mean 'cifar10"),
        (
            {"attacks__badnets__patch_siz": 3},
            r"unknown parameter 'attacks\.badnets\.patch_siz': did you mean 'patch_size'",
        ),
        (
            {"defenses__ft__recipe__lrr": 3},
            r"unknown parameter 'defenses\.ft\.recipe\.lrr': did you mean 'lr'",
        ),
        ({"attacks__badnet__patch_size": 3}, r"unknown attack 'badnet'"),
        ({"training__epoch": 3}, r"unknown parameter 'training\.epoch'"),
        ({"models__resnet8__stem": "small"}, r"stem"),
        ({"datasets__digits__sise": 3}, r"unknown parameter 'datasets\.digits\.sise'"),
        ({"posion_ratio": 0.1}, r"unknown parameter 'posion_ratio': did you mean 'poison_ratio'"),
        ({"poison_ratio": 0}, r"poison_ratio is 0"),
        ({"poison_ratio": 1.5}, r"poison_ratio is 1\.5"),
        ({"poison_ratio": "a lot"}, r"poison_ratio is 'a lot'"),
        ({"target_label": 10}, r"target_label 10 is out of range: digits has the labels 0 to 9"),
        ({"target_label": -1}, r"target_label is -1"),
        ({"label_map": "all"}, r"label_map is 'all'"),
        ({"seed": "x"}, r"seed is 'x'"),
        ({"epochs": 0}, r"epochs is 0"),
        ({"clean_ratio": 2}, r"clean_ratio is 2"),
        ({"attacks__badnets__patch_size": 99}, r"attacks\.badnets\.patch_size is 99"),
        ({"attacks__badnets__patch_size": "big"}, r"attacks\.badnets\.patch_size is 'big'"),
        ({"training": 3}, r"'training' must be a table"),
        ({"budget": {}, "datasets__digits__budget": {}}, r"'training\.epochs', .* have no value"),
        (
            {"datasets__digits__budget__trainning": {"lr": 1}},
            r"unknown block of datasets\.digits\.budget 'trainning': did you mean 'training'",
        ),
        (
            {"datasets__mnist__budget__training__epoch": 3},
            r"unknown parameter of datasets\.mnist\.budget\.training 'epoch': did you mean 'epochs'",
        ),
        (
            {"datasets__mnist__budget__ssba__patch_size": 3},
            r"unknown parameter of datasets\.mnist\.budget\.ssba 'patch_size'",
        ),
        ({"defense": "anp", "model": "vgg19"}, r"anp prunes channels of normalization layers, and vgg19 has"),
        ({"defense": "dbd", "model": "vgg19"}, r"dbd does not train stably without normalization layers"),
        (
            {"defense": "nad", "model": "resnet8", "defenses__nad__betas": [1] * 4},
            r"maps of 4 spatial",
        ),
        ({"defense": "nc", "datasets__digits__num_classes": 2}, r"nc compares classes"),
        ({"engine__device": "tpu"}, r"engine\.device is 'tpu'"),
        ({"analysis__shapley_cells": 1}, r"analysis\.shapley_cells is 1"),
        ({"analysis__shapley_orders": 0}, r"analysis\.shapley_orders is 0"),
        ({"analysis__explained_images": 9}, r"analysis\.explained_images is 9"),
        ({"analysis__feature_images": 5}, r"analysis\.feature_images is 5"),
        ({"analysis__tsne_perplexity": 1}, r"analysis\.tsne_perplexity is 1"),
        ({"analysis__umap_neighbors": 1}, r"analysis\.umap_neighbors is 1"),
    ],
)
def test_bad_input_is_one_sentence(params, paths, sentence) -> None:
    with pytest.raises(UserError, match=sentence) as caught:
        resolve(change(params, **paths))
    assert "\n" not in str(caught.value)


def test_names_change_with_what_went_in_and_only_downstream(params) -> None:
    def names(**paths: Any) -> dict[str, str]:
        return artifact_names(resolve(change(params, **paths)))

    base = names()

    def changed(**paths: Any) -> set[str]:
        other = names(**paths)
        return {stage for stage in base if base[stage] != other[stage]}

    everything = set(base) - {"prepare"}  # BadNets has no networks to prepare
    assert changed() == set()
    assert changed(poison_ratio=0.05) == everything
    assert changed(attacks__badnets__patch_size=5) == everything
    assert changed(datasets__digits__num_classes=11) == set(base)
    assert changed(epochs=3) == everything - {"poison"}
    assert changed(model="resnet20") == everything - {"poison"}
    assert changed(engine__precision="bf16") == everything - {"poison"}
    assert changed(defense="none") == {"defend", "evaluate", "analyze"}
    assert changed(clean_ratio=0.1) == {"defend", "evaluate", "analyze"}
    assert changed(analysis__sample_images=4) == changed(analysis__titles=False) == {"analyze"}
    assert base["analyze"].startswith(base["evaluate"] + "/figures-"), "in the folder of the scores"
    assert changed(watch__gradients=10) == changed(watch__forgetting=False) == {"watch", "analyze"}
    # how to run, and settings of what is not used, make no other artefact
    assert changed(engine__device="cpu", engine__checkpoint_every=1) == set()
    assert changed(datasets__mnist__num_classes=11, training__milestones=[]) == set()


@pytest.mark.parametrize(
    ("asked", "matters"),
    [
        ({"attack": "badnets"}, True),
        ({"attack": "wanet"}, True),
        ({"attack": "sig"}, False),
        ({"attack": "lc"}, False),
        ({"attack": "badnets", "label_map": "all_to_all"}, False),
        ({"attack": "wanet", "label_map": "all_to_all"}, False),
    ],
)
def test_whether_the_target_class_is_poisoned_names_what_it_changes(params, asked, matters) -> None:
    """A clean-label attack draws from no other class, and all to all changes the label of every class."""
    told = artifact_names(resolve(change(params, **asked)))
    spared = artifact_names(resolve(change(params, **asked, poison_target_class=False)))
    assert (told["poison"] != spared["poison"]) == matters
    assert (told == spared) != matters


@pytest.mark.parametrize("attack", ["badnets", "ssba", "inputaware", "wanet"])
def test_a_method_s_revision_names_what_follows_from_its_code(params, monkeypatch, attack) -> None:
    asked = change(params, attack=attack, defense="ft")
    old = artifact_names(resolve(asked))
    monkeypatch.setattr(DEFENSES["ft"], "revision", 1)
    defended = artifact_names(resolve(asked))
    later = {"defend", "evaluate", "analyze"}
    assert {stage for stage in old if old[stage] != defended[stage]} == later
    monkeypatch.setattr(ATTACKS[attack], "revision", 1)
    attacked = artifact_names(resolve(asked))
    prepared = {"prepare"} if attack in ("ssba", "inputaware") else set()
    assert {stage for stage in old if attacked[stage] != defended[stage]} == {
        *prepared, "poison", "train", "watch", *later,
    }  # fmt: skip


def test_an_attacker_who_trains_may_have_a_budget_for_the_model(params) -> None:
    own = {**params["datasets"]["digits"]["budget"]["wanet"], "epochs": 7, "batch_size": 8}
    changed = change(params, datasets__digits__budget__wanet=own)
    recipe = resolve(change(changed, attack="wanet")).training.recipe
    training = params["datasets"]["digits"]["budget"]["training"]
    assert (recipe.epochs, recipe.batch_size, recipe.lr) == (7, 8, training["lr"])
    assert resolve(change(changed, attack="wanet", epochs=3)).training.recipe.epochs == 3
    others = resolve(change(changed, attack="lf"))
    assert others.training.recipe.epochs == training["epochs"]
    assert others.poisoning.attack.params["surrogate"]["recipe"]["epochs"] == training["epochs"]


def test_the_budget_of_an_attacker_who_does_not_train_says_nothing_of_the_model(params) -> None:
    with pytest.raises(UserError, match=r"datasets\.digits\.budget\.badnets"):
        resolve(change(params, datasets__digits__budget__badnets={"epochs": 7}))


def test_what_is_watched_follows_the_budget_and_without_one_is_nothing(params) -> None:
    assert resolve(params).watching == Watching(forgetting=True, gradients=64, every=1)
    off = Watching(forgetting=False, gradients=0, every=1)
    assert not off.on
    assert resolve(change(params, dataset="cifar10")).watching == off
    asked = resolve(change(params, dataset="cifar10", watch__gradients=200, watch__every=5)).watching
    assert asked == Watching(forgetting=False, gradients=200, every=5)
    assert asked.on
    with pytest.raises(UserError, match=r"unknown parameter 'watch\.gradient': did you mean 'gradients'"):
        resolve(change(params, watch__gradient=3))
    with pytest.raises(UserError, match=r"watch\.every is 0"):
        resolve(change(params, watch__every=0))
    assert resolve(change(params, dataset="cifar10", watch__every=5)).watching == off


def test_the_files_of_a_defense_are_named_by_their_content(params, tmp_path) -> None:
    def name(path) -> str:
        paths = {"dataset": "made_reviews", "model": "tiny_bert", "attack": "word", "defense": "onion"}
        return artifact_names(resolve(change(params, **paths, defenses__onion__words=str(path))))["defend"]

    one, moved = tmp_path / "one.txt", tmp_path / "elsewhere.txt"
    one.write_text("the 10\n")
    moved.write_text("the 10\n")
    first = name(one)
    assert name(moved) == first
    one.write_text("the 11\n")
    assert name(one) != first
    with pytest.raises(UserError, match=r"defenses\.onion\.words: there is no file"):
        name(tmp_path / "absent.txt")


def test_files_that_a_language_model_does_not_read_are_no_part_of_names(params, tmp_path) -> None:
    place = str(tmp_path)
    (tmp_path / "words").write_text("good 3")

    def name(**given: Any) -> str:
        asked = {f"defenses__onion__{field}": value for field, value in given.items()}
        paths = {"dataset": "made_reviews", "model": "tiny_bert", "attack": "word", "defense": "onion"}
        return artifact_names(resolve(change(params, **paths, **asked)))["defend"]

    gpt2 = {"language_model": "gpt2", "folder": place}
    assert name() == name(folder=place) == name(file="gone") != name(words=f"{place}/words")
    assert name(**gpt2) == name(**gpt2, words=f"{place}/words", file="gone")
    with pytest.raises(UserError, match=r"defenses\.onion\.words: there is no file"):
        name(words="gone")


def test_what_is_trained_anew_from_pretrained_weights_has_another_name_than_from_random_ones(
    params, tmp_path
) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"weights")
    experiment = resolve(change(params, defense="ac", models__resnet8__pretrained=str(path)))
    specified = _specifications(experiment)["defend"]
    assert specified["new_models"] == "from the victim's first weights"
    assert "new_models" not in _specifications(resolve(change(params, defense="ac")))["defend"]


def test_pretrained_weights_are_named_by_their_content(params, tmp_path) -> None:
    def train_name(path) -> str:
        return artifact_names(resolve(change(params, models__resnet8__pretrained=str(path))))["train"]

    for name, content in (("a", b"1"), ("b", b"1"), ("c", b"2")):
        (tmp_path / name).write_bytes(content)
    assert train_name(tmp_path / "a") == train_name(tmp_path / "b") != train_name(tmp_path / "c")
    with pytest.raises(UserError, match="there is no file"):
        train_name(tmp_path / "d")


def test_a_key_image_is_named_by_its_content(params, tmp_path) -> None:
    def poison_name(path) -> str:
        changed = change(params, attack="blended", attacks__blended__image=str(path))
        return artifact_names(resolve(changed))["poison"]

    for name, content in (("a", b"1"), ("b", b"1"), ("c", b"2")):
        (tmp_path / name).write_bytes(content)
    assert poison_name(tmp_path / "a") == poison_name(tmp_path / "b") != poison_name(tmp_path / "c")
    with pytest.raises(UserError, match=r"attacks\.blended\.image: there is no file"):
        poison_name(tmp_path / "d")


def test_what_an_attacker_prepares_is_shared_as_far_as_it_can_be(params) -> None:
    def prepared(**paths: Any) -> str:
        return artifact_names(resolve(change(params, **paths)))["prepare"]

    lc = prepared(attack="lc")
    assert lc == prepared(attack="lf", seed=3, poison_ratio=0.05, model="resnet20")
    assert lc != prepared(attack="lc", attacks__lc__surrogate__recipe__epochs=3)
    assert lc != prepared(attack="lc", engine__precision="bf16")
    assert prepared(attack="badnets") == prepared(attack="none") == prepared(attack="sig", seed=3)
    joint = prepared(attack="inputaware")
    assert "resnet8-inputaware-0.1-s0" in joint
    others = ({"seed": 3}, {"poison_ratio": 0.05}, {"model": "resnet20"}, {"epochs": 3}, {"target_label": 1})
    assert len({joint, *(prepared(attack="inputaware", **other) for other in others)}) == 6


def test_an_attacker_who_trains_sets_the_learning_rates(params) -> None:
    changed = change(
        params, attack="wanet", attacks__wanet__training__schedule="multistep", training__schedule="plateau"
    )
    recipe = resolve(changed).training.recipe
    assert (recipe.schedule, recipe.milestones) == ("multistep", (100, 200, 300, 400))
    assert resolve(change(changed, attack="badnets")).training.recipe.schedule == "plateau"


def test_the_control_does_not_depend_on_the_attack_it_leaves_out(params) -> None:
    control = artifact_names(resolve(change(params, attack="none")))
    other = artifact_names(resolve(change(params, attack="none", poison_ratio=0.5, target_label=3)))
    assert control == other
    assert control["train"].startswith("digits/resnet8-none-s0-")


def test_where_the_data_lie_and_what_holds_them_is_no_part_of_names_and_records(params) -> None:
    def made(**options: object) -> tuple[dict[str, str], dict[str, object]]:
        block = {**params["datasets"]["imagenet"], "options": {"train": "train", "test": "val", **options}}
        block = {**params["datasets"], "imagenet": block}
        experiment = resolve({**params, "dataset": "imagenet", "datasets": block})
        return artifact_names(experiment), parameters(experiment)

    plain = made()
    assert plain[1]["dataset.options.test"] == "val"
    assert made(folder="/mnt/imagenet") == plain
    assert made(folder="elsewhere", in_memory_gib=0) == plain
    assert made(test="test")[0] != plain[0]


def test_of_a_data_set_without_such_options_all_counts(params) -> None:
    experiment = resolve(params)
    assert _specifications(experiment)["prepare"][0] == experiment.dataset.model_dump(mode="json")


def test_names_are_readable_and_stable(params) -> None:
    names = artifact_names(resolve(params))
    assert names["poison"].startswith("digits/badnets-0.1-s0-")
    assert names["train"].startswith("digits/resnet8-badnets-0.1-s0-")
    assert names["defend"].startswith("digits/ft-resnet8-badnets-0.1-s0-")
    assert all(len(name.rsplit("-", 1)[1]) == 8 for name in names.values())


def test_a_package_that_a_defense_needs_is_missed_before_any_work(params, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    paths = {"dataset": "made_reviews", "model": "tiny_bert", "attack": "word", "defense": "onion"}
    with pytest.raises(UserError, match="pip install --no-deps pocketsphinx"):
        resolve(change(params, **paths, defenses__onion__language_model="arpa"))
