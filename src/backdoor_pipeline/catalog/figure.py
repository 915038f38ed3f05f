"""Figures in the catalog."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from kedro_datasets._typing import PlotlyPreview

from backdoor_pipeline.analysis.drawn import Format
from backdoor_pipeline.analysis.figure import Figure
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.files import replacing, writing
from backdoor_pipeline.base.jsonfile import load_json, save_json
from backdoor_pipeline.base.seals import Seal
from backdoor_pipeline.catalog.panels_alike import panels_alike
from backdoor_pipeline.catalog.sealed import SealedDataset
from backdoor_pipeline.catalog.texts import write

REMARK = {"pdf": "\n% {}\n", "svg": "\n<?seal {}?>\n"}  # what these formats allow behind their end


class FigureDataset(SealedDataset[Figure, Path]):
    """A figure as three files: `.png` for papers, `.plotly.json` for Kedro-Viz, `.csv` with its numbers.

    Loading it gives the path of the PNG. One that is not asked for is not missing: nothing is drawn, and
    what was drawn when it was asked for stays. So it is with further formats, which bear seals of their own.

    Args:
        filepath: the files' stem, which ends with the figure's name.
        asked: the names of the figures that are asked for; None: all.
        formats: further ones, pdf and svg.
        titles: whether the title is in the pictures; in Kedro-Viz it always is.
        metadata: for Kedro-Viz.
    """

    suffixes: ClassVar[tuple[str, ...]] = (".csv", ".png", ".plotly.json")

    def __init__(
        self,
        *,
        filepath: str,
        asked: Sequence[str] | None = None,
        formats: Sequence[Format] = (),
        titles: bool = True,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(filepath=filepath, metadata=metadata)
        self.asked = asked is None or self._stem.name in asked
        self._further = {kind: self.file(f".{kind}") for kind in formats}
        self._titles = titles

    @property
    def files(self) -> list[Path]:
        """All files, the one that bears the seal of the three at the end."""
        return [*self._further.values(), *super().files]

    @property
    def seal(self) -> Seal:
        """What the last file is to say, which answers for the PNG and the CSV."""
        return Seal.at(self.path, super().files[:-1])

    def check(self) -> None:
        """Verify the files; raise `CorruptFileError`."""
        super().check()
        for file in self._further.values():
            Seal.at(file).check(file)

    def read(self) -> Path:
        """The path of the PNG.

        Raises:
            UserError: it was never asked for.
        """
        if not self.asked and not self.path.exists():
            raise UserError(f"the figure '{self._stem.name}' was not drawn: ask for it in analysis.figures.")
        self.check()
        return self.file(".png")

    def _exists(self) -> bool:
        return super()._exists() if self.asked else True

    def save(self, data: Figure) -> None:
        """Write the files; in between there is no figure."""
        if not self.asked:
            return
        with writing(self.path):
            self.path.unlink(missing_ok=True)
        for kind, file in self._further.items():
            seal = Seal.at(file)
            with replacing(file) as temporary:
                picture = data.drawn.picture(kind, self._titles)
                temporary.write_bytes(picture + REMARK[kind].format(seal.blank).encode())
                seal.close(temporary)
        beside = [data.table.to_csv(index=False).encode(), data.drawn.picture("png", self._titles)]
        for file, content in zip(super().files, beside, strict=False):
            write(file, content)
        save_json(self.path, data.plotly, Seal.at(self.path, beside), indent=None)

    def preview(self) -> PlotlyPreview:
        """What Kedro-Viz shows."""
        return PlotlyPreview(panels_alike(load_json(self.path, self.seal)))
