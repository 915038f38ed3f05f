"""Predictions beside what they are of."""

import torch

from backdoor_pipeline.analysis.scoring import Answers, prediction_frame
from backdoor_pipeline.data.poisoned import PoisonedRows


def triggered(images: torch.Tensor) -> PoisonedRows:
    """Rows 1 and 3, of classes 1 and 3, for class 0."""
    index = torch.tensor([1, 3])
    return PoisonedRows(index, images[index], 0 * index, index, torch.zeros(2, dtype=torch.int8))


def test_a_row_of_predictions_names_its_test_image_and_its_target(make_set) -> None:
    test = make_set(rows=4)
    before = torch.tensor([0, 1, 2, 0]), torch.tensor([0, 3])
    frame = prediction_frame(test, triggered(test.images), before=before)
    assert frame.to_dict("list") == {
        "set": ["clean"] * 4 + ["triggered"] * 2,
        "index": [0, 1, 2, 3, 1, 3],
        "true_label": [0, 1, 2, 3, 1, 3],
        "target_label": [-1, -1, -1, -1, 0, 0],
        "before": [0, 1, 2, 0, 0, 3],
    }


def test_scores_are_of_the_largest_logits(make_set) -> None:
    test = make_set(rows=4)
    clean, stamped = torch.eye(4)[[0, 1, 2, 0]], torch.eye(4)[[0, 3]]
    answers = Answers(clean, stamped, test.labels, triggered(test.images))
    assert answers.scores().model_dump() == {"clean_accuracy": 0.75, "asr": 0.5, "robust_accuracy": 0.5}
    wanted = {name: (logits.argmax(1).tolist(), labels.tolist()) for name, logits, labels in answers.sets()}
    assert wanted == {"clean": ([0, 1, 2, 0], [0, 1, 2, 3]), "poisoned": ([0, 3], [0, 0])}
