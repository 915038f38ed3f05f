"""Makes the data set `fashion_small` that comes with the package, from the whole of Fashion-MNIST.

The first 1,000 training pictures and the first 200 test pictures of every class, in their order, as PNG in
Parquet; the training pictures in two files. The pixels are the originals'.

    kedro data fetch fashion_mnist    # or install Debian's package dataset-fashion-mnist
    python benchmarks/fashion_small.py
"""

import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import torch
import yaml
from PIL import Image
from torch import Tensor

from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.sources import load_split
from backdoor_pipeline.data.sources.base import Split
from backdoor_pipeline.data.sources.embedded import FOLDER
from backdoor_pipeline.experiment.resolve import dataset_spec

ROOT = Path(__file__).parents[1]
PER_CLASS: dict[Split, int] = {"train": 1000, "test": 200}
FILES: dict[Split, int] = {"train": 2, "test": 1}
HOME = "https://github.com/zalandoresearch/fashion-mnist"


def first_of_each(labels: Tensor, count: int) -> Tensor:
    """Rows of the first images of every class, ascending."""
    rows = [(labels == label).nonzero()[:count, 0] for label in labels.unique()]
    return torch.cat(rows).sort().values


def png(image: Tensor) -> bytes:
    """A gray image (1, H, W)."""
    file = io.BytesIO()
    Image.fromarray(image[0].numpy()).save(file, "PNG", optimize=True)
    return file.getvalue()


def table(images: ImageSet) -> pa.Table:
    """In the layout that Hugging Face data sets are exported in, with class names, origin and license."""
    pictures = [{"bytes": png(image), "path": None} for image in images.images[:]]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    columns = {"image": pa.array(pictures, kind), "label": pa.array(images.labels.numpy())}
    names = {"_type": "ClassLabel", "names": list(images.classes)}
    info = {"features": {"image": {"_type": "Image"}, "label": names}, "license": "MIT", "homepage": HOME}
    return pa.table(columns).replace_schema_metadata({"huggingface": json.dumps({"info": info})})


def main() -> None:
    """Write the files into the package."""
    blocks = yaml.safe_load((ROOT / "conf/base/parameters/datasets.yml").read_text())["datasets"]
    spec = dataset_spec("fashion_mnist", blocks["fashion_mnist"])
    for split, count in PER_CLASS.items():
        whole = load_split(spec, ROOT / "data/01_raw", split)
        rows = first_of_each(whole.labels, count)
        for number, part in enumerate(rows.chunk(FILES[split])):
            path = FOLDER / f"fashion_small-{split}-{number + 1}-of-{FILES[split]}.parquet"
            pq.write_table(table(whole.subset(part)), path, compression="zstd", compression_level=19)
            print(f"{path}: {len(part):,} pictures, {path.stat().st_size / 1e6:.2f} MB")
        pixels = whole.images[:][rows].float() / 255
        print(f"{split}: mean {pixels.mean():.4f}, standard deviation {pixels.std():.4f}")


if __name__ == "__main__":
    main()
