from proxy.simulator.rolling import Count, RollingWindows


def test_windows_roll_and_refused_units_count() -> None:
    windows = RollingWindows()
    assert windows.take("a", 1, 2, 1.0, 10.0) == Count(1, 1, 0.0)
    assert windows.take("a", 3, 2, 1.0, 10.25) == Count(1, 0, 1.0)  # two of the three too many
    assert windows.take("b", 1, 2, 1.0, 10.25).granted == 1
    assert windows.take("a", 1, 2, 1.0, 11.0).granted == 0
    assert windows.take("a", 1, 2, 1.0, 12.0) == Count(1, 1, 0.0)
    windows.forget("a")
    assert windows.take("a", 2, 2, 1.0, 12.0) == Count(2, 0, 1.0)


def test_memory_is_bounded() -> None:
    windows = RollingWindows()
    for _ in range(10):
        windows.take("a", 1000, 2, 1.0, 10.0)
    assert windows.take("a", 1, 2, 1.0, 11.0).granted == 1
