"""The tests. What they share shows what was compared, as they do themselves, where an assertion fails."""

import pytest

pytest.register_assert_rewrite("tests.support", "tests.attacks.rig")
