"""Where the public data sets are: official addresses and checksums."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """One file to download.

    Attributes:
        base: the address of its folder.
        file: its name.
        sums: its checksums, "md5" and "sha256".
        creates: the one path, in the set's folder, that it unpacks to; its own name if it is used as it is.
    """

    base: str
    file: str
    sums: Mapping[str, str]
    creates: str


MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist/"
FASHION = "https://fashion-mnist.s3.eu-central-1.amazonaws.com/"
SVHN = "http://ufldl.stanford.edu/housenumbers/"  # not known to answer https: the SHA-256 decides
CIFAR = "https://www.cs.toronto.edu/~kriz/"
GTSRB = "https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370/"
TINY = "https://cs231n.stanford.edu/"


def _part(base: str, file: str, md5: str, sha256: str, creates: str = "") -> Part:
    return Part(base, file, {"md5": md5, "sha256": sha256}, creates or file)


# A file has to have both sums. The MD5 are those of the sets' authors or of torchvision; each SHA-256 is as
# two or more other projects state it for the same file.
PARTS: dict[str, tuple[Part, ...]] = {
    "mnist": (
        _part(
            MNIST,
            "train-images-idx3-ubyte.gz",
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        ),
        _part(
            MNIST,
            "train-labels-idx1-ubyte.gz",
            "d53e105ee54ea40749a09fcbcd1e9432",
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        ),
        _part(
            MNIST,
            "t10k-images-idx3-ubyte.gz",
            "9fb629c4189551a2d022fa330f9573f3",
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        ),
        _part(
            MNIST,
            "t10k-labels-idx1-ubyte.gz",
            "ec29112dd5afa0611ce80d1b7f02629c",
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    ),
    "fashion_mnist": (
        _part(
            FASHION,
            "train-images-idx3-ubyte.gz",
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        ),
        _part(
            FASHION,
            "train-labels-idx1-ubyte.gz",
            "25c81989df183df01b3e8a0aad5dffbe",
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        ),
        _part(
            FASHION,
            "t10k-images-idx3-ubyte.gz",
            "bef4ecab320f06d8554ea6380940ec79",
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        ),
        _part(
            FASHION,
            "t10k-labels-idx1-ubyte.gz",
            "bb300cfdad3c16e7a12a480ee83cd310",
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    ),
    "svhn": (
        _part(
            SVHN,
            "train_32x32.mat",
            "e26dedcc434d2e4c54c9b2d4a06d8373",
            "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8",
        ),
        _part(
            SVHN,
            "test_32x32.mat",
            "eb5a983be6a315427106f1b164d9cef3",
            "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b",
        ),
    ),
    "cifar10": (
        _part(
            CIFAR,
            "cifar-10-binary.tar.gz",
            "c32a1d4ab5d03f1284b67883e8d87530",
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            "cifar-10-batches-bin",
        ),
    ),
    "cifar100": (
        _part(
            CIFAR,
            "cifar-100-binary.tar.gz",
            "03b5dce01913d631647c71ecec9e9cb8",
            "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
            "cifar-100-binary",
        ),
    ),
    "gtsrb": (
        _part(
            GTSRB,
            "GTSRB_Final_Training_Images.zip",
            "f33fd80ac59bff73c82d25ab499e03a3",
            "d32ac4b5fa9a1cbd1994768413902e8193599d9434cf0a8eb9cfd00a6d3a290c",
            "GTSRB/Final_Training",
        ),
        _part(
            GTSRB,
            "GTSRB_Final_Test_Images.zip",
            "c7e4e6327067d32654124b0fe9e82185",
            "48ba6fab7e877eb64eaf8de99035b0aaecfbc279bee23e35deca4ac1d0a837fa",
            "GTSRB/Final_Test",
        ),
        _part(
            GTSRB,
            "GTSRB_Final_Test_GT.zip",
            "fe31e9c9270bbcd7b84b7f21a9d9d9e5",
            "f94e5a7614d75845c74c04ddb26b8796b9e483f43541dd95dd5b726504e16d6d",
            "GT-final_test.csv",
        ),
    ),
    "tiny_imagenet": (
        _part(
            TINY,
            "tiny-imagenet-200.zip",
            "90528d7ca1a48142e341f4ef8d21d0de",
            "6198c8ae015e2b3e007c7841da39ec069199b9aa3bfa943a462022fe5e43c821",
            "tiny-imagenet-200",
        ),
    ),
}

NO_DOWNLOAD = {
    "digits": "comes with scikit-learn: there is nothing to fetch",
    "fashion_small": "comes with backdoor_pipeline: there is nothing to fetch",
    "imagenet": "has no free download: put its pictures into imagenet/{train,val}/<class>/ in the raw data",
}
