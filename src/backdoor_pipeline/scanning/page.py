"""The page of a scan: what each detector says, reversed triggers, the most suspicious rows."""

import base64
import html
import io
from collections.abc import Iterable
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.scanning.scan import Scan, Verdict

TEMPLATE = Path(__file__).with_name("page.html")
SIDE = 96  # pixels at least that a picture is shown at


def page(scanned: Scan, heading: str, rows: int) -> str:
    """The page as HTML.

    Args:
        scanned: what all detectors came to.
        heading: what was scanned.
        rows: training rows that are shown for each detector, at most.
    """
    parts = [_section(one, scanned.train, rows) for one in scanned.verdicts if one.finding]
    table = "".join(_row(one) for one in scanned.verdicts)
    word = "suspicious" if scanned.suspicious else "clean"
    text = TEMPLATE.read_text(encoding="utf-8")
    for mark, content in (
        ("@HEADING@", html.escape(heading)), ("@WORD@", word), ("@ROWS@", table), ("@PARTS@", "".join(parts)),
    ):  # fmt: skip
        text = text.replace(mark, content)
    return text


def _row(verdict: Verdict) -> str:
    finding = verdict.finding
    says, sure = (finding.says, finding.sure) if finding else (verdict.why_not, "")
    cost = f"{verdict.seconds:.1f} s" if finding else ""
    mark = f'<td class="{verdict.word}">{verdict.word}</td>'
    cells = "".join(f"<td>{html.escape(text)}</td>" for text in (says, sure, cost))
    return f"<tr><th scope='row'>{html.escape(verdict.detector)}</th>{mark}{cells}</tr>"


def _section(verdict: Verdict, train: ImageSet | None, most: int) -> str:
    """The pictures of one detector; nothing where it has none."""
    assert verdict.finding is not None
    figures = [_figure(picture, title) for title, picture in verdict.finding.pictures.items()]
    if figures:
        return _block(
            f"{verdict.detector}: reversed triggers, the smallest first: class (anomaly index)", figures
        )
    if verdict.finding.suspicion is None or train is None:
        return ""
    scores, flagged = verdict.finding.suspicion.scores, verdict.finding.suspicion.flagged
    order = (scores + flagged * (scores.max() - scores.min() + 1)).argsort(descending=True)[:most]
    images = train.images[order].float() / 255
    figures = [
        _figure(
            image, f"row {row}: given {train.classes[int(train.labels[row])]}", alarming=bool(flagged[row])
        )
        for image, row in zip(images, order.tolist(), strict=True)
    ]
    return _block(f"{verdict.detector}: the most suspicious rows, and the label that each was given", figures)


def _block(title: str, figures: Iterable[str]) -> str:
    return f"<h2>{html.escape(title)}</h2><div class='sheet'>{''.join(figures)}</div>"


def _figure(picture: Tensor, title: str, *, alarming: bool = False) -> str:
    told = html.escape(title)
    kind = ' class="suspicious"' if alarming else ""
    return f'<figure{kind}><img src="{_png(picture)}" alt="{told}"><figcaption>{told}</figcaption></figure>'


def _png(picture: Tensor) -> str:
    """A float picture (C, H, W) in [0, 1] as a data address, its pixels enlarged, not blurred."""
    factor = max(1, round(SIDE / picture.shape[-1]))
    larger = F.interpolate(picture[None], scale_factor=factor, mode="nearest")[0].expand(3, -1, -1)
    pixels = (larger.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"
