from proxy.simulator.counters import SUBJECTS, DecayingCounters, FixedWindows, SlidingWindows


def test_fixed_windows_are_aligned_and_count_refused_requests() -> None:
    windows = FixedWindows(2, 1000)
    assert [windows.add("a", 1, 1999) for _ in range(3)] == [True, True, False]
    assert windows.used("a", 1999) == 3
    assert windows.add("b", 1, 1999)
    assert windows.reset_ms(1999) == 1
    assert windows.add("a", 1, 2000)


def test_fixed_windows_never_fall_below_zero() -> None:
    windows = FixedWindows(2, 1000)
    windows.add("a", -5, 0)
    assert windows.used("a", 0) == 0


def test_sliding_windows_do_not_count_refused_requests() -> None:
    windows = SlidingWindows()
    assert windows.take("a", 1, 1.0, 10.0)
    assert not windows.take("a", 1, 1.0, 10.9)
    assert windows.take("a", 1, 1.0, 11.0)


def test_decaying_counters_drain() -> None:
    counters = DecayingCounters()
    assert counters.take("a", 10, 10, 0.5, 0.0)
    assert not counters.take("a", 1, 10, 0.5, 1.9)
    assert counters.take("a", 1, 10, 0.5, 2.0)
    assert counters.level("a", 0.5, 100.0) == 0


def test_memory_is_bounded() -> None:
    fixed, sliding, decaying = FixedWindows(1, 1000), SlidingWindows(), DecayingCounters()
    for number in range(SUBJECTS + 10):
        fixed.add(str(number), 1, 0)
        sliding.take(str(number), 1, 1.0, 0.0)
        decaying.take(str(number), 1, 1, 0.0, 0.0)
    assert {len(c._subjects) for c in (fixed, sliding, decaying)} == {SUBJECTS}
