import gc

import pytest

from backdoor_pipeline.base.collecting import SELDOM, seldom_collecting


def test_garbage_is_looked_for_seldom_and_then_as_before() -> None:
    usual = gc.get_threshold()
    assert usual != SELDOM
    with pytest.raises(KeyError), seldom_collecting():
        assert gc.get_threshold() == SELDOM
        raise KeyError
    assert gc.get_threshold() == usual
