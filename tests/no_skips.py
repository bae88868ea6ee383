"""A plugin of pytest: where the environment has `ATTEND_NO_SKIPS=1`, as in `.ci/run`, a skipped test has failed."""

import os

import pytest


def fail_if_skipped(report):
    """Turn the report of a skipped test, or file of tests, into that of a failed one where none may be skipped."""
    if report.skipped and os.environ.get("ATTEND_NO_SKIPS") == "1":
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome, report.longrepr = "failed", f"skipped, which ATTEND_NO_SKIPS=1 forbids: {reason}"
        vars(report).pop("wasxfail", None)  # a test that is expected to fail is not held to anything either
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport():
    return fail_if_skipped((yield))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report():
    return fail_if_skipped((yield))
