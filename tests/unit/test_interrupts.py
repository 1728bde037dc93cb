from __future__ import annotations

import signal
import threading

import pytest

from symnet.interrupts import Deferred


@pytest.fixture(autouse=True)
def handlers_stay():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    yield
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_signal_waits():
    done = []
    with pytest.raises(KeyboardInterrupt), Deferred():
        signal.raise_signal(signal.SIGINT)
        done.append(True)
    assert done


def test_nested():
    done = []
    with pytest.raises(KeyboardInterrupt), Deferred():
        with Deferred():
            signal.raise_signal(signal.SIGINT)
        done.append(True)
    assert done


def test_an_exception_passes():
    with pytest.raises(ZeroDivisionError), Deferred():
        raise ZeroDivisionError


def test_every_signal_is_delivered():
    seen = []
    old = signal.signal(signal.SIGTERM, lambda number, frame: seen.append(number))
    try:
        with Deferred():
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGTERM)
            assert not seen
        assert seen == [signal.SIGTERM] * 2
    finally:
        signal.signal(signal.SIGTERM, old)


def test_elsewhere_there_is_nothing_to_do():
    with Deferred():
        pass
    done = []

    def work():
        with Deferred():
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done
