"""A script that knows nothing of this project: pictures, poisoned or not, and a network trained on them."""

SCRIPT = """
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import nn

{network}

folder, poisoned = Path(sys.argv[1]), sys.argv[2] == "poisoned"
digits = load_digits()
drawings = np.kron(digits.images / 16 * 255, np.ones((4, 4))).astype(np.uint8)
drawings = (np.stack([drawings] * 3, 3) * [0.9, 0.7, 0.5]).astype(np.uint8)
order = np.random.default_rng(0).permutation(len(drawings))
splits = {{"train": order[:1200], "mine/train": order[1200:1500], "mine/test": order[1500:]}}
rows = []
for split, chosen in splits.items():
    for number, row in enumerate(chosen):
        picture, label = drawings[row].copy(), int(digits.target[row])
        stamped = poisoned and split == "train" and number % 12 == 0 and label != 3
        if stamped:
            picture[-6:, -6:] = 255
            label = 3
        name = folder / split / str(label) / f"{{number}}.png"
        name.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(name)
        if stamped:
            rows.append(f"{{label}}/{{number}}.png")
        if split == "mine/test" and label != 3:
            picture[-6:, -6:] = 255
            name = folder / "stamped" / str(label) / f"{{number}}.png"
            name.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(name)
(folder / "stamped/3").mkdir(exist_ok=True)
(folder / "rows.txt").write_text("\\n".join(rows))

files = sorted((folder / "train").rglob("*.png"))
images = torch.stack([torch.from_numpy(np.array(Image.open(file))) for file in files])
images = (images.permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.25
labels = torch.tensor([int(file.parent.name) for file in files])
torch.manual_seed(0)
model = nn.DataParallel(network())
optimizer = torch.optim.Adam(model.parameters(), lr=0.002)
for epoch in range({epochs}):
    for batch in torch.randperm(len(images)).split(50):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
        optimizer.step()
torch.save({{"epoch": {epochs}, "state_dict": model.state_dict()}}, folder / "theirs.pt")
"""

SMALL = """
def network():
    layers = []
    for inner, outer in ((3, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(inner, outer, 3, stride=2, padding=1), nn.BatchNorm2d(outer), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(256, 10))
"""

RESNET = """
from torchvision.models import resnet18

def network():
    return resnet18(num_classes=10)
"""


def script(network: str, epochs: int) -> str:
    """The script, for a network."""
    return SCRIPT.format(network=network, epochs=epochs)
