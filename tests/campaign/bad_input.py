"""What users may type by mistake or by malice, and a part of the sentence that each must end in."""

from collections.abc import Mapping
from dataclasses import dataclass, field

LOCAL = "conf/local/parameters.yml"


@dataclass(frozen=True, slots=True)
class Case:
    """One command, in a project with these files more."""

    words: tuple[str, ...]
    says: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """What the test is called."""
        made = " ".join([*self.words, *(f"{name}={text[:30]!r}" for name, text in self.files.items())])
        return made.encode("unicode_escape").decode()[:90]


def run(*cases: tuple[str, str]) -> list[Case]:
    """`kedro run --params TEXT`."""
    return [Case(("run", "--params", text), says) for text, says in cases]


def typed(*cases: tuple[str, str]) -> list[Case]:
    """Commands, their words apart by |."""
    return [Case(tuple(text.split("|")), says) for text, says in cases]


def with_file(words: str, name: str, *cases: tuple[bytes, str]) -> list[Case]:
    """A command, and a file that it reads."""
    return [Case(tuple(words.split("|")), says, {name: content}) for content, says in cases]


BOMB = b"a: &a [x, x, x, x, x, x, x, x, x, x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (ord("b") + i, ord("b") + i, b", ".join([b"*%c" % (ord("a") + i)] * 10))
    for i in range(9)
)
BROKEN = (
    (b"\xff\xfe\x00\x01", "is not a text file"),
    (b"PK\x03\x04\x00\x00", "is not YAML"),
    (b"a: {", "is not YAML"),
    (b"a: 1\n\tb: 2", "is not YAML: line 2"),
    (b"a: 'open", "is not YAML"),
    (b"a: *nowhere", "undefined alias"),
    (b"a: &a [*a]", "an anchor holds itself"),
    (b"a: " + b"[" * 5000, "nested more than 50 deep"),
    (b"a: 1\na: 2", "'a' is there twice"),
    (b"1: 2", "is no name"),
    (b"a: !!python/object/apply:os.system ['touch escaped']", "is not allowed"),
    (b"a: .nan", "a is nan"),
    (b"a: " + b"9" * 5000, "number that cannot be read"),
    (BOMB, "comes to more than 20,000 values"),
)

