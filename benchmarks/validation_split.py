"""Splits a training set in Parquet into a part to fit on and one to choose hyper-parameters on.

Pictures whose file names begin alike, up to the last underscore, are of one sequence (GTSRB's tracks: 30
frames of one sign) and stay together, so that none that is validated on has a near copy among those fitted
on. Of every class each n-th sequence is held back, the second first.

    python benchmarks/validation_split.py data/01_raw/gtsrb32-train.parquet

Then the options `train` and `test` of the data set name the two files that it wrote.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from backdoor_pipeline.data.sources.parquet import IMAGE_COLUMNS


def sequence(path: str) -> str:
    """What the pictures of one sequence have in common.

    >>> sequence("00003/00012_00029.ppm")
    '00003/00012'
    """
    return path.rpartition("_")[0] or path


def held_back(paths: Sequence[str], labels: Sequence[int], every: int) -> np.ndarray:
    """Which pictures to validate on: (rows,) of bool. `every` is two or more.

    >>> held_back(["a_0", "a_1", "b_0", "c_0"], [0, 0, 0, 0], 2).tolist()
    [False, False, True, False]
    """
    seen: dict[int, dict[str, int]] = {}
    places = np.empty(len(paths), int)
    for row, (path, label) in enumerate(zip(paths, labels, strict=True)):
        numbers = seen.setdefault(label, {})
        places[row] = numbers.setdefault(sequence(path), len(numbers))
    return places % every == 1


def main() -> None:
    """Write `NAME-fit.parquet` and `NAME-held.parquet` beside the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--every", type=int, default=5, help="hold back each n-th sequence of a class")
    args = parser.parse_args()
    table = pq.read_table(args.file)
    image = table.column(next(name for name in IMAGE_COLUMNS if name in table.column_names))
    held = held_back(pc.struct_field(image, "path").to_pylist(), table["label"].to_pylist(), args.every)
    for name, rows in (("fit", ~held), ("held", held)):
        path = args.file.with_stem(f"{args.file.stem}-{name}")
        pq.write_table(table.filter(pa.array(rows)), path)
        print(f"{path}: {rows.sum():,} pictures")


if __name__ == "__main__":
    main()
