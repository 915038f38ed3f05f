"""Street View House Numbers, cropped digits: MATLAB files (Netzer et al., 2011)."""

from pathlib import Path

import numpy as np
import torch

from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.sources.base import Source, Split, class_numbers, damaged, missing, source
from backdoor_pipeline.data.spec import ImageSpec


@source("svhn")
class Svhn(Source[ImageSpec]):
    """73,257 + 26,032 images of 10 digits; the file's label 10 is the digit 0."""

    def find(self, spec: ImageSpec, folder: Path, split: Split) -> list[Path]:
        """[the MATLAB file]."""
        path = folder / f"{split}_32x32.mat"
        if not path.is_file():
            raise missing(spec, folder)
        return [path]

    def read(self, spec: ImageSpec, files: list[Path], split: Split) -> ImageSet:  # noqa: ARG002
        """Images (N, 3, 32, 32) and labels 0..9."""
        from scipy.io import loadmat

        try:
            content = loadmat(files[0], variable_names=["X", "y"])
            images, labels = content["X"], content["y"].ravel().astype(np.int64)
            if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] != len(labels):
                raise ValueError("X and y are not images and their labels")
        except Exception as error:  # a damaged file makes the parser fail in many ways
            raise damaged(spec, files[0], error) from error
        pixels = np.ascontiguousarray(images.transpose(3, 2, 0, 1))  # (H, W, C, N) to (N, C, H, W)
        labels[labels == 10] = 0
        return ImageSet(torch.from_numpy(pixels), torch.from_numpy(labels), class_numbers(10))
