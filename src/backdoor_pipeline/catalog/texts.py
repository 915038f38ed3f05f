"""Texts, and other bytes that were made elsewhere, written whole."""

from pathlib import Path

from backdoor_pipeline.base.files import replacing


def write(path: Path, content: str | bytes) -> None:
    """Write a file."""
    with replacing(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
