"""What the data allow: told before anything is written, and of a ratio that nobody asked for, granted."""

from typing import Any

import pytest
from helpers.parameters import change

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.manifest import Manifest
from backdoor_pipeline.experiment.artifacts import artifact_names
from backdoor_pipeline.experiment.feasible import lowered_ratio, see_that_it_can_be
from backdoor_pipeline.experiment.resolve import resolve
from backdoor_pipeline.experiment.specs import Experiment

TEXT = {"dataset": "made_reviews", "model": "tiny_bert", "target_label": 1}
DIGITS = (134, 136, 133, 137, 136, 136, 136, 134, 130, 135)  # 1,347


def manifest(*counts: int, content: str = "sha256:0", objection: str = "") -> Manifest:
    return Manifest(content, {"train": counts, "test": counts}, objection)


def made(
    params: dict[str, Any], counts: tuple[int, ...] = DIGITS, *, given: bool = False, **paths: Any
) -> Experiment:
    """The experiment on digits that has so many images of every class."""
    return resolve(change(params, **paths), lambda _: manifest(*counts), ratio_given=given)


def ratio(experiment: Experiment) -> float:
    attack = experiment.poisoning.attack
    assert attack
    assert attack.poison_ratio == experiment.choices.poison_ratio
    return attack.poison_ratio


@pytest.mark.parametrize("attack", ["sig", "lc"])
def test_a_default_ratio_above_the_target_class_becomes_all_of_that(params, attack) -> None:
    experiment = made(params, attack=attack)
    assert ratio(experiment) == 0.09948
    assert round(0.09948 * 1347) == 134
    see_that_it_can_be(experiment, manifest(*DIGITS))
    assert artifact_names(experiment)["poison"].startswith(f"digits/{attack}-0.09948-s0-")
    told = lowered_ratio(experiment.choices, params)
    assert told == f"9.948% instead of 10%: {attack} poisons only class 0, all of it"


def test_a_ratio_that_was_asked_for_stays_and_is_refused(params) -> None:
    experiment = made(params, attack="sig", given=True)
    assert ratio(experiment) == 0.1
    with pytest.raises(UserError, match=r"asks for 135 .* largest feasible ratio is 0\.09948\."):
        see_that_it_can_be(experiment, manifest(*DIGITS))


@pytest.mark.parametrize(
    "paths",
    [
        {"attack": "sig", "target_label": 1},  # 136 images
        {"attack": "sig", "poison_ratio": 0.05},
        {"attack": "badnets"},
        {"attack": "badnets", "poison_ratio": 0.9, "poison_target_class": False},
    ],
)
def test_a_feasible_or_a_dirty_label_ratio_stays(params, paths) -> None:
    experiment = made(params, **paths)
    assert ratio(experiment) == paths.get("poison_ratio", 0.1)
    assert lowered_ratio(experiment.choices, change(params, **paths)) == ""


def test_without_the_data_the_ratio_stays_and_names_are_those_of_no_data(params) -> None:
    absent = resolve(change(params, attack="sig"), lambda _: None, ratio_given=False)
    assert ratio(absent) == 0.1
    assert absent.manifest == ""
    assert artifact_names(absent) == artifact_names(resolve(change(params, attack="sig")))


def test_a_ratio_of_a_share_is_of_that_share(params) -> None:
    experiment = made(params, (100, 900, *[0] * 8), attack="sig", train_images=50, poison_ratio=0.2)
    assert ratio(experiment) == 0.1
    see_that_it_can_be(experiment, manifest(100, 900, *[0] * 8))


def test_all_of_a_class_is_poisoned_however_large_the_set(params) -> None:
    counts = (127_777, *[128_146] * 9)
    assert round(ratio(made(params, counts, attack="sig")) * sum(counts)) == 127_777


