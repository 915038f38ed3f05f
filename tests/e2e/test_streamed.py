"""Large models learn from pictures that are read from their files as they are needed."""

import json

import numpy as np
import pytest
from PIL import Image

SET = """
  {name}:
    source: folder
    options: {{folder: PROJECT/photographs, train: train, test: val, in_memory_gib: {limit}}}
    num_classes: 2
    image_size: 224
    channels: 3
    mean: [0.485, 0.456, 0.406]
    std: [0.229, 0.224, 0.225]
    augmentation: {{crop_padding: 4, horizontal_flip: true}}
    budget:
      training: {{epochs: 1, batch_size: 8, lr: 0.01}}
"""


@pytest.fixture(scope="module")
def photographs(project):
    """24 and 8 JPEGs of several sizes, one class darker than the other, streamed and in memory."""
    draws = np.random.default_rng(0)
    for split, count in (("train", 24), ("val", 8)):
        for number in range(count):
            label, (height, width) = number % 2, ((375, 500), (300, 260))[number % 3 == 0]
            pixels = draws.integers(0, 128, (height, width, 3)) + 127 * label
            path = project / f"photographs/{split}/{label}/{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.astype(np.uint8)).save(path)
    (project / "conf/local/parameters").mkdir(parents=True)
    sets = SET.format(name="streamed", limit=0) + SET.format(name="in_memory", limit=1)
    file = project / "conf/local/parameters/datasets.yml"
    file.write_text("datasets:" + sets.replace("PROJECT", str(project)))


@pytest.mark.slow
@pytest.mark.parametrize("model", ["resnet50", "vit_b_16"])
def test_a_large_model_learns_from_streamed_files_what_it_learns_from_memory(
    kedro, project, photographs, model
) -> None:
    found = []
    for name in ("streamed", "in_memory"):
        asked = f"dataset={name},model={model},attack=badnets,poison_ratio=0.25"
        kedro("run", "--pipeline=train", "--params", asked)
        (scores,) = (project / f"data/06_models/{name}").glob(f"{model}-badnets-*/metrics.json")
        metrics = json.loads(scores.read_text())
        found.append({key: metrics[key] for key in ("loss", "accuracy", "clean_accuracy", "asr", "epochs")})
    assert found[0] == found[1]
    assert found[0]["epochs"] == 1
    assert 0 < found[0]["loss"] < 10