PARAMS = run(
    *((text, "not of the form") for text in ("attack", ":ssba", "=1", "'ab'", "{}")),
    *((text, "empty part in its key") for text in ("a..b:1", ".a:1", "a.:1")),
    ("a:1,a.b:2", "goes below 'a'"),
    ("a." * 60 + "b:1", "more than 50 deep"),
    ("seed:true", "seed is a truth value"),
    ("poison_ratio:false", "poison_ratio is False"),
    ("training.lr:true", "training.lr is a truth value"),
    ("seed:-1", "seed is -1"),
    ("seed:1.5", "seed is 1.5"),
    ("seed:one", "seed is 'one'"),
    ("seed:[1]", "seed is [1]"),
    ("seed:{a: 1}", "seed won't do"),
    ("seed:null", "'seed' has no value"),
    ("seed:9223372036854775808", "64 bits"),
    ("seed:" + "9" * 5000, "number that cannot be read"),
    ("seed:" + "[" * 5000, "nested more than 50 deep"),
    ("seed:!!binary aGk=", "is not allowed"),
    ("seed:\udcff", "not Unicode"),
    ("poison_ratio:0", "poison_ratio is 0"),
    ("poison_ratio:1", "poison_ratio is 1"),
    ("poison_ratio:.nan", "is nan"),
    ("poison_ratio:.inf", "is inf"),
    ("poison_ratio:a lot", "poison_ratio is 'a lot'"),
    ("clean_ratio:2", "clean_ratio is 2"),
    ("epochs:0", "epochs is 0"),
    ("train_images:0", "train_images is 0"),
    ("target_label:10", "target_label 10 is out of range"),
    ("target_label:-1", "target_label is -1"),
    ("label_map:all", "label_map is 'all'"),
    ("poison_target_class:perhaps", "poison_target_class is 'perhaps'"),
    ("attack:ssbaa", "unknown attack 'ssbaa'"),
    ("attack:[badnets]", "attack is ['badnets']"),
    ("attack:2020-01-01", "unknown attack '2020-01-01'"),
    ("defense:nope", "unknown defense 'nope'"),
    ("model:resnet9", "unknown model 'resnet9'"),
    ("dataset:imagnet", "unknown data set 'imagnet'"),
    ("dataset:cifar10", "kedro data fetch cifar10"),
    ("sead:1", "unknown parameter 'sead': did you mean 'seed'"),
    ("experiment:1", "unknown parameter 'experiment'"),
    ("attack:lf,label_map:all_to_all", "has one target class"),
    *((f"{table}:3", "must be a table") for table in ("attacks", "datasets", "engine", "training", "watch")),
    ("attacks.badnets:1", "'attacks.badnets' must be a table"),
    ("datasets.digits:1", "'datasets.digits' must be a table"),
    ("models.resnet8:1", "'models.resnet8' must be a table"),
    ("datasets.digits.budget:3", "must be a table"),
    ("datasets.digits.budget.training:3", "must be a table"),
    ("attacks.badnets.patch_siz:3", "did you mean 'patch_size'"),
    ("attacks.badnets.patch_size:0", "patch_size is 0"),
    ("attacks.nope.x:1", "unknown attack 'nope'"),
    ("defenses.ft.recipe:1", "defenses.ft.recipe"),
    ("defenses.ft.recipe.lr:-1", "defenses.ft.recipe.lr is -1"),
    ("models.resnet8.pretrained:absent.safetensors", "there is no file absent.safetensors"),
    ("models.resnet8.pretrained:/", "there is no file /"),
    ("models.resnet8.pretrained:" + "x" * 5000, "there is no file"),
    ("models.resnet8.stem:small", "unknown option of model 'resnet8'"),
    ("attack:blended,attacks.blended.image:absent.png", "there is no file absent.png"),
    ("training.optimizer:adamw", "training.optimizer is 'adamw'"),
    ("training.betas:[0.9]", "training.betas"),
    ("training.milestones:[0]", "training.milestones"),
    ("engine.device:cuda:99", "usable GPUs here"),
    ("engine.device:tpu", "engine.device is 'tpu'"),
    ("engine.precision:fp8", "engine.precision is 'fp8'"),
    ("analysis.sample_images:0", "analysis.sample_images is 0"),
    ("watch.every:0", "watch.every is 0"),
    ("dataset:${oc.env:HOME}", "Unsupported interpolation type oc.env"),
    ("dataset:${", "do not fit together"),
    ("dataset:${nowhere}", "do not fit together"),
    ("dataset:${dataset}", "do not fit together"),
    ("dataset:${artifact:train}", "do not fit together"),
)

FACTS = run(
    ("datasets.digits.name:../../../escaped", "datasets.digits.name cannot be set"),
    ("datasets.digits.train_images:5", "datasets.digits.train_images cannot be set"),
    ("datasets.digits.mean:[.nan,.nan,.nan]", "is nan"),
    ("datasets.digits.mean:[2,2,2]", "datasets.digits.mean.0 is 2"),
    ("datasets.digits.mean:[0.5]", "mean has 1 values for 3 channels"),
    ("datasets.digits.std:[.inf,.inf,.inf]", "is inf"),
    ("datasets.digits.std:[0,0,0]", "datasets.digits.std.0 is 0"),
    ("datasets.digits.channels:2", "datasets.digits.channels is 2"),
    ("datasets.digits.num_classes:1", "datasets.digits.num_classes is 1"),
    ("datasets.digits.num_classes:1000000000", "datasets.digits.num_classes is 1000000000"),
    ("datasets.digits.image_size:1000000", "datasets.digits.image_size is 1000000"),
    ("datasets.digits.augmentation.crop_padding:100000", "crop_padding must be below image_size, 32"),
    ("datasets.digits.augmentation:none", "datasets.digits.augmentation"),
    ("datasets.digits.source:digit", "unknown data source 'digit': did you mean 'digits'"),
    ("datasets.digits.options:[1]", "datasets.digits.options"),
    ("datasets.digits.options.folder:../..", "leaves the data set's folder"),
    ("datasets.digits.options.nope:1", "unknown option of data source 'digits'"),
    ("datasets.digits.nope:1", "unknown parameter 'datasets.digits.nope'"),
)

