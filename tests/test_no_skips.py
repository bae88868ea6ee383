import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SKIPPED = {
    "by a mark": "@pytest.mark.skip(reason='not today')\ndef test_it(): pass",
    "by itself": "def test_it(): pytest.skip('not today')",
    "with its file": "pytest.skip('not today', allow_module_level=True)",
    "for want of a package": "pytest.importorskip('no_such_package')",
    "as expected to fail": "@pytest.mark.xfail(reason='not today')\ndef test_it(): assert False",
}


@pytest.mark.parametrize("how", SKIPPED)
def test_a_skipped_test_fails_only_where_none_may_be_skipped(tmp_path, how):
    (tmp_path / "test_it.py").write_text(f"import pytest\n\n{SKIPPED[how]}\n\ndef test_other(): pass\n")
    statuses = {}
    for forbidden in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no_skips", "test_it.py"],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(HERE), "ATTEND_NO_SKIPS": forbidden},
            capture_output=True,
            text=True,
            check=False,
        )
        statuses[forbidden] = done.returncode
    allowed = pytest.ExitCode.NO_TESTS_COLLECTED if how in ("with its file", "for want of a package") else 0
    assert statuses["0"] == allowed
    assert statuses["1"] in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)
    assert "skipped, which ATTEND_NO_SKIPS=1 forbids" in done.stdout
