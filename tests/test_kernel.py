"""The kernel: order by (time, spawn order), every instant exact, bounded when asked."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratecheck.kernel import Kernel, Process


def sleeper(name: int, waits: list[int], log: list[tuple[int, int]]) -> Process:
    now_ns = 0
    yield now_ns
    log.append((now_ns, name))
    for wait_ns in waits:
        now_ns += wait_ns
        yield now_ns
        log.append((now_ns, name))


# Steps beside the edge where an instant with its place no longer fits a float exactly, and centuries beyond it.
WAITS = st.integers(0, 5) | st.sampled_from([1 << 32, (1 << 33) - 1, 1 << 33, 1 << 52, (1 << 53) - 1, 1 << 62])


@given(st.lists(st.lists(WAITS, max_size=6), max_size=8))
def test_wakings_come_in_order_of_time_then_of_spawning(plans: list[list[int]]) -> None:
    """The log equals what sorting all instants by (time, spawn order) gives; equal instants are deterministic."""
    kernel, log = Kernel(), list[tuple[int, int]]()
    for name, waits in enumerate(plans):
        kernel.spawn(sleeper(name, waits, log))
    assert kernel.run(10_000)

    def instants(waits: list[int]) -> Iterator[int]:
        at_ns = 0
        yield at_ns
        for wait_ns in waits:
            at_ns += wait_ns
            yield at_ns

    expected = sorted((at_ns, name) for name, waits in enumerate(plans) for at_ns in instants(waits))
    assert log == expected
    assert kernel.idle


def test_a_process_can_spawn_another_while_it_runs() -> None:
    """What is spawned for the same instant runs after everything that was there before it."""
    kernel, log = Kernel(), list[tuple[int, int]]()

    def parent() -> Process:
        yield 3
        kernel.spawn(child(3))
        log.append((3, 1))

    def child(at_ns: int) -> Process:
        yield at_ns
        log.append((at_ns, 2))

    kernel.spawn(parent())
    kernel.spawn(sleeper(3, [3], log))
    assert kernel.run(100)
    assert log == [(0, 3), (3, 1), (3, 3), (3, 2)]


def test_the_bound_on_events_is_exact_and_work_goes_on_after_it() -> None:
    """Asked for N wakings, it makes N and says that there is more; nothing is lost between two runs."""
    kernel, log = Kernel(), list[tuple[int, int]]()
    kernel.spawn(sleeper(0, [1] * 9, log))
    assert not kernel.run(4)
    assert (kernel.events, len(log)) == (4, 4)
    assert kernel.now_ns == 4
    assert kernel.run(100)
    assert [at_ns for at_ns, _ in log] == list(range(10))


def test_a_process_without_a_first_instant_is_over_at_once() -> None:
    """Spawning what never waits is no event."""
    kernel = Kernel()

    def nothing() -> Process:
        return
        yield 0

    kernel.spawn(nothing())
    assert kernel.idle
    assert kernel.run(10)
    assert kernel.events == 0


def test_more_processes_than_promised_are_refused() -> None:
    """Their places in the order would run into the instants: better no simulation than a wrong one."""
    kernel = Kernel(most_processes=3)
    for name in range(3):
        kernel.spawn(sleeper(name, [1], []))
    with pytest.raises(OverflowError):
        kernel.spawn(sleeper(3, [1], []))