BIRDS = """dataset: birds
datasets:
  birds: {{source: {source}, options: {{train: {train}, test: {test}}}, num_classes: 2, image_size: 8,
          channels: 1, mean: [0.5], std: [0.5], augmentation: {{crop_padding: 0, horizontal_flip: false}},
          budget: {{training: &b {{epochs: 1, batch_size: 8, lr: 0.1, schedule: cosine}}, defending: *b}}}}
"""


def block(source: str, train: str, test: str = "test") -> bytes:
    """A data set of the user's own."""
    return BIRDS.format(source=source, train=train, test=test).encode()


BLOCKS = with_file(
    "run",
    LOCAL,
    (block("folder", "train"), "has to be put there by hand"),
    (block("folder", "../../.."), "leaves the data set's folder"),
    (block("parquet", "../../.."), "leaves the data set's folder"),
    (block("parquet", "a/../../../b"), "leaves the data set's folder"),
    (block("parquet", "/etc"), "must be relative to the data set's folder"),
    (block("parquet", "''"), "it is empty"),
    (block("parquet", "a**b"), "'**' stands for folders"),
    (block("parquet", '"a\\0b"'), "characters that no one can see"),
    (block("parquet", "x" * 300), "no part of a path may be longer"),
    (block("nope", "train"), "unknown data source 'nope'"),
    (block("folder", "null"), "datasets.birds.options.train"),
    (b"datasets: {birds: {}}\ndataset: birds", "'datasets.birds"),
    (b"datasets: {birds: null}", "must be a table"),
    (b"datasets: [birds]", "must be a table"),
)

HOSTILE = ("../../x", "..", ".hidden", "a/b", "/etc/x", "a b", "a\\nb", "x" * 120, "")
NAMES = [
    *with_file(
        "run",
        LOCAL,
        *((f'datasets: {{"{name}": {{source: digits}}}}'.encode(), "cannot be called") for name in HOSTILE),
    ),
    *with_file("run", LOCAL, (b"datasets: {report: {source: digits}}", "cannot be called 'report'")),
    *(
        Case(("sweep", name), "a sweep cannot be called")
        for name in ("../../x", ".hidden", "/etc/x", "a b", "..")
    ),
    *typed(
        ("sweep|papre", "unknown sweep 'papre': did you mean 'paper'"),
        ("run|--params|dataset:../../x", "unknown data set '../../x'"),
        ("run|--params|attack:../../x", "unknown attack '../../x'"),
        ("run|--params|model:../../x", "unknown model '../../x'"),
        ("run|--env|../../x", "unknown environment '../../x'"),
        ("data|fetch|../../x", "unknown data set to fetch '../../x'"),
        ("data|fetch|imagenet", "data set 'imagenet'"),
    ),
]

OPTIONS = typed(
    ("run|--env|nope", "unknown environment 'nope'"),
    ("run|--env|", "--env is empty"),
    ("run|--pipeline|", "unknown pipeline ''"),
    ("run|--pipeline|defence", "unknown pipeline 'defence'"),
    ("run|--pipelines|,", "--pipelines is empty"),
    ("run|--pipelines|train,nope", "unknown pipeline 'nope'"),
    ("run|--pipelines|report,train", "a report is run by itself"),
    ("run|--pipeline|report", "there are no results to report"),
    ("run|--pipeline|report|--params|report:3", "must be tables"),
    ("run|--nodes|nope", "unknown node 'nope'"),
    ("run|--nodes|evaluate", "evaluate needs"),
    ("run|--from-nodes|nope", "unknown node 'nope'"),
    ("run|--to-nodes|nope", "unknown node 'nope'"),
    ("run|--from-nodes|defend", "defend needs"),
    ("run|--from-inputs|nope", "unknown dataset 'nope'"),
    ("run|--to-outputs|nope", "unknown dataset 'nope'"),
    ("run|--tags|nope", "unknown tag 'nope'"),
    ("run|--namespaces|nope", "unknown namespace 'nope'"),
    ("run|--nodes|train|--tags|defend", "no node is left to run"),
    ("run|--runner|Nope", "unknown runner 'Nope'"),
    ("run|--runner|os.path.join", "is no runner"),
    ("run|--runner|no.such.Runner", "cannot be loaded"),
    ("run|--runner-params|max_workers=many", "unexpected keyword argument"),
    ("run|--runner|ThreadRunner|--runner-params|max_workers=0", "max_workers is 0"),
    ("run|--load-versions|clean:2020-01-01T00.00.00.000Z", "No such option"),
    ("run|--conf-source|/nope", "does not exist"),
    ("run|--conf-source|notebooks", "holds no configuration"),
    ("run|--conf-source|pyproject.toml", "cannot be read"),
    ("run|--conf-source|s3://nowhere", "no configuration can be read"),
    ("run|--config|/nope", "does not exist"),
    ("run|--nope", "No such option"),
    ("run|surplus", "unexpected extra argument"),
    ("data|fetch", "Missing argument"),
    ("data|nope", "No such command"),
    ("catalog|describe-datasets|--env|nope", "unknown environment 'nope'"),
)