@pytest.mark.parametrize(
    ("counts", "paths", "sentence"),
    [
        (DIGITS, {"poison_ratio": 0.0001}, "poison_ratio 0.0001 of 1,347 samples is none: use 0.00074"),
        (
            (900, *[10] * 9),
            {"poison_ratio": 0.2, "poison_target_class": False},
            "the target class is left out, which leaves 90 of 990",
        ),
        ((0, *[10] * 9), {"attack": "sig"}, "which leaves 0 of 90"),
        (DIGITS, {"clean_ratio": 0.0001}, "clean_ratio 0.0001 of 1,347 samples is none: use 0.00074"),
        (
            DIGITS,
            {"defense": "abl", "defenses__abl__isolation_ratio": 0.0001},
            "abl: isolation_ratio 0.0001 of 1,347 images is no image: use 0.00074 or more",
        ),
        (DIGITS, {"defense": "fp", "clean_ratio": 0.0007}, "one clean image cannot be both learned from"),
        (DIGITS, {"defense": "anp", "clean_ratio": 0.0007}, "one clean image cannot be both learned from"),
        (
            DIGITS,
            {"defense": "nc", "clean_ratio": 0.0007, "defenses__nc__mitigation": "prune"},
            "one clean image cannot be both learned from",
        ),
        (DIGITS, {"train_images": 2000}, "train_images is 2,000, but digits has 1,347 training images"),
    ],
)
def test_what_cannot_be_is_a_sentence(params, counts, paths, sentence) -> None:
    experiment = made(params, counts, **paths)
    with pytest.raises(UserError) as caught:
        see_that_it_can_be(experiment, manifest(*counts))
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("paths", "sentence"),
    [
        ({"poison_ratio": 0.2}, r"what has no paraphrase, which leaves 10 of 100: .* ratio is 0\.1\."),
        ({"poison_ratio": 0.1, "target_label": 0}, "which leaves 3 of 100"),
        ({"poison_ratio": 0.1, "train_images": 20}, None),  # which of them have one is not known yet
        ({"poison_ratio": 0.1}, None),
        ({"poison_ratio": 0.5, "attack": "word"}, None),
    ],
)
def test_only_what_has_a_paraphrase_can_be_paraphrased(params, paths, sentence) -> None:
    """Of 50 and 50 sentences 10 and 3 have one."""
    there = Manifest("sha256:0", {"train": (50, 50), "test": (5, 5)}, "", (10, 3))
    experiment = resolve(
        change(params, **{**TEXT, "attack": "hiddenkiller", **paths}), lambda _: there, ratio_given=True
    )
    if sentence is None:
        see_that_it_can_be(experiment, there)
        return
    with pytest.raises(UserError, match=sentence):
        see_that_it_can_be(experiment, there)


@pytest.mark.parametrize(
    ("paths", "sentence"),
    [
        ({"attack": "sig", "attacks__sig__frequency": 16}, "use 15 or less"),
        ({"attack": "sig", "attacks__sig__frequency": 15}, None),
        ({"attack": "blended", "attacks__blended__image": "FILE"}, "is not a picture that can be read"),
        ({"attack": "blended"}, None),
        ({**TEXT, "attack": "lws", "attacks__lws__table": "FILE"}, "is no JSON table of words"),
        ({**TEXT, "attack": "lws"}, None),
    ],
)
def test_what_an_attack_cannot_do_with_these_data_is_told(params, paths, sentence, tmp_path) -> None:
    """Digits are 32 pixels wide. Told again, though what suits is remembered."""
    (tmp_path / "file").write_text("neither a picture nor a table")
    given = {name: str(tmp_path / "file") if value == "FILE" else value for name, value in paths.items()}
    counts = (50, 50) if "dataset" in paths else DIGITS
    experiment = made(params, counts, poison_ratio=0.05, **given)
    for _ in range(2):
        if sentence is None:
            see_that_it_can_be(experiment, manifest(*counts))
            continue
        with pytest.raises(UserError, match=sentence):
            see_that_it_can_be(experiment, manifest(*counts))


def test_what_needs_no_clean_images_asks_for_none(params) -> None:
    see_that_it_can_be(made(params, defense="none", clean_ratio=0.0001), manifest(*DIGITS))
    see_that_it_can_be(made(params, defense="nc", clean_ratio=0.0007), manifest(*DIGITS))


def test_labels_that_are_not_as_the_settings_say_are_told(params) -> None:
    with pytest.raises(UserError, match="the train split has 3 classes"):
        see_that_it_can_be(made(params), manifest(objection="the train split has 3 classes"))


def test_other_data_make_other_names_of_all_stages(params) -> None:
    def names(content: str, **paths: Any) -> dict[str, str]:
        experiment = resolve(change(params, **paths), lambda _: manifest(*DIGITS, content=content))
        assert experiment.manifest == content
        return artifact_names(experiment)

    for attack in ("badnets", "none", "lc", "inputaware"):
        one, other = names("sha256:1", attack=attack), names("sha256:2", attack=attack)
        assert one == names("sha256:1", attack=attack)
        assert not set(one.values()) & set(other.values())
