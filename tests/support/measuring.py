"""Which tests `make coverage` measures. Measuring makes Python 3.11 about twice as slow, and every test is run anyway.

A line counts as reached only if a measured test reaches it, so leaving tests out can only lower the figure: the bar may
fail for it, and cannot pass for it. Left out are properties, which take hundreds of examples through the same lines;
what is heavy or long; and the tests of documents and of the workshop.
"""

import sys
import threading
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager

import pytest
from coverage import Coverage
from hypothesis import is_hypothesis_test

from tests.support.forking import FOR_PROCESSES
from tests.support.process import CLEAN


def is_measured(item: pytest.Item) -> bool:
    return not (is_property(item) or is_heavy(item) or item.nodeid.startswith("tests/project/"))


def is_heavy(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(mark) for mark in ("heavy", "long"))


def is_property(item: pytest.Item) -> bool:
    return is_hypothesis_test(getattr(item, "obj", None))


def is_state_machine(item: pytest.Item) -> bool:
    """Whether it is a property over sequences of steps, which takes far longer than one over values."""
    return is_property(item) and item.getparent(pytest.Class) is not None


@contextmanager
def _measure_no_processes(environment: MutableMapping[str, str]) -> Iterator[None]:
    """Measure no process that is started while the block runs."""
    with pytest.MonkeyPatch.context() as patch:
        for variables in (environment, CLEAN):
            patch.delitem(variables, FOR_PROCESSES, raising=False)
        yield


@contextmanager
def pause(environment: MutableMapping[str, str]) -> Iterator[None]:
    """Measure neither this process nor those that it starts while the block runs, if they are measured at all.

    A thread of this process that was started before is measured as before.
    """
    coverage = Coverage.current()
    if coverage is None:
        yield
        return
    if sys.gettrace() is None:  # measured by `sys.monitoring`, as on Python 3.14
        with _measure_no_processes(environment):
            coverage.stop()
            try:
                yield
            finally:
                coverage.start()
        return
    # Not by coverage's own stop and start: a start looks at each file that has been imported, for each test.
    here, threads = sys.gettrace(), threading.gettrace()
    with _measure_no_processes(environment):
        sys.settrace(None)
        threading.settrace(None)
        try:
            yield
        finally:
            threading.settrace(threads)
            sys.settrace(here)
