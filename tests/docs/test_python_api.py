"""The code of the page on Python, run as it stands."""

import re

from helpers.scratch import PROJECT, run_python

PAGE = (PROJECT / "docs/python-api.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_blocks_run_one_after_the_other(tmp_path) -> None:
    script = tmp_path / "page.py"
    told = "assert before.asr > 0.8\nassert after.asr < 0.2\nassert type(again) is type(victim)\n"
    script.write_text("\n".join([*BLOCKS, told]), encoding="utf-8")
    printed = run_python(tmp_path, str(script), PYTHONPATH=str(PROJECT / "src")).stdout
    assert printed.startswith("C-Acc 9"), printed
    assert len(printed.splitlines()) == 3
    assert (tmp_path / "victim.safetensors").exists()
