"""Bytes that were made elsewhere, written whole."""

from pathlib import Path

from backdoor_pipeline.base.files import replacing


def write(path: Path, content: bytes) -> None:
    """Write a file."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)