ENVIRONMENT = [
    Case(("run",), "unknown environment 'nope'", env={"KEDRO_ENV": "nope"}),
    Case(("sweep", "digits", "--dry-run"), "unknown environment '../x'", env={"KEDRO_ENV": "../x"}),
    Case(("data", "list"), "unknown environment 'nope'", env={"KEDRO_ENV": "nope"}),
    Case(("data", "describe", "nowhere"), "'nowhere' does not exist"),
    Case(("data", "describe", "src"), "needs `train/<class>/<picture>`"),
    Case(("data", "describe", "src", "--name", "../x"), "a data set cannot be called '../x'"),
]

CONFIG = [
    *with_file("run|--config|run.yml", "run.yml", *BROKEN),
    *with_file(
        "run|--config|run.yml",
        "run.yml",
        *((text, "gives no options") for text in (b"", b"- 1", b"run", b"go: {}", b"run: [env]")),
        (b"run: {envv: local}", "unknown option 'envv': did you mean 'env'"),
        (b"run: {env: {a: 1}}", "env is {'a': 1}"),
        (b"run: {tags: [a]}", "tags is ['a']"),
        (b"run: {force: perhaps}", "force is 'perhaps'"),
        (b"run: {params: [1]}", "params is [1]"),
        (b"run: {params: {sead: 1}}", "unknown parameter 'sead'"),
        (b"run: {params: nonsense}", "not of the form"),
        (b"run: {env: nope}", "unknown environment 'nope'"),
        (b"run: {node_names: nope}", "unknown node 'nope'"),
    ),
]

FILES = [
    *with_file("run", LOCAL, *BROKEN),
    *with_file("data|list", LOCAL, *BROKEN[:4]),
    *with_file("sweep|digits|--dry-run", LOCAL, *BROKEN[:4]),
    *with_file("catalog|list-patterns", LOCAL, *BROKEN[:2]),
    *(
        Case(("run",), f"{kind}.yml must hold", {f"conf/local/{kind}.yml": content})
        for kind in ("parameters", "catalog", "mlflow", "globals", "credentials")
        for content in (b"- 1", b"hello")
    ),
    *with_file(
        "run",
        "conf/local/catalog.yml",
        (b"clean: 1", "'clean' is not a valid dataset configuration"),
        (b"clean: {filepath: data}", "'type' is missing"),
        (b"clean: {type: no.such.Dataset}", "'clean'"),
        (b"clean: {type: pandas.CSVDataset, nope: 1}", "'clean'"),
        (b"clean: ${artifact:nope}", "do not fit together"),
        (b"clean: ${experiment:choices.nope}", "do not fit together"),
    ),
    *with_file(
        "sweep|digits|--dry-run",
        "conf/local/catalog.yml",
        (b"clean: 1", "'clean' is not a valid dataset configuration"),
        (b"clean: {filepath: 1}", "'clean'"),
        (b"train_metrics: 1", "'train_metrics'"),
        (b"backdoored_model: {type: no.such.Dataset}", "'backdoored_model'"),
    ),
    *with_file(
        "run",
        "conf/local/mlflow.yml",
        (b"tracking_uri: 3", "mlflow.tracking_uri is 3"),
        (b"artifacts: null", "'mlflow.artifacts' has no value"),
        (b"uri: x", "unknown parameter 'mlflow.uri'"),
    ),
    *with_file(
        "run",
        LOCAL,
        (b"seed: -1", "seed is -1"),
        (b"attacks: 3", "'attacks' must be a table"),
        (b"attacks: {badnets: [1]}", "'attacks.badnets' must be a table"),
        (b"seed: ${nowhere}", "do not fit together"),
        (b"model: ${oc.env:HOME}", "Unsupported interpolation type oc.env"),
        (b"attack: null", "'attack' has no value"),
    ),
    Case(
        ("run",),
        "Duplicate keys found",
        {"conf/local/parameters/a.yml": b"seed: 1", "conf/local/parameters/b.yml": b"seed: 2"},
    ),
]

