"""What somebody else's attack has left, handed on as if a stage here had made it."""

from pathlib import Path

from backdoor_pipeline.attacks.poisoning import Poison
from backdoor_pipeline.attacks.trigger import NoTrigger
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.files import CorruptFileError
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.poisoned import PoisonedRows
from backdoor_pipeline.data.splits import Splits
from backdoor_pipeline.data.table import read_rows
from backdoor_pipeline.experiment.specs import Imported


def imported_poison(clean: Splits, imported: Imported) -> Poison:
    """The training set and the triggered test images that were imported; no rows if there are none.

    Raises:
        UserError: they are damaged, or of another data set's size.
    """
    if imported.data is None:
        return Poison.none_of(clean.train)
    train, test = (_read(Path(imported.data, name), clean) for name in ("train.parquet", "test.parquet"))
    return Poison(train, test, NoTrigger())


def _read(file: Path, clean: Splits) -> PoisonedRows:
    try:
        rows, _ = read_rows(file)
    except (FileNotFoundError, CorruptFileError) as error:
        raise UserError(f"{file} cannot be used ({error}): `kedro import poisoned` makes it anew.") from error
    assert isinstance(clean.train, ImageSet), "only images are imported"
    shape = "x".join(map(str, rows.images.shape[1:]))
    if tuple(rows.images.shape[1:]) != clean.train.image_shape:
        raise UserError(f"{file} has images of {shape}, not as the data set's: import it for this data set.")
    if len(rows) and int(rows.labels.max()) >= len(clean.train.classes):
        raise UserError(f"{file} has labels that the data set lacks: import it for this data set.")
    return rows
