"""Where the public data sets are: official addresses and checksums."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """One file to download.

    Attributes:
        base: the address of its folder.
        file: its name.
        md5: its checksum.
        creates: the one path, in the set's folder, that it unpacks to; its own name if it is used as it is.
    """

    base: str
    file: str
    md5: str
    creates: str


MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist/"
FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
SVHN = "http://ufldl.stanford.edu/housenumbers/"
CIFAR = "https://www.cs.toronto.edu/~kriz/"
GTSRB = "https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370/"
TINY = "http://cs231n.stanford.edu/"


def _files(base: str, md5_of: dict[str, str]) -> tuple[Part, ...]:
    return tuple(Part(base, file, md5, creates=file) for file, md5 in md5_of.items())


def _archives(base: str, facts_of: dict[str, tuple[str, str]]) -> tuple[Part, ...]:
    return tuple(Part(base, file, md5, creates) for file, (md5, creates) in facts_of.items())


PARTS: dict[str, tuple[Part, ...]] = {
    "mnist": _files(
        MNIST,
        {
            "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
            "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
            "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
        },
    ),
    "fashion_mnist": _files(
        FASHION,
        {
            "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
            "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
            "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
        },
    ),
    "svhn": _files(
        SVHN,
        {
            "train_32x32.mat": "e26dedcc434d2e4c54c9b2d4a06d8373",
            "test_32x32.mat": "eb5a983be6a315427106f1b164d9cef3",
        },
    ),
    "cifar10": _archives(
        CIFAR, {"cifar-10-binary.tar.gz": ("c32a1d4ab5d03f1284b67883e8d87530", "cifar-10-batches-bin")}
    ),
    "cifar100": _archives(
        CIFAR, {"cifar-100-binary.tar.gz": ("03b5dce01913d631647c71ecec9e9cb8", "cifar-100-binary")}
    ),
    "gtsrb": _archives(
        GTSRB,
        {
            "GTSRB_Final_Training_Images.zip": ("f33fd80ac59bff73c82d25ab499e03a3", "GTSRB/Final_Training"),
            "GTSRB_Final_Test_Images.zip": ("c7e4e6327067d32654124b0fe9e82185", "GTSRB/Final_Test"),
            "GTSRB_Final_Test_GT.zip": ("fe31e9c9270bbcd7b84b7f21a9d9d9e5", "GT-final_test.csv"),
        },
    ),
    "tiny_imagenet": _archives(
        TINY, {"tiny-imagenet-200.zip": ("90528d7ca1a48142e341f4ef8d21d0de", "tiny-imagenet-200")}
    ),
}

NO_DOWNLOAD = {
    "digits": "comes with scikit-learn: there is nothing to fetch",
    "imagenet": "has no free download: put its pictures into imagenet/{train,val}/<class>/ in the raw data",
}
