"""What an executable looks like to machine code: a table of int64 words.

Compiled programs, the entry from Python and the runtime agree on this layout. The first words are
those of `Slot`; addresses of further tables stand in them:

- pointers: one word for each buffer of the program, its address;
- lengths: the dims of the inputs and shared buffers, one after the other in the program's order;
- numbers: the values of the program's integers (see `symnet_llvm.numbers`);
- inputs: `INPUT_WORDS` words for each input of the program;
- outputs: `OUTPUT_WORDS` words for each output;
- written: two words for each shared buffer that the program writes.
"""

from __future__ import annotations

from enum import IntEnum


class Slot(IntEnum):
    """Index of a word."""

    READY = 0
    """Whether all shared buffers have their storage."""
    STALE = 1
    """Whether memory must be laid out before the next run."""
    PARTS = 2
    """Threads that share the work."""
    RELEASE = 3
    """Whether the interpreter may run other threads meanwhile."""
    PROLOGUE = 4
    """Address of the function that computes and checks integers."""
    STEP = 5
    """Address of the function that does the work."""
    REGION = 6
    """Address of the pool's function that runs it on several threads."""
    POINTERS = 7
    LENGTHS = 8
    NUMBERS = 9
    INPUT_COUNT = 10
    INPUTS = 11
    OUTPUT_COUNT = 12
    OUTPUTS = 13
    SCRATCH = 14
    """Address of the threads' own memory."""
    TIMES = 15
    """Address of the nanoseconds each step took so far, in a program that is profiled."""
    MESSAGES = 16
    """Address of the addresses of the guards' messages."""
    PREPARE = 17
    """A Python function that lays out memory, or raises."""
    OWNER = 18
    """What that function is called with."""
    NDARRAY = 19
    """The type of arrays."""
    NOT_IMPLEMENTED = 20
    INDEX_ERROR = 21
    SERIAL_UNTIL = 22
    """Time (of the pool's clock) until which calls run on one thread, as others want the cores."""
    TRIAL = 23
    """Nanoseconds of the stalled call that the next call, on one thread, is compared with; or 0."""
    TRUSTED_UNTIL = 24
    """Time until which stalls are put up with, as one thread was no faster."""
    WRITTEN_COUNT = 25
    """Number of shared buffers that the program writes."""
    WRITTEN = 26
    """Address of their first and last address (exclusive), one pair after the other."""
    WRITTEN_LOW = 27
    """The least address of all."""
    WRITTEN_HIGH = 28
    """The greatest."""


WORDS = 32
"""Words before the tables."""

INPUT_WORDS = 7
"""Descriptor, type number, another type number of the same dtype, dims, address of the word for
the pointer, address of the words for the lengths, bytes of an element."""

OUTPUT_WORDS = 4
"""Type number, dims, address of the words with the lengths, address of the word for the pointer."""

RUN, MISMATCH, PREPARE = 0, 1, 2
"""What a prologue returns: run; this program does not hold; lay out memory, then run."""
