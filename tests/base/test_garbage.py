import gc

import pytest

from backdoor_pipeline.base.garbage import unsearched


def test_it_is_searched_again_afterwards_unless_it_was_not_before() -> None:
    with pytest.raises(ValueError, match="no"), unsearched():
        assert not gc.isenabled()
        raise ValueError("no")
    assert gc.isenabled()
    with unsearched():
        with unsearched():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
