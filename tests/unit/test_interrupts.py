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

    def work():
        with Deferred():
            signal.raise_signal(signal.SIGINT)
            done.append(True)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done


def test_nested():
    done = []

    def work():
        with Deferred():
            with Deferred():
                signal.raise_signal(signal.SIGINT)
            done.append(True)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done


def test_handlers_that_raise_do_not_keep_others_from_running():
    seen = []

    def raising(number, frame):
        seen.append(number)
        raise InterruptedError

    def work():
        with Deferred():
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGINT)

    old = signal.signal(signal.SIGTERM, raising)
    try:
        with pytest.raises(KeyboardInterrupt) as caught:
            work()
    finally:
        signal.signal(signal.SIGTERM, old)
    assert isinstance(caught.value.__context__, InterruptedError)
    assert seen == [signal.SIGTERM]


def test_handlers_that_cannot_be_replaced(monkeypatch):
    real, failed = signal.signal, []

    def failing(number, handler):
        if number == signal.SIGTERM and not failed:
            failed.append(number)
            raise InterruptedError
        return real(number, handler)

    old = signal.signal(signal.SIGTERM, print)
    monkeypatch.setattr(signal, "signal", failing)
    try:
        with pytest.raises(InterruptedError), Deferred():
            pass
        assert signal.getsignal(signal.SIGTERM) is print
    finally:
        real(signal.SIGTERM, old)


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