SWEEPS = [
    *with_file("sweep|mine", "conf/local/sweeps/mine.yml", *BROKEN),
    *with_file(
        "sweep|mine",
        "conf/local/sweeps/mine.yml",
        *((text, "holds no grid") for text in (b"", b"- 1", b"hello")),
        (b"gird: {seed: [1]}", "unknown parameter 'gird': did you mean 'grid'"),
        (b"grid: {seed: 3}", "grid.seed is 3"),
        (b"grid: [seed]", "grid is ['seed']"),
        (b"grid: {seed: []}", "'seed' has no value"),
        (b"grid: {sead: [1]}", "unknown parameter 'sead'"),
        (b"grid: {seed: [true]}", "seed is a truth value"),
        (b"grid: {attack: [nope]}", "unknown attack 'nope'"),
        (b"grid: {seed: [0]}\nexclude: [{sead: 1}]", "did you mean 'seed'"),
        (b"grid: {seed: [0]}\nexclude: 3", "exclude is 3"),
        (b"include: [3]", "include.0"),
        (b"grid: {seed: [0]}\nresources: {train: {gpus: -1}}", "resources.train.gpus is -1"),
        (b"grid: {seed: [0]}\nresources: {nope: {}}", "resources"),
        (b"grid: {a..b: [0]}", "unknown parameter"),
        (b"grid: {seed: [0], seed.x: [1]}", "goes below 'seed'"),
        (b"grid: {datasets.digits.name: [../x]}", "cannot be set"),
        (b"grid: {engine.device: ['cuda:99']}", "usable GPUs here"),
        (
            b"grid: {" + b", ".join(b"a%d: [%s]" % (i, b"1, " * 100) for i in range(9)) + b"}",
            "the grid has 1,000,000,000,000,000,000 cells",
        ),
    ),
    *typed(
        ("sweep", "give it a --grid"),
        ("sweep|--grid|attack", "--grid: 'attack' is not of the form"),
        ("sweep|--grid|seed=[1", "are not a list"),
        ("sweep|--grid|seed=1]: [2", "a key is no name"),
        ("sweep|--grid|seed=.nan", "is nan"),
        ("sweep|--grid|seed={a: 1, a: 2}", "'a' is there twice"),
        ("sweep|--grid|seed=" + "9" * 5000, "number that cannot be read"),
        ("sweep|--grid|seed=", "'seed' has no value"),
        ("sweep|--grid|sead=1", "did you mean 'seed'"),
        ("sweep|digits|--only|dataset", "--only: 'dataset' is not of the form"),
        ("sweep|digits|--only|sead=1", "did you mean 'seed'"),
        ("sweep|digits|--only|dataset=cifar10", "no cell of the grid can be"),
        ("sweep|digits|--params|seed", "--params: 'seed' is not of the form"),
        ("sweep|digits|--env|nope", "unknown environment 'nope'"),
        ("sweep|digits|--workers|0", "Invalid value for '--workers'"),
        ("sweep|digits|--engine|slurm", "Invalid value for '--engine'"),
        ("sweep|digits|--pipeline|train", "Invalid value for '--pipeline'"),
    ),
]


def all_cases() -> list[Case]:
    """Every case once."""
    return [*PARAMS, *FACTS, *BLOCKS, *NAMES, *OPTIONS, *ENVIRONMENT, *CONFIG, *FILES, *SWEEPS]
