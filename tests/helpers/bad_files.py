"""Files that cannot be what they should be: cut, of another kind, with values that make no sense."""

from typing import Any

# whatever a JSON file should hold, an object with some fields: these are none of it
NO_OBJECTS: dict[str, bytes] = {
    "nothing": b"",
    "null": b"null",
    "a list": b"[1]",
    "a number": b"1",
    "an empty object": b"{}",
    "cut": b'{"dataset": "dig',
    "binary": bytes(range(256)),
    "too deep": b"[" * 100_000,
}


def bad_rows(row: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Rows of results that are none, by what is wrong with them.

    Args:
        row: as it should be.
    """
    wrong: dict[str, dict[str, Any]] = {
        "nothing": dict.fromkeys(row),
        "a text for a score": {"asr_after": "0.2"},
        "a dict for a score": {"asr_after": {"mean": 0.2}},
        "a list for a score": {"clean_accuracy_after": [0.9]},
        "a truth value for a score": {"der": True},
        "percent": {"clean_accuracy_after": 90.0},
        "no number": {"der": float("nan")},
        "infinite seconds": {"train_seconds": float("inf")},
        "negative seconds": {"train_seconds": -1},
        "a text for a seed": {"seed": "zero"},
        "a number for a name": {"dataset": 3},
        "an empty name": {"attack": ""},
        "a nested parameter": {"training.recipe.lr": {"value": 0.05}},
        "a number too large for tables": {"training.recipe.epochs": 10**30},
        "half a character": {"model": "\ud800"},
        "half a character in a parameter": {"poisoning.attack.params.image": "\ud800"},
    }
    changed = {name: row | changes for name, changes in wrong.items()}
    for name in ("dataset", "seed", "poison_ratio", "clean_accuracy_after", "artifact.train"):
        changed[f"without {name}"] = {key: value for key, value in row.items() if key != name}
    return changed
