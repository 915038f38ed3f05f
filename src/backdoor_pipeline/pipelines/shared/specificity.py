"""Whether a backdoor opens to other triggers than its own."""

from backdoor_pipeline.attacks import AnyTrigger, Attack, AttackEnv, Trigger
from backdoor_pipeline.attacks.control import CrossSampledAttack
from backdoor_pipeline.attacks.poisoning import cross_test, triggered_rows
from backdoor_pipeline.data.poisoned import PoisonedRows
from backdoor_pipeline.data.samples import SampleSet, images_of
from backdoor_pipeline.metrics.accuracy import attack_success_rate, clean_accuracy
from backdoor_pipeline.models.classifier import Classifier


def specificity(
    attack: Attack, model: Classifier, test: SampleSet, trigger: AnyTrigger, env: AttackEnv
) -> dict[str, float]:
    """How far the backdoor opens to its own trigger only, where the attack lets that be tried.

    `cross_accuracy`: test images with triggers that must not fire, seen for what they are. `rival_asr`: ASR
    of triggers of the same kind from other draws, mean over these.
    """
    rates = {}
    if isinstance(attack, CrossSampledAttack) and isinstance(trigger, Trigger):
        images = cross_test(attack, images_of(test), trigger, env)
        rates["cross_accuracy"] = clean_accuracy(env.trainer.predict(model, images), test.labels)
    fired = [_asr(model, triggered_rows(test, rival, env), env) for rival in attack.rivals(trigger, env)]
    known = [rate for rate in fired if rate is not None]
    return rates | ({"rival_asr": sum(known) / len(known)} if known else {})


def _asr(model: Classifier, rows: PoisonedRows, env: AttackEnv) -> float | None:
    return attack_success_rate(env.trainer.predict(model, rows.inputs), rows.labels, rows.true_labels)
